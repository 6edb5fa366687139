"""How alike views and their photos are, as numbers for files and as pictures of the worst."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.data.picture_files import side_by_side, write_png
from nfield.errors import BackendUnavailable
from nfield.flip import flip_map, require_flip
from nfield.lpips import Lpips
from nfield.training.evaluation import View
from nfield.whole_file import write_atomically

DIGITS = 4
"""Of the numbers that are kept."""

Row = dict[str, str | float]


@dataclass(frozen=True)
class Measures:
    """What is measured of each view, beside PSNR and SSIM.

    Attributes:
        flip: Whether FLIP is.
        lpips: LPIPS, where its weights are known.
    """

    flip: bool
    lpips: Callable[[Tensor, Tensor], float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return ("psnr", "ssim", *(["flip"] if self.flip else []), *(["lpips"] if self.lpips is not None else []))

    def of(self, view: View) -> Row:
        """A view's row: its name and what is measured. Pixels that take no part count as equal to FLIP and LPIPS."""
        row: Row = {"view": view.name, "psnr": view.psnr, "ssim": view.ssim}
        photo = view.photo if view.used is None else torch.where(view.used[..., None], view.photo, view.rendered)
        if self.flip:
            error = flip_map(view.rendered, photo)
            row["flip"] = float((error if view.used is None else error[view.used]).mean())
        if self.lpips is not None:
            row["lpips"] = self.lpips(view.rendered, photo)
        return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in row.items()}


def available_measures(lpips: Path | None) -> tuple[Measures, str | None]:
    """All that can be measured here, and what is said where something cannot.

    Args:
        lpips: File of the weights of LPIPS, where there is one.
    """
    network = None if lpips is None else Lpips(lpips)
    try:
        require_flip()
    except BackendUnavailable as missing:
        return Measures(False, network), f"without FLIP: {missing}"
    return Measures(True, network), None


def mean_of(rows: Sequence[Row], names: Iterable[str]) -> dict[str, float]:
    """The mean of each column."""
    return {name: round(sum(float(row[name]) for row in rows) / len(rows), DIGITS) for name in names}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows with a header, for spreadsheets."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


@dataclass
class Worst:
    """The views with the lowest PSNR of those that were shown to it.

    Attributes:
        count: How many it keeps.
        kept: PSNR and view, the worst first.
    """

    count: int
    kept: list[tuple[float, View]] = field(default_factory=list)

    def see(self, view: View) -> None:
        """Takes a view in, if it is one of the worst."""
        self.kept = sorted([*self.kept, (view.psnr, view)], key=lambda pair: pair[0])[: self.count]

    def write(self, folder: Path) -> None:
        """Writes each as rendered, as photographed, and where the two differ; in place of those of another time."""
        shutil.rmtree(folder, ignore_errors=True)
        for number, (_, view) in enumerate(self.kept, 1):
            name = re.sub(r"[^\w-]+", "_", str(Path(view.name).with_suffix("")))
            picture = side_by_side([view.rendered, view.photo, _difference(view)])
            write_png(folder / f"{number}_{name}.png", picture)


def _difference(view: View) -> Float[Tensor, "h w 3"]:
    """The absolute error of each channel, four times as bright; black where nothing differs or is compared."""
    error = (4.0 * (view.rendered - view.photo).abs()).clamp(max=1.0)
    return error if view.used is None else error * view.used[..., None]
