"""The soles of a body: the skin that may touch the ground, and when it does."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_closing, binary_opening
from scipy.spatial import ConvexHull
from torch import Tensor

from avatars.body.model import Body, BodyModel, BodyPose
from avatars.motion.legs import LEGS, Leg
from avatars.motion.motion import Motion, on_body

_SOLE = 0.012  # metres over the ground up to which skin of the standing foot is its sole
_CHUNK = 256  # frames that are posed at once
_LOW = 0.035  # metres above the ground up to which a foot may stand on it
_SLOW = 0.35  # metres a second of the lowest skin up to which it may
_BRIEF = 0.08  # seconds: what is shorter is no step


@dataclass(frozen=True)
class Soles:
    """The skin of both feet of a person.

    Attributes:
        model: The body, with the feet's skin only.
        shape: The person's shape coefficients.
        sides: The vertices of the left and the right foot.
        ground: Height of the ground under the standing rest pose, metres.
    """

    model: BodyModel
    shape: Float[Tensor, "k"]
    sides: tuple[Int[Tensor, "n"], Int[Tensor, "m"]]
    ground: float

    @staticmethod
    def of(model: BodyModel, shape: Float[Tensor, "k"]) -> "Soles":
        """Finds them."""
        vertices = model.rest(shape)[0]
        left, right = (_touching(vertices, model.weights, leg) for leg in LEGS)
        both = torch.cat([left, right])
        numbers = torch.arange(len(both))
        sides = (numbers[: len(left)], numbers[len(left) :])
        return Soles(model.subset(both), shape, sides, float(vertices[both, 1].min()))

    def posed(self, motion: Motion) -> Body:
        """Both feet, and all joints, in each frame."""
        chunks = [self._posed(motion, first) for first in range(0, len(motion), _CHUNK)]
        return Body(*(torch.cat([getattr(chunk, name) for chunk in chunks]) for name in Body.__annotations__))

    def heights(self, motion: Motion) -> Float[Tensor, "t 2"]:
        """Of the lowest skin of each foot over the ground, metres."""
        skin = self.posed(motion).vertices[..., 1] - self.ground
        return torch.stack([skin[:, side].amin(1) for side in self.sides], 1)

    def _posed(self, motion: Motion, first: int) -> Body:
        frames = slice(first, first + _CHUNK)
        rotations = on_body(motion.rotations[frames], self.model)
        travel = motion.travel[frames]
        return self.model.pose(BodyPose(rotations, travel, self.shape.expand(len(travel), -1)))


def _touching(vertices: Float[Tensor, "v 3"], weights: Float[Tensor, "v j"], leg: Leg) -> Int[Tensor, "n"]:
    """Vertices of a foot that may touch the ground: its sole, and its outermost ones in all directions."""
    foot = weights[:, [leg.ankle, leg.foot]].sum(1) > 0.5
    low = vertices[:, 1] < vertices[foot, 1].min() + _SOLE
    parts = [(foot & low).nonzero()[:, 0], _hull(vertices, foot), _hull(vertices, weights[:, leg.foot] > 0.5)]
    return torch.cat(parts).unique()


def _hull(vertices: Float[Tensor, "v 3"], chosen: Bool[Tensor, "v"]) -> Int[Tensor, "n"]:
    numbers = chosen.nonzero()[:, 0]
    corners = ConvexHull(vertices[numbers].double().cpu().numpy()).vertices
    return numbers[torch.from_numpy(np.sort(corners)).long()]


def found_contacts(motion: Motion, soles: Soles) -> Bool[Tensor, "t 2"]:
    """When each foot of a recorded motion stands: where its lowest skin is near the ground and hardly moves.

    Args:
        motion: Recorded; the ground is about where it should be.
        soles: Of the body that moves.
    """
    if len(motion) < 2:
        return soles.heights(motion) < _LOW
    skin = soles.posed(motion).vertices
    sides = [_stands(skin[:, side] - skin.new_tensor([0.0, soles.ground, 0.0]), motion.rate) for side in soles.sides]
    return torch.stack(sides, 1)


def _stands(skin: Float[Tensor, "t n 3"], rate: float) -> Bool[Tensor, "t"]:
    height, lowest = skin[..., 1].min(1)
    moved = skin.diff(dim=0).gather(1, lowest[:-1, None, None].expand(-1, 1, 3))[:, 0].norm(dim=-1) * rate
    speed = torch.cat([moved, moved[-1:]])
    touching = ((height < _LOW) & (speed < _SLOW)).cpu().numpy()
    brief = np.ones(max(1, round(_BRIEF * rate)), bool)
    wide = np.pad(touching, len(brief), mode="edge")
    steady = binary_opening(binary_closing(wide, brief), brief)[len(brief) : len(brief) + len(touching)]
    return torch.from_numpy(steady)
