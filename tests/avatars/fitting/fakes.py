"""Rays whose rendering is known, and counted."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from avatars.fitting.rendering import RayBatch
from avatars.fitting.subject import FitSubject
from avatars.posed.rendered_field import RenderedField
from nfield.fields import Field
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.base import Sampler
from nfield.types import Rays, RenderOutput, Samples

COUNT = 6
COLOR = torch.tensor([[0.9, 0.1, 0.4]]).expand(COUNT, 3)
ALPHA = torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, 1.0])


class NoSampler(Sampler):
    """Counts how often it is updated."""

    def __init__(self) -> None:
        super().__init__()
        self.updates = 0

    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        raise AssertionError("these rays are rendered in closed form")

    def update(self, field: Field, step: int, *, generator: torch.Generator) -> None:
        self.updates += 1


class KnownRenderer(Renderer):
    """Shows what a function gives, over the background; counts its calls."""

    def __init__(self, shown: Callable[[], tuple[Tensor, Tensor]]) -> None:
        super().__init__(NoSampler())
        self.shown, self.calls = shown, 0

    def forward(self, field: Field, rays: Rays, *, background: Tensor, generator: torch.Generator) -> RenderOutput:
        self.calls += 1
        color, opacity = self.shown()
        return RenderOutput(color + (1.0 - opacity)[:, None] * background.to(color), opacity, opacity, opacity)


@dataclass(frozen=True)
class KnownDrawer:
    shown: RenderedField
    dtype: torch.dtype
    confidence: Tensor | None
    reported: int

    def draw(self, generator: torch.Generator) -> RayBatch:
        zero = torch.zeros(COUNT, 3)
        rays = Rays(zero, zero + torch.tensor([0.0, 0.0, 1.0]), zero[:, 0], zero[:, 0] + 1.0)
        color, alpha = COLOR.to(self.dtype), ALPHA.to(self.dtype)
        return RayBatch(rays, color, alpha, self.confidence, self.confidence, self.reported)


@dataclass(frozen=True)
class KnownRays:
    """A sampling; equal to others with the same renderer."""

    renderer: KnownRenderer
    dtype: torch.dtype = torch.float32
    confidence: Tensor | None = field(default=None, compare=False)
    reported: int = 0

    def build(self, subject: FitSubject) -> KnownDrawer:
        shown = RenderedField(subject.avatar.canonical.field, self.renderer)
        return KnownDrawer(shown, self.dtype, self.confidence, self.reported)
