import os
import signal
import time
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from nfield.errors import OptionError, TrainingDiverged
from nfield.training.loop import StepEvent, TrainConfig, TrainState, train
from nfield.training.optim import OptimConfig
from nfield.training.task import Moment


class Place(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))


class ParabolaTask:
    """Pulls a vector towards random targets around (1, 2)."""

    def __init__(self, *, blows_up: bool = False) -> None:
        self.module = Place()
        self.blows_up = blows_up
        self.calls = 0.0

    def modules(self) -> Mapping[str, nn.Module]:
        return {"field": self.module}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"network": [self.module.place]}

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.calls += 1.0
        target = torch.tensor([1.0, 2.0]) + 0.1 * torch.randn(2, generator=generator)
        factor = torch.inf if self.blows_up and moment.step == 2 else 1.0
        return {"distance": factor * (self.module.place - target).square().sum()}

    def measures(self) -> dict[str, float]:
        return {"rays": 1.0}

    def state(self) -> dict[str, float]:
        return {"calls": self.calls}

    def restore(self, state: Mapping[str, float]) -> None:
        self.calls = state["calls"]


FAST = OptimConfig(rates={"network": 0.1}, final=1.0)


def _copy(state: TrainState) -> TrainState:
    moments = {name: moment.clone() for name, moment in state.moments.items()}
    return TrainState(state.step, state.seconds, moments, state.generator.clone(), dict(state.numbers))


def test_training_reaches_the_minimum():
    task = ParabolaTask()
    result = train(task, TrainConfig(None, 300, FAST))
    torch.testing.assert_close(task.module.place.detach(), torch.tensor([1.0, 2.0]), atol=0.1, rtol=0.0)
    assert result.state.step == 300
    assert not result.interrupted


def test_a_resumed_training_equals_one_that_was_not_interrupted():
    whole = ParabolaTask()
    train(whole, TrainConfig(None, 40, FAST))
    first, second = ParabolaTask(), ParabolaTask()
    halfway = _copy(train(first, TrainConfig(None, 15, FAST)).state)
    second.module.load_state_dict(first.module.state_dict())
    resumed = train(second, TrainConfig(None, 40, FAST), state=halfway)
    assert torch.equal(second.module.place, whole.module.place)
    assert resumed.state.step == 40
    assert resumed.state.numbers == {"calls": 40.0}
    assert resumed.state.seconds > halfway.seconds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_training_after_the_step(number: signal.Signals):
    events: list[StepEvent] = []

    def hook(event: StepEvent) -> None:
        events.append(event)
        if event.moment.step == 3 and not event.last:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    result = train(ParabolaTask(), TrainConfig(None, 100, FAST), hooks=[hook])
    assert result.interrupted
    assert result.state.step == 3
    assert [event.moment.step for event in events] == [1, 2, 3, 3]
    assert events[-1].last
    assert events[-1].interrupted
    assert signal.getsignal(number) is before


def test_the_time_of_hooks_is_not_training_time():
    result = train(ParabolaTask(), TrainConfig(None, 3, FAST), hooks=[lambda event: time.sleep(0.1)])
    assert result.state.seconds < 0.3


def test_a_budget_of_time_ends_the_training():
    result = train(ParabolaTask(), TrainConfig(0.2 / 60.0, None, FAST))
    assert 0.2 <= result.state.seconds < 2.0


def test_a_training_ends_where_somebody_says_that_it_is_enough():
    told: list[tuple[int, bool]] = []

    def told_of(event: StepEvent) -> None:
        told.append((event.moment.step, event.last))

    budget = TrainConfig(minutes=None, steps=50)
    result = train(ParabolaTask(), budget, hooks=[told_of], enough=lambda event: event.moment.step == 7)
    assert result.state.step == 7
    assert not result.interrupted
    assert told[-2:] == [(7, False), (7, True)]


def test_a_budget_that_is_spent_takes_no_step():
    task = ParabolaTask()
    state = _copy(train(task, TrainConfig(None, 5, FAST)).state)
    events: list[StepEvent] = []
    assert train(task, TrainConfig(None, 5, FAST), hooks=[events.append], state=state).state.step == 5
    assert events == []


def test_a_loss_that_is_no_number_ends_the_training_with_advice():
    with pytest.raises(
        TrainingDiverged, match=r"step 2: the loss is inf, expected a number; .*lower the learning rates"
    ):
        train(ParabolaTask(blows_up=True), TrainConfig(None, 5, FAST))


@pytest.mark.parametrize(
    ("minutes", "steps", "message"),
    [
        (None, None, "both are left out"),
        (0.0, None, "minutes: is 0"),
        (float("nan"), None, "minutes"),
        (1.0, 0, "steps"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(minutes: float | None, steps: int | None, message: str):
    with pytest.raises(OptionError, match=message):
        TrainConfig(minutes, steps)
