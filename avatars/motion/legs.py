"""The legs as chains of two bones: reaching for a place with the ankle."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body.skinning import rotations_from_axis_angle

SIDES = ("left", "right")


@dataclass(frozen=True)
class Leg:
    """Indices of a leg's joints."""

    hip: int
    knee: int
    ankle: int
    foot: int


LEGS = tuple(Leg(*(JOINT_NAMES.index(f"{side}_{name}") for name in ("hip", "knee", "ankle", "foot"))) for side in SIDES)
"""The left one and the right one."""

REACH = 0.994
"""Of a stretched leg's length: how far a leg reaches. A knee that is quite straight snaps."""


def leg_lengths(joints: Float[Tensor, "*b j 3"], leg: Leg) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Lengths of thigh and shin, metres, of a skeleton in any pose."""
    hip, knee, ankle = (joints[..., joint, :] for joint in (leg.hip, leg.knee, leg.ankle))
    return (knee - hip).norm(dim=-1), (ankle - knee).norm(dim=-1)


def leg_length(joints: Float[Tensor, "j 3"]) -> float:
    """Mean length of both legs from hip to ankle along the bones, metres."""
    return 0.5 * sum(float(sum(leg_lengths(joints, leg))) for leg in LEGS)


def reach(
    hip: Float[Tensor, "t 3"],
    knee: Float[Tensor, "t 3"],
    ankle: Float[Tensor, "t 3"],
    target: Float[Tensor, "t 3"],
    hinge: Float[Tensor, "t 3"],
) -> tuple[Float[Tensor, "t 3 3"], Float[Tensor, "t 3 3"]]:
    """The turns, in the world, of thigh and shin that bring the ankle to a place, or as near as the leg reaches.

    The shin turns about the knee's hinge until the ankle is as far from the hip as the target is; then the whole leg
    turns about the hip, the shortest way. A leg that is there already does not move.

    Args:
        hip: Position, metres, as are the next three.
        knee: Position now.
        ankle: Position now.
        target: Where the ankle shall be.
        hinge: Unit axis about which the knee bends: a positive turn bends it further.
    """
    thigh, shin = knee - hip, ankle - knee
    longest = REACH * (thigh.norm(dim=-1) + shin.norm(dim=-1))
    # A stretched leg that is asked to stay as it is must not be bent.
    distance = torch.minimum((target - hip).norm(dim=-1), torch.maximum(longest, (ankle - hip).norm(dim=-1)))
    bent = turn_about(hinge, _further(thigh, shin, hinge, distance))
    whole = turn_between(thigh + (bent @ shin[..., None])[..., 0], target - hip)
    return whole, whole @ bent


def _further(
    thigh: Float[Tensor, "t 3"], shin: Float[Tensor, "t 3"], hinge: Float[Tensor, "t 3"], distance: Float[Tensor, "t"]
) -> Float[Tensor, "t"]:
    """By how much the knee bends further, radians, so that the ankle is at a distance from the hip.

    |thigh + R(d) shin|^2 = a + b cos d + c sin d, of whose two solutions the one is taken that bends the knee the right
    way.
    """
    along = (thigh * hinge).sum(-1) * (shin * hinge).sum(-1)
    cosine = (thigh * shin).sum(-1) - along
    sine = (thigh * torch.linalg.cross(hinge, shin)).sum(-1)
    wanted = 0.5 * (distance**2 - (thigh**2).sum(-1) - (shin**2).sum(-1)) - along
    amplitude = (cosine**2 + sine**2).sqrt().clamp_min(1e-9)
    return torch.atan2(sine, cosine) + (wanted / amplitude).clamp(-1.0, 1.0).acos()


def turn_about(axis: Float[Tensor, "*b 3"], angle: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3 3"]:
    """Rotations about unit axes, radians."""
    return rotations_from_axis_angle(axis * angle[..., None])


def turn_between(start: Float[Tensor, "*b 3"], end: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """The smallest rotations that turn directions into others; opposite ones have none and are left.

    >>> turn_between(torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0])).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    start, end = (torch.nn.functional.normalize(vector, dim=-1) for vector in (start, end))
    axis = torch.linalg.cross(start, end)
    sine, cosine = axis.norm(dim=-1), (start * end).sum(-1)
    return turn_about(axis / sine.clamp_min(1e-12)[..., None], torch.atan2(sine, cosine))
