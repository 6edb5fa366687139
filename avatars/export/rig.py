"""A skeleton and skin weights as files hold them: few joints a vertex, rest rotations that are all the identity."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

INFLUENCES = 4
"""Joints that a vertex follows at most."""


@dataclass(frozen=True)
class RestSkeleton:
    """Joints at rest; each has its axes parallel to the world's.

    Attributes:
        names: Of the joints.
        parents: The parent of each joint, always an earlier one; -1 for the root.
        places: Of the joints at rest, metres.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    places: Float[Tensor, "j 3"]

    @property
    def steps(self) -> Float[Tensor, "j 3"]:
        """From each joint's parent to it at rest, metres; the root's own place."""
        parents = torch.tensor([max(parent, 0) for parent in self.parents])
        root = torch.tensor([parent < 0 for parent in self.parents])
        return torch.where(root[:, None], self.places, self.places - self.places[parents])


@dataclass(frozen=True)
class SkinWeights:
    """Which joints vertices follow, and how much.

    Attributes:
        joints: The strongest first.
        weights: Rows sum to 1; 0 where a vertex follows fewer joints.
    """

    joints: Int[Tensor, "v k"]
    weights: Float[Tensor, "v k"]

    @staticmethod
    def strongest(weights: Float[Tensor, "v j"], count: int = INFLUENCES) -> "SkinWeights":
        """The strongest joints of each vertex, which share out what the others had.

        Args:
            weights: Rows sum to 1.
            count: Joints of a vertex.

        >>> SkinWeights.strongest(torch.tensor([[0.1, 0.6, 0.3]]), 2).joints.tolist()
        [[1, 2]]
        """
        kept, joints = weights.topk(min(count, weights.shape[1]), dim=1)
        kept = kept / kept.sum(1, keepdim=True)
        return SkinWeights(torch.where(kept > 0.0, joints, 0), kept)

    def blended(self, maps: Float[Tensor, "j 3 4"]) -> Float[Tensor, "v 3 4"]:
        """The weighted mean of the joints' maps at each vertex."""
        return (maps[self.joints] * self.weights[..., None, None]).sum(1)
