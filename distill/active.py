"""What is hard is looked at more often: poses, rays and points (PVD-AL, Fang et al. 2023, arXiv 2304.04012, section 3).

Each level is a pool of what the student got wrong. Nothing here is a network; a training that goes on begins with empty
pools.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from distill.poses import turned
from nfield.cameras import Cameras
from nfield.types import Rays, Samples


@dataclass(frozen=True)
class ActiveConfig:
    """Which levels are active, and how much of each is hard."""

    poses: bool = False
    """Whether the worst poses come again, turned a little."""
    rays: bool = False
    """Whether the worst rays come again."""
    points: bool = False
    """Whether only the points that make the pixels are compared, once rays are."""
    share: float = 0.1
    """Share of the poses and of the rays that counts as the worst; so many are taken from the pool, too."""
    turn: float = 9.0
    """Poses that come again are turned about their centres by up to so many degrees around each axis."""
    pool: int = 1 << 17
    """Rays in the pool at most."""
    top: float = 0.3
    """Share of a ray's points, those of the largest weights, that are compared."""
    opacity: float = 0.5
    """Rays whose opacity is less have no such points."""


class HardPoses:
    """How wrong each of the cameras in use was, and new ones among which the worst come again.

    Errors are kept beside the cameras that they are of: the release pairs them in another order.

    Args:
        config: How many come again, and how far they are turned.
    """

    def __init__(self, config: ActiveConfig) -> None:
        self._config = config
        self._sum: Float[Tensor, "k"] | None = None
        self._count: Float[Tensor, "k"] | None = None

    def learn(self, camera: Int[Tensor, "r"], error: Float[Tensor, "r"], *, count: int) -> None:
        """Takes the errors of rays in.

        Args:
            camera: Of each ray.
            error: Of each ray.
            count: Of the cameras.
        """
        if self._sum is None or self._count is None:
            self._sum, self._count = error.new_zeros(count), error.new_zeros(count)
        self._sum.index_add_(0, camera, error)
        self._count.index_add_(0, camera, torch.ones_like(error))

    def among(self, drawn: Cameras, before: Cameras, generator: torch.Generator) -> Cameras:
        """New cameras of which some are the worst of those before, turned; nothing is known of the new ones yet.

        Args:
            drawn: The new ones.
            before: Those that errors are known of.
            generator: Draws the turns, on the CPU.
        """
        if self._sum is None or self._count is None:
            return drawn
        known = (self._count > 0.0).nonzero()[:, 0]
        mean = self._sum[known] / self._count[known]
        self._sum = self._count = None
        many = min(len(known), round(self._config.share * len(drawn)))
        worst = known[mean.topk(many).indices].to(before.intrinsics.device)
        return _joined(drawn[many:], turned(before[worst], self._config.turn, generator))


class HardRays:
    """A pool of the worst rays of the steps so far.

    Args:
        config: How many there are, and come again.
    """

    def __init__(self, config: ActiveConfig) -> None:
        self._config = config
        self._rays: Rays | None = None
        self._next = 0

    def __len__(self) -> int:
        return 0 if self._rays is None else len(self._rays)

    def drawn(self, fresh: int, generator: torch.Generator) -> tuple[Rays, Int[Tensor, "h"]] | None:
        """Random members and their slots, a share of the fresh rays; None while the pool holds fewer.

        Args:
            fresh: How many new rays the step has.
            generator: On the rays' device.
        """
        many = round(self._config.share * fresh)
        if self._rays is None or len(self._rays) < many or many == 0:
            return None
        device = self._rays.near.device
        slot = torch.randperm(len(self._rays), generator=generator, device=device)[:many]
        return self._rays[slot], slot

    def learn(self, rays: Rays, error: Float[Tensor, "r"], slots: Int[Tensor, "h"] | None) -> None:
        """Takes the worst of a step's rays in: where those that came again were, else where the oldest are.

        Args:
            rays: Of the step.
            error: Of each.
            slots: Of the pool from which some of them came, which they may have left by now.
        """
        many = min(len(rays), max(1, round(self._config.share * len(rays))))
        worst = rays[error.topk(many).indices].detach()
        if self._rays is None or len(self._rays) < self._config.pool:
            self._rays = worst if self._rays is None else joined_rays(self._rays, worst)
            self._rays = self._rays[: self._config.pool]
            return
        own = error.new_empty(0).long() if slots is None else slots[:many]
        oldest = torch.arange(self._next, self._next + many - len(own), device=error.device) % len(self._rays)
        self._next = (self._next + len(oldest)) % len(self._rays)
        place = torch.cat([own, oldest[~torch.isin(oldest, own)]])  # No place twice: on a GPU neither would win whole.
        for old, new in zip(_parts(self._rays), _parts(worst[: len(place)]), strict=True):
            old[place] = new


def telling_points(
    samples: Samples, weights: Float[Tensor, "s"], opacity: Float[Tensor, "r"], config: ActiveConfig
) -> Bool[Tensor, "s"]:
    """The points of the largest weights of each ray that is opaque enough.

    Args:
        samples: Packed by ray.
        weights: Share of the pixel of each.
        opacity: Of each ray.
        config: Which share of a ray's points, and how opaque.

    >>> samples = Samples(torch.arange(4.0), torch.arange(4.0) + 1.0, torch.tensor([0, 0, 0, 1]), 2)
    >>> found = telling_points(samples, torch.tensor([0.1, 0.6, 0.2, 0.1]), torch.tensor([0.9, 0.1]), ActiveConfig())
    >>> found.tolist()
    [False, True, False, False]
    """
    offsets = samples.offsets()
    heavy = weights.argsort(descending=True, stable=True)
    order = heavy[samples.ray[heavy].argsort(stable=True)]  # By ray, the heaviest first.
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank - offsets[samples.ray]
    most = (config.top * offsets.diff()).ceil()
    return (rank < most[samples.ray]) & (opacity >= config.opacity)[samples.ray]


def _parts(rays: Rays) -> tuple[Tensor, ...]:
    return rays.origins, rays.dirs, rays.near, rays.far


def joined_rays(first: Rays, second: Rays) -> Rays:
    """The rays of both, the first ones first."""
    return Rays(*(torch.cat(pair) for pair in zip(_parts(first), _parts(second), strict=True)))


def _joined(first: Cameras, second: Cameras) -> Cameras:
    """The cameras of both, which are of one kind."""

    def both(name: str) -> Tensor | None:
        parts = [getattr(cameras, name) for cameras in (first, second)]
        return None if parts[0] is None else torch.cat(parts)

    intrinsics, poses = both("intrinsics"), both("world_from_camera")
    assert intrinsics is not None
    assert poses is not None
    return Cameras(intrinsics, poses, first.size, both("distortion"), both("projection"), both("sizes"))
