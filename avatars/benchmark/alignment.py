"""The similarity that carries one set of points best onto another, and what cameras see through it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation.

    Attributes:
        scale: Positive.
        rotation: Proper.
        translation: In the unit of the target.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Points of the source, carried to the target."""
        return self.scale * points @ self.rotation.T + self.translation

    def cameras_of_source(self, cameras: Cameras) -> Cameras:
        """Cameras that see the source as the given ones see it carried over, at depths divided by the scale."""
        pose = cameras.world_from_camera.clone()
        pose[:, :3, :3] = self.rotation.T @ pose[:, :3, :3]
        pose[:, :3, 3] = (cameras.origins - self.translation) @ self.rotation / self.scale
        return replace(cameras, world_from_camera=pose)


def similarity_between(source: Float[Tensor, "n 3"], target: Float[Tensor, "n 3"]) -> Similarity:
    """The similarity with the least squared distances (Umeyama 1991, equations 40 to 42).

    Args:
        source: Points, not all on one line.
        target: Where each of them should come to lie.

    >>> corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> round(similarity_between(corners, 3.0 * corners + 1.0).scale, 4)
    3.0
    """
    first, second = source.double(), target.double()
    from_middle, to_middle = first - first.mean(0), second - second.mean(0)
    u, stretch, v = torch.linalg.svd(to_middle.T @ from_middle / len(first))
    sign = torch.ones(3, dtype=torch.float64)
    sign[2] = torch.sign(torch.linalg.det(u) * torch.linalg.det(v))
    rotation = u @ torch.diag(sign) @ v
    scale = float((stretch * sign).sum() / from_middle.square().sum(-1).mean())
    translation = second.mean(0) - scale * rotation @ first.mean(0)
    return Similarity(scale, rotation.to(source), translation.to(source))
