"""The training loop: steps until a budget of time or steps is spent, or until somebody asks to stop."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType, TracebackType
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nfield.devices import CPU, HostCopy, device_of, generator_on
from nfield.errors import OptionError, TrainingDiverged
from nfield.training.optim import Adam, OptimConfig
from nfield.training.task import Moment, Task

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class TrainConfig:
    """How long to train, and how."""

    minutes: float | None = 5.0
    """Training time, without evaluation and saving; None leaves it open."""
    steps: int | None = None
    """Steps; None leaves them open. Where both are given, the first to be spent ends the training."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Learning rates and their schedule."""
    seed: int = 0
    """Of the generator that draws everything random."""
    least_steps: int = 0
    """Steps that are done even where `minutes` are spent before: on a busy machine a result takes longer, not worse."""

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise OptionError("minutes and steps: both are left out, expected a budget; give one of them")
        if self.minutes is not None and not (0.0 < self.minutes < math.inf):
            raise OptionError(f"minutes: is {self.minutes:g}, expected a positive number; give the time to train for")
        if self.steps is not None and self.steps < 1:
            raise OptionError(f"steps: is {self.steps}, expected at least 1; give the number of steps to train for")

    def with_budget(self, *, minutes: float | None, steps: int | None) -> "TrainConfig":
        """The same with another budget, where one is given."""
        return self if minutes is None and steps is None else replace(self, minutes=minutes, steps=steps)

    def share(self, step: int, seconds: float) -> float:
        """Spent share of the budget, in [0, 1].

        >>> TrainConfig(minutes=1.0, steps=100).share(20, 30.0)
        0.5
        >>> TrainConfig(minutes=1.0, least_steps=100).share(20, 90.0)
        0.2
        """
        by_time = 0.0 if self.minutes is None else seconds / (60.0 * self.minutes)
        by_time = min(by_time, step / self.least_steps) if self.least_steps else by_time
        by_steps = 0.0 if self.steps is None else step / self.steps
        return min(1.0, max(by_time, by_steps))


@dataclass(frozen=True)
class TrainState:
    """What, beside the task's modules, a resumed training needs. The tensors are the live ones, not copies.

    Attributes:
        step: Steps done.
        seconds: Training time spent.
        moments: The optimiser's, by name.
        generator: State of the random generator.
        numbers: The task's running numbers.
    """

    step: int
    seconds: float
    moments: Mapping[str, Float[Tensor, "..."]]
    generator: UInt8[Tensor, "n"]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class StepEvent:
    """What hooks learn after each step, and once more when the training ends.

    Attributes:
        moment: Where the training is.
        losses: The terms of the step's loss.
        measures: The task's figures for people.
        last: Whether this is the event at the end; its step has been reported before.
        interrupted: Whether somebody asked to stop before the budget was spent.
        state: Gives the state at this moment.
    """

    moment: Moment
    losses: Mapping[str, float]
    measures: Mapping[str, float]
    last: bool
    interrupted: bool
    state: Callable[[], TrainState]


Hook = Callable[[StepEvent], None]
"""Progress, saving, evaluation; its time does not count as training."""


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes:
        state: Where it was.
        interrupted: Whether somebody asked to stop before the budget was spent.
        enough: Whether it ended because that was said to be enough.
    """

    state: TrainState
    interrupted: bool
    enough: bool = False


def train(
    task: Task,
    config: TrainConfig,
    *,
    hooks: Sequence[Hook] = (),
    state: TrainState | None = None,
    enough: Callable[[StepEvent], bool] | None = None,
) -> TrainResult:
    """Minimises a task's losses until the budget is spent; Ctrl-C and SIGTERM end it after the current step.

    Args:
        task: What is optimised.
        config: Budget, optimiser and seed.
        hooks: Called in turn after each step.
        state: Of a training that is continued; the caller has restored the task's modules.
        enough: Asked after each step whether the training may end before its budget is spent; its time does not count.
    """
    adam = Adam(task.param_groups(), config.optim)
    generator = generator_on(_device_of(task), config.seed)
    step, seconds = 0, 0.0
    if state is not None:
        step, seconds = state.step, state.seconds
        adam.restore(state.moments)
        _restore_generator(generator, state, config.seed)
        task.restore(state.numbers)

    watch = _LossWatch()

    def snapshot() -> TrainState:
        watch.require_finite()  # so that no broken field is ever saved
        return TrainState(step, seconds, adam.state(), generator.get_state(), task.state())

    with Interruption() as interruption:
        losses: Mapping[str, float] = {}
        reached = False
        while config.share(step, seconds) < 1.0 and not interruption.asked and not reached:
            start = time.perf_counter()
            losses = _step(task, adam, Moment(step, seconds, config.share(step, seconds)), generator, watch)
            step, seconds = step + 1, seconds + time.perf_counter() - start
            event = StepEvent(_moment(config, step, seconds), losses, task.measures(), False, False, snapshot)
            _tell(hooks, event)
            reached = enough is not None and enough(event)
        interrupted = interruption.asked and not reached and config.share(step, seconds) < 1.0
        if losses:
            _tell(
                hooks, StepEvent(_moment(config, step, seconds), losses, task.measures(), True, interrupted, snapshot)
            )
    return TrainResult(snapshot(), interrupted, reached)


class Interruption:
    """While entered, notes the first SIGINT or SIGTERM; a second one acts as usual.

    Outside the main thread, where signals cannot be caught, it notes nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def _moment(config: TrainConfig, step: int, seconds: float) -> Moment:
    return Moment(step, seconds, config.share(step, seconds))


def _tell(hooks: Sequence[Hook], event: StepEvent) -> None:
    for hook in hooks:
        hook(event)


def _device_of(task: Task) -> torch.device:
    """Where the first of the task's modules lies, and with it what the task draws."""
    first = next(iter(task.modules().values()), None)
    return CPU if first is None else device_of(first)


def _restore_generator(generator: torch.Generator, state: TrainState, seed: int) -> None:
    """Takes a saved state; where it is that of another kind of device, draws on from a new seed."""
    if len(state.generator) == len(generator.get_state()):
        generator.set_state(state.generator)
    else:
        generator.manual_seed(seed + state.step)


class _LossWatch:
    """Ends a training whose loss is no number: on a CPU in that step, on a GPU, which runs behind, in the next one."""

    def __init__(self) -> None:
        self._last: tuple[int, HostCopy] | None = None

    def add(self, step: int, total: Float[Tensor, ""]) -> None:
        """Takes a step's loss in, before its gradient is used."""
        self.require_finite()
        self._last = step, HostCopy(total)
        if total.device.type == "cpu":
            self.require_finite()

    def require_finite(self) -> None:
        """An error where the loss of the last step is no number."""
        last, self._last = self._last, None
        if last is not None and not math.isfinite(loss := last[1].read()):
            raise TrainingDiverged(
                f"step {last[0]}: the loss is {loss}, expected a number; "
                "what was saved before is kept: lower the learning rates or change the seed"
            )


class Figures(Mapping[str, float]):
    """Numbers by name, which wait for the device only when they are read.

    Args:
        numbers: Single numbers, without gradient.
    """

    def __init__(self, numbers: Mapping[str, Float[Tensor, ""]]) -> None:
        self._numbers = dict(numbers)

    def __getitem__(self, name: str) -> float:
        return float(self._numbers[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def _step(task: Task, adam: Adam, moment: Moment, generator: torch.Generator, watch: _LossWatch) -> Mapping[str, float]:
    """One step; the terms of its loss."""
    losses = task.losses(moment, generator)
    total = torch.stack(list(losses.values())).sum()
    watch.add(moment.step, total)
    total.backward()
    adam.step(moment.step, moment.share)
    return Figures({name: loss.detach() for name, loss in losses.items()})
