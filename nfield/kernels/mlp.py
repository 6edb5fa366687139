"""Small multilayer perceptrons on many points: the networks behind every encoding."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from nfield.kernels import cuda, native_core


def mlp_reference(
    inputs: Float[Tensor, "n i"],
    matrices: Sequence[Float[Tensor, "_ _"]],
    biases: Sequence[Float[Tensor, "_"]] | None = None,
    *,
    frequencies: Float[Tensor, "h"] | None = None,
) -> Float[Tensor, "n o"]:
    """The torch twin of `mlp`."""
    for index, matrix in enumerate(matrices):
        inputs = linear(inputs, matrix, None if biases is None else biases[index])
        if index == len(matrices) - 1:
            break
        sines = frequencies if index == 0 else None
        inputs = inputs.relu() if sines is None else inputs + torch.sin(inputs * sines)
    return inputs


@torch.library.custom_op("nfield::mlp", mutates_args=())
def _native_mlp(inputs: Tensor, weights: Tensor, widths: list[int], biased: bool, frequencies: Tensor) -> Tensor:
    out = inputs.new_empty(len(inputs), widths[-1])
    arrays = _arrays(inputs, weights, widths, biased, frequencies)
    native_core.require().mlp(*arrays, out, torch.get_num_threads())
    return out


@_native_mlp.register_fake
def _(inputs: Tensor, weights: Tensor, widths: list[int], biased: bool, frequencies: Tensor) -> Tensor:
    return inputs.new_empty(len(inputs), widths[-1])


@torch.library.custom_op("nfield::mlp_backward", mutates_args=())
def _native_backward(
    inputs: Tensor,
    weights: Tensor,
    widths: list[int],
    biased: bool,
    frequencies: Tensor,
    grad: Tensor,
    to_inputs: bool,
) -> tuple[Tensor, Tensor]:
    grad_weights = torch.empty_like(weights, memory_format=torch.contiguous_format)
    grad_inputs = inputs.new_empty(len(inputs) if to_inputs else 0, inputs.shape[1])
    arrays = _arrays(inputs, weights, widths, biased, frequencies)
    native_core.require().mlp_backward(
        *arrays, native_core.array(grad), grad_weights, grad_inputs, torch.get_num_threads()
    )
    return grad_weights, grad_inputs


@_native_backward.register_fake
def _(inputs, weights, widths, biased, frequencies, grad, to_inputs):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return torch.empty_like(weights), inputs.new_empty(len(inputs) if to_inputs else 0, inputs.shape[1])


def _arrays(
    inputs: Tensor, weights: Tensor, widths: list[int], biased: bool, frequencies: Tensor
) -> tuple[Tensor, Tensor, Tensor, bool, Tensor]:
    sizes = torch.tensor(widths, dtype=torch.int32)
    return native_core.array(inputs), native_core.array(weights), sizes, biased, native_core.array(frequencies)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    points, weights, widths, biased, frequencies = inputs
    ctx.save_for_backward(points, weights, frequencies)
    ctx.widths, ctx.biased = widths, biased


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None, None]:  # noqa: ANN001 (torch's own type)
    points, weights, frequencies = ctx.saved_tensors
    grad_weights, grad_points = _native_backward(
        points, weights, ctx.widths, ctx.biased, frequencies, grad, ctx.needs_input_grad[0]
    )
    return (grad_points if ctx.needs_input_grad[0] else None), grad_weights, None, None, None


_native_mlp.register_autograd(_backward, setup_context=_setup)


def mlp(
    inputs: Float[Tensor, "n i"],
    matrices: Sequence[Float[Tensor, "_ _"]],
    biases: Sequence[Float[Tensor, "_"]] | None = None,
    *,
    frequencies: Float[Tensor, "h"] | None = None,
) -> Float[Tensor, "n o"]:
    """Linear layers with ReLU between them; differentiable in inputs, matrices and biases.

    On CUDA, networks without biases and frequencies whose hidden layers have 16, 32, 64 or 128 numbers run in half
    precision.

    Args:
        inputs: What the first layer takes.
        matrices: Weights [out, in] of each layer.
        biases: Of each layer; None for none.
        frequencies: Where given, the first layer's activation is h + sin(h * frequencies) in place of ReLU, NeuRBF's
            sinusoidal composition on features (Chen et al. 2023, equation 7).
    """
    if biases is None and frequencies is None and cuda.fuses(matrices) and cuda.takes(inputs, *matrices):
        return cuda.network(inputs, matrices)
    sines = () if frequencies is None else (frequencies,)
    # The native op takes frequencies for constants, as NeuRBF does.
    if native_core.runs_natively(inputs, *matrices, *(biases or ()), *sines) and not any(
        f.requires_grad for f in sines
    ):
        parameters = matrices if biases is None else [p for pair in zip(matrices, biases, strict=True) for p in pair]
        weights = torch.cat([p.reshape(-1) for p in parameters])
        widths = [matrices[0].shape[1], *(m.shape[0] for m in matrices)]
        return _native_mlp(inputs, weights, widths, biases is not None, sines[0] if sines else inputs.new_empty(0))
    return mlp_reference(inputs, matrices, biases, frequencies=frequencies)
