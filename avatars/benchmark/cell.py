"""A cell of the benchmark, a person on a track in a row, and the small file that keeps its figures."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avatars.benchmark.views import ViewPlan

FORMAT = 2


@dataclass(frozen=True)
class Settings:
    """What figures of one table have in common.

    Attributes:
        plan: The views.
        minutes: Training time of each method; None for its own.
        seed: Of everything random.
    """

    plan: ViewPlan
    minutes: float | None
    seed: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return json.loads(json.dumps(asdict(self)))

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Settings":
        """What `to_json` gave."""
        plan = values["plan"]
        plan = ViewPlan(**{**plan, "elevations": tuple(plan["elevations"]), "poses": tuple(plan["poses"])})
        return Settings(plan, values["minutes"], values["seed"])


@dataclass(frozen=True)
class Cell:
    """Which figures.

    Attributes:
        subject: The person.
        track: Name of the track.
        row: Name of the method.
    """

    subject: str
    track: str
    row: str

    def file(self, out: Path) -> Path:
        """Where its figures are kept."""
        return out / "cells" / f"{self.slug}.json"

    def pictures(self, out: Path) -> Path:
        """Where its pictures for the contact sheet are kept."""
        return out / "pictures" / self.slug

    @property
    def slug(self) -> str:
        """Its place in a folder.

        >>> Cell("coat", "A", "projection, mirrored fill").slug
        'coat/A/projection-mirrored-fill'
        """
        row = "-".join("".join(c if c.isalnum() else " " for c in self.row).split())
        return f"{self.subject}/{self.track}/{row}"


def finished(cell: Cell, out: Path, settings: Settings, key: str) -> bool:
    """Whether a cell's figures are there, whole, of these settings and of the truth with this key."""
    figures = read_figures(cell.file(out))
    return figures is not None and figures["settings"] == settings.to_json() and figures["truth"] == key


def read_figures(path: Path) -> dict[str, Any] | None:
    """The figures in a file; None where it is missing, cut off or of another format."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        return figures if figures["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
