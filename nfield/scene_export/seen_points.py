"""Points of a scene's surfaces that its cameras see: where half of what a ray sees is seen."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.errors import DataError
from nfield.rendering.image import CHUNK
from nfield.rendering.renderer import composite
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.types import Rays, RenderOutput, Samples

_OPAQUE = 0.5
_MOST_ROUNDS = 200
_FEWEST_RAYS = 256


@dataclass(frozen=True)
class SeenPoints:
    """Points of surfaces, in the scene's world.

    Attributes:
        places: Metres.
        colors: sRGB in [0, 1] as seen from the camera.
        dirs: Unit directions in which they are seen.
    """

    places: Float[Tensor, "n 3"]
    colors: Float[Tensor, "n 3"]
    dirs: Float[Tensor, "n 3"]

    def __len__(self) -> int:
        return len(self.places)


@torch.no_grad()
def seen_points(shown: SceneRenderer, cameras: Cameras, count: int, *, generator: torch.Generator) -> SeenPoints:
    """Points that random rays of the cameras meet.

    Args:
        shown: The scene.
        cameras: From where it is looked at.
        count: Points.
        generator: Draws the rays.

    Raises:
        DataError: The cameras see next to nothing.
    """
    parts: list[SeenPoints] = []
    found, rays = 0, min(CHUNK, max(_FEWEST_RAYS, 4 * count))
    for _ in range(_MOST_ROUNDS + count // 1024):
        part = _met(shown, _random_rays(shown, cameras, rays, generator))
        parts.append(part)
        found += len(part)
        if found >= count:
            return SeenPoints(*(torch.cat(list(column))[:count] for column in _columns(parts)))
    raise DataError(
        f"the scene's cameras see hardly anything in its field: {found} points were found, expected {count}; "
        "train it for longer"
    )


def _columns(parts: list[SeenPoints]) -> tuple[list[Tensor], ...]:
    return [part.places for part in parts], [part.colors for part in parts], [part.dirs for part in parts]


def _random_rays(shown: SceneRenderer, cameras: Cameras, count: int, generator: torch.Generator) -> Rays:
    camera = torch.randint(len(cameras), (count,), generator=generator)
    pixels = torch.rand(count, 2, generator=generator) * cameras.extents(camera)
    return cameras.rays(camera, pixels, box=shown.box, near=shown.near)


def _met(shown: SceneRenderer, rays: Rays) -> SeenPoints:
    samples = shown.renderer.sample(shown.field, rays)
    seen = composite(samples, shown.renderer.shade(shown.field, rays, samples))
    met = seen.opacity > _OPAQUE
    distance = median_distance(samples, seen)[met]
    dirs = rays.dirs[met]
    colors = seen.color[met] / seen.opacity[met, None]
    return SeenPoints(rays.origins[met] + distance[:, None] * dirs, colors.clamp(0.0, 1.0), dirs)


def median_distance(samples: Samples, seen: RenderOutput) -> Float[Tensor, "r"]:
    """Where each ray has met half of what it meets, metres along it; 0 where it meets nothing.

    Args:
        samples: Packed intervals.
        seen: What was composited of them.
    """
    total = torch.cat([seen.weights.new_zeros(1, dtype=torch.float64), seen.weights.double().cumsum(0)])
    offsets = samples.offsets()
    half = 0.5 * (total[offsets[:-1]] + total[offsets[1:]])
    first = (torch.searchsorted(total, half, right=False) - 1).clamp_min(0)
    return torch.where(seen.opacity > 0.0, _within(samples, first, half - total[first], seen.weights), 0.0)


def _within(
    samples: Samples, index: Int[Tensor, "r"], reached: Float[Tensor, "r"], weights: Float[Tensor, "s"]
) -> Float[Tensor, "r"]:
    """The place inside of an interval where a share of its weight is reached."""
    if len(weights) == 0:
        return reached.to(samples.t0)
    index = index.clamp_max(len(weights) - 1)
    share = (reached / weights[index].double().clamp_min(1e-12)).clamp(0.0, 1.0).to(samples.t0)
    return torch.lerp(samples.t0[index], samples.t1[index], share)
