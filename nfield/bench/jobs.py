"""Long benchmarks as jobs, of which only those are done that have not been."""

import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Generic, Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Job(Protocol):
    """Something to do that leaves files."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def kind(self) -> str:
        """Jobs of one kind take about equally long."""
        ...

    @property
    def log(self) -> Path:
        """What its process says."""
        ...


_Job = TypeVar("_Job", bound=Job)
_Job_co = TypeVar("_Job_co", bound=Job, covariant=True)


@dataclass(frozen=True)
class Event(Generic[_Job_co]):
    """Where a benchmark is.

    Attributes:
        job: Which job.
        number: Of this job, from 1, among those that are to be done now.
        total: Of them.
        left: Seconds from here to the end, by what jobs of each kind took so far; None before any.
        seconds: That the job took; None where it begins.
        well: Whether it went well; None where it begins.
    """

    job: _Job_co
    number: int
    total: int
    left: float | None
    seconds: float | None = None
    well: bool | None = None


@dataclass(frozen=True)
class Pace:
    """How long jobs took, by kind.

    Attributes:
        seconds: Of each job that was done.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, kind: str, seconds: float) -> None:
        """Takes note of a job."""
        self.seconds.setdefault(kind, []).append(seconds)

    def left(self, jobs: Iterable[Job]) -> float | None:
        """Seconds that jobs will take; those of a kind that was never done take the mean of all.

        >>> pace = Pace()
        >>> pace.left([]) is None
        True
        """
        every = [value for values in self.seconds.values() for value in values]
        if not every:
            return None
        return sum((fmean(self.seconds.get(job.kind) or every) for job in jobs), 0.0)


def do_all(
    jobs: Sequence[_Job],
    *,
    is_done: Callable[[_Job], bool],
    needs: Callable[[_Job, _Job], bool],
    launch: Callable[[_Job], bool],
    watch: Callable[[Event[_Job]], None],
    pace: Pace,
) -> list[_Job]:
    """Does what is left to do; gives the jobs that failed, those among them that lack what they need.

    Args:
        jobs: All, each after what it needs.
        is_done: Whether a job has left what it should.
        needs: Whether the first job needs what the second leaves.
        launch: Does a job; says whether it went well.
        watch: Told before and after each.
        pace: What is known of how long jobs take; learns more.
    """
    left = [job for job in jobs if not is_done(job)]
    failed: list[_Job] = []
    for number, job in enumerate(left, 1):
        if any(needs(job, other) for other in failed):
            failed.append(job)
            continue
        watch(Event(job, number, len(left), pace.left(left[number - 1 :])))
        begun = time.perf_counter()
        well = launch(job) and is_done(job)
        seconds = time.perf_counter() - begun
        if well:
            pace.learn(job.kind, seconds)
        else:
            failed.append(job)
        watch(Event(job, number, len(left), pace.left(left[number:]), seconds, well))
    return failed


def run_logged(command: Sequence[str], log: Path, *, said: bytes = b"") -> bool:
    """Runs a process that writes into a log, and ends it where somebody interrupts; says whether it went well.

    Args:
        command: Program and arguments.
        log: File for all that it prints.
        said: What it finds on its input.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as written:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=written, stderr=subprocess.STDOUT)
        try:
            process.communicate(said)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return process.returncode == 0
