import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avatars.motion.legs import REACH, reach, turn_between

_HINGE = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)


def _leg(bend: float):
    """A leg that hangs from the origin with its knee bent backwards by an angle, radians."""
    knee = torch.tensor([[0.0, -0.4, 0.0]], dtype=torch.float64)
    bend_ = torch.tensor(bend, dtype=torch.float64)
    return torch.zeros_like(knee), knee, knee + 0.5 * torch.stack([0.0 * bend_, -bend_.cos(), -bend_.sin()])[None]


def _moved(start: tuple[torch.Tensor, ...], thigh: torch.Tensor, shin: torch.Tensor):
    """Knee and ankle after both bones have turned, by hand."""
    hip, knee, ankle = start
    new_knee = hip + (thigh @ (knee - hip)[..., None])[..., 0]
    return new_knee, new_knee + (shin @ (ankle - knee)[..., None])[..., 0]


@given(
    bend=st.floats(0.05, 2.0), x=st.floats(-0.4, 0.4), y=st.floats(-0.8, -0.2), z=st.floats(-0.4, 0.4)
)  # fmt: skip
def test_the_ankle_gets_where_it_shall_be(bend: float, x: float, y: float, z: float):
    start, target = _leg(bend), torch.tensor([[x, y, z]], dtype=torch.float64)
    if not 0.15 < float(target.norm()) < 0.89:
        return
    thigh, shin = reach(*start, target, _HINGE)
    knee, ankle = _moved(start, thigh, shin)
    torch.testing.assert_close(ankle, target, atol=1e-6, rtol=0.0)
    # The knee still bends backwards: seen along the turned hinge, from thigh to shin is a positive turn.
    hinge = (thigh @ _HINGE[..., None])[..., 0]
    assert float((torch.linalg.cross(knee, ankle - knee) * hinge).sum()) > -1e-9


def test_a_leg_that_is_there_does_not_move():
    for bend in (0.0, 0.3, 1.5):
        start = _leg(bend)
        for turn in reach(*start, start[2], _HINGE):
            torch.testing.assert_close(turn, torch.eye(3, dtype=torch.float64)[None], atol=1e-5, rtol=0.0)


def test_what_is_out_of_reach_is_pointed_at():
    start, target = _leg(0.8), torch.tensor([[0.0, -0.6, 1.0]], dtype=torch.float64)
    _, ankle = _moved(start, *reach(*start, target, _HINGE))
    assert float(ankle.norm()) == pytest.approx(0.9 * REACH, abs=1e-6)
    torch.testing.assert_close(ankle / ankle.norm(), target / target.norm(), atol=1e-6, rtol=0.0)


def test_the_smallest_turn_keeps_its_axis():
    start, end = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([-0.4, 1.0, 3.0])
    turn = turn_between(start, end)
    torch.testing.assert_close((turn @ start) / start.norm(), end / end.norm())
    axis = torch.linalg.cross(start, end)
    torch.testing.assert_close(turn @ axis, axis, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(turn_between(start, 2.0 * start), torch.eye(3))
