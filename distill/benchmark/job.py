"""What the matrix of conversions consists of: trainings and conversions, each a run folder that a command writes."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.bench.jobs import run_logged
from nfield.checkpoint import FILE
from nfield.training.run_folder import read_json

SMALLER: Mapping[str, tuple[str, ...]] = {
    "hash": ("--hash.log2-table-size", "15"),
    "vm": ("--vm.resolution", "128"),
    "cp": ("--cp.resolution", "250"),
    "dense": ("--dense.resolution", "96"),
    "mlp": ("--mlp.width", "64"),
    "rbf": ("--rbf.grid.log2-table-size", "15"),
}
"""Options of a student that learns from its own architecture: fewer numbers than by default."""

_PROGRAM = (sys.executable, "-c", "import sys; from nfield.cli import main; sys.exit(main())")


@dataclass(frozen=True)
class Settings:
    """What all jobs of a matrix share.

    Attributes:
        data: The capture.
        out: Folder that keeps everything.
        teacher_minutes: Training time of teachers, which stand for training to convergence as well.
        minutes: Of conversions, and of students from photos at equal time.
        views: Held-out views that everything is measured on.
        size: Height and width to which photos are made smaller; None leaves them.
    """

    data: Path
    out: Path
    teacher_minutes: float
    minutes: float
    views: int
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Job:
    """A run of the matrix.

    Attributes:
        settings: Of the matrix.
        student: The architecture that learns.
        teacher: That it learns from; None where it learns from photos.
        seed: Of everything random.
        converged: Whether it is trained as long as teachers are; of those that learn from photos.
    """

    settings: Settings
    student: str
    teacher: str | None
    seed: int = 0
    converged: bool = False

    @property
    def name(self) -> str:
        """For people."""
        seed = f", seed {self.seed}" if self.seed else ""
        if self.teacher is not None:
            return f"{self.teacher} -> {self.student}{seed}"
        minutes = self.settings.teacher_minutes if self.converged else self.settings.minutes
        return f"photos -> {self.student}, {minutes:g} min{seed}"

    @property
    def kind(self) -> str:
        """Jobs of one kind take about equally long."""
        return f"teacher {self.student}" if self.converged else ("photos" if self.teacher is None else "conversion")

    @property
    def folder(self) -> Path:
        """The run folder."""
        room = "cells" if self.teacher else ("teachers" if self.converged else "photos")
        name = self.student if self.teacher is None else f"{self.teacher}-{self.student}"
        return self.settings.out / room / (f"{name}-{self.seed}" if self.seed else name)

    @property
    def log(self) -> Path:
        """What its process said."""
        return self.settings.out / "logs" / self.folder.parent.name / f"{self.folder.name}.txt"

    @property
    def needed(self) -> "Job | None":
        """The training that a conversion starts from."""
        return None if self.teacher is None else Job(self.settings, self.teacher, None, converged=True)

    def figures(self) -> dict[str, Any] | None:
        """What was measured of it: a conversion's report, or the evaluation of a training; None before the end."""
        path = self.folder / ("eval.json" if self.teacher is None else "report.json")
        return read_json(path) if path.is_file() else None

    def commands(self) -> list[list[str]]:
        """The commands that make and measure it; one that was stopped goes on."""
        settings = self.settings
        minutes = settings.teacher_minutes if self.converged else settings.minutes
        common = ["--out", str(self.folder), "--minutes", f"{minutes:g}", "--seed", str(self.seed)]
        common += ["--resume"] if (self.folder / FILE).is_file() else []
        if self.needed is not None:
            smaller = list(SMALLER.get(self.student, ())) if self.teacher == self.student else []
            source = ["convert", str(self.needed.folder), "--to", self.student, "--views", str(settings.views)]
            return [[*source, *common, *([] if "--resume" in common else smaller)]]
        size = [] if settings.size is None else ["--size", *map(str, settings.size)]
        train = ["train", str(settings.data), "--field", self.student, "--test-renders", "1", *common, *size]
        return [train, ["eval", str(self.folder), "--views", str(settings.views)]]


def jobs_of(settings: Settings, teachers: Sequence[str], students: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """The matrix: teachers, students from photos at equal time, and every conversion, each after what it needs.

    Args:
        settings: Of the matrix.
        teachers: Names of its rows.
        students: Names of its columns.
        seeds: Each conversion and student from photos is done with each; teachers with the first.
    """
    trained = list(dict.fromkeys([*teachers, *students]))
    return [
        *(Job(settings, name, None, converged=True) for name in trained),
        *(Job(settings, name, None, seed) for name in students for seed in seeds),
        *(Job(settings, student, teacher, seed) for teacher in teachers for student in students for seed in seeds),
    ]


def needs(job: Job, other: Job) -> bool:
    """Whether a job starts from what the other one trains."""
    return job.needed == other


def launch(job: Job) -> bool:
    """Does a job in processes of its own; says whether all went well."""
    return all(run_logged([*_PROGRAM, *command], job.log) for command in job.commands())
