"""What a skeleton with few weights a vertex cannot do, as shapes that clips blend in.

An avatar's surface also bulges at its joints (pose blendshapes) and its loose clothes give way to the legs. At rest, a
pose's correction is the displacement after which the skeleton alone carries each vertex to where it belongs. Those of
all frames are spanned by a few shapes: their principal components.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.skinning import transform
from avatars.posed.warp import inverse


@dataclass(frozen=True)
class CorrectiveConfig:
    """How close the shapes come."""

    tolerance: float = 0.0008
    """How far a vertex may be off in a frame, metres."""
    most: int = 32
    """Shapes at most."""
    least: float = 0.0003
    """Displacements below this, metres, are left out of a shape."""
    room: int = 250_000
    """Displacements at most of all shapes together, so that those of wide clothes stay a few megabytes."""


@dataclass(frozen=True)
class Correctives:
    """Shapes of a surface at rest.

    Attributes:
        shapes: Displacements, metres, for a weight of 1.
        weights: Of the shapes in each frame.
    """

    shapes: Float[Tensor, "k v 3"]
    weights: Float[Tensor, "t k"]

    def blended(self, weights: Float[Tensor, "k"]) -> Float[Tensor, "v 3"]:
        """The displacement of one frame, metres."""
        return torch.einsum("k,kvc->vc", weights, self.shapes)

    def weights_of(self, displacements: Float[Tensor, "t v 3"]) -> Float[Tensor, "t k"]:
        """Weights of the shapes that come closest to displacements, by least squares."""
        shapes = self.shapes.flatten(1).double()
        if not len(shapes):
            return displacements.new_zeros(len(displacements), 0)
        right = displacements.flatten(1).double() @ shapes.T
        # What is left out of shapes can make two of them alike, or one empty.
        return (right @ torch.linalg.pinv(shapes @ shapes.T, hermitian=True)).to(displacements)

    def off(self, displacements: Float[Tensor, "t v 3"], weights: Float[Tensor, "t k"]) -> Float[Tensor, "t v"]:
        """How far vertices are from where they belong in frames, metres.

        Args:
            displacements: That were wanted, metres.
            weights: Of the shapes.
        """
        pairs = zip(displacements, weights, strict=True)
        return torch.stack([(wanted - self.blended(frame)).norm(dim=-1) for wanted, frame in pairs])

    @staticmethod
    def none(vertices: int, frames: int) -> "Correctives":
        """No shapes at all."""
        return Correctives(torch.zeros(0, vertices, 3), torch.zeros(frames, 0))


def correctives(displacements: Float[Tensor, "t v 3"], config: CorrectiveConfig) -> Correctives:
    """The fewest principal components that leave no vertex of a frame farther off than the tolerance, if there is room.

    Args:
        displacements: Of each frame, at rest, metres.
        config: How close they come.
    """
    frames, count = displacements.shape[:2]
    rows = displacements.reshape(frames, -1).double()
    values, vectors = torch.linalg.eigh(rows @ rows.T)
    order = values.argsort(descending=True)[: config.most]
    order = order[values[order] > 1e-12 * max(float(values.max()), 1e-12)]
    found = Correctives.none(count, frames)
    for kept in range(1, len(order) + 1):
        basis = vectors[:, order[:kept]]
        shapes = basis.T @ rows
        more = _scaled(shapes.reshape(kept, count, 3).float(), basis.float(), config.least)
        moved = more.shapes.any(-1).sum(-1)
        if int(moved.sum()) > config.room or not int(moved[-1]):
            break
        found = more
        if float(found.off(displacements, found.weights).max()) < config.tolerance:
            break
    return found


def residuals(
    rest: Float[Tensor, "v 3"], skinned: Sequence[Float[Tensor, "v 3 4"]], posed: Sequence[Float[Tensor, "v 3"]]
) -> Float[Tensor, "t v 3"]:
    """Displacements at rest that the skeleton then carries to where the vertices belong, metres.

    Args:
        rest: The vertices, metres.
        skinned: The skeleton's map of each vertex in each frame.
        posed: Where the vertices belong in each frame, metres.
    """
    pairs = zip(skinned, posed, strict=True)
    return torch.stack([transform(inverse(affine), places) - rest for affine, places in pairs])


def _scaled(shapes: Float[Tensor, "k v 3"], weights: Float[Tensor, "t k"], least: float) -> Correctives:
    """Shapes whose weights reach 1, without what is too small to be seen."""
    scale = weights.abs().amax(0).clamp_min(1e-9)
    shapes = shapes * scale[:, None, None]
    return Correctives(shapes * (shapes.norm(dim=-1, keepdim=True) >= least), weights / scale)
