"""The tables of the matrix of conversions, from the figures that its run folders keep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from distill.benchmark.job import Job
from nfield.errors import DataError
from nfield.training.run_folder import read_log

_NOT_MEASURED = "-"
_NOTES = """\
PSNR in decibels, means over {views} held-out views ({size}) and over seeds; the largest difference between seeds
stands behind +-. A student learns from views of its teacher alone; "photos" is the same architecture trained on the
photographs for the same time, "converged" as long as the teachers. On the diagonal the student has fewer numbers than
its teacher ({smaller}).

- **to teacher**: the student's pictures, rendered by its own occupancy grid, against the teacher's.
- **depth**: mean difference of depths where both are opaque, as a percentage of the diagonal of the scene's box.
- **to 95 %**: seconds until views between the cameras reached 95 % of the decibels that they have at the end.
- **numbers**: trainable; **MB**: of the field's tensors; **ms**: of a view on the machine that ran this."""


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes:
        jobs: All of the matrix.
        command: That made them.
        smaller: What makes students on the diagonal smaller, in words.
    """

    jobs: Sequence[Job]
    command: str
    smaller: str

    def markdown(self) -> str:
        """RESULTS.md.

        Raises:
            DataError: Nothing was measured yet.
        """
        done = {job: figures for job in self.jobs if (figures := job.figures()) is not None}
        if not done:
            raise DataError(f"{self.jobs[0].settings.out}: holds no figures yet; run the benchmark")
        settings = self.jobs[0].settings
        size = next(("x".join(map(str, reversed(figures["size"]))) for figures in done.values()), "")
        parts = [
            "# Conversions between architectures",
            f"Made by `{self.command}`: teachers and converged students {settings.teacher_minutes:g} minutes, "
            f"conversions and students from photos {settings.minutes:g} minutes each.",
            _NOTES.format(views=settings.views, size=size, smaller=self.smaller),
            "## Student to teacher (rows teach, columns learn)",
            _matrix(done, lambda figures: figures["student_to_teacher"]["psnr"]),
            "## To the photos",
            _matrix(done, _to_photos, beside=_photo_rows(done)),
            "## Trained on photos",
            _rows(("field", "minutes", "PSNR", "SSIM", "MB of the file"), _trained(done)),
            "## Conversion by conversion",
            _rows(_COLUMNS, _cells(done)),
        ]
        return "\n\n".join(parts) + "\n"


_COLUMNS = (
    *("conversion", "to teacher", "SSIM", "by the teacher's grid", "to photos", "teacher's", "from photos"),
    *("depth, %", "seconds", "to 95 %", "numbers", "MB", "ms", "teacher's ms", "inherited"),
)

Done = Mapping[Job, Mapping[str, Any]]


def _matrix(
    done: Done,
    figure: Callable[[Mapping[str, Any]], float | None],
    *,
    beside: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """A figure of each conversion, teachers by students, and further rows by student."""
    values: dict[tuple[str, str], list[float | None]] = {}
    for job, figures in done.items():
        if job.teacher is not None:
            values.setdefault((job.teacher, job.student), []).append(figure(figures))
    teachers = list(dict.fromkeys(teacher for teacher, _ in values))
    students = list(dict.fromkeys(student for _, student in values))
    rows = {
        **{f"**{name}**": {one: _spread(values.get((name, one), [])) for one in students} for name in teachers},
        **(beside or {}),
    }
    lines = [[name, *(row.get(student, _NOT_MEASURED) for student in students)] for name, row in rows.items()]
    return _rows(("", *students), lines)


def _to_photos(figures: Mapping[str, Any]) -> float | None:
    return figures["student_to_photos"]["psnr"] if "student_to_photos" in figures else None


def _photo_rows(done: Done) -> dict[str, dict[str, str]]:
    rows = {}
    for name, converged in (("photos", False), ("converged", True)):
        values: dict[str, list[float | None]] = {}
        for job, figures in done.items():
            if job.teacher is None and job.converged == converged:
                values.setdefault(job.student, []).append(figures["mean"]["psnr"])
        rows[name] = {student: _spread(mine) for student, mine in values.items()}
    return rows


def _trained(done: Done) -> list[list[str]]:
    return [
        [
            job.student + (f", seed {job.seed}" if job.seed else ""),
            f"{job.settings.teacher_minutes if job.converged else job.settings.minutes:g}",
            f"{figures['mean']['psnr']:.2f}",
            f"{figures['mean']['ssim']:.4f}",
            f"{figures['megabytes']:.1f}",
        ]
        for job, figures in done.items()
        if job.teacher is None
    ]


def _cells(done: Done) -> list[list[str]]:
    from_photos = {
        (job.student, job.seed): figures for job, figures in done.items() if job.teacher is None and not job.converged
    }
    rows = []
    for job, figures in done.items():
        if job.teacher is None:
            continue
        scratch = from_photos.get((job.student, job.seed))
        depth, telling = figures.get("depth_error"), figures.get("teacher_to_photos")
        rows.append(
            [
                job.name,
                f"{figures['student_to_teacher']['psnr']:.2f}",
                f"{figures['student_to_teacher']['ssim']:.4f}",
                f"{figures['student_to_teacher_on_its_grid']['psnr']:.2f}",
                _decibels(_to_photos(figures)),
                _decibels(None if telling is None else telling["psnr"]),
                _decibels(None if scratch is None else scratch["mean"]["psnr"]),
                _NOT_MEASURED if depth is None else f"{depth['percent']:.3f}",
                f"{figures['seconds']:.0f}",
                _seconds_to_most(job),
                f"{figures['student']['parameters']:,}",
                f"{figures['student']['field_megabytes']:.1f}",
                f"{figures['student']['ms_per_view']:.0f}",
                f"{figures['teacher']['ms_per_view']:.0f}",
                ", ".join(figures["inherited"]) or "none",
            ]
        )
    return rows


def _seconds_to_most(job: Job) -> str:
    """When the tested PSNR had 95 % of its last value, between two of the evaluations linearly."""
    tested = [(row["seconds"], row["test_psnr"]) for row in read_log(job.folder) if row.get("test_psnr") is not None]
    if not tested:
        return _NOT_MEASURED
    wanted, before = 0.95 * tested[-1][1], (0.0, 0.0)
    for seconds, value in tested:
        if value >= wanted:
            share = (wanted - before[1]) / max(value - before[1], 1e-9)
            return f"{before[0] + share * (seconds - before[0]):.0f}"
        before = seconds, value
    return _NOT_MEASURED


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return _NOT_MEASURED
    mean = f"{fmean(known):.2f}"
    return mean if len(known) == 1 else f"{mean} +-{max(known) - min(known):.2f}"


def _decibels(value: float | None) -> str:
    return _NOT_MEASURED if value is None else f"{value:.2f}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
