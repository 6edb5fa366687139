"""The CUDA path: what it asks of tinycudann and nerfacc, checked on a CPU with stand-ins; on a GPU where there is one.

The stand-ins check arguments, dtypes and the packing of parameters, and compute by the torch twins.
"""

import sys
from dataclasses import asdict
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, pad

from nfield.cameras import intersect_box
from nfield.devices import on_device
from nfield.errors import BackendUnavailable
from nfield.kernels import cuda
from nfield.kernels.composite import composite, composite_reference, transmittance_reference, visible
from nfield.kernels.hash_grid import GridLayout, hash_encode, hash_encode_reference
from nfield.kernels.march import StepRule, cascade_boxes, march, march_reference, pack_bits
from nfield.kernels.mlp import mlp, mlp_reference
from nfield.kernels.radiance import RadianceWeights, log_density, radiance, radiance_reference
from nfield.types import Box, Rays

LAYOUT = GridLayout(levels=3, log2_table_size=9, base_resolution=4, per_level_scale=2.0)


class FakeEncoding(nn.Module):
    """Takes what tinycudann.Encoding takes, and reads its flat parameters as a table of two features an entry."""

    made = 0

    def __init__(
        self, n_input_dims: int, encoding_config: dict, seed: int = 1337, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        assert n_input_dims == 3
        assert dtype == torch.float32
        assert encoding_config.pop("otype") == "HashGrid"
        assert encoding_config.pop("interpolation") == "Linear"
        names = ("n_levels", "n_features_per_level", "log2_hashmap_size", "base_resolution", "per_level_scale")
        self.layout = GridLayout(*(encoding_config.pop(name) for name in names))
        assert not encoding_config
        self.params = nn.Parameter(torch.zeros(2 * self.layout.size))
        FakeEncoding.made += 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.float32
        assert x.min() >= 0.0
        assert x.max() <= 1.0
        assert self.params.shape == (2 * self.layout.size,)
        return hash_encode_reference(x, self.params.reshape(-1, 2), self.layout)


class FakeNetwork(nn.Module):
    """Takes what tinycudann.Network takes: inputs filled up with ones, outputs cut, half precision."""

    def __init__(self, n_input_dims: int, n_output_dims: int, network_config: dict, seed: int = 1337) -> None:
        super().__init__()
        assert network_config["otype"] == "FullyFusedMLP"
        assert (network_config["activation"], network_config["output_activation"]) == ("ReLU", "None")
        assert network_config["n_neurons"] in (16, 32, 64, 128)
        hidden, layers = network_config["n_neurons"], network_config["n_hidden_layers"]
        wide_in, wide_out = -(-n_input_dims // 16) * 16, -(-n_output_dims // 16) * 16
        self.shapes = [(hidden, wide_in), *[(hidden, hidden)] * (layers - 1), (wide_out, hidden)]
        self.outputs, self.fill = n_output_dims, wide_in - n_input_dims
        self.params = nn.Parameter(torch.zeros(sum(r * c for r, c in self.shapes)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.params.split([r * c for r, c in self.shapes])
        matrices = [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return mlp_reference(pad(x, (0, self.fill), value=1.0), matrices)[:, : self.outputs].half()


def fake_weights(alphas: torch.Tensor, *, ray_indices: torch.Tensor, n_rays: int):
    """As nerfacc.render_weight_from_alpha."""
    assert alphas.max() < 1.0, "nerfacc's gradient is wrong where a sample stops all light"
    assert ray_indices.dtype == torch.int64
    transmittance = transmittance_reference(alphas, offsets_of(ray_indices, n_rays))
    return transmittance * alphas, transmittance


def fake_accumulate(weights: torch.Tensor, *, values: torch.Tensor, ray_indices: torch.Tensor, n_rays: int):
    """As nerfacc.accumulate_along_rays."""
    assert weights.ndim == 1
    assert values.shape == (len(weights), 5)
    return torch.zeros(n_rays, 5, dtype=values.dtype).index_add(0, ray_indices, weights[:, None] * values)


def offsets_of(ray: torch.Tensor, n_rays: int) -> torch.Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(ray, minlength=n_rays).cumsum(0)])


def fake_traverse(
    rays_o: torch.Tensor,
    rays_d: torch.Tensor,
    binaries: torch.Tensor,
    aabbs: torch.Tensor,
    *,
    near_planes: torch.Tensor,
    far_planes: torch.Tensor,
    step_size: float,
    cone_angle: float,
):
    """As nerfacc.traverse_grids: cells x first, walls of neighbouring samples shared."""
    assert binaries.dtype == torch.bool
    assert all(t.is_contiguous() for t in (rays_o, rays_d, binaries, aabbs, near_planes, far_planes))
    assert aabbs.shape == (len(binaries), 6)
    inner = Box(aabbs[0, :3], aabbs[0, 3:])
    rays = Rays(rays_o, rays_d, near_planes, far_planes)
    samples = march_reference(
        rays, pack_bits(binaries.permute(0, 3, 2, 1)), inner, StepRule(step_size, cone_angle), torch.zeros(len(rays))
    )
    t1 = samples.t1 + 1e-3  # nerfacc does not cut the last step
    vals = torch.stack([samples.t0, t1], -1).reshape(-1)
    left = torch.tensor([True, False]).repeat(len(samples))
    return SimpleNamespace(vals=vals, is_left=left, is_right=~left), SimpleNamespace(ray_indices=samples.ray), None


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for both packages, taken by every float32 tensor as though it lay on a GPU."""
    tinycudann, nerfacc = ModuleType("tinycudann"), ModuleType("nerfacc")
    vars(tinycudann).update(Encoding=FakeEncoding, Network=FakeNetwork)
    vars(nerfacc).update(
        render_weight_from_alpha=fake_weights, accumulate_along_rays=fake_accumulate, traverse_grids=fake_traverse
    )
    monkeypatch.setitem(sys.modules, "tinycudann", tinycudann)
    monkeypatch.setitem(sys.modules, "nerfacc", nerfacc)
    monkeypatch.setattr(cuda, "takes", lambda *tensors: all(t.dtype == torch.float32 for t in tensors))
    forget()
    yield
    forget()


def forget() -> None:
    cuda._encoding.cache_clear()
    cuda._network.cache_clear()


def field(hidden: int, generator: torch.Generator) -> tuple[torch.Tensor, RadianceWeights]:
    shapes = [(hidden, LAYOUT.width), (16, hidden), (hidden, 32), (hidden, hidden), (3, hidden)]
    matrices = [(torch.randn(s, generator=generator) / s[1] ** 0.5).requires_grad_() for s in shapes]
    return torch.randn(LAYOUT.size, 2, generator=generator).requires_grad_(), RadianceWeights(*matrices)


@pytest.mark.usefixtures("packages")
def test_hash_grid_hands_over_the_table_as_it_is(generator: torch.Generator):
    table, _ = field(16, generator)
    unit = (torch.rand(9, 3, generator=generator) * 1.4 - 0.2).requires_grad_()
    out = hash_encode(unit, table, LAYOUT)
    expected = hash_encode_reference(unit, table, LAYOUT)
    assert torch.allclose(out, expected, atol=1e-6)
    grads = zip(*(torch.autograd.grad(o.square().sum(), (unit, table)) for o in (out, expected)), strict=True)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in grads)


@pytest.mark.usefixtures("packages")
def test_modules_are_made_once_a_layout(generator: torch.Generator):
    table, _ = field(16, generator)
    before = FakeEncoding.made
    for _ in range(3):
        hash_encode(torch.rand(2, 3, generator=generator), table, GridLayout(**asdict(LAYOUT)))
    assert FakeEncoding.made == before + 1


def test_packed_weights_are_row_major_and_padded():
    first, second = torch.arange(32.0).reshape(16, 2), 100.0 + torch.arange(48.0).reshape(3, 16)
    packed = cuda.pack([first, second])
    assert packed.shape == (16 * 16 + 16 * 16,)
    assert packed[:18].tolist() == [0.0, 1.0, *[0.0] * 14, 2.0, 3.0]
    assert packed[256 : 256 + 48].tolist() == (100.0 + torch.arange(48.0)).tolist()
    assert not packed[256 + 48 :].any()


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("hidden", [16, 64])
def test_field_and_its_gradients_equal_the_twin_within_half_precision(hidden: int, generator: torch.Generator):
    table, weights = field(hidden, generator)
    unit = torch.rand(50, 3, generator=generator)
    dirs = normalize(torch.randn(50, 3, generator=generator), dim=-1)
    gradients = []
    for function in (radiance, radiance_reference):
        color, density = function(unit, dirs, table, weights, LAYOUT, log_range=(-10.0, 10.0))
        assert color.dtype == density.dtype == torch.float32
        gradients.append((color, density, *torch.autograd.grad(color.sum() + density.sum(), (table, *weights))))
    for value, reference in zip(*gradients, strict=True):
        assert (value - reference).abs().max() <= 5e-3 * reference.abs().max().detach()
    assert torch.allclose(
        log_density(unit, table, weights, LAYOUT, log_range=(-10.0, 10.0)), gradients[1][1], atol=2e-2
    )


@pytest.mark.usefixtures("packages")
def test_compositing_equals_the_twin(generator: torch.Generator):
    offsets = torch.tensor([0, 4, 4, 9])
    color = torch.rand(9, 3, generator=generator)
    log_densities = torch.randn(9, generator=generator)
    log_densities[1] = 10.0  # opaque
    presence = torch.rand(9, generator=generator)
    presence[1], presence[5] = 1.0, 0.0
    t0 = torch.arange(9) * 0.5
    results = []
    for function in (composite, composite_reference):
        inputs = [v.clone().requires_grad_() for v in (color, log_densities, presence)]
        outputs = function(*inputs, t0, t0 + 0.5, offsets)
        loss = outputs[0].square().sum() + outputs[1].sum() + outputs[2].sum() + outputs[3].square().sum()
        results.append([*(o.detach() for o in outputs), *torch.autograd.grad(loss, inputs)])
    for value, reference in zip(*results, strict=True):
        assert torch.allclose(value, reference, atol=1e-4)
    seen = visible(log_densities, presence, t0, t0 + 0.5, offsets, threshold=0.01)
    assert seen.tolist() == [True, True, False, False, True, True, *seen[6:].tolist()]


@pytest.mark.usefixtures("packages")
def test_marching_turns_cells_around_and_cuts_at_far(generator: torch.Generator):
    inner = Box.cube(1.0)
    cells = torch.rand(2, 8, 8, 8, generator=generator) < 0.3
    origins = torch.randn(40, 3, generator=generator) * 0.5 - torch.tensor([4.0, 0.0, 0.0])
    dirs = normalize(torch.tensor([1.0, 0.1, 0.2]) + 0.1 * torch.randn(40, 3, generator=generator), dim=-1)
    far = torch.full((40,), 5.0)
    far[7] = 1.0  # misses
    rays = Rays(origins, dirs, torch.full((40,), 2.0), far)
    jitter = torch.rand(40, generator=generator)
    samples = march(rays, pack_bits(cells), inner, StepRule(0.02), jitter)
    expected = march_reference(rays, pack_bits(cells), inner, StepRule(0.02), jitter)
    assert abs(len(samples) - len(expected)) <= 0.01 * len(expected)
    assert samples.n_rays == 40
    assert (samples.ray != 7).all()
    assert (samples.t1 <= rays.far[samples.ray]).all()
    assert (samples.t1 >= samples.t0).all()
    assert (samples.t0.min() - (2.0 + jitter.min() * 0.02)).abs() < 1.0
    assert torch.equal(cascade_boxes(inner, 2)[1], torch.tensor([-2.0, -2.0, -2.0, 2.0, 2.0, 2.0]))


@pytest.mark.usefixtures("packages")
def test_nothing_is_no_problem():
    none = torch.zeros(0)
    assert hash_encode(torch.zeros(0, 3), torch.zeros(LAYOUT.size, 2), LAYOUT).shape == (0, 6)
    assert cuda.network(torch.zeros(0, 6), [torch.zeros(16, 6), torch.zeros(3, 16)]).shape == (0, 3)
    out = composite(torch.zeros(0, 3), none, none, none, none, torch.tensor([0, 0]))
    assert [tuple(o.shape) for o in out] == [(1, 3), (1,), (1,), (0,)]


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("widths", [(48,), (256,), (16, 32)])
def test_networks_that_tinycudann_lacks_run_as_their_twin(widths: tuple[int, ...], generator: torch.Generator):
    sizes = [6, *widths, 3]
    matrices = [torch.randn(b, a, generator=generator) for a, b in pairwise(sizes)]
    inputs = torch.rand(5, 6, generator=generator)
    assert not cuda.fuses(matrices)
    assert torch.allclose(mlp(inputs, matrices), mlp_reference(inputs, matrices), atol=1e-5)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1.0, 1e4])
def test_gradients_beyond_half_precision_come_through_the_networks(scale: float, generator: torch.Generator):
    matrices = [torch.randn(16, 6, generator=generator) * 0.3, torch.randn(3, 16, generator=generator) * 0.3]
    gradients = []
    for run in (cuda.network, mlp_reference):
        inputs = torch.rand(40, 6, generator=torch.Generator().manual_seed(1)).requires_grad_()
        own = [matrix.clone().requires_grad_() for matrix in matrices]
        loss = scale * run(inputs, own).square().mean()
        gradients.append(torch.autograd.grad(loss, [inputs, *own]))
    for found, expected in zip(*gradients, strict=True):
        assert (found - expected).abs().max() <= 1e-2 * expected.abs().max()


@pytest.mark.usefixtures("packages")
def test_networks_take_no_gradient_that_nobody_wants(generator: torch.Generator):
    first, last = torch.randn(16, 6, generator=generator), torch.randn(3, 16, generator=generator)
    inputs = torch.rand(4, 6, generator=generator).requires_grad_()
    cuda.network(inputs, [first, last]).sum().backward()
    assert inputs.grad is not None
    with torch.no_grad():
        assert not cuda.network(inputs, [first, last]).requires_grad


@pytest.mark.parametrize("name", ["tinycudann", "nerfacc"])
@pytest.mark.parametrize("error", [ImportError, OSError])
def test_missing_packages_are_named_with_the_install_line(
    name: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
):
    def fail(_: str) -> ModuleType:
        raise error("not here")

    monkeypatch.setattr(cuda.importlib, "import_module", fail)
    with pytest.raises(BackendUnavailable, match=rf"need the package {name}.*pip install.*docs/gpu\.md.*CPU"):
        cuda.package(name)


def test_importing_nfield_imports_neither_package():
    assert "tinycudann" not in sys.modules
    assert "nerfacc" not in sys.modules
    assert not cuda.takes(torch.zeros(1))


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")


@pytest.mark.gpu
@needs_gpu
def test_gpu_field_equals_the_twin(generator: torch.Generator):
    pytest.importorskip("tinycudann", reason=cuda._INSTALL["tinycudann"])
    table, weights = field(64, generator)
    unit, dirs = torch.rand(1000, 3, generator=generator), torch.randn(1000, 3, generator=generator)
    dirs = normalize(dirs, dim=-1)
    moved = RadianceWeights(*(w.detach().cuda() for w in weights))
    on_gpu = radiance(unit.cuda(), dirs.cuda(), table.detach().cuda(), moved, LAYOUT, log_range=(-10.0, 10.0))
    expected = radiance_reference(unit, dirs, table, weights, LAYOUT, log_range=(-10.0, 10.0))
    encoded = hash_encode(unit.cuda(), table.detach().cuda(), LAYOUT).cpu()
    assert torch.allclose(encoded, hash_encode_reference(unit, table.detach(), LAYOUT), atol=1e-4)
    for value, reference in zip(on_gpu, expected, strict=True):
        assert torch.allclose(value.cpu(), reference.detach(), atol=2e-2)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(("rays", "cascades", "cone"), [(64, 1, 0.0), (1, 1, 0.0), (0, 1, 0.0), (64, 3, 1.0 / 256.0)])
def test_gpu_marching_equals_the_twin(rays: int, cascades: int, cone: float, generator: torch.Generator):
    pytest.importorskip("nerfacc", reason=cuda._INSTALL["nerfacc"])
    words = pack_bits(torch.rand(cascades, 16, 16, 16, generator=generator) < 0.3)
    inner, rule, jitter = Box.cube(1.0), StepRule(0.01, cone), torch.zeros(rays)
    dirs = normalize(torch.tensor([1.0, 0.0, 0.0]) + 0.2 * torch.randn(rays, 3, generator=generator), dim=-1)
    origins = torch.tensor([-3.0, 0.0, 0.0]).repeat(rays, 1)
    # The twin looks cells of points beyond the box up as though they lay at its walls: rays are clipped, as always.
    near, far = intersect_box(origins, dirs, Box.cube(2.0 ** (cascades - 1)))
    clipped = Rays(origins, dirs, near.clamp_min(0.05), far)
    expected = march_reference(clipped, words, inner, rule, jitter)
    there = torch.device("cuda")
    samples = march(on_device(clipped, there), words.to(there), on_device(inner, there), rule, jitter.to(there))
    assert samples.n_rays == rays
    # Its lattice begins anew at occupied space, so that the numbers of steps agree, but not their places.
    assert abs(len(samples) - len(expected)) <= 0.05 * len(expected) + rays
    lengths = [float((s.t1 - s.t0).sum()) for s in (samples, expected)]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.05)


@pytest.mark.gpu
@needs_gpu
def test_gpu_compositing_equals_the_twin(generator: torch.Generator):
    pytest.importorskip("nerfacc", reason=cuda._INSTALL["nerfacc"])
    words = pack_bits(torch.rand(1, 16, 16, 16, generator=generator) < 0.3)
    dirs = normalize(torch.tensor([1.0, 0.0, 0.0]) + 0.2 * torch.randn(64, 3, generator=generator), dim=-1)
    origins = torch.tensor([-3.0, 0.0, 0.0]).repeat(64, 1)
    rays = Rays(origins, dirs, *intersect_box(origins, dirs, Box.cube(1.0)))
    expected = march_reference(rays, words, Box.cube(1.0), StepRule(0.01), torch.zeros(64))
    values = torch.rand(len(expected), 5, generator=generator)
    arguments = (values[:, :3].contiguous(), values[:, 3], values[:, 4], expected.t0, expected.t1, expected.offsets())
    for value, reference in zip(
        composite(*(a.cuda() for a in arguments)), composite_reference(*arguments), strict=True
    ):
        assert torch.allclose(value.cpu(), reference, atol=1e-4)
