"""Radial bases: the values of the kernels near each point, and the features that these mix (NeuRBF, section 3).

With d = x - c and q = d^T A d, a kernel's value is a function of q, or a product of tents. The values of a point's K
nearest kernels are normalised over the K where asked for (Chen et al. 2023, equation 4), and channel c of the result is

    g_c(x) = sum over i of sin(m_c phi_i(x)) w_ic        (equations 5 and 6; without frequencies phi_i(x) w_ic)
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.kernels import native_core

SMALLEST_SUM = 1e-8
"""Added to the sum by which a point's values are divided."""
_WHOLE_VECTORS = 16


@dataclass(frozen=True)
class RbfKernel:
    """One kind of kernel.

    Attributes:
        number: In the native core.
        numbers: How many numbers make the shape of one kernel in D dimensions.
        value: Values from differences "n k d" and shapes "n k s".
        half_square: The q at which a kernel has the value 1/2, so that kinds can be made equally wide.
        shape: The shapes whose A has given eigenvalues "m d" (or "m 1") and eigenvectors "m d d" (columns).
        matrix: The A of shapes "m s" in D dimensions; of a tent, that of the ellipse with its widths.
        reach: Distance in D dimensions beyond which none of some shapes "m s" has a value; infinite for most kinds.
    """

    number: int
    numbers: Callable[[int], int]
    value: Callable[[Tensor, Tensor], Tensor]
    half_square: float
    shape: Callable[[Tensor, Tensor], Tensor]
    matrix: Callable[[Tensor, int], Tensor]
    reach: Callable[[Tensor, int], float] = lambda shapes, dims: math.inf


def packed_symmetric(matrices: Float[Tensor, "n d d"]) -> Float[Tensor, "n s"]:
    """The upper triangles of symmetric matrices, row by row."""
    row, column = torch.triu_indices(*matrices.shape[1:])
    return matrices[:, row, column]


def unpacked_symmetric(packed: Float[Tensor, "n s"], dims: int) -> Float[Tensor, "n d d"]:
    """The inverse of `packed_symmetric`."""
    row, column = torch.triu_indices(dims, dims)
    whole = packed.new_zeros(len(packed), dims, dims)
    whole[:, row, column] = whole[:, column, row] = packed
    return whole


def quadratic_form(d: Float[Tensor, "*n d"], packed: Float[Tensor, "*n s"]) -> Float[Tensor, "*n"]:
    """`d^T A d` from A's upper triangle, row by row."""
    axes = d.unbind(-1)
    pairs = itertools.combinations_with_replacement(axes, 2)
    terms = [first * second if first is second else 2.0 * first * second for first, second in pairs]
    return (packed * torch.stack(terms, -1)).sum(-1)


def _of_square(number: int, value: Callable[[Tensor], Tensor], half_square: float) -> RbfKernel:
    """A kernel whose value is a function of q, with A as its shape."""
    return RbfKernel(
        number,
        lambda dims: dims * (dims + 1) // 2,
        lambda d, shape: value(quadratic_form(d, shape)),
        half_square,
        lambda squares, axes: packed_symmetric(axes * squares[:, None] @ axes.mT),
        unpacked_symmetric,
    )


def _tents(places: Tensor) -> Tensor:
    return (1.0 - places.abs()).clamp_min(0.0).prod(-1)


_TENT = RbfKernel(
    1,
    lambda _: 1,
    lambda d, shape: _tents(shape * d),
    0.25,
    lambda squares, _: squares.sqrt(),
    lambda shapes, dims: shapes[:, :, None].square() * torch.eye(dims).to(shapes),
    lambda shapes, dims: math.sqrt(dims) / max(float(shapes.min()), SMALLEST_SUM),
)

_ROTATED_TENT = RbfKernel(
    2,
    lambda dims: dims * dims,
    lambda d, shape: _tents((shape.unflatten(-1, (d.shape[-1], d.shape[-1])) * d[..., None, :]).sum(-1)),
    0.25,
    lambda squares, axes: (squares.sqrt()[..., None] * axes.mT).flatten(1),
    lambda shapes, dims: shapes.unflatten(-1, (dims, dims)).mT @ shapes.unflatten(-1, (dims, dims)),
)

RBF_KERNELS: dict[str, RbfKernel] = {
    "inverse_quadratic": _of_square(0, lambda q: 1.0 / (1.0 + q), 1.0),
    "tent": _TENT,
    "rotated_tent": _ROTATED_TENT,
    "inverse_multiquadric": _of_square(3, lambda q: (1.0 + q).rsqrt(), 3.0),
    "gaussian": _of_square(4, lambda q: torch.exp(-0.5 * q), 1.0),
}
"""Kernels by name. The Gaussian is left as wide as the paper's release has it: 0.607 where others are 1/2."""


def rbf_values_reference(
    points: Float[Tensor, "n d"],
    centers: Float[Tensor, "m d"],
    shapes: Float[Tensor, "m s"],
    neighbours: Int[Tensor, "n k"],
    *,
    kernel: RbfKernel,
    normalize: bool,
) -> Float[Tensor, "n k"]:
    """The torch twin of `rbf_values`: any device and precision."""
    near = neighbours.long()
    phi = kernel.value(points[:, None] - centers[near], shapes[near])
    return phi / (phi.sum(-1, keepdim=True) + SMALLEST_SUM) if normalize else phi


def rbf_values(
    points: Float[Tensor, "n d"],
    centers: Float[Tensor, "m d"],
    shapes: Float[Tensor, "m s"],
    neighbours: Int[Tensor, "n k"],
    *,
    kernel: RbfKernel,
    normalize: bool,
) -> Float[Tensor, "n k"]:
    """Values of each point's kernels; differentiable in points, centres and shapes (by the twin).

    Args:
        points: Where.
        centers: Of all kernels.
        shapes: Of all kernels; what they mean depends on the kernel.
        neighbours: Numbers of each point's kernels.
        kernel: Its kind.
        normalize: Whether the values of a point are divided by their sum.
    """
    tensors = (points, centers, shapes)
    needed = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if needed or not native_core.runs_natively(*tensors):
        return rbf_values_reference(points, centers, shapes, neighbours, kernel=kernel, normalize=normalize)
    phi = points.new_empty(neighbours.shape)
    arrays = [native_core.array(t) for t in (*tensors, neighbours)]
    native_core.require().rbf_values(*arrays, kernel.number, normalize, phi, torch.get_num_threads())
    return phi


@dataclass(frozen=True)
class Transposed:
    """Neighbour lists the other way round: for each kernel the places "point * k + turn" that name it.

    Attributes:
        start: Where each kernel's places begin, and the end.
        places: Of all kernels, one kernel after the other.
    """

    start: Int[Tensor, "m1"]
    places: Int[Tensor, "p"]


def transpose_reference(neighbours: Int[Tensor, "n k"], kernels: int) -> Transposed:
    """The torch twin of `transpose`."""
    flat = neighbours.reshape(-1).long()
    counts = torch.bincount(flat, minlength=kernels)
    start = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Transposed(start, flat.argsort(stable=True).int())


def transpose(neighbours: Int[Tensor, "n k"], kernels: int) -> Transposed:
    """Neighbour lists sorted by kernel: what the backward pass of `rbf_mix` sums over.

    Args:
        neighbours: Numbers of each point's kernels.
        kernels: How many there are.
    """
    if neighbours.device.type != "cpu" or neighbours.dtype != torch.int32 or native_core.core() is None:
        return transpose_reference(neighbours, kernels)
    start = torch.zeros(kernels + 1, dtype=torch.int64)
    places = torch.zeros(neighbours.numel(), dtype=torch.int32)
    native_core.require().rbf_transpose(native_core.array(neighbours), start, places, torch.get_num_threads())
    return Transposed(start, places)


def rbf_mix_reference(
    features: Float[Tensor, "m f"],
    phi: Float[Tensor, "n k"],
    neighbours: Int[Tensor, "n k"],
    frequencies: Float[Tensor, "f"] | None = None,
    *,
    rounding: torch.dtype | None = None,
) -> Float[Tensor, "n f"]:
    """The torch twin of `rbf_mix`: any device and precision, differentiable in features and values.

    Args:
        features: See `rbf_mix`.
        phi: See there.
        neighbours: See there.
        frequencies: See there.
        rounding: Precision of the phases; that of `phi` by default. A double-precision reference of a
            single-precision op needs float32: at frequency 4096 the phase's rounding moves the sine by 1e-4.
    """
    basis = phi[..., None]
    if frequencies is not None:
        exact = basis * frequencies
        rounded = exact.to(rounding or exact.dtype).to(exact.dtype)
        basis = torch.sin(exact + (rounded - exact).detach())
    return (basis * features[neighbours.long()]).sum(1)


@torch.library.custom_op("nfield::rbf_mix", mutates_args=())
def _native_mix(
    features: Tensor, phi: Tensor, neighbours: Tensor, frequencies: Tensor, start: Tensor, places: Tensor
) -> Tensor:
    out = features.new_empty(len(phi), features.shape[1])
    arrays = [native_core.array(t) for t in (features, phi, neighbours, frequencies)]
    native_core.require().rbf_mix(*arrays, out, torch.get_num_threads())
    return out


@_native_mix.register_fake
def _(features, phi, neighbours, frequencies, start, places) -> Tensor:  # noqa: ANN001 (shapes only; typed above)
    return features.new_empty(len(phi), features.shape[1])


@torch.library.custom_op("nfield::rbf_mix_backward", mutates_args=())
def _native_backward(phi: Tensor, frequencies: Tensor, start: Tensor, places: Tensor, grad: Tensor) -> Tensor:
    grad_features = grad.new_empty(len(start) - 1, grad.shape[1])
    arrays = [native_core.array(t) for t in (phi, frequencies, start, places, grad)]
    native_core.require().rbf_mix_backward(*arrays, grad_features, torch.get_num_threads())
    return grad_features


@_native_backward.register_fake
def _(phi: Tensor, frequencies: Tensor, start: Tensor, places: Tensor, grad: Tensor) -> Tensor:
    return grad.new_empty(len(start) - 1, grad.shape[1])


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    _, phi, _, frequencies, start, places = inputs
    ctx.save_for_backward(phi, frequencies, start, places)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001 (torch's own type has no public fields)
    return _native_backward(*ctx.saved_tensors, grad), None, None, None, None, None


_native_mix.register_autograd(_backward, setup_context=_setup)


def rbf_mix(
    features: Float[Tensor, "m f"],
    phi: Float[Tensor, "n k"],
    neighbours: Int[Tensor, "n k"],
    frequencies: Float[Tensor, "f"] | None = None,
    *,
    transposed: Transposed | None = None,
) -> Float[Tensor, "n f"]:
    """Features of points, mixed from those of their kernels; differentiable in features and (by the twin) values.

    Args:
        features: Of all kernels.
        phi: Values of each point's kernels; see `rbf_values`.
        neighbours: Their numbers.
        frequencies: Of the sine that each channel takes of the values; None for the values themselves.
        transposed: The neighbours by kernel, where the caller keeps them because its points never change.
    """
    tensors = (features, phi) if frequencies is None else (features, phi, frequencies)
    grad = torch.is_grad_enabled()
    whole = features.shape[1] % _WHOLE_VECTORS == 0
    if (grad and phi.requires_grad) or not whole or not native_core.runs_natively(*tensors):
        return rbf_mix_reference(features, phi, neighbours, frequencies)
    if transposed is None and grad and features.requires_grad:
        transposed = transpose(neighbours, len(features))
    if transposed is None:
        transposed = Transposed(torch.zeros(1, dtype=torch.int64), torch.zeros(0, dtype=torch.int32))
    sines = features.new_empty(0) if frequencies is None else frequencies
    return _native_mix(features, phi, neighbours, sines, transposed.start, transposed.places)


def frequency_ladder(count: int, low: float, high: float) -> Float[Tensor, "f"]:
    """Frequencies from `low` to `high`, evenly spread in their logarithm (NeuRBF, equation 6).

    >>> frequency_ladder(3, 1.0, 4.0).tolist()
    [1.0, 2.0, 4.0]
    """
    steps = torch.linspace(0.0, 1.0, count, dtype=torch.float64)
    first, last = torch.tensor([low, high], dtype=torch.float64).log2()
    return (first + steps * (last - first)).exp2().float()
