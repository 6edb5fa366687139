"""What happens beside the steps of a training: saving, and a log with evaluations and their curve."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from nfield.training.curve import draw_curve
from nfield.training.loop import StepEvent, TrainState
from nfield.training.quality import PSNR, Quality
from nfield.training.run_folder import read_log, write_log

EVALUATE_AT = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
"""Shares of the budget at which held-out views are rendered; they are at the end, too."""

_FIRST_STEP = 256
"""Before this step the sampler hardly knows what is empty: rendering a view would take long and show nothing."""

_LOG_ROWS = 50
_AT_LEAST = 10.0
"""Times as long as the last save took that a training goes on before the next one, where it took long."""
_LONG = 1.0
_DIGITS = 5


class PeriodicSave:
    """Saves after the first step, so that a training goes on whenever it is killed; then regularly, and at the end.

    Args:
        save: Writes a state, with the task's modules as they are.
        every: Seconds of training between two saves. A save that takes more than a second is followed by ten times as
            long of training.
    """

    def __init__(self, save: Callable[[TrainState], None], *, every: float) -> None:
        self._save, self._every = save, every
        self._saved, self._took = -math.inf, 0.0

    def __call__(self, event: StepEvent) -> None:
        """Saves where it is time to."""
        seconds = event.moment.seconds
        rest = _AT_LEAST * self._took if self._took > _LONG else 0.0
        if event.last or seconds - self._saved >= max(self._every, rest):
            begun = time.perf_counter()
            self._save(event.state())
            self._saved, self._took = seconds, time.perf_counter() - begun


class Log:
    """Writes rows of (seconds, step, quality in training, tested quality, rays per second) and draws their curve.

    Args:
        run: The run folder; rows of its log up to `step` are kept.
        evaluate: The quality of what is held out.
        tested_on: What that is the quality of, for the legend.
        step: Where the training starts.
        share: The share of the budget that is spent by then.
        quality: What a training is judged by.
    """

    def __init__(
        self,
        run: Path,
        evaluate: Callable[[], float],
        *,
        step: int = 0,
        share: float = 0.0,
        tested_on: str = "held-out views",
        quality: Quality = PSNR,
    ) -> None:
        self._run, self._evaluate, self._tested_on = run, evaluate, tested_on
        self._quality = quality
        self._rows = [row for row in read_log(run) if row["step"] <= step]
        self._marks = [mark for mark in EVALUATE_AT if mark > share]
        self._row_share = share
        self._rate = RayRate()

    def __call__(self, event: StepEvent) -> None:
        """Adds a row where it is time to; evaluates at some of them."""
        rate, share, name = self._rate(event), event.moment.share, self._quality.name
        due = bool(self._marks) and share >= self._marks[0] and event.moment.step >= _FIRST_STEP
        evaluates = not event.interrupted if event.last else due
        if not evaluates and not event.last and share < self._row_share:
            return
        if evaluates:
            self._marks = [mark for mark in self._marks if mark > share]
        self._row_share = share + 1.0 / _LOG_ROWS
        if self._rows and self._rows[-1]["step"] == event.moment.step:
            self._rows.pop()  # the event at the end repeats the last step
        self._rows.append(
            {
                "seconds": round(event.moment.seconds, 3),
                "step": event.moment.step,
                f"train_{name}": round(event.measures[name], _DIGITS) if name in event.measures else None,
                f"test_{name}": round(self._evaluate(), _DIGITS) if evaluates else None,
                "rays_per_second": round(rate),
            }
        )
        write_log(self._run, self._rows)
        if evaluates:
            draw_curve(self._rows, self._run / "curve.png", tested_on=self._tested_on, quality=self._quality)


class RayRate:
    """Rays per second of training, averaged over the last steps."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._rate = 0.0

    def __call__(self, event: StepEvent) -> float:
        """The rate after this event."""
        before, self._seconds = self._seconds, event.moment.seconds
        if before is not None and event.moment.seconds > before:
            now = event.measures.get("rays", 0.0) / (event.moment.seconds - before)
            self._rate = now if self._rate == 0.0 else 0.95 * self._rate + 0.05 * now
        return self._rate
