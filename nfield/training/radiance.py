"""Fitting a radiance field to posed images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.cameras import Cameras
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PixelDraw
from nfield.devices import device_of, on_device, uniform
from nfield.fields.base import Field
from nfield.kernels.distortion import distortion
from nfield.losses import huber
from nfield.rendering.renderer import Renderer, composite
from nfield.training.pose_refinement import PoseRefinement
from nfield.training.ray_budget import RayBudget
from nfield.training.running_error import RunningError
from nfield.training.task import Moment
from nfield.training.tone_refinement import ToneRefinement
from nfield.types import Rays, RenderOutput, Samples


@dataclass(frozen=True)
class RadianceConfig:
    """How a field is fitted to images."""

    samples: int = 1 << 16
    """Visible samples of a step in the end; the number of rays follows from it."""
    first_samples: int = 1 << 14
    """Visible samples of the first step: while the whole box is still fog, many small steps learn more."""
    doubling: int = 400
    """Steps in which the samples of a step double until they are `samples`."""
    first_rays: int = 64
    """Rays of the first step."""
    most_rays: int = 1 << 16
    """Rays of a step at most."""
    delta: float = 0.1
    """Where the Huber loss turns from square to linear."""
    sparsity: float = 0.0
    """Weight of the mean size of the parameters that the field says are mostly zero."""
    place_at: float = 0.12
    """Share of the budget after which a field's centres, if it has some, are initialised from what it has learned."""
    near: float = 0.0
    """Distance before which nothing is rendered, metres."""
    refine_cameras: bool = False
    """Whether places and directions of the cameras are learned, too."""
    refine_exposure: bool = False
    """Whether exposure and white balance of each photo are learned, too."""
    distortion: float = 0.0
    """Weight of what draws the weights on each ray together, against floaters."""

    def with_samples(self, samples: int | None) -> "RadianceConfig":
        """The same with as many samples of a step in the end; None changes nothing."""
        if samples is None:
            return self
        return replace(self, samples=samples, first_samples=min(self.first_samples, samples))


@dataclass(frozen=True)
class _Batch:
    """Random pixels.

    Attributes:
        camera: Whose each is.
        rays: Through them.
        pixels: Theirs, sRGB and straight alpha.
        behind: Colours behind.
    """

    camera: Int[Tensor, "r"]
    rays: Rays
    pixels: Float[Tensor, "r 4"]
    behind: Float[Tensor, "r 3"]

    @property
    def target(self) -> Float[Tensor, "r 3"]:
        """The pixels over what is behind."""
        return self.pixels[:, :3] * self.pixels[:, 3:] + self.behind * (1.0 - self.pixels[:, 3:])


class RadianceTask:
    """Random pixels of all images against the field's rendering, over random backgrounds.

    Args:
        field: The field to fit.
        renderer: Renders it; its sampler learns along.
        images: Views to fit.
        config: Options.
    """

    def __init__(self, field: Field, renderer: Renderer, images: PosedImages, config: RadianceConfig) -> None:
        self.field, self.renderer, self.config = field, renderer, config
        device = device_of(field)
        self.images = images = on_device(images, device)
        self._budget = RayBudget(first=config.first_rays, most=config.most_rays)
        self._error = RunningError()
        self._draw = PixelDraw(images.pictures)
        self._poses = PoseRefinement(len(images), unit=images.scale).to(device) if config.refine_cameras else None
        self._tones = ToneRefinement(len(images)).to(device) if config.refine_exposure else None

    def modules(self) -> Mapping[str, nn.Module]:
        """The field, the renderer's sampler, and what is learned of each view."""
        return {"field": self.field, "sampler": self.renderer.sampler, **self._refined()}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The field's, and those of each view."""
        return {
            **self.field.param_groups(),
            **{name: list(module.parameters()) for name, module in self._refined().items()},
        }

    @property
    def cameras(self) -> Cameras:
        """The cameras of the images, refined as far as they are."""
        return self.images.cameras if self._poses is None else self._poses.cameras(self.images.cameras)

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean Huber loss of the colours of random pixels."""
        if not self.field.initialised and moment.share >= self.config.place_at:
            self.field.initialise(self.field, generator=generator)
        self.renderer.sampler.update(self.field, moment.step, generator=generator)
        batch = self._batch(generator)
        samples = self.renderer.sample(self.field, batch.rays.detach(), generator=generator)
        out = composite(samples, self.renderer.shade(self.field, batch.rays, samples))
        color = self._seen(out, batch)
        grown = self.config.first_samples * 2.0 ** min(moment.step / self.config.doubling, 16.0)
        self._budget.learn(rays=len(batch.rays), samples=len(samples), goal=min(float(self.config.samples), grown))
        self._error.add((color.detach() - batch.target).square().mean())
        losses = {"color": huber(color, batch.target, delta=self.config.delta).mean()}
        if self.config.distortion > 0.0:
            losses["distortion"] = self.config.distortion * self._distortion(out, samples)
        if self.config.sparsity > 0.0 and (sparse := self.field.sparse()):
            losses["sparsity"] = self.config.sparsity * _mean_sizes(sparse)
        return losses

    def measures(self) -> dict[str, float]:
        """PSNR of recent batches and rays of a step."""
        return {"psnr": self._error.psnr, "rays": self._budget.rays}

    def state(self) -> dict[str, float]:
        """Rays of a step and the running error."""
        return {"rays": self._budget.rays, "error": self._error.value}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""
        self._budget.rays, self._error.value = state["rays"], state["error"]

    def _refined(self) -> dict[str, nn.Module]:
        """What is learned of each view, by name."""
        parts = {"poses": self._poses, "tones": self._tones}
        return {name: part for name, part in parts.items() if part is not None}

    def _batch(self, generator: torch.Generator) -> _Batch:
        """Random rays, their pixels, and colours behind: the backdrop's where it may be a part of the pixel's."""
        camera, column, row = self._draw(self._budget.count, generator)
        centers = torch.stack([column, row], -1) + 0.5
        rays_of = self.images.cameras.rays if self._poses is None else partial(self._poses.rays, self.images.cameras)
        rays = rays_of(camera, centers, box=self.images.box, near=self.config.near)
        behind = uniform(len(rays), 3, generator=generator, device=rays.origins.device)
        if self.images.backdrop is not None:
            blended = self.images.pictures.blended_at(camera, column, row)
            behind = torch.where(blended[:, None], behind.new_tensor(self.images.backdrop), behind)
        return _Batch(camera, rays, self.images.pixels(camera, column, row), behind)

    def _seen(self, out: RenderOutput, batch: _Batch) -> Float[Tensor, "r 3"]:
        """The rendered colours as each photo would show them, over what is behind."""
        color = out.color if self._tones is None else self._tones(out.color, out.opacity, batch.camera)
        return color + (1.0 - out.opacity)[:, None] * batch.behind

    def _distortion(self, out: RenderOutput, samples: Samples) -> Float[Tensor, ""]:
        """The mean over rays, of distances that the scene's scale maps to [0, 1): far ones count by their disparity."""
        s0, s1 = (t / (t + self.images.scale) for t in (samples.t0, samples.t1))
        return distortion(out.weights, s0, s1, samples.offsets()).mean()


def _mean_sizes(parameters: list[nn.Parameter]) -> Float[Tensor, ""]:
    """Sum of the mean absolute values of some tensors, at least one."""
    return torch.stack([p.abs().mean() for p in parameters]).sum()
