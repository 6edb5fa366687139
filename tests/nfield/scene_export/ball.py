"""A coloured ball as a scene, whose surface and colours are known."""

import math

import torch
from torch import Tensor

from nfield.cameras import Cameras, look_at
from nfield.checkpoint import Checkpoint
from nfield.data.world import World
from nfield.fields import HashConfig
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import BoxRecord, OrbitRecord, SavedScene, SceneRecord
from nfield.types import Box, Latent
from tests.solids import Ball


class SoftBall(Ball):
    """A ball whose density grows inwards by e in each centimetre; at its surface a step is `OPACITY` opaque."""

    def encode(self, points: Tensor) -> Latent:
        place = points - self.center.to(points)
        return Latent(place, (place.norm(dim=-1) <= 1.2 * self.radius).to(points))

    def density_head(self, feature: Tensor) -> Tensor:
        return self.strength.to(feature) + 100.0 * (self.radius - feature.norm(dim=-1))


CENTER = (0.1, -0.05, 0.2)
RADIUS = 0.6
OPACITY = 0.25
"""Of a step at its surface, by default that of meshes."""


def ring(count: int, size: tuple[int, int] = (40, 40)) -> Cameras:
    """Cameras around the ball, from above and from below."""
    angle = torch.arange(count) * 2.4
    height = torch.linspace(-0.8, 0.8, count)
    across = (1.0 - height.square()).sqrt()
    origins = 3.0 * torch.stack([across * angle.cos(), across * angle.sin(), height], -1) + torch.tensor(CENTER)
    poses = look_at(origins, torch.tensor(CENTER), torch.tensor([0.0, 0.0, 1.0]))
    return Cameras.pinhole(60.0, size, world_from_camera=poses)


def ball_scene(world: World | None = None, *, center: tuple[float, float, float] = CENTER) -> SavedScene:
    """A dense ball, coloured by place, looked at from all around."""
    generator = torch.Generator().manual_seed(0)
    config, box = OccupancyConfig(resolution=64, steps=160, coarse=1.0), Box.cube(1.0)
    sampler = OccupancySampler(box, config)
    ball = SoftBall(-math.log1p(-OPACITY) / sampler.rule.step, radius=RADIUS, center=center)
    sampler.rebuild(ball, generator=generator, passes=6)
    cameras = ring(24)
    low, high = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)
    orbit = OrbitRecord(center, (0.05, 0.0, 0.99), (3.0, 0.0, 0.0), 60.0, cameras.size, 6.3)
    record = SceneRecord(BoxRecord(low, high), config, 0.0, (1.0, 1.0, 1.0), orbit, world or World())
    shown = SceneRenderer(ball, Renderer(sampler), box, 0.0, (1.0, 1.0, 1.0))
    return SavedScene(shown, record, cameras, Checkpoint("radiance", HashConfig(), box, {}))
