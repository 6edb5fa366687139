"""Native kernels against their torch twins: time, and error against the twin in double precision.

Nearest centres are timed against SciPy's KD-tree on two threads, because a brute-force twin is no rival.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
from scipy.spatial import KDTree
from torch import Tensor
from torch.nn.functional import normalize

from nfield.bench.timing import Timing, interleaved
from nfield.cameras import Cameras, intersect_box, look_at
from nfield.kernels.composite import composite, composite_reference
from nfield.kernels.gaussians import Splats, camera_numbers, splat, splat_reference
from nfield.kernels.hash_grid import GridLayout, hash_encode, hash_encode_reference
from nfield.kernels.lines import line_products, line_products_reference
from nfield.kernels.march import StepRule, march, march_reference, pack_bits
from nfield.kernels.mlp import mlp, mlp_reference
from nfield.kernels.nearest import NearestCenters
from nfield.kernels.planes import vector_matrix, vector_matrix_reference
from nfield.kernels.points import sample_points
from nfield.kernels.radiance import RadianceWeights, radiance, radiance_reference
from nfield.kernels.rbf import (
    RBF_KERNELS,
    frequency_ladder,
    packed_symmetric,
    rbf_mix,
    rbf_mix_reference,
    rbf_values,
    rbf_values_reference,
)
from nfield.kernels.skinning import SkinnedVertices, SkinningRule, inverse_skinning, inverse_skinning_reference
from nfield.kernels.sparse_adam import sparse_adam_, sparse_adam_reference
from nfield.kernels.trilinear import trilinear, trilinear_reference
from nfield.types import Box, Rays, Samples

_RANGE = (-10.0, 10.0)
_CHECKED = 1 << 14


@dataclass(frozen=True)
class Comparison:
    """One row of the table.

    Attributes:
        name: The op, and whether with its backward pass.
        items: How many samples, rays or entries it handled.
        native: Time of the native op.
        twin: Time of the torch twin; of the KD-tree for nearest centres.
        error: Largest difference from the double-precision twin over its largest value; None where exact equality
            was checked instead.
    """

    name: str
    items: int
    native: Timing
    twin: Timing
    error: float | None


@dataclass(frozen=True)
class Workload:
    """Samples in ray order through a hollow ball, and a field of instant-ngp's sizes with random weights.

    Attributes:
        rays: Rays that look at the ball from all around.
        samples: Where they meet its shell.
        words: The shell's occupancy bits.
        layout: Sizes of the grid.
        table: Its entries.
        weights: Matrices of the networks.
    """

    rays: Rays
    samples: Samples
    words: Tensor
    layout: GridLayout
    table: Tensor
    weights: RadianceWeights

    @property
    def points(self) -> Tensor:
        """Samples in [0, 1]^3."""
        return _BOX.unit_from_world(sample_points(self.rays, self.samples)[0]).contiguous()

    @property
    def dirs(self) -> Tensor:
        """Direction of each sample's ray."""
        return self.rays.dirs[self.samples.ray]


_BOX = Box.cube(1.0)
_RULE = StepRule(float(_BOX.size.norm()) / 1024)


def make_workload(count: int, log2_table_size: int, generator: torch.Generator) -> Workload:
    """A workload of exactly `count` samples.

    Args:
        count: Samples.
        log2_table_size: Logarithm of the entries of a level.
        generator: Draws rays, table and weights.
    """
    axis = (torch.arange(128) + 0.5) / 64 - 1.0
    radius = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).norm(dim=-1)
    words = pack_bits(((radius > 0.55) & (radius < 0.7))[None])
    rays = _rays(count // 24, generator)
    samples = march(rays, words, _BOX, _RULE, torch.rand(len(rays), generator=generator))
    assert len(samples) >= count, "the shell gives more than 24 samples a ray"
    cut = Samples(samples.t0[:count], samples.t1[:count], samples.ray[:count], samples.n_rays)
    layout = GridLayout.up_to(2048, log2_table_size=log2_table_size)
    shapes = [(64, 32), (16, 64), (64, 32), (64, 64), (3, 64)]
    matrices = [torch.randn(s, generator=generator) / s[1] ** 0.5 for s in shapes]
    table = torch.rand(layout.size, 2, generator=generator) * 2.0 - 1.0
    return Workload(rays, cut, words, layout, table, RadianceWeights(*matrices))


def _rays(count: int, generator: torch.Generator) -> Rays:
    origins = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1) * 3.0
    targets = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1) * 0.4
    dirs = torch.nn.functional.normalize(targets - origins, dim=-1)
    return Rays(origins, dirs, *intersect_box(origins, dirs, _BOX))


Run = Callable[[Sequence[Tensor]], Sequence[Tensor]]


def _with_backward(run: Run, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Outputs of a run and the gradients of all inputs, for fixed slopes at the outputs."""
    leaves = [t.detach().requires_grad_() for t in inputs]
    outputs = run(leaves)
    grads = torch.autograd.grad(outputs, leaves, [_slopes(o.shape, o.dtype) for o in outputs])
    return [*(o.detach() for o in outputs), *grads]


@cache
def _slopes(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Slopes of a loss to outputs of a shape, all different; kept, so that they are not part of what is timed."""
    return torch.cos(torch.arange(shape.numel(), dtype=dtype)).view(shape)


def _without_backward(run: Run, inputs: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return list(run(inputs))


def _error(found: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """The largest relative error over all tensors, each against its own largest value."""
    return max(float((f - e).abs().max() / e.abs().max()) for f, e in zip(found, exact, strict=True))


def _compare(
    name: str, runs: tuple[Run, Run, Run], inputs: Sequence[Tensor], *, items: int, rounds: int
) -> list[Comparison]:
    """Forward, and forward with backward.

    Args:
        name: The op.
        runs: The native op and its twin at full size, and the native op on the few samples where errors are taken.
        inputs: What gradients are taken to.
        items: Samples at full size.
        rounds: Timed rounds.
    """
    native, twin, checked = runs
    rows = []
    for suffix, how in ((" forward", _without_backward), (" forward + backward", _with_backward)):
        times = interleaved({"native": partial(how, native, inputs), "twin": partial(how, twin, inputs)}, rounds=rounds)
        error = _error(how(checked, inputs), how(checked, [t.double() for t in inputs]))
        rows.append(Comparison(name + suffix, items, times["native"], times["twin"], error))
    return rows


def compare_encoding(work: Workload, rounds: int) -> list[Comparison]:
    """Hash encoding, gradients to the table."""
    layout, points = work.layout, work.points

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        few = points[:_CHECKED].to(t[0].dtype)
        if t[0].dtype == torch.float32:
            return [hash_encode(few, t[0], layout)]
        return [hash_encode_reference(few, t[0], layout, rounding=torch.float32)]

    runs = (
        lambda t: [hash_encode(points, t[0], layout)],
        lambda t: [hash_encode_reference(points, t[0], layout)],
        checked,
    )
    return _compare("hash encoding", runs, [work.table], items=len(points), rounds=rounds)


def compare_radiance(work: Workload, rounds: int) -> list[Comparison]:
    """The fused field, gradients to table and weights as in training."""
    layout, points, dirs = work.layout, work.points, work.dirs

    def native(t: Sequence[Tensor]) -> Sequence[Tensor]:
        return radiance(points, dirs, t[0], RadianceWeights(*t[1:]), layout, log_range=_RANGE)

    def twin(t: Sequence[Tensor]) -> Sequence[Tensor]:
        return radiance_reference(points, dirs, t[0], RadianceWeights(*t[1:]), layout, log_range=_RANGE)

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        few, along, weights = points[:_CHECKED].to(t[0]), dirs[:_CHECKED].to(t[0]), RadianceWeights(*t[1:])
        if t[0].dtype == torch.float32:
            return radiance(few, along, t[0], weights, layout, log_range=_RANGE)
        return radiance_reference(few, along, t[0], weights, layout, log_range=_RANGE, rounding=torch.float32)

    inputs = [work.table, *work.weights]
    return _compare("radiance field", (native, twin, checked), inputs, items=len(points), rounds=rounds)


def compare_network(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """The colour network of every decoder on its own, gradients to inputs and weights."""
    inputs = torch.randn(len(work.samples), work.weights.color1.shape[1], generator=generator)

    def run(kernel: Callable[..., Tensor], t: Sequence[Tensor]) -> Sequence[Tensor]:
        return [kernel(t[0], t[1:])]

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        return run(mlp if t[0].dtype == torch.float32 else mlp_reference, [t[0][:_CHECKED], *t[1:]])

    runs = (partial(run, mlp), partial(run, mlp_reference), checked)
    return _compare("colour network", runs, [inputs, *work.weights[2:]], items=len(inputs), rounds=rounds)


def _compare_lookup(
    name: str,
    ops: tuple[Callable[..., Tensor], Callable[..., Tensor]],
    work: Workload,
    inputs: Sequence[Tensor],
    rounds: int,
) -> list[Comparison]:
    """A lookup of the workload's points by an op and its twin."""
    native, twin = ops

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        few = work.points[:_CHECKED].to(t[0].dtype)
        return [native(few, *t) if t[0].dtype == torch.float32 else twin(few, *t, rounding=torch.float32)]

    runs = (lambda t: [native(work.points, *t)], lambda t: [twin(work.points, *t)], checked)
    return _compare(name, runs, inputs, items=len(work.samples), rounds=rounds)


def compare_planes(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Vector-matrix lookup of 15 features; gradients to planes, lines and basis.

    Nodes are few, so that the op is timed and not the fresh memory of its gradient, which training keeps.
    """
    shapes = [(3, 128, 128, 48), (3, 128, 48), (15, 144)]
    factors = [torch.randn(shape, generator=generator) for shape in shapes]
    return _compare_lookup("planes and lines", (vector_matrix, vector_matrix_reference), work, factors, rounds)


def compare_lines(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Products of three lines of 288 components; gradients to the lines."""
    factors = [torch.randn(3, 500, 288, generator=generator)]
    return _compare_lookup("products of lines", (line_products, line_products_reference), work, factors, rounds)


def compare_trilinear(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Trilinear lookup of 27 channels in a small grid, as in `compare_planes`; gradients to the grid."""
    grid = [torch.randn(48, 48, 48, 27, generator=generator)]
    return _compare_lookup("dense grid", (trilinear, trilinear_reference), work, grid, rounds)


def compare_composite(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Compositing of packed samples, gradients to colour, density and presence."""
    samples, count = work.samples, len(work.samples)
    offsets = samples.offsets()
    color = torch.rand(count, 3, generator=generator)
    log_density = torch.randn(count, generator=generator) * 2.0 + 2.0
    presence = torch.rand(count, generator=generator)

    def run(kernel: Callable[..., Sequence[Tensor]], t: Sequence[Tensor]) -> Sequence[Tensor]:
        return kernel(*t, samples.t0.to(t[0]), samples.t1.to(t[0]), offsets)

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        return run(composite if t[0].dtype == torch.float32 else composite_reference, t)

    runs = (partial(run, composite), partial(run, composite_reference), checked)
    return _compare("compositing", runs, [color, log_density, presence], items=count, rounds=rounds)


def compare_march(work: Workload, rounds: int) -> Comparison:
    """Marching; the samples must be the same but for a few at cell walls."""
    jitter = torch.full((len(work.rays),), 0.5)

    def native() -> Samples:
        return march(work.rays, work.words, _BOX, _RULE, jitter)

    def twin() -> Samples:
        return march_reference(work.rays, work.words, _BOX, _RULE, jitter)

    times = interleaved({"native": native, "twin": twin}, rounds=rounds)
    found, exact = len(native()), len(twin())
    return Comparison("ray marching", exact, times["native"], times["twin"], abs(found - exact) / exact)


def compare_adam(work: Workload, rounds: int, generator: torch.Generator) -> Comparison:
    """Sparse Adam where a quarter of the table has a gradient, which each step clears and the next needs anew."""
    size = work.table.numel()
    grad = torch.randn(size, generator=generator) * (torch.rand(size, generator=generator) < 0.25)
    options = {"rate": 1e-2, "betas": (0.9, 0.99), "epsilon": 1e-15, "step": 3}

    def fresh(dtype: torch.dtype) -> list[Tensor]:
        return [t.to(dtype).clone() for t in (work.table.view(-1), grad, grad * 0.1, grad.square() * 0.01)]

    def refilled(step: Callable[..., None], state: list[Tensor]) -> None:
        state[1].copy_(grad)
        step(*state, **options)

    def run(step: Callable[..., None], dtype: torch.dtype) -> Tensor:
        tensors = fresh(dtype)
        step(*tensors, **options)
        return tensors[0]

    times = interleaved(
        {
            "native": partial(refilled, sparse_adam_, fresh(torch.float32)),
            "twin": partial(refilled, sparse_adam_reference, fresh(torch.float32)),
        },
        rounds=rounds,
    )
    error = _error([run(sparse_adam_, torch.float32)], [run(sparse_adam_reference, torch.float64)])
    return Comparison("sparse Adam", size, times["native"], times["twin"], error)


_CENTERS, _NEIGHBOURS = 1 << 15, 8


def compare_nearest(work: Workload, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """The eight nearest of 2^15 centres, half of them near the shell, for samples in ray order and in random order."""
    shell = normalize(torch.randn(_CENTERS // 2, 3, generator=generator), dim=-1) * 0.31 + 0.5
    centers = torch.cat([shell, torch.rand(_CENTERS // 2, 3, generator=generator)])
    index, tree, ordered = NearestCenters(centers), KDTree(centers.numpy()), work.points
    rows = []
    shuffled = ordered[torch.randperm(len(ordered), generator=generator)]
    for order, points in (("rays", ordered), ("random", shuffled)):
        native = partial(index.query, points, _NEIGHBOURS)
        rival = partial(tree.query, points.numpy(), k=_NEIGHBOURS, workers=2)
        times = interleaved({"native": native, "twin": rival}, rounds=rounds)
        exact = torch.from_numpy(rival()[0]).square()
        error = _error([native()[1]], [exact])
        name = f"nearest centres, {order} (rival: KD-tree)"
        rows.append(Comparison(name, len(points), times["native"], times["twin"], error))
    return rows


_SKINNING = SkinningRule(
    spread=0.006, apart=0.08, reach=0.03, inner=0.004, outer=0.009, spacing=0.008, core=(0.001, 0.003)
)


def compare_skinning(work: Workload, rounds: int, generator: torch.Generator) -> Comparison:
    """Samples around a shell of 2^16 vertices that each have a map of their own, carried back by the nearest four."""
    outwards = normalize(torch.randn(1 << 16, 3, generator=generator), dim=-1)
    posed = 0.5 + 0.3 * outwards
    linear = torch.eye(3) + 0.1 * torch.randn(len(posed), 3, 3, generator=generator)
    maps = torch.cat([linear, 0.1 * torch.randn(len(posed), 3, 1, generator=generator)], -1)
    lift = 0.005 * torch.rand(len(posed), generator=generator)
    vertices = SkinnedVertices(posed, posed, maps, outwards, torch.ones(len(posed)), lift)
    near = NearestCenters(posed).query(work.points, 4, within=_SKINNING.reach)
    doubled = SkinnedVertices(**{name: values.double() for name, values in vars(vertices).items()})
    times = interleaved(
        {
            "native": partial(inverse_skinning, work.points, *near, vertices, _SKINNING),
            "twin": partial(inverse_skinning_reference, work.points, *near, vertices, _SKINNING),
        },
        rounds=rounds,
    )
    found = inverse_skinning(work.points, *near, vertices, _SKINNING).points
    exact = inverse_skinning_reference(work.points.double(), near[0], near[1].double(), doubled, _SKINNING).points
    return Comparison("inverse skinning", len(found), times["native"], times["twin"], _error([found], [exact]))


_SPLATS, _CHECKED_SPLATS = 50_000, 200
_PIXELS = 3.2
"""Of a view, for each splat: 400x400 for 50,000."""


def compare_splats(count: int, rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Splats of degree 3 on a ball that fills most of a view; gradients to all of their parts.

    Errors are taken on few of them, so that no pixel is one where alphas are just large enough to be drawn. They are
    those of places in the image, which single precision rounds to a hundred-thousandth of a pixel.
    """
    count = min(count, _SPLATS)
    edge = round((_PIXELS * count) ** 0.5)
    pose = look_at(torch.tensor([[0.3, -3.0, 1.0]]), torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    cameras = Cameras.pinhole(1.4 * edge, (edge, edge), world_from_camera=pose)
    outwards = normalize(torch.randn(count, 3, generator=generator), dim=-1)
    shapes = torch.randn(count, 7, generator=generator)
    scales = 0.4 * shapes[:, 4:] - 4.8
    harmonics = 0.3 * torch.randn(count, 16, 3, generator=generator)
    inputs = [0.8 * outwards, shapes[:, :4].contiguous(), scales, outwards[:, 0] + 2.0, harmonics]

    def native(t: Sequence[Tensor]) -> Sequence[Tensor]:
        seen = splat(Splats(*t), cameras, 0)
        return [seen.color, seen.alpha]

    def twin(t: Sequence[Tensor]) -> Sequence[Tensor]:
        seen = splat_reference(Splats(*t), camera_numbers(cameras, 0).to(t[0]), (edge, edge))
        return [seen.color, seen.alpha]

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        few = [part[:_CHECKED_SPLATS] for part in t]
        return native(few) if t[0].dtype == torch.float32 else twin(few)

    return _compare("splats", (native, twin, checked), inputs, items=count, rounds=rounds)


def compare_rbf(rounds: int, generator: torch.Generator) -> list[Comparison]:
    """Values and mixture of NeuRBF's image field: 256x256 pixels, 4 neighbours, 32 channels; gradient to features."""
    row, column = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    points = (torch.stack([column, row], -1).reshape(-1, 2) + 0.5) / 64.0
    centers = torch.rand(2776, 2, generator=generator) * 4.0
    root = torch.randn(len(centers), 2, 2, generator=generator) * 20.0
    shapes = packed_symmetric(root @ root.mT + 100.0 * torch.eye(2))
    near, _ = NearestCenters(centers).query(points, 4)
    sines, kernel = frequency_ladder(32, 2.0**-3, 2.0**12), RBF_KERNELS["inverse_quadratic"]
    features = torch.randn(len(centers), 32, generator=generator)
    phi = rbf_values(points, centers, shapes, near, kernel=kernel, normalize=True)

    def native(t: Sequence[Tensor]) -> Sequence[Tensor]:
        values = rbf_values(points, centers, shapes, near, kernel=kernel, normalize=True)
        return [rbf_mix(t[0], values, near, sines)]

    def twin(t: Sequence[Tensor]) -> Sequence[Tensor]:
        values = rbf_values_reference(points, centers, shapes, near, kernel=kernel, normalize=True)
        return [rbf_mix_reference(t[0], values, near, sines)]

    def checked(t: Sequence[Tensor]) -> Sequence[Tensor]:
        if t[0].dtype == torch.float32:
            return [rbf_mix(t[0], phi, near, sines)]
        return [rbf_mix_reference(t[0], phi.double(), near, sines.double(), rounding=torch.float32)]

    return _compare("radial bases", (native, twin, checked), [features], items=len(points), rounds=rounds)


def compare_kernels(count: int, log2_table_size: int, *, rounds: int) -> list[Comparison]:
    """The whole table.

    Args:
        count: Samples, in ray order.
        log2_table_size: Logarithm of the entries of a level.
        rounds: Timed rounds of each pair.
    """
    generator = torch.Generator().manual_seed(0)
    work = make_workload(count, log2_table_size, generator)
    return [
        *compare_radiance(work, rounds),
        *compare_encoding(work, rounds),
        *compare_network(work, rounds, generator),
        *compare_planes(work, rounds, generator),
        *compare_lines(work, rounds, generator),
        *compare_trilinear(work, rounds, generator),
        *compare_composite(work, rounds, generator),
        compare_march(work, rounds),
        compare_adam(work, rounds, generator),
        *compare_nearest(work, rounds, generator),
        compare_skinning(work, rounds, generator),
        *compare_rbf(rounds, generator),
        *compare_splats(count, rounds, generator),
    ]
