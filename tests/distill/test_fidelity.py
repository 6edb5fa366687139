"""When a student is looked at, and when it is near enough."""

import itertools

from distill.fidelity import FidelityGoal
from nfield.training.loop import StepEvent, TrainState
from nfield.training.task import Moment


def _event(step: int, seconds: float) -> StepEvent:
    def state() -> TrainState:
        raise AssertionError("nobody needs it")

    return StepEvent(Moment(step, seconds, 0.0), {}, {}, False, False, state)


def test_it_is_looked_at_every_few_seconds_and_ever_more_seldom():
    looks: list[float] = []
    now = 0.0

    def measure() -> float:
        looks.append(now)
        return 20.0

    goal = FidelityGoal(measure, 30.0)
    for step in range(4000):
        now = 0.1 * step
        assert not goal(_event(step, now))
    assert looks[0] >= 12.0  # Before, it has hardly begun.
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert min(gaps) >= 3.0
    assert gaps[-1] > 15.0
    assert all(gap <= max(3.0, 0.05 * at) + 0.2 for gap, at in zip(gaps, looks, strict=False))


def test_it_is_enough_from_the_goal_on():
    found = iter((29.9, 30.0))
    goal = FidelityGoal(lambda: next(found), 30.0)
    assert not goal(_event(1000, 10.0))
    assert goal(_event(1001, 20.0))
