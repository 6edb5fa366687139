"""Add an architecture of fields in one place: from then on every command knows it.

A field of Gaussians on a coarse grid of centres, each with a density and a colour, trained on a small scene.

Run: python examples/06_add_an_architecture.py
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.data.analytic import analytic_scene
from nfield.data.base import PosedImages
from nfield.fields import BACKENDS, BuildContext, Field, FieldConfig, backend
from nfield.fields.base import Learning
from nfield.fields.domain import Domain
from nfield.metrics import psnr
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.evaluation import over
from nfield.training.loop import TrainConfig, train
from nfield.training.optim import OptimConfig
from nfield.training.radiance import RadianceConfig
from nfield.training.scene import SceneSetup, set_up
from nfield.types import Latent, Level


@dataclass(frozen=True)
class BlobsConfig(FieldConfig):
    """Gaussians on a grid."""

    edge: int = 8
    """Centres along an edge of the box."""

    def learning(self) -> Learning:
        """One group of parameters and its rate; how many samples a step takes."""
        return Learning({"blobs": 0.1}, samples=1 << 13, first_samples=1 << 13)

    def build(self, context: BuildContext) -> "Blobs":
        """A field over the context's box that has learned nothing."""
        return Blobs(self, context)


class Blobs(Field):
    """See `BlobsConfig`."""

    def __init__(self, config: BlobsConfig, context: BuildContext) -> None:
        super().__init__()
        self.feature_dim, self.levels = 4, frozenset({Level.DENSITY, Level.COLOR})
        self.log_density_range = (-10.0, 10.0)
        self.domain, self.edge = Domain(context.box), config.edge
        places = (torch.arange(config.edge) + 0.5) / config.edge
        self.register_buffer("centers", torch.cartesian_prod(places, places, places))
        self.blobs = nn.Parameter(0.01 * torch.randn(config.edge**3, 4, generator=context.generator))

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """Sums of Gaussians: a log-density and a colour."""
        unit, presence = self.domain(points)
        square = torch.cdist(unit, self.get_buffer("centers")).square()
        return Latent(torch.exp(-square * self.edge**2) @ self.blobs, presence)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The first number of the feature, 1/m, as logarithm."""
        return feature[:, 0]

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The others."""
        return feature[:, 1:].sigmoid()

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """All of it."""
        return {"blobs": [self.blobs]}


def main(steps: int = 60) -> tuple[float, float]:
    """PSNR of a held-out view before and after a short training, in dB; `nfield train --field blobs` works, too."""
    if "blobs" not in BACKENDS:
        backend("blobs")(BlobsConfig)
    generator = torch.Generator().manual_seed(0)
    views = analytic_scene(21, (48, 48), generator)
    seen, held_out = views.subset(slice(0, 20)), views.subset(slice(20, 21))
    setup = set_up(seen, BlobsConfig(), radiance=RadianceConfig(samples=1 << 13), generator=generator)
    before = quality(setup, held_out)
    rates = OptimConfig(rates=BlobsConfig().learning().rates)
    train(setup.task, TrainConfig(minutes=None, steps=steps, optim=rates))
    return before, quality(setup, held_out)


def quality(setup: SceneSetup, view: PosedImages) -> float:
    """PSNR of a view, in dB."""
    shown = SceneRenderer(setup.task.field, setup.task.renderer, view.box, 0.0, (1.0, 1.0, 1.0))
    return psnr(shown.image(view.cameras, 0).color, over(view.image(0), torch.ones(3)))


if __name__ == "__main__":
    print("{:.1f} dB in a held-out view before, {:.1f} dB after".format(*main()))
