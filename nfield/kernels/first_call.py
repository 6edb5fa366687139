"""Whether a CUDA device can be used: both packages import there, and a first call of each gives what the twin gives."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.errors import BackendUnavailable
from nfield.kernels import cuda
from nfield.kernels.composite import composite, composite_reference
from nfield.kernels.hash_grid import GridLayout, hash_encode, hash_encode_reference
from nfield.kernels.march import StepRule, march, march_reference, pack_bits
from nfield.kernels.mlp import mlp, mlp_reference
from nfield.types import Box, Rays

_POINTS = 512
_SINGLE, _HALF = 1e-3, 3e-2
"""Largest differences of single and half precision."""
_LAYOUT = GridLayout(levels=4, log2_table_size=10, base_resolution=4, per_level_scale=2.0)


def trouble_with(device: torch.device) -> str | None:
    """Why a CUDA device cannot be used, in words; None where it can.

    Args:
        device: Of type "cuda".
    """
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    if (device.index or 0) >= torch.cuda.device_count():
        return f"{device} is not there, the last CUDA device is cuda:{torch.cuda.device_count() - 1}"
    try:
        for name in ("tinycudann", "nerfacc"):
            cuda.package(name)
        with torch.cuda.device(device):  # where tinycudann makes its modules
            return _first_calls(device)
    except BackendUnavailable as error:
        return str(error)
    except (RuntimeError, ValueError, TypeError, AttributeError, OSError) as error:
        return f"the first call on {device} failed ({' '.join(str(error).split())[:200]})"


def _first_calls(device: torch.device) -> str | None:
    """Calls each operation once, beside its twin."""
    generator = torch.Generator().manual_seed(0)
    checks = {
        "tinycudann's hash grid": (_encoding(device, generator), _SINGLE),
        "tinycudann's network": (_network(device, generator), _HALF),
        "nerfacc's compositing": (_compositing(device, generator), _SINGLE),
    }
    for name, (difference, most) in checks.items():
        if not difference <= most:
            return f"{name} differs from its twin by {difference:.2g} on {device}"
    return _marching(device, generator)


def _encoding(device: torch.device, generator: torch.Generator) -> float:
    unit = torch.rand(_POINTS, 3, generator=generator).to(device)
    table = torch.rand(_LAYOUT.size, 2, generator=generator).to(device).requires_grad_()
    return _difference(hash_encode(unit, table, _LAYOUT), hash_encode_reference(unit, table, _LAYOUT), table)


def _network(device: torch.device, generator: torch.Generator) -> float:
    inputs = torch.rand(_POINTS, 32, generator=generator).to(device)
    first, last = (
        ((torch.rand(*shape, generator=generator) - 0.5) * 0.3).to(device).requires_grad_()
        for shape in ((64, 32), (16, 64))
    )
    return _difference(mlp(inputs, [first, last]), mlp_reference(inputs, [first, last]), first)


def _compositing(device: torch.device, generator: torch.Generator) -> float:
    count, rays = _POINTS, _POINTS // 8
    color = torch.rand(count, 3, generator=generator).to(device).requires_grad_()
    log_density, presence = torch.randn(count, generator=generator).to(device), torch.ones(count, device=device)
    t0 = torch.arange(count, device=device) % 8 * 0.1
    offsets = torch.arange(rays + 1, device=device) * 8
    given = (color, log_density, presence, t0, t0 + 0.1, offsets)
    return _difference(composite(*given)[0], composite_reference(*given)[0], color)


def _marching(device: torch.device, generator: torch.Generator) -> str | None:
    """Even steps through a full grid: as many, but for rounding at both ends of a ray."""
    dirs = normalize(torch.randn(64, 3, generator=generator), dim=-1).to(device)
    near, far = torch.full((64,), 0.01, device=device), torch.full((64,), 0.5, device=device)
    rays, box = Rays(torch.zeros_like(dirs), dirs, near, far), Box.cube(1.0)
    words = pack_bits(torch.ones(1, 8, 8, 8, dtype=torch.bool, device=device))
    here = Box(box.low.to(device), box.high.to(device))
    jitter, rule = torch.zeros_like(near), StepRule(0.05)
    found, wanted = len(march(rays, words, here, rule, jitter)), len(march_reference(rays, words, here, rule, jitter))
    if abs(found - wanted) > 2 * len(rays):
        return f"nerfacc's marching takes {found} steps on {device} where its twin takes {wanted}"
    return None


def _difference(fast: Tensor, plain: Tensor, parameter: Tensor) -> float:
    """The largest difference of two answers and of their gradients, relative to the largest of these."""
    own, theirs = (torch.autograd.grad(answer.square().mean(), parameter)[0] for answer in (fast, plain))
    apart = float((fast - plain).detach().abs().max())
    return max(apart, float((own - theirs).abs().max() / theirs.abs().max().clamp_min(1e-12)))
