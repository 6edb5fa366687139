"""The body's limbs unrolled: a length along each limb and an angle around it.

What is worn follows limbs: a sleeve ends at one length all around the arm, stripes run around the trunk. So colours are
completed on the unrolled limbs, whose rows are rings around the body and whose columns run along it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import belonging

_SPAN = 0.02  # metres along a limb over which its axis is averaged


@dataclass(frozen=True)
class LimbShape:
    """How a limb is unrolled, in the rest pose.

    Attributes:
        name: For people.
        joints: Its joints, of SMPL's.
        along: Axis that its length follows: 0 across, 1 up, 2 forwards.
        start: Axis at angle 0.
        turn: Axis at a quarter turn.
        flip: Whether the right-hand side's x is mirrored first, so that both sides have the same coordinates.
        mirror: Name of its counterpart; its own where angles change sign under mirroring.
        columns: Cells around it.
    """

    name: str
    joints: tuple[str, ...]
    along: int
    start: int
    turn: int
    flip: bool
    mirror: str
    columns: int

    @property
    def symmetric(self) -> bool:
        """Whether it is its own counterpart: a trunk or a head."""
        return self.mirror == self.name

    @property
    def is_hand(self) -> bool:
        """Whether it is a hand."""
        return self.name.endswith("hand")

    @property
    def is_arm(self) -> bool:
        """Whether it is an arm, without its hand."""
        return self.name.endswith("arm")

    @property
    def is_clothed(self) -> bool:
        """Whether hands may lie on it in a photo, and clothes usually cover it."""
        return self.has_prints or self.name.endswith("leg")

    @property
    def has_prints(self) -> bool:
        """Whether it may have a front that its back has not: a print, an opening."""
        return self.name in ("torso", "cloth")


_TORSO = ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")

LIMBS: Sequence[LimbShape] = (
    LimbShape("torso", _TORSO, 1, 2, 0, False, "torso", 640),
    LimbShape("head", ("neck", "head"), 1, 2, 0, False, "head", 384),
    LimbShape("left arm", ("left_shoulder", "left_elbow"), 0, 2, 1, False, "right arm", 256),
    LimbShape("right arm", ("right_shoulder", "right_elbow"), 0, 2, 1, True, "left arm", 256),
    LimbShape("left hand", ("left_wrist", "left_hand"), 0, 2, 1, False, "right hand", 192),
    LimbShape("right hand", ("right_wrist", "right_hand"), 0, 2, 1, True, "left hand", 192),
    LimbShape("left leg", ("left_hip", "left_knee"), 1, 2, 0, False, "right leg", 384),
    LimbShape("right leg", ("right_hip", "right_knee"), 1, 2, 0, True, "left leg", 384),
    LimbShape("left foot", ("left_ankle", "left_foot"), 1, 2, 0, False, "right foot", 384),
    LimbShape("right foot", ("right_ankle", "right_foot"), 1, 2, 0, True, "left foot", 384),
    LimbShape("cloth", (), 1, 2, 0, False, "cloth", 768),
    LimbShape("hair", (), 1, 2, 0, False, "hair", 512),
)
"""All limbs, together they have every joint of SMPL once; and what hangs around the body: skirts, coats, long hair."""

NAMES = tuple(limb.name for limb in LIMBS)


def hangs_as(kind: str) -> str | None:
    """The limb that a piece of loose clothes of some kind is unrolled as; None: the body's, by its skin weights."""
    return {"hull": "cloth", "sheet": "cloth", "hair": "hair"}.get(kind)


def memberships(weights: Float[Tensor, "n j"], joint_names: Sequence[str]) -> Float[Tensor, "n l"]:
    """How much points belong to each limb, from their skin weights; rows sum to 1."""
    return torch.stack([weights[:, belonging(joint_names, limb.joints)].sum(-1) for limb in LIMBS], -1)


def unrolled(
    limb: LimbShape, points: Float[Tensor, "n 3"], member: Float[Tensor, "n"]
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Length along a limb, metres, and angle around it, radians in (-pi, pi], of points at rest.

    Args:
        limb: The limb.
        points: Points on the surface, metres.
        member: How much each belongs to the limb: those that do wholly say where its axis runs.
    """
    points = points * points.new_tensor([-1.0 if limb.flip else 1.0, 1.0, 1.0])
    length = points[:, limb.along]
    around = points[:, [limb.start, limb.turn]]
    core = member > 0.5
    center = _axis(length[core], around[core], length)
    if limb.symmetric:
        center = center * center.new_tensor([1.0, 0.0])  # The trunk's axis lies in the plane of symmetry.
    away = around - center
    return length, torch.atan2(away[:, 1], away[:, 0])


def _axis(length: Float[Tensor, "m"], around: Float[Tensor, "m 2"], wanted: Float[Tensor, "n"]) -> Float[Tensor, "n 2"]:
    """The middle of a limb's cross sections at lengths: of the extent, not of the points, which crowd in places."""
    low, high = float(length.min()), float(length.max())
    count = max(2, math.ceil((high - low) / _SPAN) + 1)
    place = ((length - low) / _SPAN).round().long()
    most = torch.full((count, 2), -torch.inf).scatter_reduce(0, place[:, None].expand(-1, 2), around, "amax")
    least = torch.full((count, 2), torch.inf).scatter_reduce(0, place[:, None].expand(-1, 2), around, "amin")
    middle = 0.5 * (most + least)
    known = middle.isfinite().all(-1)
    middle = middle[known.nonzero()[:, 0][_nearest(known)]]
    kernel = torch.tensor([0.25, 0.5, 0.25])[None, None]
    padded = torch.nn.functional.pad(middle.T[:, None], (1, 1), mode="replicate")
    middle = torch.nn.functional.conv1d(padded, kernel)[:, 0].T
    at = ((wanted - low) / _SPAN).clamp(0.0, count - 1.0)
    below = at.floor().long().clamp_max(count - 2)
    return torch.lerp(middle[below], middle[below + 1], (at - below)[:, None])


def _nearest(known: Tensor) -> Tensor:
    """For each entry, which of the known ones is nearest."""
    place = known.nonzero()[:, 0]
    return (torch.arange(len(known))[:, None] - place).abs().argmin(1)
