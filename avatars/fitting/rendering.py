"""Which rays a step renders, and rendering them once for all terms that look at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.fitting.subject import FitSubject
from avatars.posed.rendered_field import RenderedField
from nfield.devices import uniform, whole_numbers
from nfield.types import Rays, RenderOutput


@dataclass(frozen=True)
class RayBatch:
    """Rays of a step, and what is known at their ends.

    Attributes:
        rays: In the world of the field that renders them.
        color: sRGB of the pixel, straight alpha.
        alpha: Of the pixel, in [0, 1].
        confidence: How much each pixel's colour counts; None where all count alike.
        alpha_confidence: The same of its alpha.
        reported: The first so many rays are those whose PSNR is shown to people.
    """

    rays: Rays
    color: Float[Tensor, "r 3"]
    alpha: Float[Tensor, "r"]
    confidence: Float[Tensor, "r"] | None = None
    alpha_confidence: Float[Tensor, "r"] | None = None
    reported: int = 0


@dataclass(frozen=True)
class Rendering:
    """A batch, rendered over random backgrounds, so that opacity is learned from colours.

    Attributes:
        batch: The rays.
        target: The pixels' sRGB over the same backgrounds.
        out: What the field shows.
    """

    batch: RayBatch
    target: Float[Tensor, "r 3"]
    out: RenderOutput


@runtime_checkable
class RayDrawer(Protocol):
    """Draws the rays of each step."""

    @property
    def shown(self) -> RenderedField:
        """The field that renders them."""
        ...

    def draw(self, generator: torch.Generator) -> RayBatch:
        """Random rays."""
        ...


@runtime_checkable
class RaySampling(Protocol):
    """Which rays of which pictures a step draws, as options: frozen, and equal where they mean the same rays."""

    def build(self, subject: FitSubject) -> RayDrawer:
        """What draws them for a subject."""
        ...


class StepRenderings:
    """The renderings of one step. Each sampling is drawn and rendered when the first term asks for it, and only then.

    Args:
        drawers: Of each sampling.
        generator: Draws rays, backgrounds and the samples' jitter.
    """

    def __init__(self, drawers: Mapping[RaySampling, RayDrawer], generator: torch.Generator) -> None:
        self._drawers, self._generator = drawers, generator
        self._done: dict[RaySampling, Rendering] = {}

    def of(self, sampling: RaySampling) -> Rendering:
        """The rendering of a sampling: the same one for every term of the step."""
        if sampling not in self._done:
            self._done[sampling] = rendered(self._drawers[sampling], self._generator)
        return self._done[sampling]

    @property
    def done(self) -> tuple[Rendering, ...]:
        """Those that were asked for."""
        return tuple(self._done.values())


def rendered(drawer: RayDrawer, generator: torch.Generator) -> Rendering:
    """Draws rays and renders them over random backgrounds; differentiable in the field's parameters.

    Args:
        drawer: Draws the rays, and knows the field.
        generator: For rays, backgrounds and jitter.
    """
    batch = drawer.draw(generator)
    background = uniform(len(batch.rays), 3, generator=generator, device=batch.alpha.device)
    alpha = batch.alpha[:, None]
    target = batch.color * alpha + background * (1.0 - alpha)
    shown = drawer.shown
    out = shown.renderer(shown.field, batch.rays, background=background, generator=generator)
    return Rendering(batch, target, out)


def random_members(pool: Int[Tensor, "p"], count: int, generator: torch.Generator) -> Int[Tensor, "r"]:
    """Random members of a pool, with replacement; none of an empty one."""
    drawn = count if len(pool) else 0
    return pool[whole_numbers(max(len(pool), 1), drawn, generator=generator, device=pool.device)]
