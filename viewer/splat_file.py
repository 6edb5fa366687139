"""What a PLY file of Gaussian splats shows: the splats, drawn by the browser, or here with all of their colours."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.export.splat_file import SplatFile, read_splats
from nfield.kernels.gaussians import Splats, rotation_matrices
from nfield.kernels.harmonics import constant_harmonic
from nfield.rendering.image import Image, ShouldStop
from nfield.splats.shown import orbit_around, splat_image
from viewer.interface import Cloud, Subject, View
from viewer.scene_run import home_of, refuse_motion


def load_subject(path: Path, *, motion: Path | None = None) -> Subject:
    """The subject of a file.

    Args:
        path: The file.
        motion: Nothing that splats could follow.

    Raises:
        DataError: The file holds no splats.
        OptionError: A motion is given.
    """
    refuse_motion(path, motion, what="cloud of splats")
    file = read_splats(path)
    splats = file.splats
    facts = {
        "splats": f"{len(splats):,}",
        "degree of harmonics": f"{splats.degree}",
        "file": f"{path.stat().st_size / 1e6:.1f} MB",
    }
    facts |= {"left out, not finite": f"{file.dropped:,}"} if file.dropped else {}
    views, home = {"splats": splat_view(splats)}, home_of(orbit_of(file))
    return Subject(path.name, "Gaussian splats", views, home, facts, cloud=cloud_of(splats))


def splat_view(splats: Splats) -> View:
    """The view of our own rasteriser, over `BACKGROUND`."""

    @torch.no_grad()
    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        if should_stop():
            return None
        return splat_image(splats, camera.resized(size), 0)

    return view


def orbit_of(file: SplatFile) -> Orbit:
    """A circle of cameras around where most of the splats are.

    Args:
        file: The splats.
    """
    return orbit_around(file.splats, file.up)


def cloud_of(splats: Splats) -> Cloud:
    """The splats as browsers draw them: in the colours of degree 0, the mean over all directions."""
    axes = rotation_matrices(splats.quaternions) * splats.log_scales.exp()[:, None]
    color = 0.5 + constant_harmonic() * splats.harmonics[:, 0]
    return Cloud(
        _floats(splats.means),
        _floats(axes @ axes.mT),
        _floats(color.clamp(0.0, 1.0)),
        _floats(splats.opacity_logits.sigmoid()[:, None]),
    )


def _floats(values: Tensor) -> np.ndarray:
    return values.numpy().astype(np.float32)
