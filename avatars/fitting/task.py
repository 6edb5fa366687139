"""Fitting an avatar to its photo while the sides that the photo does not show stay as they were painted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from torch import Tensor, nn

from avatars.posed.rendered_field import RenderedField
from avatars.surface.views import BodyViews
from nfield.cameras import Cameras
from nfield.losses import binary_cross_entropy, huber
from nfield.training.running_error import RunningError
from nfield.training.task import Moment
from nfield.types import Box, Rays

_SOME = 0.02  # alpha from which on a pixel shows something of the person


@dataclass(frozen=True)
class AvatarConfig:
    """How an avatar is fitted to its photo."""

    photo_rays: int = 8192
    """Rays of a step through the photo."""
    view_rays: int = 4096
    """Rays of a step through pictures of the painted body."""
    hidden: float = 0.6
    """Share of those that go where the photo does not see the body."""
    shown: float = 0.1
    """Share of those that go where it does; the rest goes beside the body."""
    surroundings: float = 0.25
    """Share of the photo's rays beside the person."""
    reach: int = 40
    """How far beside the person those go, pixels."""
    silhouette: float = 0.01
    """Weight of the outline against the colours."""
    margin: int = 20
    """How far beside the body those go, pixels of the pictures."""
    views: float = 1.0
    """Weight of the pictures of the painted body."""
    visible_weight: float = 0.1
    """Further factor of those colours where the photo shows the surface."""
    delta: float = 0.1
    """Where the Huber loss turns from square to linear."""


@dataclass(frozen=True)
class PhotoTarget:
    """The photo as the fit sees it.

    Attributes:
        camera: The one that took it.
        photo: sRGB.
        alpha: The person's matte in [0, 1].
        box: Box of the posed person in the camera's frame, metres.
        ends: Distance along each pixel's ray at which it is deep in the body, metres.
    """

    camera: Cameras
    photo: UInt8[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    box: Box
    ends: Float[Tensor, "h w"]

    def pool(self, reach: int) -> Int[Tensor, "p"]:
        """The person's pixels and those up to `reach` pixels beside it, counted row by row."""
        person = self.alpha > _SOME
        return (person | _around(person, reach)).reshape(-1).nonzero()[:, 0]

    def rays(self, index: Int[Tensor, "r"]) -> tuple[Rays, Float[Tensor, "r 4"]]:
        """Rays through pixels, counted row by row, and their sRGB and alpha."""
        width = self.photo.shape[1]
        centers = torch.stack([index % width, index // width], -1) + 0.5
        rays = self.camera.rays(torch.zeros_like(index), centers, box=self.box)
        rays = replace(rays, far=torch.minimum(rays.far, self.ends.reshape(-1)[index]))
        color = self.photo.reshape(-1, 3)[index].to(torch.float32) / 255.0
        return rays, torch.cat([color, self.alpha.reshape(-1, 1)[index]], -1)


class AvatarTask:
    """Pixels of the photo through the posed field, and of pictures of the painted body through the canonical one.

    Backgrounds are random, so that opacity is learned from colours; the matte adds a term of its own.

    Args:
        canonical: The field at rest, which is optimised.
        posed: The same field behind the photo's pose.
        target: The photo.
        views: Pictures of the painted body at rest.
        config: Options.
    """

    def __init__(
        self,
        canonical: RenderedField,
        posed: RenderedField,
        target: PhotoTarget,
        views: BodyViews,
        config: AvatarConfig,
    ) -> None:
        self.canonical, self.posed = canonical, posed
        self.target, self.views, self.config = target, views, config
        person = target.alpha > _SOME
        self._inside = person.reshape(-1).nonzero()[:, 0]
        self._beside = _around(person, config.reach).reshape(-1).nonzero()[:, 0]
        self._pools = _view_pools(views, config)
        self._error = RunningError()

    def modules(self) -> Mapping[str, nn.Module]:
        """The canonical field and both samplers."""
        return {
            "field": self.canonical.field,
            "sampler": self.canonical.renderer.sampler,
            "posed": self.posed.renderer.sampler,
        }

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The canonical field's."""
        return self.canonical.field.param_groups()

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Colour and outline of the photo, colours of the painted body."""
        for shown in (self.canonical, self.posed):
            shown.renderer.sampler.update(shown.field, moment.step, generator=generator)
        return {**self._photo_losses(generator), "views": self.config.views * self._view_loss(generator)}

    def measures(self) -> dict[str, float]:
        """PSNR of recent rays through the person, and rays of a step."""
        rays = float(self.config.photo_rays + self.config.view_rays)
        return {"psnr": self._error.psnr, "rays": rays}

    def state(self) -> dict[str, float]:
        """The running error."""
        return {"error": self._error.value}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""
        self._error.value = state["error"]

    def _photo_losses(self, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        config = self.config
        beside = int(config.photo_rays * config.surroundings) if len(self._beside) else 0
        index = torch.cat(
            [_drawn(self._inside, config.photo_rays - beside, generator), _drawn(self._beside, beside, generator)]
        )
        rays, pixels = self.target.rays(index)
        background = torch.rand(len(rays), 3, generator=generator)
        color, alpha = pixels[:, :3], pixels[:, 3:]
        wanted = color * alpha + background * (1.0 - alpha)
        out = self.posed.renderer(self.posed.field, rays, background=background, generator=generator)
        self._error.add(float((out.color.detach() - wanted)[: config.photo_rays - beside].square().mean()))
        outline = binary_cross_entropy(out.opacity, alpha[:, 0]).mean()
        return {
            "color": huber(out.color, wanted, delta=config.delta).mean(),
            "silhouette": config.silhouette * outline,
        }

    def _view_loss(self, generator: torch.Generator) -> Float[Tensor, ""]:
        images, config = self.views.images, self.config
        index = torch.cat([_drawn(pool, count, generator) for pool, count in self._pools])
        height, width = images.cameras.size
        camera, row, column = index // (height * width), index // width % height, index % width
        rays = images.cameras.rays(camera, torch.stack([column, row], -1) + 0.5, box=images.box)
        pixels = images.pixels(camera, column, row)
        background = torch.rand(len(rays), 3, generator=generator)
        wanted = pixels[:, :3] * pixels[:, 3:] + background * (1.0 - pixels[:, 3:])
        out = self.canonical.renderer(self.canonical.field, rays, background=background, generator=generator)
        visibility = self.views.visibility[camera, row, column].to(torch.float32) / 255.0
        weight = 1.0 - (1.0 - config.visible_weight) * visibility
        return (huber(out.color, wanted, delta=config.delta).mean(-1) * weight).mean()


def _view_pools(views: BodyViews, config: AvatarConfig) -> list[tuple[Int[Tensor, "p"], int]]:
    """Pixels of the pictures where the body is hidden from the photo, where it is not, and beside it; rays for each."""
    body = views.images.images[..., 3] > 0
    beside = torch.stack([_around(one, config.margin) for one in body])
    hidden = body & (views.visibility < 128)
    counts = [int(config.view_rays * share) for share in (config.hidden, config.shown)]
    counts.append(config.view_rays - sum(counts))
    pools = [where.reshape(-1).nonzero()[:, 0] for where in (hidden, body & ~hidden, beside)]
    return list(zip(pools, counts, strict=True))


def _around(person: Bool[Tensor, "h w"], reach: int) -> Bool[Tensor, "h w"]:
    """Pixels beside the person that are at most `reach` pixels away."""
    distance = torch.from_numpy(ndimage.distance_transform_edt((~person).numpy()))
    return (distance > 0) & (distance <= reach)


def _drawn(pool: Int[Tensor, "p"], count: int, generator: torch.Generator) -> Int[Tensor, "r"]:
    """Random members of a pool, with replacement; none of an empty one."""
    return pool[torch.randint(max(len(pool), 1), (count if len(pool) else 0,), generator=generator)]
