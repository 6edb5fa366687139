"""What the picture tower is taught beside captions, by heads that are thrown away: facts, and places on the body."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assets.build.people_clip.batches import Batch
from assets.build.people_clip.losses import either_right
from avatars.crowd.captions import QUESTIONS

_DEPTH = 3
"""Which of the four stages of the ResNet tells places; its cells are twice as wide as those of `Batch.places`."""

_SPREAD = (0.20, 0.45, 0.08)
"""Of points of the body at rest along x, y and z, metres."""


class TaughtTower(nn.Module):
    """A picture tower of open_clip, a ResNet, with heads.

    Args:
        tower: It.
        size: Length of its vectors.
        channels: Of its third stage.
    """

    def __init__(self, tower: nn.Module, size: int, channels: int) -> None:
        super().__init__()
        self.tower = tower
        self.facts = nn.ModuleDict({_key(name): nn.Linear(size, len(values)) for name, values in QUESTIONS.items()})
        self.places = nn.Sequential(nn.Conv2d(channels, 16, 1), nn.PixelShuffle(2))

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> tuple[Float[Tensor, "b e"], Float[Tensor, "b 4 p p"]]:
        """Vectors of pictures, not yet of unit length, and where on the body their cells are."""
        tower, seen = self.tower, None
        x = tower.stem(pictures)  # pyright: ignore[reportCallIssue] - open_clip has no types
        for stage in range(1, 5):
            x = getattr(tower, f"layer{stage}")(x)
            seen = self.places(x) if stage == _DEPTH else seen
        assert seen is not None
        return tower.attnpool(x), seen  # pyright: ignore[reportCallIssue]

    def fact_loss(self, vectors: Float[Tensor, "b e"], batch: Batch) -> Float[Tensor, ""]:
        """Mean cross-entropy of telling facts from vectors, over the facts that some picture shows."""
        truths = {name: batch.truth(name) for name in QUESTIONS}
        losses = [
            either_right(self.facts[_key(name)](vectors), truth) for name, truth in truths.items() if bool(truth.any())
        ]
        return torch.stack(losses).mean()


def place_loss(told: Float[Tensor, "b 4 p p"], places: Float[Tensor, "b 4 p p"]) -> Float[Tensor, ""]:
    """Mean absolute error of places on the body, in spreads of each axis, where there is a body, and of coverage.

    The spreads make fronts and backs as far apart as heads and feet.
    """
    cover, spread = places[:, 3:], places.new_tensor(_SPREAD)[:, None, None]
    wrong = (told[:, :3] - places[:, :3] / cover.clamp_min(1e-3) / spread).abs()
    return (cover * wrong).sum() / cover.sum().clamp_min(1.0) / 3.0 + (told[:, 3:] - cover).abs().mean()


def _key(name: str) -> str:
    return name.replace(" ", "_")
