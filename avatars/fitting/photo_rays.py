"""Rays through the photo: the posed field against the photo's pixels."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avatars.fitting.neighbourhood import pixels_beside
from avatars.fitting.photo_confidence import PhotoConfidence, photo_confidence
from avatars.fitting.rendering import RayBatch, random_members
from avatars.fitting.subject import FitSubject
from avatars.posed.avatar import PosedAvatar
from avatars.posed.ray_table import RayTable, RayTableConfig
from avatars.posed.rendered_field import RenderedField
from avatars.posed.shell_sampler import ShellSampler
from nfield.cameras import Cameras
from nfield.devices import on_device
from nfield.fields.warped import WarpedField
from nfield.types import Box, Rays

_LEAST_ALPHA = 0.02
"""From this alpha on a pixel shows something of the person."""


@dataclass(frozen=True)
class PhotoRays:
    """Random pixels of the photo, on the person and beside it; a `RaySampling`."""

    count: int = 8192
    """Rays of a step."""
    surroundings: float = 0.25
    """Share of them beside the person."""
    reach: int = 40
    """How far beside the person those go, pixels."""

    def build(self, subject: FitSubject) -> "PhotoDrawer":
        """See `RaySampling.build`; the warp along the rays is computed once, here."""
        person, posed = subject.person, subject.posed
        camera = person.portrait.camera
        confidence = photo_confidence(subject.body, person, posed.vertices)
        target = PhotoTarget(camera, person.photo, person.alpha, confidence, posed.box, posed.ends(camera, 0))
        target = on_device(target, subject.avatar.device)
        tabulated = WarpedField(subject.avatar.canonical.field, _ray_table(posed, target, self.reach))
        return PhotoDrawer(RenderedField(tabulated, posed.rendered.renderer), target, self)


@dataclass(frozen=True)
class PhotoTarget:
    """The photo as the fit sees it.

    Attributes:
        camera: The one that took it.
        photo: sRGB.
        alpha: The person's matte in [0, 1].
        confidence: How much each pixel counts.
        box: Box of the posed person in the camera's frame, metres.
        ends: Distance along each pixel's ray at which it is deep in the body, metres.
    """

    camera: Cameras
    photo: UInt8[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    confidence: PhotoConfidence
    box: Box
    ends: Float[Tensor, "h w"]

    def on_person(self) -> Int[Tensor, "p"]:
        """Pixels that show something of the person, counted row by row."""
        return (self.alpha > _LEAST_ALPHA).reshape(-1).nonzero()[:, 0]

    def beside(self, reach: int) -> Int[Tensor, "p"]:
        """Pixels up to `reach` pixels beside it, counted row by row."""
        return pixels_beside(self.alpha > _LEAST_ALPHA, reach).reshape(-1).nonzero()[:, 0]

    def rays(self, index: Int[Tensor, "r"]) -> Rays:
        """Rays through the centres of pixels, counted row by row, that end deep in the body."""
        width = self.photo.shape[1]
        centers = torch.stack([index % width, index // width], -1) + 0.5
        rays = self.camera.rays(torch.zeros_like(index), centers, box=self.box)
        return replace(rays, far=torch.minimum(rays.far, self.ends.reshape(-1)[index]))

    def batch(self, index: Int[Tensor, "r"], *, reported: int) -> RayBatch:
        """Rays through pixels, with their colours, alphas and confidence."""
        color = self.photo.reshape(-1, 3)[index].to(torch.float32) / 255.0
        planes = (self.alpha, self.confidence.color, self.confidence.alpha)
        alpha, confidence, outline = (plane.reshape(-1)[index] for plane in planes)
        return RayBatch(self.rays(index), color, alpha, confidence, outline, reported=reported)


class PhotoDrawer:
    """Draws pixels of the photo.

    Args:
        shown: The field in the photo's world.
        target: The photo.
        config: How many rays go where.
    """

    def __init__(self, shown: RenderedField, target: PhotoTarget, config: PhotoRays) -> None:
        self.shown, self._target = shown, target
        self._person, self._beside = target.on_person(), target.beside(config.reach)
        beside = int(config.count * config.surroundings) if len(self._beside) else 0
        self._counts = config.count - beside, beside

    def draw(self, generator: torch.Generator) -> RayBatch:
        """Random rays, those on the person first."""
        on_person, beside = self._counts
        index = torch.cat(
            [random_members(self._person, on_person, generator), random_members(self._beside, beside, generator)]
        )
        return self._target.batch(index, reported=on_person)


def _ray_table(posed: PosedAvatar, target: PhotoTarget, reach: int) -> RayTable:
    """The warp along the photo's rays."""
    field, sampler = posed.rendered.field, posed.rendered.renderer.sampler
    assert isinstance(field, WarpedField)
    assert isinstance(sampler, ShellSampler)
    pixel = torch.cat([target.on_person(), target.beside(reach)]).sort().values
    rays, config = target.rays(pixel), RayTableConfig()
    return RayTable(field.warp, target.camera, rays, pixel, sampler.reachable_steps(rays, config.step), config)
