"""Splats learn to look like the views of a teacher, for a time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from nfield.kernels.gaussians import Splats, splat
from nfield.splats.relocation import Relocation
from nfield.splats.views import Views

_RATES: Mapping[str, float] = {
    "means": 1.6e-4,
    "quaternions": 1e-3,
    "log_scales": 5e-3,
    "opacity_logits": 2.5e-2,
    "constant": 2.5e-3,
    "harmonics": 1.25e-4,
}
"""Adam's, as in 3D Gaussian Splatting; that of the means over the scene's extent."""
_FIRST_VIEWS = 8
Clock = Callable[[], float]
"""Seconds since whenever."""


@dataclass(frozen=True)
class SplatConfig:
    """How splats are optimised."""

    seconds: float = 180.0
    """For how long, with the rendering of the views."""
    rendering: float = 0.4
    """Share of this time that may be spent on rendering views."""
    speed: float = 4.0
    """Factor of the rates of 3D Gaussian Splatting, which takes thirty times as many steps."""
    last: float = 0.05
    """Share of the rates that is left in the end."""
    dissimilarity: float = 0.2
    """Weight of 1 - SSIM against that of absolute differences."""
    relocate_every: int = 50
    """Steps between two moves of what does nothing."""
    relocate_until: float = 0.8
    """Share of the time after which nothing moves any more."""
    least_opacity: float = 0.02
    """Below which a Gaussian does nothing."""
    seed: int = 0
    """Of views, backgrounds and moves."""


@dataclass(frozen=True)
class Progress:
    """How far the optimisation is.

    Attributes:
        step: Steps done.
        share: Of the time that is spent.
        seconds: Spent.
        views: Rendered so far.
        error: Mean square difference of the last view.
    """

    step: int
    share: float
    seconds: float
    views: int
    error: float


def ignore(progress: Progress) -> None:
    """For whom nobody watches."""


class Optimisation:
    """Gaussians with their optimiser.

    Args:
        splats: To begin with.
        extent: Of the cameras, metres: means move in proportion to it.
        config: How.
    """

    def __init__(self, splats: Splats, extent: float, config: SplatConfig) -> None:
        self.config = config
        constant, rest = splats.harmonics[:, :1], splats.harmonics[:, 1:]
        parts = (*splats.parts[:4], constant, rest)
        self._parts = {name: part.clone().requires_grad_() for name, part in zip(_PARTS, parts, strict=True)}
        self._rates = {
            name: rate * config.speed * (extent if name == "means" else 1.0) for name, rate in _RATES.items()
        }
        groups = [{"params": [part], "lr": self._rates[name]} for name, part in self._parts.items()]
        self._adam = torch.optim.Adam(groups, eps=1e-15, betas=(0.9, 0.99), fused=True)
        self.activity = torch.zeros(len(splats))

    @property
    def splats(self) -> Splats:
        """As they are now, differentiable."""
        means, quaternions, log_scales, logits, constant, rest = (self._parts[name] for name in _PARTS)
        return Splats(means, quaternions, log_scales, logits, torch.cat([constant, rest], 1))

    def step(self, views: Views, index: int, share: float, *, generator: torch.Generator) -> float:
        """One step towards one view; the mean square difference before it.

        Args:
            views: All of them.
            index: Which one.
            share: Of the time that is spent.
            generator: Draws the background.
        """
        background = torch.rand(3, generator=generator)
        goal = views.goals[index].over(background)
        image = splat(self.splats, views.cameras, index).over(background).permute(2, 0, 1)
        weight = self.config.dissimilarity
        loss = (1.0 - weight) * (image - goal.image).abs().mean()
        loss = loss + weight * goal.dissimilarity(image) if weight else loss
        loss.backward()
        self._note_activity()
        for group, name in zip(self._adam.param_groups, _PARTS, strict=True):
            group["lr"] = self._rates[name] * self.config.last**share
        self._adam.step()
        self._adam.zero_grad()
        return float((image.detach() - goal.image).square().mean())

    @torch.no_grad()
    def relocate(self, *, generator: torch.Generator) -> int:
        """Moves what does nothing to where most is to be done; how many moved."""
        splats = self.splats
        dead = splats.opacity_logits.sigmoid() < self.config.least_opacity
        move = Relocation.draw(dead, self.activity, generator=generator)
        moved = move.applied(splats)
        for name, part in zip(_PARTS, (*moved.parts[:4], moved.harmonics[:, :1], moved.harmonics[:, 1:]), strict=True):
            self._parts[name].copy_(part)
            state = self._adam.state[self._parts[name]]
            for moment in ("exp_avg", "exp_avg_sq"):
                state[moment][move.dead] = 0.0
                state[moment][move.source] = 0.0
        self.activity.zero_()
        return len(move.dead)

    def _note_activity(self) -> None:
        grad = self._parts["means"].grad
        if grad is not None:
            self.activity += grad.norm(dim=-1)


_PARTS = tuple(_RATES)


def optimise(
    splats: Splats,
    views: Views,
    config: SplatConfig,
    *,
    extent: float,
    watch: Callable[[Progress], None] = ignore,
    clock: Clock = time.perf_counter,
) -> Splats:
    """Splats that look like a teacher's views.

    Args:
        splats: To begin with.
        views: What they should look like; more are rendered as the time allows.
        config: How, and for how long.
        extent: Of the cameras, metres.
        watch: Is told after each step.
        clock: Tells the time.
    """
    generator = torch.Generator().manual_seed(config.seed)
    state = Optimisation(splats, extent, config)
    begun, rendering, step = clock(), 0.0, 0
    order: list[int] = []
    while (spent := clock() - begun) < config.seconds:
        share = spent / config.seconds
        if len(views.goals) < _FIRST_VIEWS or rendering < config.rendering * spent:
            views.render_next()
            rendering += clock() - begun - spent
        if not order:
            order = torch.randperm(len(views.goals), generator=generator).tolist()
        error = state.step(views, order.pop(), share, generator=generator)
        step += 1
        if step % config.relocate_every == 0 and share < config.relocate_until:
            state.relocate(generator=generator)
        watch(Progress(step, share, clock() - begun, len(views.goals), error))
    return Splats(*(part.detach() for part in state.splats.parts))
