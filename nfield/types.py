"""Frozen data that crosses layers.

Letters in shapes: r rays, s packed samples, n points, f features. World frame in metres, directions of unit length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Triple = tuple[float, float, float]
"""Three numbers, as records and files keep them."""


def triple(vector: Float[Tensor, "3"] | Float[np.ndarray, "3"]) -> Triple:
    """A vector's numbers."""
    x, y, z = vector.tolist()
    return x, y, z


class Level(Enum):
    """What can be compared between two fields (PVD, section 3.2)."""

    FEATURE = "feature"
    DENSITY = "density"
    COLOR = "color"


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in the world frame.

    Attributes:
        low: Smallest corner, metres.
        high: Largest corner, metres.
    """

    low: Float[Tensor, "3"]
    high: Float[Tensor, "3"]

    @staticmethod
    def cube(half: float, *, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> "Box":
        """A cube of half edge `half` metres around `center`.

        >>> Box.cube(1.5).size.tolist()
        [3.0, 3.0, 3.0]
        """
        middle = torch.tensor(center, dtype=torch.float32)
        return Box(middle - half, middle + half)

    @staticmethod
    def around(points: Float[Tensor, "n 3"], *, margin: float = 0.0) -> "Box":
        """The smallest box that holds some points, at least one, with a margin, metres.

        >>> Box.around(torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0]]), margin=0.5).size.tolist()
        [2.0, 2.0, 1.0]
        """
        return Box(points.amin(0) - margin, points.amax(0) + margin)

    @property
    def size(self) -> Float[Tensor, "3"]:
        """Edge lengths, metres."""
        return self.high - self.low

    def unit_from_world(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        """World points as coordinates in [0, 1]^3 of this box (outside it: beyond that range)."""
        return (points - self.low.to(points)) / self.size.to(points)

    def world_from_unit(self, unit: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        """The inverse of `unit_from_world`."""
        return self.low.to(unit) + unit * self.size.to(unit)


@dataclass(frozen=True)
class Rays:
    """Rays in the world frame.

    Attributes:
        origins: Where each ray starts, metres.
        dirs: Unit directions.
        near: Distance along the ray where it may first meet matter, metres.
        far: Distance where it ends, metres.
    """

    origins: Float[Tensor, "r 3"]
    dirs: Float[Tensor, "r 3"]
    near: Float[Tensor, "r"]
    far: Float[Tensor, "r"]

    def __len__(self) -> int:
        return self.origins.shape[0]

    def __getitem__(self, index: slice | Tensor) -> "Rays":
        return Rays(self.origins[index], self.dirs[index], self.near[index], self.far[index])

    def detach(self) -> "Rays":
        """The same rays without gradients, for what only places samples on them."""
        return Rays(self.origins.detach(), self.dirs.detach(), self.near.detach(), self.far.detach())


@dataclass(frozen=True)
class Samples:
    """Intervals along rays, packed: sorted by ray, then by distance; a ray may have none.

    Attributes:
        t0: Start of each interval, metres along its ray.
        t1: End of each interval.
        ray: Index of the ray that each interval lies on, non-decreasing.
        n_rays: How many rays there are, with those that have no interval.
    """

    t0: Float[Tensor, "s"]
    t1: Float[Tensor, "s"]
    ray: Int[Tensor, "s"]
    n_rays: int

    def __len__(self) -> int:
        return self.t0.shape[0]

    def offsets(self) -> Int[Tensor, "r1"]:
        """Where each ray's intervals start in the packed arrays; n_rays + 1 entries."""
        # Not counted: a GPU would be waited for, to learn the largest number.
        return torch.searchsorted(self.ray, torch.arange(self.n_rays + 1, device=self.ray.device))


@dataclass(frozen=True)
class Latent:
    """What a field knows of a point before its heads are asked.

    Attributes:
        feature: The volume-aligned feature (PVD's first level).
        presence: 1 in the field's domain, 0 outside, between for soft warps.
        solid: Log-density, 1/m, of matter that is known to be there whatever the feature says, -inf where none is; it
            adds to that of the feature. None where nothing is known.
    """

    feature: Float[Tensor, "n f"]
    presence: Float[Tensor, "n"]
    solid: Float[Tensor, "n"] | None = None


@dataclass(frozen=True)
class FieldOutput:
    """A field's answer at points seen from directions.

    Attributes:
        log_density: Natural logarithm of the density in 1/m, clipped to the field's range; what is known to be solid is
            added. Without presence.
        color: sRGB in [0, 1].
        presence: See `Latent`.
    """

    log_density: Float[Tensor, "n"]
    color: Float[Tensor, "n 3"]
    presence: Float[Tensor, "n"]


@dataclass(frozen=True)
class RenderOutput:
    """What rays saw.

    Attributes:
        color: sRGB, composited over the background where one was given, else premultiplied by opacity.
        opacity: In [0, 1].
        depth: Expected distance along the ray, metres, times opacity.
        weights: Contribution of each packed sample, transmittance times alpha.
    """

    color: Float[Tensor, "r 3"]
    opacity: Float[Tensor, "r"]
    depth: Float[Tensor, "r"]
    weights: Float[Tensor, "s"]


DensityFn = Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n"]]
"""World points, metres -> density, 1/m."""
