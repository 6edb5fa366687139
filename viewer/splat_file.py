"""What a PLY file of Gaussian splats shows: the splats, drawn by the browser, or here with all of their colours."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.export.splat_file import SplatFile, Triple, read_splats
from nfield.kernels.gaussians import Splats, rotation_matrices, splat
from nfield.kernels.harmonics import constant_harmonic
from nfield.rendering.image import Image, ShouldStop
from viewer.interface import Cloud, Subject, View
from viewer.scene_run import home_of, refuse_motion

BACKGROUND = (1.0, 1.0, 1.0)
"""Behind the splats, sRGB."""
_UP: Triple = (0.0, -1.0, 0.0)
"""Upwards in files that do not say it: in a world that began as a camera's frame, as COLMAP's do."""
_SIZE, _FOCAL = (512, 512), 620.0
_ABOVE = 0.4
"""Height of the first camera over its distance along the ground."""
_AWAY = 3.2
"""Its distance over the radius within which most splats lie."""
_MOST = 0.85


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


@torch.no_grad()
def splat_image(splats: Splats, cameras: Cameras, index: int) -> Image:
    """What one camera sees over `BACKGROUND`; depths are not known."""
    seen = splat(splats, cameras, index)
    color = seen.over(torch.tensor(BACKGROUND)).clamp(0.0, 1.0)
    return Image(color, seen.alpha.clamp(0.0, 1.0), torch.zeros_like(seen.alpha))


def orbit_of(file: SplatFile) -> Orbit:
    """A circle of cameras around where most of the splats are.

    Args:
        file: The splats.
    """
    up = torch.tensor(file.up or _UP)
    target, radius = middle(file.splats)
    along = torch.eye(3)[int(up.abs().argmin())]
    across = torch.nn.functional.normalize(torch.linalg.cross(up, along), dim=0)
    start = _AWAY * radius * torch.nn.functional.normalize(across + _ABOVE * up, dim=0)
    return Orbit(target, up, start, _FOCAL, _SIZE)


def middle(splats: Splats) -> tuple[Float[Tensor, "3"], float]:
    """Around where most splats lie, by opacity, and within which distance, metres."""
    weight = splats.opacity_logits.sigmoid()
    solid = splats.means[weight >= 0.5 * weight.max()]
    target = solid.median(0).values
    away = (solid - target).norm(dim=-1)
    return target, max(float(away.kthvalue(max(1, round(_MOST * len(away)))).values), 1e-6)


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
