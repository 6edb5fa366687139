"""How a training shows how far it is: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from nfield.training.hooks import RayRate
from nfield.training.loop import StepEvent
from nfield.training.quality import QUALITIES

_LINE_SECONDS = 5.0
_REFRESH_SECONDS = 0.2


class TrainProgress:
    """A hook that shows step, PSNR, rays per second, time spent and time left; to be entered around the training.

    Args:
        console: Where to.
        label: What is being trained, in a word.
    """

    def __init__(self, console: Console, *, label: str = "training") -> None:
        self._console = console
        self._bar = Progress(
            TextColumn(label), BarColumn(), TextColumn("{task.fields[figures]}"), console=console, transient=False
        )
        self._row = self._bar.add_task(label, total=1.0, figures="starting")
        self._rate = RayRate()
        self._shown = -1e9

    def __enter__(self) -> "TrainProgress":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def __call__(self, event: StepEvent) -> None:
        """Shows the event, unless another was shown just before."""
        rate, now = self._rate(event), time.perf_counter()
        wait = _REFRESH_SECONDS if self._console.is_terminal else _LINE_SECONDS
        if now - self._shown < wait and not event.last:
            return
        self._shown = now
        figures = _figures(event, rate)
        if self._console.is_terminal:
            self._bar.update(self._row, completed=event.moment.share, figures=figures)
        else:
            self._console.print(f"{100.0 * event.moment.share:3.0f}%  {figures}", highlight=False)


def _figures(event: StepEvent, rate: float) -> str:
    moment = event.moment
    left = moment.seconds * (1.0 - moment.share) / max(moment.share, 1e-9)
    shown = [f"step {moment.step}"]
    shown += [
        f"{word} {quality.shown(event.measures[quality.name])}"
        for word, quality in QUALITIES.items()
        if quality.name in event.measures
    ]
    shown += [f"{rate / 1000.0:.0f}k rays/s"] if rate else []
    return "  ".join([*shown, f"{_clock(moment.seconds)} spent", f"{_clock(left)} left"])


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
