"""Fitting a radiance field to posed images."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.data.base import PosedImages
from nfield.data.picture_stack import PixelDraw
from nfield.devices import device_of, on_device, uniform
from nfield.fields.base import Field
from nfield.losses import huber
from nfield.rendering.renderer import Renderer, composite
from nfield.training.ray_budget import RayBudget
from nfield.training.running_error import RunningError
from nfield.training.task import Moment
from nfield.types import Rays


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
    """Share of the budget after which a field whose parts wait for their places gets them, from what it has learned."""
    near: float = 0.0
    """Distance before which nothing is rendered, metres."""


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
        self.images = images = on_device(images, device_of(field))
        self._budget = RayBudget(first=config.first_rays, most=config.most_rays)
        self._error = RunningError()
        self._draw = PixelDraw(images.pictures)

    def modules(self) -> Mapping[str, nn.Module]:
        """The field and the renderer's sampler."""
        return {"field": self.field, "sampler": self.renderer.sampler}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The field's."""
        return self.field.param_groups()

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean Huber loss of the colours of random pixels."""
        if not self.field.placed and moment.share >= self.config.place_at:
            self.field.place(self.field, generator=generator)
        self.renderer.sampler.update(self.field, moment.step, generator=generator)
        rays, pixels, background = self._batch(generator)
        target = pixels[:, :3] * pixels[:, 3:] + background * (1.0 - pixels[:, 3:])
        samples = self.renderer.sample(self.field, rays, generator=generator)
        out = composite(samples, self.renderer.shade(self.field, rays, samples), background)
        grown = self.config.first_samples * 2.0 ** min(moment.step / self.config.doubling, 16.0)
        self._budget.learn(rays=len(rays), samples=len(samples), goal=min(float(self.config.samples), grown))
        self._error.add((out.color.detach() - target).square().mean())
        losses = {"color": huber(out.color, target, delta=self.config.delta).mean()}
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

    def _batch(self, generator: torch.Generator) -> tuple[Rays, Float[Tensor, "r 4"], Float[Tensor, "r 3"]]:
        """Random rays, their pixels, and colours behind: the backdrop's where it may be a part of the pixel's."""
        camera, column, row = self._draw(self._budget.count, generator)
        centers = torch.stack([column, row], -1) + 0.5
        rays = self.images.cameras.rays(camera, centers, box=self.images.box, near=self.config.near)
        behind = uniform(len(rays), 3, generator=generator, device=rays.origins.device)
        if self.images.backdrop is not None:
            blended = self.images.pictures.blended_at(camera, column, row)
            behind = torch.where(blended[:, None], behind.new_tensor(self.images.backdrop), behind)
        return rays, self.images.pixels(camera, column, row), behind


def _mean_sizes(parameters: list[nn.Parameter]) -> Float[Tensor, ""]:
    """Sum of the mean absolute values of some tensors, at least one."""
    return torch.stack([p.abs().mean() for p in parameters]).sum()
