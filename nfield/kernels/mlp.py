"""Small multilayer perceptrons on many points: the networks behind every encoding."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from nfield.kernels import cuda


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


def mlp(
    inputs: Float[Tensor, "n i"],
    matrices: Sequence[Float[Tensor, "_ _"]],
    biases: Sequence[Float[Tensor, "_"]] | None = None,
    *,
    frequencies: Float[Tensor, "h"] | None = None,
) -> Float[Tensor, "n o"]:
    """Linear layers with ReLU between them; differentiable in inputs, matrices and biases.

    On CUDA, networks without biases and frequencies run in half precision.

    Args:
        inputs: What the first layer takes.
        matrices: Weights [out, in] of each layer.
        biases: Of each layer; None for none.
        frequencies: Where given, the first layer's activation is h + sin(h * frequencies) in place of ReLU, NeuRBF's
            sinusoidal composition on features (Chen et al. 2023, equation 7).
    """
    if biases is None and frequencies is None and cuda.takes(inputs, *matrices):
        return cuda.network(inputs, matrices)
    return mlp_reference(inputs, matrices, biases, frequencies=frequencies)
