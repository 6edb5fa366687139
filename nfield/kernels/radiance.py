"""The fused radiance field: hash grid, density network, spherical harmonics and colour network in one op.

Architecture of instant-ngp (Müller et al. 2022, section 5.4): encoding -> 1 hidden layer -> 16 features, of which the
first is the log-density; features and degree-4 harmonics of the direction -> 2 hidden layers -> sigmoid colour.
No layer has a bias, so that tinycudann can run the same weights.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from nfield.kernels import native_core
from nfield.kernels.harmonics import HARMONICS, spherical_harmonics
from nfield.kernels.hash_grid import GridLayout, hash_encode, hash_encode_reference
from nfield.kernels.mlp import mlp, mlp_reference

FEATURES = 16
"""Length of the volume-aligned feature: the log-density and 15 numbers of appearance (PVD, section 2.1)."""

_Network = Callable[[Tensor, Sequence[Tensor]], Tensor]
_TILE = 128
_ENCODED = 32
_HIDDEN = (32, 64)


class RadianceWeights(NamedTuple):
    """Matrices [out, in] of the two networks; h is the hidden width."""

    density1: Float[Tensor, "h c"]
    density2: Float[Tensor, "16 h"]
    color1: Float[Tensor, "h 32"]
    color2: Float[Tensor, "h h"]
    color3: Float[Tensor, "3 h"]


def density_network(
    encoded: Float[Tensor, "n c"], matrices: Sequence[Float[Tensor, "_ _"]], run: _Network = mlp
) -> Float[Tensor, "n 16"]:
    """The feature of encoded points, by `density1` and `density2`; its first entry is the log-density, unclipped."""
    return run(encoded, matrices)


def color_network(
    feature: Float[Tensor, "n f"],
    dirs: Float[Tensor, "n 3"],
    matrices: Sequence[Float[Tensor, "_ _"]],
    run: _Network = mlp,
) -> Float[Tensor, "n 3"]:
    """Colour in [0, 1] of features seen along unit directions, by `color1` to `color3`."""
    return run(torch.cat([feature, spherical_harmonics(dirs)], -1), matrices).sigmoid()


def radiance_reference(
    unit: Float[Tensor, "n 3"],
    dirs: Float[Tensor, "n 3"],
    table: Float[Tensor, "e f"],
    weights: RadianceWeights,
    layout: GridLayout,
    *,
    log_range: tuple[float, float],
    added: Float[Tensor, "n 15"] | None = None,
    rounding: torch.dtype | None = None,
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """The torch twin of `radiance`: any device and precision; see `hash_encode_reference` for `rounding`."""
    encoded = hash_encode_reference(unit, table, layout, rounding=rounding)
    feature = _with(added, density_network(encoded, weights[:2], mlp_reference))
    return color_network(feature, dirs, weights[2:], mlp_reference), feature[:, 0].clamp(*log_range)


def _with(added: Float[Tensor, "n 15"] | None, feature: Float[Tensor, "n 16"]) -> Float[Tensor, "n 16"]:
    """A feature to whose appearance something is added."""
    return feature if added is None else feature + pad(added, (1, 0))


def _saved_shape(points: int) -> tuple[int, int, int]:
    return ((points + _TILE - 1) // _TILE, _ENCODED, _TILE)


@torch.library.custom_op("nfield::radiance", mutates_args=())
def _native_radiance(
    unit: Tensor,
    dirs: Tensor,
    added: Tensor,
    table: Tensor,
    weights: list[Tensor],
    layout: list[Tensor],
    log_range: list[float],
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    color, log_density = unit.new_empty(len(unit), 3), unit.new_empty(len(unit))
    saved = unit.new_empty(_saved_shape(len(unit) if save else 0))
    arrays = [native_core.array(t) for t in (unit, dirs, added, table)]
    matrices = [native_core.array(w) for w in weights]
    native_core.require().radiance(
        *arrays, *layout, *matrices, *log_range, color, log_density, saved, torch.get_num_threads()
    )
    return color, log_density, saved


@_native_radiance.register_fake
def _(unit, dirs, added, table, weights, layout, log_range, save):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return (
        unit.new_empty(len(unit), 3),
        unit.new_empty(len(unit)),
        unit.new_empty(_saved_shape(len(unit) if save else 0)),
    )


@torch.library.custom_op("nfield::radiance_backward", mutates_args=())
def _native_backward(  # noqa: PLR0913 (an op has no keywords or records: each tensor is an argument)
    unit: Tensor,
    dirs: Tensor,
    added: Tensor,
    table: Tensor,
    weights: list[Tensor],
    layout: list[Tensor],
    log_range: list[float],
    saved: Tensor,
    grad_color: Tensor,
    grad_density: Tensor,
    to_points: bool,
    to_dirs: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    grad_table = torch.empty_like(table, memory_format=torch.contiguous_format)
    grad_weights = unit.new_empty(sum(w.numel() for w in weights))
    grad_points, grad_dirs = (unit.new_empty(len(unit) if wanted else 0, 3) for wanted in (to_points, to_dirs))
    grad_added = torch.empty_like(added, memory_format=torch.contiguous_format)
    arrays = [native_core.array(t) for t in (unit, dirs, added, table)]
    matrices = [native_core.array(w) for w in weights]
    grads = [native_core.array(t) for t in (saved, grad_color, grad_density)]
    native_core.require().radiance_backward(
        *arrays,
        *layout,
        *matrices,
        *log_range,
        *grads,
        grad_table,
        grad_weights,
        grad_points,
        grad_dirs,
        grad_added,
        torch.get_num_threads(),
    )
    return grad_table, grad_weights, grad_points, grad_dirs, grad_added


@_native_backward.register_fake
def _(unit, dirs, added, table, weights, layout, log_range, saved, grad_color, grad_density, to_points, to_dirs):  # noqa: ANN001, ANN202, PLR0913 (as above)
    count = sum(w.numel() for w in weights)
    grad_points, grad_dirs = (unit.new_empty(len(unit) if wanted else 0, 3) for wanted in (to_points, to_dirs))
    return torch.empty_like(table), unit.new_empty(count), grad_points, grad_dirs, torch.empty_like(added)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    unit, dirs, added, table, weights, layout, log_range, _ = inputs
    ctx.save_for_backward(unit, dirs, added, table, output[2], *weights)
    ctx.layout, ctx.log_range = layout, log_range
    ctx.set_materialize_grads(True)


def _backward(ctx, grad_color: Tensor, grad_density: Tensor, _: Tensor):  # noqa: ANN001, ANN202 (torch's own types)
    unit, dirs, added, table, saved, *weights = ctx.saved_tensors
    to_points, to_dirs = ctx.needs_input_grad[:2]
    grad_table, flat, grad_points, grad_dirs, grad_added = _native_backward(
        unit,
        dirs,
        added,
        table,
        weights,
        ctx.layout,
        ctx.log_range,
        saved,
        grad_color,
        grad_density,
        to_points,
        to_dirs,
    )
    parts = flat.split([w.numel() for w in weights])
    matrices = [part.view_as(w) for part, w in zip(parts, weights, strict=True)]
    first, second = grad_points if to_points else None, grad_dirs if to_dirs else None
    return first, second, grad_added, grad_table, matrices, [None] * len(ctx.layout), None, None


_native_radiance.register_autograd(_backward, setup_context=_setup)


def _fits(layout: GridLayout, weights: RadianceWeights) -> bool:
    """Whether the native field was compiled for these sizes."""
    return layout.features == 2 and layout.width <= _ENCODED and weights.density1.shape[0] in _HIDDEN


def runs_fused(unit: Tensor, dirs: Tensor, table: Tensor, weights: RadianceWeights, layout: GridLayout) -> bool:
    """Whether `radiance` would take the native path: float32 on a CPU and compiled sizes."""
    return _fits(layout, weights) and native_core.runs_natively(unit, dirs, table, *weights)


def radiance(
    unit: Float[Tensor, "n 3"],
    dirs: Float[Tensor, "n 3"],
    table: Float[Tensor, "e f"],
    weights: RadianceWeights,
    layout: GridLayout,
    *,
    log_range: tuple[float, float],
    added: Float[Tensor, "n 15"] | None = None,
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """Colour and log-density of points seen from directions; differentiable in all of its tensors.

    Args:
        unit: Points in [0, 1]^3; others are clamped to it.
        dirs: Unit directions of view.
        table: Entries of the hash grid.
        weights: Matrices of both networks.
        layout: Sizes of the grid.
        log_range: Log-densities are clipped to this range.
        added: What another encoding adds to the feature's 15 numbers of appearance, before the colour network.

    Returns:
        Colour in [0, 1] and log-density.
    """
    others = () if added is None else (added,)
    if not (runs_fused(unit, dirs, table, weights, layout) and native_core.runs_natively(unit, *others)):
        feature = _with(added, density_network(hash_encode(unit, table, layout), weights[:2]))
        return color_network(feature, dirs, weights[2:]), feature[:, 0].clamp(*log_range)
    needed = torch.is_grad_enabled() and any(t.requires_grad for t in (unit, dirs, table, *weights, *others))
    # An encoding that is no multiple of the tile's 32 rows is filled with zero columns, which add nothing.
    matrices = [pad(weights.density1, (0, _ENCODED - layout.width)), *weights[1:]]
    addition = unit.new_empty(0, FEATURES - 1) if added is None else added
    color, log_density, _ = _native_radiance(
        unit, dirs, addition, table, matrices, layout.arrays(), list(log_range), needed
    )
    return color, log_density


@torch.no_grad()
def log_density(
    unit: Float[Tensor, "n 3"],
    table: Float[Tensor, "e f"],
    weights: RadianceWeights,
    layout: GridLayout,
    *,
    log_range: tuple[float, float],
) -> Float[Tensor, "n"]:
    """The log-density alone, without gradient: a third of the arithmetic, for occupancy and visibility."""
    if not (_fits(layout, weights) and native_core.runs_natively(unit, table, *weights)):
        return density_network(hash_encode(unit, table, layout), weights[:2])[:, 0].clamp(*log_range)
    out = unit.new_empty(len(unit))
    first = pad(weights.density1, (0, _ENCODED - layout.width))
    arrays = [native_core.array(t) for t in (unit, table)]
    matrices = [native_core.array(t) for t in (first, weights.density2)]
    native_core.require().density(*arrays, *layout.arrays(), *matrices, *log_range, out, torch.get_num_threads())
    return out


assert FEATURES + HARMONICS == _ENCODED
