"""Gaussian splats in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023), without view-dependent colours."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.whole_file import write_atomically

_SH_CONSTANT = 0.28209479177387814
"""The spherical harmonic of degree 0."""
_COLUMNS = (
    "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
    "rot_0", "rot_1", "rot_2", "rot_3",
)  # fmt: skip


@dataclass(frozen=True)
class Splats:
    """Gaussians of constant colour.

    Attributes:
        means: Their middles, metres.
        normals: Unit vectors; 0 where there is none.
        color: sRGB in [0, 1].
        opacity: At the middle, between 0 and 1.
        scales: Standard deviations along their own axes, metres.
        rotations: Of their axes in the world, unit quaternions, the real part first.
    """

    means: Float[Tensor, "n 3"]
    normals: Float[Tensor, "n 3"]
    color: Float[Tensor, "n 3"]
    opacity: Float[Tensor, "n"]
    scales: Float[Tensor, "n 3"]
    rotations: Float[Tensor, "n 4"]


def write_splats(path: Path, splats: Splats) -> None:
    """Writes splats as a PLY file: opacities as logits, scales as logarithms, colours as coefficients of harmonics.

    Args:
        path: The file.
        splats: What it is to hold.
    """
    rows = torch.cat(
        [
            splats.means,
            splats.normals,
            (splats.color - 0.5) / _SH_CONSTANT,
            splats.opacity.clamp(1e-4, 1.0 - 1e-4).logit()[:, None],
            splats.scales.log(),
            splats.rotations,
        ],
        -1,
    )
    properties = "".join(f"property float {name}\n" for name in _COLUMNS)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(rows)}\n{properties}end_header\n"
    write_atomically(path, header.encode() + np.ascontiguousarray(rows.cpu().numpy(), dtype="<f4").tobytes())
