"""What cameras see of splats, and where to look at them from."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.kernels.gaussians import Splats, splat
from nfield.rendering.image import Image
from nfield.types import Triple

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


@torch.no_grad()
def splat_image(splats: Splats, cameras: Cameras, index: int) -> Image:
    """What one camera sees over `BACKGROUND`; depths are not known."""
    seen = splat(splats, cameras, index)
    color = seen.over(torch.tensor(BACKGROUND)).clamp(0.0, 1.0)
    return Image(color, seen.alpha.clamp(0.0, 1.0), torch.zeros_like(seen.alpha))


def orbit_around(splats: Splats, up: Triple | None) -> Orbit:
    """A circle of cameras around where most of the splats are.

    Args:
        splats: The splats.
        up: Unit vector upwards, where it is known.
    """
    upward = torch.tensor(up or _UP)
    target, radius = middle(splats)
    along = torch.eye(3)[int(upward.abs().argmin())]
    across = torch.nn.functional.normalize(torch.linalg.cross(upward, along), dim=0)
    start = _AWAY * radius * torch.nn.functional.normalize(across + _ABOVE * upward, dim=0)
    return Orbit(target, upward, start, _FOCAL, _SIZE)


def middle(splats: Splats) -> tuple[Float[Tensor, "3"], float]:
    """Around where most splats lie, by opacity, and within which distance, metres."""
    weight = splats.opacity_logits.sigmoid()
    solid = splats.means[weight >= 0.5 * weight.max()]
    target = solid.median(0).values
    away = (solid - target).norm(dim=-1)
    return target, max(float(away.kthvalue(max(1, round(_MOST * len(away)))).values), 1e-6)
