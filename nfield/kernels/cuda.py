"""The operations on CUDA tensors: tinycudann encodes and runs the networks, nerfacc marches and composites.

Both packages are imported when the first CUDA tensor arrives. Parameters stay plain tensors in our layout; they are
packed as tinycudann wants them at each call, by operations that autograd follows, so gradients reach the originals.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from types import ModuleType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pad

from nfield.errors import BackendUnavailable
from nfield.types import Rays, Samples

_INSTALL = {
    "tinycudann": 'pip install "git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch"',
    "nerfacc": "pip install nerfacc",
}
_MULTIPLE = 16
_WIDTHS = (16, 32, 64, 128)
# nerfacc's gradient of a running product is wrong where a factor is 0, so no sample stops all light.
_OPAQUE = 1.0 - 2.0**-20


def takes(*tensors: Tensor) -> bool:
    """Whether this module computes with these tensors: all float32 and on a CUDA device."""
    return all(t.is_cuda and t.dtype == torch.float32 for t in tensors)


def package(name: str) -> ModuleType:
    """One of the two packages, imported at first use.

    Args:
        name: "tinycudann" or "nerfacc".

    Raises:
        BackendUnavailable: It is not installed, or it finds no device; the message has the install line.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # tinycudann raises OSError where it finds no device
        raise BackendUnavailable(
            f"CUDA tensors need the package {name}, which cannot be imported ({error}). Install it with: "
            f"{_INSTALL[name]} (see docs/gpu.md), or keep the tensors on the CPU."
        ) from error


def hash_encode(
    unit: Float[Tensor, "n 3"],
    table: Float[Tensor, "e f"],
    *,
    levels: int,
    features: int,
    log2_table_size: int,
    base_resolution: int,
    per_level_scale: float,
) -> Float[Tensor, "n c"]:
    """Hash-grid features by tinycudann, in single precision; differentiable in points and table.

    Args:
        unit: Points in [0, 1]^3; others are clamped to it.
        table: Entries of all levels.
        levels: See `GridLayout`, as are the other sizes.
        features: Features of an entry.
        log2_table_size: Logarithm of the most entries of a level.
        base_resolution: Vertices along an edge of the coarsest level.
        per_level_scale: Factor between the resolutions of neighbouring levels.
    """
    if len(unit) == 0:
        return table.new_zeros(0, levels * features)
    module = _encoding(levels, features, log2_table_size, base_resolution, per_level_scale)
    encoded = functional_call(module, {"params": table.reshape(-1)}, (unit.clamp(0.0, 1.0),))
    return encoded[:, : levels * features]


def network(inputs: Float[Tensor, "n i"], matrices: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, "n o"]:
    """Layers without biases, ReLU between them, by tinycudann in half precision; differentiable in all.

    Args:
        inputs: What the first layer takes.
        matrices: Weights [out, in] of each layer; all hidden layers are equally wide: 16, 32, 64 or 128.
    """
    outputs, hidden = matrices[-1].shape
    if len(inputs) == 0:
        return inputs.new_zeros(0, outputs)
    module, params = _network(inputs.shape[1], hidden, len(matrices) - 1, outputs), pack(matrices)
    if torch.is_grad_enabled() and (inputs.requires_grad or params.requires_grad):
        return _HalfNetwork.apply(module, inputs, params)  # pyright: ignore[reportReturnType]
    return functional_call(module, {"params": params}, (inputs,)).float()


def fuses(matrices: Sequence[Float[Tensor, "_ _"]]) -> bool:
    """Whether tinycudann has a fused network for these layers: all hidden ones of one width that it knows."""
    hidden = {matrix.shape[0] for matrix in matrices[:-1]}
    return len(hidden) == 1 and hidden <= set(_WIDTHS)


class _HalfNetwork(torch.autograd.Function):
    """A network in half precision whose gradients are scaled to fit there.

    The gradient of a mean over a hundred thousand samples is below the smallest number of half precision. It is
    multiplied so that its largest entry is 1 before it goes back through the network, and what comes out is divided
    again; the factor stays on the device.
    """

    @staticmethod
    def forward(ctx, module: nn.Module, inputs: Tensor, params: Tensor) -> Tensor:  # noqa: ANN001 (torch's own type)
        with torch.enable_grad():
            given = [
                tensor.detach().requires_grad_(needed)
                for tensor, needed in zip((inputs, params), ctx.needs_input_grad[1:], strict=True)
            ]
            out = functional_call(module, {"params": given[1]}, (given[0],))
        ctx.given, ctx.out = given, out
        return out.detach().float()

    @staticmethod
    def backward(ctx, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001 (torch's own type)
        factor = 1.0 / grads[0].abs().max().clamp_min(1e-30)
        wanted = [tensor for tensor in ctx.given if tensor.requires_grad]
        found = iter(torch.autograd.grad(ctx.out, wanted, (grads[0] * factor).to(ctx.out.dtype)))
        back = [next(found).float() / factor if tensor.requires_grad else None for tensor in ctx.given]
        ctx.given = ctx.out = None
        return None, *back


def pack(matrices: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, "p"]:
    """Weights as tinycudann's FullyFusedMLP stores them: row-major, layer after layer, no biases.

    Inputs are filled up to a multiple of 16 with ones and outputs likewise with values that are dropped, so the
    first matrix gets columns of zeros and the last one rows of zeros.

    >>> pack([torch.ones(16, 24), torch.ones(3, 16)]).shape == (16 * 32 + 16 * 16,)
    True
    """
    first = pad(matrices[0], (0, -matrices[0].shape[1] % _MULTIPLE))
    last = pad(matrices[-1], (0, 0, 0, -matrices[-1].shape[0] % _MULTIPLE))
    return torch.cat([m.reshape(-1) for m in (first, *matrices[1:-1], last)])


def visibility(alpha: Float[Tensor, "s"], offsets: Int[Tensor, "r1"]) -> tuple[Float[Tensor, "s"], Float[Tensor, "s"]]:
    """Weight and transmittance of each sample by nerfacc; differentiable.

    Args:
        alpha: Share of the light that each sample stops.
        offsets: Where each ray's samples begin, and their number.
    """
    if len(alpha) == 0:
        return alpha, alpha
    weights, transmittance = package("nerfacc").render_weight_from_alpha(
        alpha * _OPAQUE, ray_indices=_ray(offsets, len(alpha)), n_rays=len(offsets) - 1
    )
    return weights, transmittance


def composite(
    color: Float[Tensor, "s 3"],
    alpha: Float[Tensor, "s"],
    middle: Float[Tensor, "s"],
    offsets: Int[Tensor, "r1"],
) -> tuple[Float[Tensor, "r 3"], Float[Tensor, "r"], Float[Tensor, "r"], Float[Tensor, "s"]]:
    """Colour, opacity and depth of rays and the weight of samples by nerfacc; differentiable.

    Args:
        color: Colour of each sample.
        alpha: Share of the light that each sample stops, presence included.
        middle: Distance of each sample, metres.
        offsets: Where each ray's samples begin, and their number.
    """
    weights, _ = visibility(alpha, offsets)
    values = torch.cat([color, torch.ones_like(middle)[:, None], middle[:, None]], -1)
    total = package("nerfacc").accumulate_along_rays(
        weights, values=values, ray_indices=_ray(offsets, len(alpha)), n_rays=len(offsets) - 1
    )
    return total[:, :3], total[:, 3], total[:, 4], weights


def march(
    rays: Rays,
    occupied: Bool[Tensor, "c x y z"],
    boxes: Float[Tensor, "c 6"],
    jitter: Float[Tensor, "r"],
    *,
    step: float,
    cone: float,
) -> Samples:
    """Occupied steps of all rays by nerfacc.

    Its lattice differs from ours: with a cone, a step is cone times the distance, at least `step`, without a
    longest one; and a ray's lattice begins anew where it enters occupied space.

    Args:
        rays: Rays with near and far, metres.
        occupied: Cells of each cascade, z fastest, as nerfacc has them.
        boxes: Smallest and largest corner of each cascade, metres.
        jitter: Shift of each ray's first step, in steps, in [0, 1).
        step: The shortest step, metres.
        cone: Steps grow to this multiple of the distance.
    """
    if len(rays) == 0:
        return Samples(rays.near, rays.far, rays.near.long(), 0)
    intervals, samples, _ = package("nerfacc").traverse_grids(
        rays.origins.contiguous(),
        rays.dirs.contiguous(),
        occupied,
        boxes.contiguous(),
        near_planes=(rays.near + jitter * step).contiguous(),
        far_planes=rays.far.contiguous(),
        step_size=step,
        cone_angle=cone,
    )
    t0, t1, ray = intervals.vals[intervals.is_left], intervals.vals[intervals.is_right], samples.ray_indices
    # A last step that begins at the ray's end has no length and so no weight; looking for it would wait for the GPU.
    t1 = torch.maximum(torch.minimum(t1, rays.far[ray]), t0)
    return Samples(t0, t1, ray, len(rays))


@cache
def _encoding(
    levels: int, features: int, log2_table_size: int, base_resolution: int, per_level_scale: float
) -> nn.Module:
    config = {
        "otype": "HashGrid",
        "n_levels": levels,
        "n_features_per_level": features,
        "log2_hashmap_size": log2_table_size,
        "base_resolution": base_resolution,
        "per_level_scale": per_level_scale,
        "interpolation": "Linear",
    }
    return package("tinycudann").Encoding(3, config, dtype=torch.float32)


@cache
def _network(inputs: int, hidden: int, hidden_layers: int, outputs: int) -> nn.Module:
    config = {
        "otype": "FullyFusedMLP",
        "activation": "ReLU",
        "output_activation": "None",
        "n_neurons": hidden,
        "n_hidden_layers": hidden_layers,
    }
    return package("tinycudann").Network(inputs, outputs, config)


def _ray(offsets: Int[Tensor, "r1"], samples: int) -> Int[Tensor, "s"]:
    """Index of the ray that each sample lies on; how many there are need not be asked of the device."""
    rays = torch.arange(len(offsets) - 1, device=offsets.device)
    return torch.repeat_interleave(rays, offsets.diff(), output_size=samples)
