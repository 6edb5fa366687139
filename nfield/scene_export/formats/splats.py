"""A scene as Gaussian splats whose colours depend on from where they are seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from nfield.data.world import World
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.export.splat_file import write_splats
from nfield.export.spz_file import write_spz
from nfield.kernels.gaussians import Splats
from nfield.saved_scene import KIND, SavedScene, load_scene_run
from nfield.scene_export.normals import normals_at
from nfield.scene_export.seen_points import seen_points
from nfield.splats import (
    Progress,
    SplatConfig,
    SurfacePoints,
    Views,
    cameras_between,
    interleaved,
    optimise,
    pinholes,
    surface_splats,
)

_BETWEEN = 400
_TELL_EVERY = 10.0
"""Seconds between two lines of progress."""
_FEWEST, _MOST = 1000, 2_000_000


@dataclass(frozen=True)
class SplatsOptions:
    """Options of --to splats."""

    minutes: float = 3.0
    """For how long splats are optimised against views of the field, with the rendering of these views."""
    count: int = 50_000
    """Splats: a file has about 0.24 MB for a thousand of degree 3."""
    degree: int = 3
    """Of the spherical harmonics, 0 to 3: 0 for colours that are the same from everywhere, 45 numbers a splat less."""
    edge: int = 400
    """Longer edge, in pixels, of the views that the splats learn from."""
    seed: int = 0
    """Of points, views and moves of splats."""


@dataclass(frozen=True)
class SplatsFile:
    """The format."""

    about: str = "Gaussian splats of the scene (PLY of 3D Gaussian Splatting, or SPZ, as --out ends)"
    suffix: str = ".splats.ply"
    endings: tuple[str, ...] = (".spz",)
    options: SplatsOptions = field(default_factory=SplatsOptions)

    def write(self, run: Path, out: Path, options: SplatsOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        _check(options)
        saved = load_scene_run(run).offloaded(device)
        splats = optimised(saved, options, tell)
        x, y, z = saved.orbit.up.tolist()
        world = saved.record.world
        places = world.user_from_scene(splats.means.double().numpy())
        if out.suffix == ".spz":
            write_spz(out, in_world(splats, world))
        else:
            write_splats(out, in_world(splats, world), places=places, up=(x, y, z))


def optimised(saved: SavedScene, options: SplatsOptions, tell: Tell) -> Splats:
    """Splats that look like a scene, in its own world.

    Args:
        saved: The scene.
        options: How many, and for how long.
        tell: Is told how far it is.
    """
    generator = torch.Generator().manual_seed(options.seed)
    tell("looking for surfaces")
    found = seen_points(saved.shown, saved.cameras, options.count, generator=generator)
    points = SurfacePoints(found.places, normals_at(saved.shown, found), found.colors)
    cameras = pinholes(saved.cameras, options.edge)
    between = cameras_between(cameras, max(_BETWEEN, len(cameras)), generator=generator)
    views = Views(
        saved.shown.image,
        torch.tensor(saved.shown.background),
        interleaved(cameras, between, generator=generator),
    )
    config = SplatConfig(seconds=60.0 * options.minutes, seed=options.seed)
    begun = surface_splats(points, degree=options.degree)
    return optimise(begun, views, config, extent=extent(saved), watch=teller(tell))


def extent(saved: SavedScene) -> float:
    """How far a scene's cameras are from their middle, or its orbit's from its target, metres."""
    origins = saved.cameras.origins
    spread = float((origins - origins.mean(0)).norm(dim=-1).max())
    return max(spread, float(saved.orbit.start.norm()))


def in_world(splats: Splats, world: World) -> Splats:
    """Splats of a scene's world in that of the user's files, in single precision."""
    means = torch.from_numpy(world.user_from_scene(splats.means.double().numpy())).float()
    return replace(splats, means=means, log_scales=splats.log_scales - math.log(world.scale))


def teller(tell: Tell) -> Callable[[Progress], None]:
    """Says now and then how far an optimisation is, and how long it will take.

    Args:
        tell: Is told.
    """
    said = 0.0
    errors: list[float] = []

    def watch(progress: Progress) -> None:
        nonlocal said
        errors.append(progress.error)
        if progress.seconds - said < _TELL_EVERY:
            return
        said = progress.seconds
        error = max(sum(errors) / len(errors), 1e-10)
        errors.clear()
        left = progress.seconds * (1.0 / max(progress.share, 1e-6) - 1.0)
        tell(
            f"{100.0 * progress.share:3.0f}%  step {progress.step}  {progress.views} views  "
            f"{-10.0 * math.log10(error):.1f} dB  {left:.0f} s left"
        )

    return watch


def _check(options: SplatsOptions) -> None:
    if not 0.0 < options.minutes <= 24 * 60:
        raise OptionError(f"--minutes: is {options.minutes:g}, expected a positive number of minutes, at most a day")
    if not _FEWEST <= options.count <= _MOST:
        raise OptionError(f"--count: is {options.count}, expected {_FEWEST} to {_MOST:,} splats")
    if not 0 <= options.degree <= 3:
        raise OptionError(f"--degree: is {options.degree}, expected 0 to 3")
    if not 32 <= options.edge <= 4096:
        raise OptionError(f"--edge: is {options.edge}, expected 32 to 4096 pixels")


register(KIND, "splats", SplatsFile())
