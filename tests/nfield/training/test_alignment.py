"""Cameras that are aligned with a field whose density and colour are closed forms go back to where they were."""

from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.cameras import Cameras
from nfield.data.analytic import analytic_cameras
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PictureStack
from nfield.fields.base import Field
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.uniform import UniformSampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.alignment import aligned_cameras
from nfield.training.pose_refinement import PoseRefinement
from nfield.types import Box, Latent, Level

BOX = Box.cube(1.0)


class Blobs(Field):
    """Three soft balls with stripes; one number is learned, so that freezing it can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim, self.levels = 3, frozenset({Level.DENSITY, Level.COLOR})
        self.log_density_range = (-10.0, 10.0)
        self.centers = torch.tensor([[0.4, 0.0, 0.1], [-0.3, 0.35, -0.2], [-0.1, -0.4, 0.3]])
        self.peak = nn.Parameter(torch.tensor(3.0))

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        return Latent(points, torch.ones_like(points[:, 0]))

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        away = (feature[:, None] - self.centers).square().sum(-1)
        return self.peak + (-away / 0.02).logsumexp(-1)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        return 0.5 + 0.4 * torch.sin(6.0 * feature)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"peak": [self.peak]}


@pytest.fixture
def shown() -> SceneRenderer:
    return SceneRenderer(Blobs(), Renderer(UniformSampler(16)), BOX, 0.0, (0.0, 0.0, 0.0))


def photographed(shown: SceneRenderer, cameras: Cameras) -> PosedImages:
    """What the cameras see, opaque."""
    seen = torch.stack([shown.image(cameras, index).color for index in range(len(cameras))])
    pixels = torch.cat([seen, torch.ones_like(seen[..., :1])], -1)
    pictures = PictureStack.of_one_size((pixels * 255.0).round().to(torch.uint8))
    return PosedImages(cameras, pictures, BOX, BOX, False, None, tuple(map(str, range(len(cameras)))))


def error(found: Cameras, expected: Cameras) -> float:
    """How far apart the balls' middles appear in the pictures of both, pixels: a turn can stand in for a shift."""
    centers = Blobs().centers
    apart = [found.project(centers, index)[0] - expected.project(centers, index)[0] for index in range(len(found))]
    return float(torch.stack(apart).norm(dim=-1).mean())


def test_disturbed_cameras_are_found_again(shown: SceneRenderer, generator: torch.Generator):
    cameras = analytic_cameras(3, (24, 24), generator=generator)
    images = photographed(shown, cameras)
    noise = PoseRefinement(3, unit=2.0, centered=False)
    for parameter in noise.parameters():
        parameter.data = 0.02 * torch.randn(3, 3, generator=generator)
    disturbed = noise.cameras(cameras)
    found = aligned_cameras(shown, replace(images, cameras=disturbed), steps=60, rays=256)
    assert error(disturbed, cameras) > 0.5
    assert error(found, cameras) < 0.2 * error(disturbed, cameras)


def test_the_field_stays_as_it_was_and_can_be_trained_on(shown: SceneRenderer, generator: torch.Generator):
    images = photographed(shown, analytic_cameras(2, (8, 8), generator=generator))
    peak = shown.field.get_parameter("peak")
    aligned_cameras(shown, images, steps=3, rays=64)
    assert peak.item() == 3.0
    assert peak.requires_grad
    assert peak.grad is None


def test_cameras_that_are_right_stay(shown: SceneRenderer, generator: torch.Generator):
    cameras = analytic_cameras(3, (24, 24), generator=generator)
    found = aligned_cameras(shown, photographed(shown, cameras), steps=20, rays=256)
    assert error(found, cameras) < 0.1
