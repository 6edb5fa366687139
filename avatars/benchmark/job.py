"""A job of the benchmark in a process of its own: `python -m avatars.benchmark.job` with the job as JSON on its input.

So the peak of memory is that of one fit, and a job that dies takes nothing with it.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avatars.benchmark.cell import Cell, Settings
from avatars.benchmark.truth_cache import CachedTruth, draw, truth_folder
from avatars.benchmark.views import held_out
from avatars.body import BodyModel


@dataclass(frozen=True)
class Job:
    """What to do for one person: to draw its truth, or to measure one cell.

    Attributes:
        out: The benchmark's folder.
        wardrobe: Folder of the person's garments, where they are not shipped.
        settings: Of the benchmark.
        subject: The person.
        key: Of its truth.
        cell: None where the truth is to be drawn.
    """

    out: Path
    wardrobe: Path | None
    settings: Settings
    subject: str
    key: str
    cell: Cell | None

    @property
    def name(self) -> str:
        """For people.

        >>> from avatars.benchmark.views import ViewPlan
        >>> settings = Settings(ViewPlan(), None, 0)
        >>> Job(Path("runs"), None, settings, "coat", "0", Cell("coat", "A", "today")).name
        'coat, track A, today'
        """
        return (
            f"{self.subject}, truth"
            if self.cell is None
            else f"{self.subject}, track {self.cell.track}, {self.cell.row}"
        )

    @property
    def kind(self) -> str:
        """Jobs of one kind take about equally long."""
        return "truth" if self.cell is None else f"{self.cell.track} {self.cell.row}"

    @property
    def truth(self) -> Path:
        """The folder of the person's truth."""
        return truth_folder(self.out, self.subject, self.key)

    @property
    def log(self) -> Path:
        """What the process said."""
        slug = f"{self.subject}/truth" if self.cell is None else self.cell.slug
        return self.out / "logs" / f"{slug}.txt"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "out": str(self.out),
            "wardrobe": None if self.wardrobe is None else str(self.wardrobe),
            "settings": self.settings.to_json(),
            "subject": self.subject,
            "key": self.key,
            "cell": None if self.cell is None else asdict(self.cell),
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Job":
        """What `to_json` gave."""
        wardrobe, cell = values["wardrobe"], values["cell"]
        return Job(
            Path(values["out"]),
            None if wardrobe is None else Path(wardrobe),
            Settings.from_json(values["settings"]),
            values["subject"],
            values["key"],
            None if cell is None else Cell(**cell),
        )


def do(job: Job) -> None:
    """Draws what is missing of a truth, or measures a cell."""
    if job.cell is None:
        _draw(job)
    else:
        from avatars.benchmark.measurement import measure

        measure(job.cell, job.out, CachedTruth.load(job.truth, BodyModel.load()), job.settings)


def _draw(job: Job) -> None:
    from avatars.benchmark.subjects import chosen
    from avatars.people.labels import LABELS
    from avatars.people.truth import Truth

    (subject,) = chosen([job.subject], job.wardrobe).values()
    truth = Truth.of(subject)
    around = held_out(truth.model, truth.pose, job.settings.plan)
    draw(truth, job.truth, around, subject=job.subject, labels=LABELS, watch=lambda done, total: None)


if __name__ == "__main__":
    do(Job.from_json(json.load(sys.stdin)))
