"""Real spherical harmonics of degree 4, signs and order as in tiny-cuda-nn; natively a part of the fused field."""

import torch
from jaxtyping import Float
from torch import Tensor

HARMONICS = 16
"""How many functions there are up to degree 4 (degrees 0 to 3)."""


def spherical_harmonics(dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 16"]:
    """The 16 real spherical harmonics of degrees 0 to 3 at unit directions; differentiable.

    >>> spherical_harmonics(torch.tensor([[0.0, 0.0, 1.0]]))[0, 2].item()  # Y_1^0 = sqrt(3 / (4 pi)) z
    0.48860251903533936
    """
    x, y, z = dirs.unbind(-1)
    xy, xz, yz, x2, y2, z2 = x * y, x * z, y * z, x * x, y * y, z * z
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -0.48860251190291987 * y,
            0.48860251190291987 * z,
            -0.48860251190291987 * x,
            1.0925484305920792 * xy,
            -1.0925484305920792 * yz,
            0.94617469575755997 * z2 - 0.31539156525251999,
            -1.0925484305920792 * xz,
            0.54627421529603959 * (x2 - y2),
            0.59004358992664352 * y * (y2 - 3.0 * x2),
            2.8906114426405538 * xy * z,
            0.45704579946446572 * y * (1.0 - 5.0 * z2),
            0.3731763325901154 * z * (5.0 * z2 - 3.0),
            0.45704579946446572 * x * (1.0 - 5.0 * z2),
            1.4453057213202769 * z * (x2 - y2),
            0.59004358992664352 * x * (3.0 * y2 - x2),
        ],
        -1,
    )


def constant_harmonic() -> float:
    """The spherical harmonic of degree 0, the same in all directions.

    >>> round(constant_harmonic(), 6)
    0.282095
    """
    return float(spherical_harmonics(torch.tensor([[0.0, 0.0, 1.0]]))[0, 0])
