"""What long benchmarks say while they run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from nfield.bench.jobs import Event, Job
from nfield.errors import NFieldError


@dataclass(frozen=True)
class Reporter:
    """Says what is being done, how long it took and how long it will take.

    Attributes:
        console: Is told.
    """

    console: Console

    def __call__(self, event: Event[Job]) -> None:
        """A job begins or ends."""
        place = f"{event.number}/{event.total} {event.job.name}"
        if event.seconds is None:
            self.console.print(f"{place} ...")
            return
        how = f"{event.seconds:.0f} s" if event.well else f"failed; see {event.job.log}"
        left = "" if event.left is None else f"; about {_duration(event.left)} left"
        self.console.print(f"{place}: {how}{left}")


def failed_jobs(failed: Sequence[Job]) -> None:
    """Says which jobs failed, if any did.

    Raises:
        NFieldError: Some did.
    """
    if failed:
        logs = ", ".join(str(job.log) for job in failed)
        raise NFieldError(f"{len(failed)} jobs failed, and the table lacks them: see {logs}; a rerun tries them again")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60.0)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
