"""Fitting a field to signed distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.devices import device_of, on_device
from nfield.fields.distance import unit_of
from nfield.fields.signal import FixedPoints, Signal
from nfield.shapes.samples import Mixture, draw_samples
from nfield.shapes.signed_distance import SignedDistance
from nfield.training.optim import OptimConfig
from nfield.training.running_error import RunningError
from nfield.training.task import Moment

NEAREST = 0.01
"""Added to distances, in the cube's unit, before errors are divided by them (NeuRBF, section 3.2)."""

_HELD_OUT = 1 << 14
_HELD_OUT_SEED = 7_919
_PASS_FACTOR, _POOL_FACTOR = 1_000_003, 15_485_863
CHUNK = 1 << 16
"""Points that are asked for at once where nothing is trained."""


@dataclass(frozen=True)
class Sampling:
    """How points are drawn: in pools, because their distances take longer than a step on them."""

    batch: int = 1 << 14
    """Points of a step."""
    pool: int = 1 << 17
    """Points that are drawn and measured at once."""
    passes: int = 8
    """How often a step takes each point of a pool before the next pool is drawn."""
    mixture: Mixture = field(default_factory=Mixture)
    """Where points lie."""

    @property
    def batches(self) -> int:
        """Steps of one pass."""
        return max(self.pool // self.batch, 1)


def distance_optim() -> OptimConfig:
    """Adam without warm-up, falling along a cosine to a hundredth.

    NeuRBF's 1e-4 is for 20 000 steps of 2^18 points; a training of two minutes on two cores does a hundredth of that.
    Few points of a step meet any one kernel, so features take larger steps.
    """
    rates = {"grid": 3e-3, "features": 1.2e-2, "shift": 3e-3, "network": 3e-3}
    return OptimConfig(rates=rates, warmup=1, hold=0.0, final=0.01, decay="cosine")


def relative_error(found: Float[Tensor, "n"], distance: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """`|f - d| / (|d| + 0.01)`: what is near the surface counts most (NeuRBF, section 3.2); differentiable."""
    return (found - distance).abs() / (distance.abs() + NEAREST)


@dataclass(frozen=True)
class Pool:
    """Points to be trained on.

    Attributes:
        points: As the field keeps them.
        distance: Signed.
    """

    points: FixedPoints
    distance: Float[Tensor, "n"]


class DistanceTask:
    """Fits a field to the signed distance of a mesh.

    Which points a step takes depends on nothing but the seed and the step.

    Args:
        signal: What is fitted; its kernels have their places.
        truth: The mesh's distance.
        sampling: How points are drawn.
        seed: Of the points.
    """

    def __init__(self, signal: Signal, truth: SignedDistance, sampling: Sampling, *, seed: int) -> None:
        self.signal, self.truth, self.sampling, self._seed = signal, truth, sampling, seed
        self._error = RunningError()
        self._pool: tuple[int, Pool] | None = None

    def modules(self) -> Mapping[str, nn.Module]:
        """The field."""
        return {"field": self.signal}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The field's."""
        return self.signal.param_groups()

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean relative error of the step's points."""
        turn, batch = divmod(moment.step, self.sampling.batches)
        pool = self._pool_of(turn // self.sampling.passes)
        rows = self._order(turn)[batch * self.sampling.batch :][: self.sampling.batch]
        loss = relative_error(self.signal.at(pool.points[rows])[:, 0], pool.distance[rows]).mean()
        self._error.add(loss.detach())
        return {"distance": loss}

    def measures(self) -> dict[str, float]:
        """Relative error of recent steps."""
        return {"error": self._error.value} if self._error.known else {}

    def state(self) -> dict[str, float]:
        """Nothing runs along."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""

    def held_out_error(self) -> float:
        """Mean relative error of points off the surface that no step takes."""
        off_surface = Mixture(0.0, 0.5, self.sampling.mixture.noise)
        drawn = draw_samples(self.truth, _HELD_OUT, off_surface, torch.Generator().manual_seed(_HELD_OUT_SEED))
        return float(relative_error(distances(self.signal, drawn.points), drawn.distance).mean())

    def _pool_of(self, number: int) -> Pool:
        if self._pool is None or self._pool[0] != number:
            generator = torch.Generator().manual_seed(self._seed * _POOL_FACTOR + number)
            drawn = draw_samples(self.truth, self.sampling.pool, self.sampling.mixture, generator)
            unit, distance = on_device((unit_of(drawn.points), drawn.distance), device_of(self.signal))
            with torch.no_grad():
                points = FixedPoints(unit, self._nearby(unit))
            self._pool = (number, Pool(points, distance))
        return self._pool[1]

    def _nearby(self, unit: Float[Tensor, "n 3"]):  # noqa: ANN202
        return None if self.signal.bases is None else self.signal.bases.nearby(unit)

    def _order(self, turn: int) -> Int[Tensor, "n"]:
        generator = torch.Generator().manual_seed(self._seed * _PASS_FACTOR + turn)
        return torch.randperm(self.sampling.pool, generator=generator).to(device_of(self.signal))


@torch.no_grad()
def distances(signal: Signal, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """What a field says at points of the cube; those outside take the value of its wall."""
    parts = [signal.answers(unit_of(part))[:, 0] for part in points.split(CHUNK)]
    return torch.cat(parts) if parts else points.new_zeros(0)
