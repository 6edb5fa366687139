"""Terms of the surface on fields that are known in closed form, and that note where they are asked."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from avatars.fitting.rendering import StepRenderings
from avatars.fitting.subject import FitSubject
from avatars.fitting.surface_terms import SolidTerm, SurfaceColorTerm
from avatars.fitting.terms import FitStep, Term
from avatars.posed.rendered_field import RenderedField
from avatars.surface.solid import Solid, SpacePoints, SurfacePoints
from nfield.fields import Field
from nfield.types import Latent, Level
from tests.avatars.fitting.fakes import COLOR, KnownRenderer

_RADIUS = 0.5


class _Linear(Field):
    """Colours and log-density linear in the position; notes the points and directions that it is asked about."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.feature_dim, self.levels, self.log_density_range = 3, frozenset(Level), (-50.0, 50.0)
        self.weights, self.asked, self.dirs = nn.Parameter(weights), [], []

    def encode(self, points: Tensor) -> Latent:
        self.asked.append(points)
        return Latent(points, torch.ones_like(points[:, 0]))

    def density_head(self, feature: Tensor) -> Tensor:
        return feature @ self.weights[3, :3] * 10.0 + self.weights[3, 3] * 5.0

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        self.dirs.append(dirs)
        return (feature @ self.weights[:3, :3].T + self.weights[:3, 3]).sigmoid()

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"weights": [self.weights]}


class _Known(_Linear):
    """A ball in the colours of its surface, dense inside and empty outside, at given log-densities."""

    def __init__(self, inside: float, outside: float) -> None:
        super().__init__(torch.zeros(4, 4))
        self.values = inside, outside

    def density_head(self, feature: Tensor) -> Tensor:
        return torch.where(feature.norm(dim=-1) < _RADIUS, *self.values)

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        return 0.5 + 0.4 * torch.nn.functional.normalize(feature, dim=-1)


def _solid(count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Solid:
    """Points on and around a ball whose colours are its normals."""
    normal = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1).to(dtype)
    offset = (0.05 * torch.rand(count, generator=generator) - 0.025).to(dtype)
    visible = (torch.arange(count) % 2).to(dtype)
    on = SurfacePoints(_RADIUS * normal, normal, 0.5 + 0.4 * normal, visible)
    return Solid(on, SpacePoints((_RADIUS + offset)[:, None] * normal, offset < 0.0, offset.abs()))


def _loss(term: Term, subject: FitSubject, field: Field, solid: Solid, seed: int = 3) -> Tensor:
    shown = RenderedField(field, KnownRenderer(lambda: (COLOR, COLOR[:, 0])))
    known = replace(subject, avatar=replace(subject.avatar, canonical=shown))
    known.__dict__["solid"] = solid
    generator = torch.Generator().manual_seed(seed)
    return term.loss(FitStep(0, 0.0, generator, known, StepRenderings({}, generator)))


def _value(term: Term, subject: FitSubject, field: Field, solid: Solid, seed: int = 3) -> float:
    return float(_loss(term, subject, field, solid, seed).detach())


def _huber(error: float, delta: float) -> float:
    return 0.5 * error**2 if abs(error) <= delta else delta * (abs(error) - 0.5 * delta)


def _weights(generator: torch.Generator) -> Tensor:
    return torch.randn(4, 4, generator=generator)


def _colors(weights: Tensor, point: Tensor) -> list[float]:
    return [1.0 / (1.0 + math.exp(-float(weights[c, :3] @ point + weights[c, 3]))) for c in range(3)]


def test_surface_terms_are_terms_without_rays():
    for term in (SurfaceColorTerm("surface"), SolidTerm("solid")):
        assert isinstance(term, Term)
        assert term.samplings == ()


def test_the_colour_loss_is_hubers_at_the_points_that_were_drawn(subject: FitSubject, generator: torch.Generator):
    """Where the field was asked says which point of the surface was drawn: the one in the same direction."""
    solid, weights = _solid(12, generator), _weights(generator)
    field = _Linear(weights)
    term = SurfaceColorTerm("surface", count=200, visible_weight=0.3, delta=0.2)
    found = _value(term, subject, field, solid)
    expected = 0.0
    for point in field.asked[0]:
        own = int((solid.on.normal @ point).argmax())
        errors = [a - float(b) for a, b in zip(_colors(weights, point), solid.on.color[own], strict=True)]
        share = 0.3 if solid.on.visibility[own] == 1.0 else 1.0
        expected += share * sum(_huber(e, 0.2) for e in errors) / (3 * 200)
    assert found == pytest.approx(expected, rel=1e-4)


def test_colours_are_asked_for_in_the_layer_and_seen_along_the_normals(subject: FitSubject, generator: torch.Generator):
    field = _Linear(_weights(generator))
    _loss(SurfaceColorTerm("surface", count=4000, layer=(-0.01, 0.02)), subject, field, _solid(50, generator))
    points, height = field.asked[0], field.asked[0].norm(dim=-1) - _RADIUS
    assert points.shape == (4000, 3)
    assert height.min() == pytest.approx(-0.01, abs=2e-4)
    assert height.max() == pytest.approx(0.02, abs=2e-4)
    assert height.mean() == pytest.approx(0.005, abs=1e-3)
    torch.testing.assert_close(field.dirs[0], points / points.norm(dim=-1, keepdim=True), atol=1e-5, rtol=0)


def test_all_points_of_the_surface_are_drawn_alike(subject: FitSubject, generator: torch.Generator):
    solid, field = _solid(8, generator), _Linear(_weights(generator))
    _loss(SurfaceColorTerm("surface", count=8000), subject, field, solid)
    counts = torch.bincount((field.asked[0] @ solid.on.normal.T).argmax(-1), minlength=8)
    assert (counts - 1000).abs().max() < 150


def test_where_the_photo_shows_the_surface_its_own_term_counts_less(subject: FitSubject, generator: torch.Generator):
    solid, weights = _solid(40, generator), _weights(generator)
    losses = {}
    for visible in (0.0, 1.0):
        on = replace(solid.on, visibility=torch.full((40,), visible))
        for weight in (0.0, 0.1, 1.0):
            term = SurfaceColorTerm("surface", count=500, visible_weight=weight)
            losses[visible, weight] = _value(term, subject, _Linear(weights), replace(solid, on=on))
    hidden = losses[0.0, 1.0]
    assert hidden > 0.0
    assert [losses[0.0, weight] for weight in (0.0, 0.1)] == [hidden, hidden]
    assert losses[1.0, 0.1] == pytest.approx(0.1 * hidden, rel=1e-5)
    assert losses[1.0, 0.0] == pytest.approx(0.0, abs=1e-9)


def test_the_right_field_has_no_loss(subject: FitSubject, generator: torch.Generator):
    """A ball whose colours do not change along its normals, of just the densities that are asked for."""
    solid, field = _solid(200, generator), _Known(6.0, 0.0)
    assert _value(SurfaceColorTerm("surface", count=1000), subject, field, solid) < 1e-12
    assert _value(SolidTerm("solid", count=1000, tolerance=0.0), subject, field, solid) == 0.0
    denser = _Known(9.0, -4.0)  # More than enough is as good.
    assert _value(SolidTerm("solid", count=1000, tolerance=0.0), subject, denser, solid) == 0.0


def test_the_solid_loss_is_hubers_of_what_lacks_inside_and_exceeds_outside(
    subject: FitSubject, generator: torch.Generator
):
    solid, weights = _solid(60, generator), _weights(generator)
    field = _Linear(weights)
    term = SolidTerm("solid", count=300, tolerance=0.006, inner_tolerance=0.006, full=2.0, empty=-1.0)
    found = _value(term, subject, field, solid)
    expected = 0.0
    for point in field.asked[0]:
        height = float(point.norm()) - _RADIUS
        log_density = 10.0 * float(weights[3, :3] @ point) + 5.0 * float(weights[3, 3])
        wrong = 2.0 - log_density if height < 0.0 else log_density + 1.0
        if abs(height) > 0.006:
            expected += _huber(max(wrong, 0.0), 1.0) / 300
    assert found == pytest.approx(expected, rel=1e-3)


def test_near_the_surface_density_is_free(subject: FitSubject, generator: torch.Generator):
    wrong = _Known(-20.0, 20.0)
    solid = _solid(100, generator)
    assert _value(SolidTerm("solid", count=400, tolerance=0.03, inner_tolerance=0.03), subject, wrong, solid) == 0.0
    losses = [
        _value(SolidTerm("solid", count=400, tolerance=t, inner_tolerance=t), subject, wrong, solid)
        for t in (0.0, 0.01, 0.02)
    ]
    assert losses[0] > losses[1] > losses[2] > 0.0


def test_too_little_inside_and_too_much_outside_are_both_wrong(subject: FitSubject, generator: torch.Generator):
    """A lack of 3 or an excess of 3 at every point of its side: 3 - 1/2 by Huber, for the half that lies there."""
    solid = _solid(4000, generator)
    inside = float(solid.around.inside.float().mean())
    term = SolidTerm("solid", count=20000, tolerance=0.0)
    assert _value(term, subject, _Known(3.0, 0.0), solid) == pytest.approx(2.5 * inside, rel=0.03)
    assert _value(term, subject, _Known(6.0, 3.0), solid) == pytest.approx(2.5 * (1.0 - inside), rel=0.03)


@pytest.mark.parametrize(
    "term",
    [
        SurfaceColorTerm("surface", count=30, visible_weight=0.2, delta=0.3),
        SolidTerm("solid", count=30, tolerance=0.002),
    ],
)
def test_losses_have_the_gradients_of_their_values(subject: FitSubject, term: Term, generator: torch.Generator):
    solid = _solid(25, generator, torch.float64)

    def loss(weights: Tensor) -> Tensor:
        field = _Linear(torch.zeros(4, 4, dtype=torch.float64))
        del field.weights
        field.weights = weights  # type: ignore[assignment]
        return _loss(term, subject, field, solid)

    start = _weights(generator).double().requires_grad_()
    assert torch.autograd.gradcheck(loss, start)
    assert torch.autograd.grad(loss(start), start)[0].abs().sum() > 1e-4


def test_the_same_generator_draws_the_same_loss(subject: FitSubject, generator: torch.Generator):
    solid, weights = _solid(100, generator), _weights(generator)
    for term in (SurfaceColorTerm("surface", count=64), SolidTerm("solid", count=64)):
        first, second, other = (_value(term, subject, _Linear(weights), solid, seed) for seed in (1, 1, 2))
        assert first == second
        assert first != other


def test_a_subject_draws_its_points_once(subject: FitSubject):
    fresh = replace(subject)
    assert fresh.solid is fresh.solid
    again = replace(subject).solid
    assert torch.equal(fresh.solid.on.place, again.on.place)
    assert torch.equal(fresh.solid.around.inside, again.around.inside)
    assert len(fresh.solid.on.place) == subject.solid_config.on
    assert len(fresh.solid.around.place) == subject.solid_config.around
