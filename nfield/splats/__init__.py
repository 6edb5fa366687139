"""Gaussian splats that learn to look like views of something else."""

from nfield.kernels.gaussians import Splats
from nfield.splats.between import cameras_between, pinholes
from nfield.splats.optimisation import Progress, SplatConfig, optimise
from nfield.splats.surface import SurfacePoints, surface_splats
from nfield.splats.views import Goal, Views, interleaved

__all__ = [
    "Goal",
    "Progress",
    "SplatConfig",
    "Splats",
    "SurfacePoints",
    "Views",
    "cameras_between",
    "interleaved",
    "optimise",
    "pinholes",
    "surface_splats",
]
