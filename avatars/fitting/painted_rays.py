"""Rays through pictures of the painted body: the canonical field where the photo says nothing."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from avatars.fitting.neighbourhood import pixels_beside
from avatars.fitting.rendering import RayBatch, random_members
from avatars.fitting.subject import FitSubject
from avatars.posed.rendered_field import RenderedField
from avatars.surface.views import BodyViews


@dataclass(frozen=True)
class PaintedRays:
    """Random pixels of pictures of the painted body; a `RaySampling`."""

    count: int = 4096
    """Rays of a step."""
    hidden: float = 0.6
    """Share of them where the photo does not show the body."""
    shown: float = 0.1
    """Share of them where it does; the rest goes beside the body."""
    margin: int = 20
    """How far beside the body those go, pixels of the pictures."""
    visible_weight: float = 0.1
    """Factor on the colours where the photo shows the surface."""

    def build(self, subject: FitSubject) -> "PaintedDrawer":
        """See `RaySampling.build`."""
        return PaintedDrawer(subject.avatar.canonical, subject.views, self)


class PaintedDrawer:
    """Draws pixels of the pictures.

    Args:
        shown: The field at rest.
        views: The pictures.
        config: How many rays go where.
    """

    def __init__(self, shown: RenderedField, views: BodyViews, config: PaintedRays) -> None:
        self.shown, self._views, self._visible_weight = shown, views, config.visible_weight
        self._pools = _pools(views, config)

    def draw(self, generator: torch.Generator) -> RayBatch:
        """Random rays; colours that the photo shows better count less."""
        images = self._views.images
        index = torch.cat([random_members(pool, count, generator) for pool, count in self._pools])
        height, width = images.cameras.size
        camera, row, column = index // (height * width), index // width % height, index % width
        rays = images.cameras.rays(camera, torch.stack([column, row], -1) + 0.5, box=images.box)
        pixels = images.pixels(camera, column, row)
        visibility = self._views.visibility[camera, row, column].to(torch.float32) / 255.0
        confidence = 1.0 - (1.0 - self._visible_weight) * visibility
        return RayBatch(rays, pixels[:, :3], pixels[:, 3], confidence)


def _pools(views: BodyViews, config: PaintedRays) -> list[tuple[Int[Tensor, "p"], int]]:
    """Pixels of the pictures where the photo hides the body, where it does not, and beside it; rays for each."""
    body = views.images.images[..., 3] > 0
    beside = torch.stack([pixels_beside(one, config.margin) for one in body])
    hidden = body & (views.visibility < 128)
    counts = [int(config.count * share) for share in (config.hidden, config.shown)]
    counts.append(config.count - sum(counts))
    pools = [where.reshape(-1).nonzero()[:, 0] for where in (hidden, body & ~hidden, beside)]
    return list(zip(pools, counts, strict=True))
