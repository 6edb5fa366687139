"""Laws of volume rendering that hold for any scene."""

import math
from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from nfield.cameras import intersect_box
from nfield.fields import BuildContext, HashConfig, Warp, Warped, WarpedField
from nfield.rendering.renderer import Renderer, composite
from nfield.rendering.samplers.uniform import UniformSampler
from nfield.types import Box, FieldOutput, Rays, Samples

BOX = Box.cube(1.0)
RENDERER = Renderer(UniformSampler(24))
seeds = st.integers(0, 2**31 - 1)
few = settings(max_examples=15, deadline=None)


def random_rays(count: int, generator: torch.Generator) -> Rays:
    origins = 3.0 * normalize(torch.randn(count, 3, generator=generator), dim=-1)
    dirs = normalize(torch.randn(count, 3, generator=generator) * 0.7 - origins, dim=-1)
    return Rays(origins, dirs, *intersect_box(origins, dirs, BOX))


def random_field(generator: torch.Generator):
    config = HashConfig(levels=4, log2_table_size=8, base_resolution=4, finest_resolution=16)
    field = config.build(BuildContext(BOX, generator))
    with torch.no_grad():
        field.grid.table.copy_(torch.randn(field.grid.table.shape, generator=generator))
    return field


def random_samples(counts: list[int], generator: torch.Generator) -> tuple[Samples, FieldOutput]:
    """Samples with gaps between them, and any answer of a field."""
    walls = [torch.rand(2 * count, generator=generator).sort().values + 1.0 for count in counts]
    t0 = torch.cat([torch.zeros(0), *(w[::2] for w in walls)])
    t1 = torch.cat([torch.zeros(0), *(w[1::2] for w in walls)])
    ray = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64))
    size = len(t0)
    presence = (torch.rand(size, generator=generator) * 2.0 - 0.5).clamp(0.0, 1.0)
    log_density = torch.randn(size, generator=generator) * 4.0
    return Samples(t0, t1, ray, len(counts)), FieldOutput(
        log_density, torch.rand(size, 3, generator=generator), presence
    )


@few
@given(seed=seeds, count=st.integers(1, 60), cut=st.floats(0.0, 1.0))
def test_rays_rendered_in_chunks_are_the_rays_rendered_at_once(seed: int, count: int, cut: float):
    generator = torch.Generator().manual_seed(seed)
    field, rays, middle = random_field(generator), random_rays(count, generator), int(cut * count)
    with torch.no_grad():
        whole = RENDERER(field, rays)
        parts = [RENDERER(field, rays[part]) for part in (slice(0, middle), slice(middle, count))]
    for name in ("color", "opacity", "depth", "weights"):
        assert torch.allclose(torch.cat([getattr(p, name) for p in parts]), getattr(whole, name), atol=1e-5)


@few
@given(seed=seeds, count=st.integers(0, 60))
def test_order_of_rays_does_not_matter(seed: int, count: int):
    generator = torch.Generator().manual_seed(seed)
    field, rays = random_field(generator), random_rays(count, generator)
    order = torch.randperm(count, generator=generator)
    with torch.no_grad():
        whole, shuffled = RENDERER(field, rays), RENDERER(field, rays[order])
    assert torch.allclose(shuffled.color, whole.color[order], atol=1e-5)
    assert torch.allclose(shuffled.opacity, whole.opacity[order], atol=1e-5)
    assert torch.allclose(shuffled.depth, whole.depth[order], atol=1e-5)


@few
@given(seed=seeds, counts=st.lists(st.integers(0, 12), max_size=5))
def test_weights_and_what_is_left_over_sum_to_one(seed: int, counts: list[int]):
    samples, shaded = random_samples(counts, torch.Generator().manual_seed(seed))
    out = composite(samples, shaded)
    alpha = shaded.presence * (1.0 - torch.exp(-shaded.log_density.exp() * (samples.t1 - samples.t0)))
    ends = samples.offsets().tolist()
    for ray, (first, last) in enumerate(pairwise(ends)):
        leftover = math.prod((1.0 - alpha[first:last]).tolist())
        assert abs(float(out.weights[first:last].sum()) + leftover - 1.0) < 1e-5
        assert abs(float(out.opacity[ray]) + leftover - 1.0) < 1e-5


@few
@given(seed=seeds, counts=st.lists(st.integers(1, 12), min_size=1, max_size=4), share=st.floats(0.05, 0.95))
def test_splitting_an_interval_changes_nothing(seed: int, counts: list[int], share: float):
    generator = torch.Generator().manual_seed(seed)
    samples, shaded = random_samples(counts, generator)
    # The law is that of even matter; presence mixes two kinds of space and is 1 or 0 here.
    shaded = FieldOutput(shaded.log_density, shaded.color, shaded.presence.round())
    index = int(torch.randint(len(samples), (1,), generator=generator))
    wall = samples.t0[index] + share * (samples.t1[index] - samples.t0[index])
    twice = torch.arange(len(samples)).repeat_interleave(1 + (torch.arange(len(samples)) == index).long())
    t0, t1 = samples.t0[twice].clone(), samples.t1[twice].clone()
    t1[index], t0[index + 1] = wall, wall
    split = Samples(t0, t1, samples.ray[twice], samples.n_rays)
    answer = FieldOutput(shaded.log_density[twice], shaded.color[twice], shaded.presence[twice])
    before, after = composite(samples, shaded), composite(split, answer)
    assert torch.allclose(before.color, after.color, atol=1e-5)
    assert torch.allclose(before.opacity, after.opacity, atol=1e-5)
    assert torch.allclose(before.weights[index], after.weights[index : index + 2].sum(), atol=1e-5)


class Motion(Warp):
    """From the moved world back: the inverse of x -> turn x + shift."""

    def __init__(self, turn: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.turn, self.shift = turn, shift

    def to_canonical(self, points: Tensor) -> Warped:
        return Warped((points - self.shift) @ self.turn, torch.ones_like(points[:, 0]))


@few
@given(seed=seeds)
def test_field_and_rays_moved_together_look_the_same(seed: int):
    generator = torch.Generator().manual_seed(seed)
    field, rays = random_field(generator), random_rays(30, generator)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    shift = torch.randn(3, generator=generator)
    moved = Rays(rays.origins @ turn.T + shift, rays.dirs @ turn.T, rays.near, rays.far)
    with torch.no_grad():
        before, after = RENDERER(field, rays), RENDERER(WarpedField(field, Motion(turn, shift)), moved)
    # Directions are passed on unturned, so only matter is compared, not colour.
    close = (before.opacity - after.opacity).abs() < 1e-3
    assert close.float().mean() > 0.9  # a sample on the box's wall may fall on either side
    assert torch.allclose(before.depth[close], after.depth[close], atol=1e-2)
