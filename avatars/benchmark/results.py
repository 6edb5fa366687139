"""The tables of the benchmark, from the figures that its folder keeps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from avatars.benchmark.cell import Settings, read_figures
from avatars.benchmark.tracks import TRACKS
from avatars.benchmark.views import BINS
from nfield.errors import DataError
from nfield.training.run_folder import write_json

RESULTS, COMMAND = "RESULTS.md", "command.json"
_NOT_MEASURED = "-"
_METRICS = """\
Held-out pictures are {size}x{size}, over white: {around} of the photo's pose ({azimuths} azimuths, elevations
{elevations} degrees) and {posed} of other poses ({poses}; {pose_azimuths} azimuths each). Azimuths are relative
to the person's facing: front below 45 degrees, back above 135, side between. Figures are means over views, then
over people.

- **PSNR** (dB) and **SSIM** (Gaussian window of 11 pixels, data range 1): over the union of both silhouettes
  (opacity above one half).
- **IoU**: of the silhouettes.
- **FLIP**: package flip-evaluator at 67 pixels per degree; mean over the box around the union of the
  silhouettes.
- **sharpness**: mean absolute Laplacian of luminance over the truth's, in the intersection of the silhouettes,
  eroded by 5 pixels.
- **edges**: steepness of the colours (gradient in the steepest channel) on the steepest tenth of the truth, over the
  truth's; of both the largest within four pixels, in the same eroded intersection. Grain raises sharpness but not this.
- **colour**: CIEDE2000 between the mean colours of each label (hair, skin, clothes) where both show the person;
  mean over labels.
- **specks**: pieces of a picture (opacity above 0.08) not connected with its largest one; the truth's own in
  brackets.
- **pin holes**: enclosed gaps below 150 pixels, at 512x512, most of which lies inside of the true silhouette, two
  pixels or more from its edge; in brackets those of the truth that lie so inside of the avatar's. Between limbs that
  nearly touch both have some.
- **print on the back**: the largest normalised correlation of the chest's true pattern (high-passed luminance,
  seen from the front) with the back seen from behind, mirrored or not, shifted by up to 5 of 80 pixels, minus
  the same of the true back.
- **photo**: the training view itself; PSNR in the true mask, IoU of the outline, in the photo's size.
- **seconds** and **GB**: of the fit, in a process of its own, whose whole memory counts. Load: jobs that wanted
  the machine at the end of the fit, its own threads among them."""


@dataclass(frozen=True)
class Results:
    """Figures of cells with the same settings.

    Attributes:
        cells: What each cell's file holds.
        command: That made them, where it is known.
        rows: Names of rows in the order of the table; rows that are not named come after.
    """

    cells: tuple[Mapping[str, Any], ...]
    command: str | None
    rows: Sequence[str]

    @staticmethod
    def load(out: Path, rows: Sequence[str], settings: Settings | None = None) -> "Results":
        """The figures in a benchmark's folder.

        Args:
            out: The folder.
            rows: Names of rows in the order of the table.
            settings: Of the cells to take; None for those of all, which must then agree.

        Raises:
            DataError: There are none, or they do not agree.
        """
        found = [figures for path in sorted((out / "cells").rglob("*.json")) if (figures := read_figures(path))]
        if settings is not None:
            found = [figures for figures in found if figures["settings"] == settings.to_json()]
        kinds = {json.dumps(figures["settings"], sort_keys=True) for figures in found}
        if not found:
            raise DataError(f"{out}: holds no figures yet; run nfield bench people --out {out}")
        if len(kinds) > 1:
            raise DataError(
                f"{out}: holds figures of {len(kinds)} different settings (views, minutes or seed), which no table can "
                "compare; run the benchmark to the end with one of them, or give each an --out of its own"
            )
        return Results(tuple(found), _read_command(out), rows)

    def markdown(self) -> str:
        """RESULTS.md: the command, what is measured, and for each track three tables."""
        settings = Settings.from_json(self.cells[0]["settings"])
        subjects = sorted({cell["subject"] for cell in self.cells})
        parts = ["# Avatars of generated people"]
        if self.command is not None:
            parts.append(f"Made by `{self.command}`.")
        training = "each row's own training time" if settings.minutes is None else f"{settings.minutes:g} minutes"
        parts.append(f"{len(subjects)} people: {', '.join(subjects)}; {training}; seed {settings.seed}.")
        parts.append(_described(settings))
        for track in sorted({cell["track"] for cell in self.cells}):
            parts += self._track(track, len(subjects))
        return "\n\n".join(parts) + "\n"

    def _track(self, track: str, people: int) -> list[str]:
        cells = [cell for cell in self.cells if cell["track"] == track]
        by_row = {row: [cell for cell in cells if cell["row"] == row] for row in self._order(cells)}
        views = [[row, name, *_bin_figures(mine, name)] for row, mine in by_row.items() for name in BINS]
        whole = [[row, f"{len(mine)} of {people}", *_whole_figures(mine)] for row, mine in by_row.items()]
        single = [
            [cell["subject"], cell["row"], *_subject_figures(cell)]
            for cell in sorted(cells, key=lambda cell: (cell["subject"], list(by_row).index(cell["row"])))
        ]
        return [
            f"## Track {track}",
            TRACKS[track].statement,
            _table(["row", "views", *(name for name, *_ in _BIN_COLUMNS)], views),
            _table(["row", "people", *_WHOLE_COLUMNS], whole),
            "CIEDE2000 of each label on sides and backs in the photo's pose:",
            _label_table(by_row),
            f"### Track {track}, person by person",
            _table(["person", "row", *_SUBJECT_COLUMNS], single),
        ]

    def _order(self, cells: Sequence[Mapping[str, Any]]) -> list[str]:
        present = {cell["row"] for cell in cells}
        return [row for row in self.rows if row in present] + sorted(present - set(self.rows))


def keep_command(out: Path, command: str) -> None:
    """Remembers the command line beside the figures that it makes."""
    write_json(out / COMMAND, {"command": command})


def _read_command(out: Path) -> str | None:
    try:
        return str(json.loads((out / COMMAND).read_text(encoding="utf-8"))["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _described(settings: Settings) -> str:
    plan = settings.plan
    return _METRICS.format(
        size=plan.size,
        around=plan.azimuths * len(plan.elevations),
        azimuths=plan.azimuths,
        elevations=" and ".join(f"{value:g}" for value in plan.elevations),
        posed=len(plan.poses) * plan.pose_azimuths,
        poses=", ".join(plan.poses),
        pose_azimuths=plan.pose_azimuths,
    )


_BIN_COLUMNS = (
    ("PSNR", "psnr", "{:.2f}"),
    ("SSIM", "ssim", "{:.3f}"),
    ("IoU", "iou", "{:.3f}"),
    ("FLIP", "flip", "{:.3f}"),
    ("sharpness", "sharpness", "{:.2f}"),
    ("edges", "edges", "{:.2f}"),
    ("colour", "color_difference", "{:.1f}"),
    ("specks", "specks", "{:.1f}"),
    ("pin holes", "pin_holes", "{:.1f}"),
)
_WHOLE_COLUMNS = ("photo PSNR", "photo IoU", "least photo IoU", "print on the back", "seconds", "GB", "load")
_SUBJECT_COLUMNS = (
    *("photo PSNR", "photo IoU", "PSNR side", "PSNR back", "PSNR unseen", "FLIP side", "FLIP back", "FLIP unseen"),
    *(
        "sharpness side",
        "sharpness back",
        "edges back",
        "colour back",
        "specks",
        "pin holes",
        "print on the back",
        "seconds",
    ),
)


def _bin_figures(cells: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    figures = [_shown(form, [cell["bins"][name][key] for cell in cells]) for _, key, form in _BIN_COLUMNS]
    for place, (_, key, form) in enumerate(_BIN_COLUMNS):
        if key in ("specks", "pin_holes"):
            figures[place] += f" ({_shown(form, [cell['bins'][name].get(f'true_{key}') for cell in cells])})"
    return figures


def _label_table(by_row: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    labels = sorted({name for cells in by_row.values() for cell in cells for name in cell["label_differences"]})
    lines = [
        [row, *(_shown("{:.1f}", [cell["label_differences"].get(name) for cell in cells]) for name in labels)]
        for row, cells in by_row.items()
    ]
    return _table(["row", *labels], lines)


def _whole_figures(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    outlines = [cell["source"]["iou"] for cell in cells]
    return [
        _shown("{:.2f}", [cell["source"]["psnr"] for cell in cells]),
        _shown("{:.3f}", outlines),
        f"{min(outlines):.3f}",
        _shown("{:.2f}", [cell["print_on_back"] for cell in cells]),
        _shown("{:.0f}", [cell["seconds"] for cell in cells]),
        _shown("{:.2f}", [cell["memory_gb"] for cell in cells]),
        _shown("{:.1f}", [cell["load"] for cell in cells]),
    ]


def _subject_figures(cell: Mapping[str, Any]) -> list[str]:
    bins = cell["bins"]
    values = [
        ("{:.2f}", cell["source"]["psnr"]),
        ("{:.3f}", cell["source"]["iou"]),
        *(("{:.2f}", bins[name]["psnr"]) for name in ("side", "back", "unseen pose")),
        *(("{:.3f}", bins[name]["flip"]) for name in ("side", "back", "unseen pose")),
        *(("{:.2f}", bins[name]["sharpness"]) for name in ("side", "back")),
        ("{:.2f}", bins["back"]["edges"]),
        ("{:.1f}", bins["back"]["color_difference"]),
        *(("{:.1f}", _over_views(bins, key)) for key in ("specks", "pin_holes")),
        ("{:.2f}", cell["print_on_back"]),
        ("{:.0f}", cell["seconds"]),
    ]
    return [_shown(form, [value]) for form, value in values]


def _over_views(bins: Mapping[str, Mapping[str, Any]], key: str) -> float | None:
    """The mean over all views, from those of the bins."""
    known = [(bins[name]["views"], bins[name][key]) for name in BINS if bins[name][key] is not None]
    return sum(count * value for count, value in known) / sum(count for count, _ in known) if known else None


def _shown(form: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return form.format(fmean(known)) if known else _NOT_MEASURED


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join([_line(head), f"|{'---|' * len(head)}", *map(_line, lines)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
