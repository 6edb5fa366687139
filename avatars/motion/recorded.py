"""What readers of recorded motions share: from a recorded world to the canonical frame, and onto the ground."""

import dataclasses
import math

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.model import BodyModel
from avatars.body.skinning import axis_angle_from_rotations
from avatars.motion.grounding import lifted
from avatars.motion.legs import turn_about
from avatars.motion.motion import Motion
from avatars.motion.soles import Soles, found_contacts

_UP = 1  # the canonical frame's upward axis
_SURE = 0.75  # of a mean upward direction along one axis: from here on that axis is up


def upward_axis(up: Float[Tensor, "t 3"], *, otherwise: int) -> tuple[int, float]:
    """The axis of the recorded world that bodies mostly stand along, and its sign.

    Args:
        up: From feet to head in each frame, unit vectors.
        otherwise: The axis for motions that do not tell, for example of somebody who lies.
    """
    mean = up.mean(0) * up.new_tensor([0.0, 1.0, 1.0])  # no program has x upwards, but people lie along it
    axis = int(mean.abs().argmax())
    return (axis, float(mean[axis].sign())) if float(mean[axis].abs()) > _SURE else (otherwise, 1.0)


def upright_from_world(axis: int, sign: float) -> Float[Tensor, "3 3"]:
    """The rotation that makes an axis of the recorded world the canonical upward one.

    >>> (upright_from_world(2, 1.0) @ torch.tensor([1.0, 2.0, 3.0])).tolist()
    [1.0, 3.0, -2.0]
    """
    if axis == _UP:
        return torch.diag(torch.tensor([1.0, sign, sign]))
    # A quarter turn about the third axis.
    third = torch.zeros(3)
    third[2 - axis] = -sign if axis == 2 else sign
    return turn_about(third, torch.tensor(math.pi / 2)).round()


def forward_from_upright(orientation: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    """The turn about the vertical after which a body that is turned so looks along z."""
    forward = orientation[:, 2]
    return turn_about(forward.new_tensor([0.0, 1.0, 0.0]), -torch.atan2(forward[0], forward[2]))


def from_world(
    turns: Float[Tensor, "t j 3 3"], pelvis: Float[Tensor, "t 3"] | None, *, rate: float, name: str
) -> Motion:
    """A motion that begins at the rest place, looking along z, from one that was recorded anywhere.

    Args:
        turns: Of each joint against its parent; the first in an upright world (y up).
        pelvis: Its place in that world, in metres of the body that shall move; None where that is not known.
        rate: Frames per second.
        name: Of the motion.
    """
    ahead = forward_from_upright(turns[0, 0])
    rotations = axis_angle_from_rotations(torch.cat([(ahead @ turns[:, 0])[:, None], turns[:, 1:]], 1))
    travel = torch.zeros(len(turns), 3) if pelvis is None else (pelvis - pelvis[0]) @ ahead.T
    return Motion(rotations.float(), travel.float(), rate, name)


def settled(motion: Motion, model: BodyModel, *, placed: bool) -> Motion:
    """The same motion on the ground of the mean body, with its steps found.

    Args:
        motion: In the canonical frame.
        model: The body.
        placed: Whether its travel is known. If not, the lower foot stands in every frame.
    """
    soles = Soles.of(model, torch.zeros(model.shape_dirs.shape[-1]))
    if placed:
        motion = lifted(motion, soles)
        return dataclasses.replace(motion, contacts=found_contacts(motion, soles))
    travel = torch.zeros_like(motion.travel)
    travel[:, _UP] = -soles.heights(dataclasses.replace(motion, travel=travel)).amin(1)
    return dataclasses.replace(motion, travel=travel)
