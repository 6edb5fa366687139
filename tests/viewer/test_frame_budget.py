import pytest

from viewer.frame_budget import FrameBudget, FrameBudgetConfig

WINDOW = (720, 1280)


def _used(budget: FrameBudget, rate: float, *, pictures: int = 30):
    """Pictures at a machine's rate, as the loop would ask for them; the seconds of each."""
    seconds = []
    for _ in range(pictures):
        size = budget.first(WINDOW)
        seconds.append(size[0] * size[1] / rate)
        budget.learn(size, seconds[-1])
    return seconds


@pytest.mark.parametrize("rate", [4e4, 3e5, 2e6])
def test_pictures_come_within_the_budget_on_any_machine(rate: float):
    seconds = _used(FrameBudget(FrameBudgetConfig(budget=0.1)), rate)
    assert max(seconds[-10:]) < 0.11
    assert min(seconds[-10:]) > 0.07


def test_a_machine_that_becomes_slow_is_followed_at_once():
    budget = FrameBudget()
    _used(budget, 1e6)
    assert _used(budget, 1e5, pictures=4)[-1] < 0.2


def test_a_quick_machine_gets_the_whole_window():
    budget = FrameBudget()
    _used(budget, 1e9, pictures=60)
    assert budget.first(WINDOW) == WINDOW
    assert budget.finer(WINDOW, WINDOW) is None


def test_refinement_ends_at_the_window_and_never_shrinks():
    budget = FrameBudget()
    size, sizes = budget.first(WINDOW), []
    while size is not None:
        sizes.append(size)
        size = budget.finer(size, WINDOW)
    assert sizes[-1] == WINDOW
    assert sizes == sorted(sizes)
    assert len(sizes) >= 3
    # The step before the whole window would be a waste if it were nearly as large.
    assert sizes[-2][0] * sizes[-2][1] < 0.6 * WINDOW[0] * WINDOW[1]


def test_shapes_follow_the_window():
    height, width = FrameBudget().first((300, 900))
    assert width / height == pytest.approx(3.0, rel=0.05)


def test_pictures_never_vanish():
    budget = FrameBudget()
    for _ in range(50):
        budget.learn_given_up()
    height, width = budget.first(WINDOW)
    assert height >= 48
    assert width >= 48
    assert budget.first((10, 10)) == (10, 10)
