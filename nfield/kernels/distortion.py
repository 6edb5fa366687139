"""How much the weights of a ray are spread out (mip-NeRF 360, Barron et al. 2022, equation 15).

L = sum_ij w_i w_j |m_i - m_j| + 1/3 sum_i w_i^2 d_i, with middles m and lengths d of intervals: least where all that a
ray meets lies in one place. Samples are sorted, so sums of what lies before replace the double one.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.kernels import native_core


def distortion_reference(
    weights: Float[Tensor, "s"], s0: Float[Tensor, "s"], s1: Float[Tensor, "s"], offsets: Int[Tensor, "r1"]
) -> Float[Tensor, "r"]:
    """The torch twin of `distortion`."""
    counts = offsets.diff()
    ray = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    middle = 0.5 * (s0 + s1)
    before, moment = (_before(part, offsets, ray) for part in (weights, weights * middle))
    each = 2.0 * weights * (middle * before - moment) + weights.square() * (s1 - s0) / 3.0
    return weights.new_zeros(len(counts)).index_add(0, ray, each)


def _before(values: Float[Tensor, "s"], offsets: Int[Tensor, "r1"], ray: Int[Tensor, "s"]) -> Float[Tensor, "s"]:
    """The sum of the values before each sample in its ray."""
    total = torch.cat([values.new_zeros(1), values.cumsum(0)])
    return total[:-1] - total[offsets[:-1]][ray]


@torch.library.custom_op("nfield::distortion", mutates_args=())
def _native_distortion(weights: Tensor, s0: Tensor, s1: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    loss, slopes = weights.new_empty(len(offsets) - 1), weights.new_empty(len(weights))
    arrays = [native_core.array(t) for t in (weights, s0, s1, offsets)]
    native_core.require().distortion(*arrays, loss, slopes, torch.get_num_threads())
    return loss, slopes


@_native_distortion.register_fake
def _(weights, s0, s1, offsets):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return weights.new_empty(len(offsets) - 1), weights.new_empty(len(weights))


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(output[1], inputs[3])
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, grad_loss: Tensor, _: Tensor):  # noqa: ANN001, ANN202 (torch's own types)
    slopes, offsets = ctx.saved_tensors
    return slopes * torch.repeat_interleave(grad_loss, offsets.diff()), None, None, None


_native_distortion.register_autograd(_backward, setup_context=_setup)


def distortion(
    weights: Float[Tensor, "s"], s0: Float[Tensor, "s"], s1: Float[Tensor, "s"], offsets: Int[Tensor, "r1"]
) -> Float[Tensor, "r"]:
    """The distortion of each ray; differentiable in the weights.

    Args:
        weights: Of packed samples.
        s0: Start of each interval, in any unit.
        s1: End of each interval.
        offsets: Where each ray's samples begin, and their number.

    >>> distortion(torch.tensor([0.5, 0.5]), torch.tensor([0.0, 3.0]), torch.tensor([0.0, 3.0]), torch.tensor([0, 2]))
    tensor([1.5000])
    """
    if native_core.runs_natively(weights, s0, s1):
        return _native_distortion(weights, s0, s1, offsets)[0]
    return distortion_reference(weights, s0, s1, offsets)
