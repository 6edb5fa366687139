"""Terms that look at points of the painted surface instead of rays: exact depth, no rendering."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.fitting.rendering import RaySampling
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import FitStep
from avatars.fitting.weights import Constant, WeightSchedule
from nfield.devices import uniform, whole_numbers
from nfield.losses import huber


@dataclass(frozen=True)
class SurfaceColorTerm:
    """Mean Huber loss of the field's colours in a thin layer around the surface."""

    name: str
    """See `Term.name`."""
    weight: WeightSchedule = Constant(4.0)  # noqa: RUF009 - frozen
    """See `Term.weight`."""
    count: int = 1 << 15
    """Points of a step."""
    layer: tuple[float, float] = (-0.004, 0.003)
    """Where the layer begins, inside, and ends, outside, metres."""
    visible_weight: float = 1.0
    """Factor on the colours where the photo itself shows the surface."""
    delta: float = 0.1
    """Where the Huber loss turns from square to linear."""

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """None."""
        return ()

    def prepare(self, subject: FitSubject) -> None:
        """Draws the points: see `Term.prepare`."""
        _ = subject.solid

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """See `Term.loss`."""
        points = step.subject.solid.on
        chosen, device = _some_of(points.place, self.count, step.generator), points.place.device
        low, high = self.layer
        offset = low + (high - low) * uniform(self.count, 1, generator=step.generator, device=device)
        normal = points.normal[chosen]
        out = step.subject.avatar.canonical.field(points.place[chosen] + normal * offset, normal)
        error = huber(out.color, points.color[chosen], delta=self.delta).mean(-1)
        return (error * (1.0 - (1.0 - self.visible_weight) * points.visibility[chosen])).mean()


@dataclass(frozen=True)
class SolidTerm:
    """The field is dense inside the surface and empty outside, but for a tolerance around it.

    Mean Huber loss of what the log-density lacks to `full` inside and exceeds `empty` by outside.
    """

    name: str
    """See `Term.name`."""
    weight: WeightSchedule = Constant(0.02)  # noqa: RUF009 - frozen
    """See `Term.weight`."""
    count: int = 1 << 15
    """Points of a step."""
    tolerance: float = 0.003
    """Distance outside the surface up to which density is free, metres."""
    inner_tolerance: float = 0.001
    """The same inside: cloth that hangs free is 8 mm thick."""
    full: float = 6.0
    """Least log-density inside, log of 1/m: light goes 2.5 mm deep."""
    empty: float = 0.0
    """Largest log-density outside."""

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """None."""
        return ()

    def prepare(self, subject: FitSubject) -> None:
        """Draws the points: see `Term.prepare`."""
        _ = subject.solid

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """See `Term.loss`."""
        points = step.subject.solid.around
        chosen = _some_of(points.place, self.count, step.generator)
        place, inside = points.place[chosen], points.inside[chosen]
        # Asked with a direction, because then one native op answers; it does not matter which.
        direction = torch.zeros_like(place)
        direction[:, 2] = 1.0
        log_density = step.subject.avatar.canonical.field(place, direction).log_density
        wrong = torch.relu(torch.where(inside, self.full - log_density, log_density - self.empty))
        certain = points.distance[chosen] > torch.where(inside, self.inner_tolerance, self.tolerance)
        return (huber(wrong, torch.zeros_like(wrong), delta=1.0) * certain).mean()


def _some_of(points: Float[Tensor, "m 3"], count: int, generator: torch.Generator) -> Int[Tensor, "n"]:
    """Random members, in order: neighbours in space stay together."""
    return whole_numbers(len(points), count, generator=generator, device=points.device).sort().values
