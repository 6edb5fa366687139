"""Alpha compositing of packed samples, and which samples are still visible.

alpha_i = presence_i (1 - exp(-density_i length_i)), weight_i = T_i alpha_i, T_{i+1} = T_i (1 - alpha_i)
(Max 1995; NeRF, equation 3; presence as ELICIT's foreground likelihood, which multiplies alpha).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.kernels import cuda, native_core


def transmittance_reference(alpha: Float[Tensor, "s"], offsets: Int[Tensor, "r1"]) -> Float[Tensor, "s"]:
    """T_i: how much of what lies at each sample reaches the eye, the product of 1 - alpha before it in its ray.

    A product and not a sum of logarithms: it is right, in value and gradient, where alpha is 1.
    """
    counts = offsets.diff()
    longest = int(counts.max()) if len(counts) else 0
    ray = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    place = torch.arange(len(alpha), device=counts.device) - offsets[:-1][ray]
    # Rays are laid side by side, padded with ones: a product over all rays at once would lose precision.
    padded = alpha.new_ones(len(counts), longest + 1).index_put((ray, place + 1), 1.0 - alpha)
    return padded.cumprod(-1)[ray, place]


def alpha_reference(
    log_density: Float[Tensor, "s"], presence: Float[Tensor, "s"], lengths: Float[Tensor, "s"]
) -> Float[Tensor, "s"]:
    """Share of the light that each sample stops."""
    return -presence * torch.expm1(-log_density.exp() * lengths)


def composite_reference(
    color: Float[Tensor, "s 3"],
    log_density: Float[Tensor, "s"],
    presence: Float[Tensor, "s"],
    t0: Float[Tensor, "s"],
    t1: Float[Tensor, "s"],
    offsets: Int[Tensor, "r1"],
) -> tuple[Float[Tensor, "r 3"], Float[Tensor, "r"], Float[Tensor, "r"], Float[Tensor, "s"]]:
    """The torch twin of `composite`."""
    alpha = alpha_reference(log_density, presence, t1 - t0)
    weights = transmittance_reference(alpha, offsets) * alpha
    rays = len(offsets) - 1
    ray = torch.repeat_interleave(torch.arange(rays, device=color.device), offsets.diff())
    per_sample = torch.cat([color, torch.ones_like(t0)[:, None], 0.5 * (t0 + t1)[:, None]], -1)
    total = color.new_zeros(rays, 5).index_add(0, ray, weights[:, None] * per_sample)
    return total[:, :3], total[:, 3], total[:, 4], weights


@torch.library.custom_op("nfield::composite", mutates_args=())
def _native_composite(
    color: Tensor, log_density: Tensor, presence: Tensor, t0: Tensor, t1: Tensor, offsets: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rays = len(offsets) - 1
    out = (color.new_empty(rays, 3), color.new_empty(rays), color.new_empty(rays), color.new_empty(len(t0)))
    arrays = [native_core.array(t) for t in (color, log_density, presence, t0, t1, offsets)]
    native_core.require().composite(*arrays, *out, torch.get_num_threads())
    return out


@_native_composite.register_fake
def _(color, log_density, presence, t0, t1, offsets):  # noqa: ANN001, ANN202 (shapes only; typed above)
    rays = len(offsets) - 1
    return color.new_empty(rays, 3), color.new_empty(rays), color.new_empty(rays), color.new_empty(len(t0))


@torch.library.custom_op("nfield::composite_backward", mutates_args=())
def _native_backward(
    color: Tensor,
    log_density: Tensor,
    presence: Tensor,
    t0: Tensor,
    t1: Tensor,
    offsets: Tensor,
    grads: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    out = (torch.empty_like(color), torch.empty_like(log_density), torch.empty_like(presence))
    arrays = [native_core.array(t) for t in (color, log_density, presence, t0, t1, offsets, *grads)]
    native_core.require().composite_backward(*arrays, *out, torch.get_num_threads())
    return out


@_native_backward.register_fake
def _(color, log_density, presence, t0, t1, offsets, grads):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return torch.empty_like(color), torch.empty_like(log_density), torch.empty_like(presence)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(*inputs)
    ctx.set_materialize_grads(True)


def _backward(ctx, *grads: Tensor):  # noqa: ANN001, ANN202 (torch's own types)
    return (*_native_backward(*ctx.saved_tensors, list(grads)), None, None, None)


_native_composite.register_autograd(_backward, setup_context=_setup)


def composite(
    color: Float[Tensor, "s 3"],
    log_density: Float[Tensor, "s"],
    presence: Float[Tensor, "s"],
    t0: Float[Tensor, "s"],
    t1: Float[Tensor, "s"],
    offsets: Int[Tensor, "r1"],
) -> tuple[Float[Tensor, "r 3"], Float[Tensor, "r"], Float[Tensor, "r"], Float[Tensor, "s"]]:
    """Colour, opacity, depth and weights; differentiable in colour, log-density and presence.

    Args:
        color: Colour of each sample.
        log_density: Logarithm of the density in 1/m.
        presence: Factor of alpha in [0, 1].
        t0: Start of each interval, metres.
        t1: End of each interval.
        offsets: Where each ray's samples begin, and their number.

    Returns:
        Per ray: colour times opacity, opacity, depth times opacity (metres); per sample: weight.
    """
    if cuda.takes(color, log_density, presence, t0, t1):
        return cuda.composite(color, alpha_reference(log_density, presence, t1 - t0), 0.5 * (t0 + t1), offsets)
    if native_core.runs_natively(color, log_density, presence, t0, t1):
        return _native_composite(color, log_density, presence, t0, t1, offsets)
    return composite_reference(color, log_density, presence, t0, t1, offsets)


@torch.no_grad()
def visible(
    log_density: Float[Tensor, "s"],
    presence: Float[Tensor, "s"],
    t0: Float[Tensor, "s"],
    t1: Float[Tensor, "s"],
    offsets: Int[Tensor, "r1"],
    *,
    threshold: float,
) -> Bool[Tensor, "s"]:
    """Which samples have a transmittance of at least `threshold` before them."""
    if cuda.takes(log_density, presence, t0, t1):
        return cuda.visibility(alpha_reference(log_density, presence, t1 - t0), offsets)[1] >= threshold
    if not native_core.runs_natively(log_density, presence, t0, t1):
        return transmittance_reference(alpha_reference(log_density, presence, t1 - t0), offsets) >= threshold
    out = torch.empty(len(t0), dtype=torch.bool)
    arrays = [native_core.array(t) for t in (log_density, presence, t0, t1, offsets)]
    native_core.require().visible(*arrays, threshold, out, torch.get_num_threads())
    return out
