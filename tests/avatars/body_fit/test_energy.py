"""Terms of a body fit: gradients against differences, values against loops, and laws of rigid motion."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body_fit.anatomy import Anatomy, anatomy
from avatars.body_fit.energy import HANDS, Candidates, Energy, EnergyWeights, Outline, project, robust, total
from avatars.body_fit.landmarks import COUNT, USED, Joint, Landmark, LandmarkRegressor, posed_landmarks
from avatars.body_fit.silhouette import Silhouette

_SIZE = (480, 360)
_FOCAL = 600.0
_METRES = 0.004
_EDGE = 170.0
"""The mask of these tests lies left of this column."""
_BODY_TERMS = ("landmarks", "depth", "limits", "stance", "shape", "upright", "balance", "collision", "slope", "focal")
_MASK_TERMS = ("spill", "gap", "reach", "order")


def _robust(residual: float, cut: float) -> float:
    return residual**2 / (1.0 + residual**2 / cut**2)


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load().to(dtype=torch.float64)


@pytest.fixture(scope="module")
def regressor(model: BodyModel) -> LandmarkRegressor:
    found = LandmarkRegressor.of(model)
    return replace(
        found,
        from_joints=found.from_joints.double(),
        from_vertices=found.from_vertices.double(),
        sigma=found.sigma.double(),
    )


def _facing(shift: float = 0.0) -> BodyPose:
    """Upright with hanging arms, knees a little bent, before the camera and towards it."""
    rotations = torch.cat([torch.zeros(1, 3), anatomy().prefers]).double()
    rotations[0] = torch.tensor([math.pi, 0.0, 0.0])
    return BodyPose(rotations, torch.tensor([0.05 + shift, -0.2, 3.0]).double(), torch.zeros(10).double())


def _turned(pose: BodyPose, **angles: tuple[float, float, float]) -> BodyPose:
    rotations = pose.rotations.clone()
    for name, angle in angles.items():
        rotations[Joint[name.upper()]] = torch.tensor(angle).double()
    return replace(pose, rotations=rotations)


def _candidates(*poses: BodyPose, focal: float = _FOCAL) -> Candidates:
    stacked = BodyPose(*(torch.stack([getattr(p, name) for p in poses]) for name in vars(poses[0])))
    return Candidates.of(stacked, torch.full((len(poses),), focal).double(), fitted=23)


def _half_plane() -> Silhouette:
    """A mask of all columns up to `_EDGE`; its distance grows linearly, so that sampling it is exact."""
    columns = torch.arange(400).double() - 20.0 + 0.5
    distance = (columns - _EDGE).expand(520, 400).contiguous()
    contour = torch.stack([torch.full((8,), _EDGE), torch.linspace(60.0, 420.0, 8)], -1).double()
    return Silhouette(distance < 0.0, distance, contour, torch.full((2,), -20.0).double(), 1.0, _SIZE)


@pytest.fixture(scope="module")
def energy(model: BodyModel, regressor: LandmarkRegressor, lean: Callable[[Tensor], Tensor]) -> Energy:
    """What a perfect perception stage sees of `_facing`."""
    human = Anatomy(**{name: value.double() for name, value in vars(anatomy()).items()})
    marks = posed_landmarks(model, regressor, _facing())
    seen = project(marks[None], torch.tensor([_FOCAL]).double(), _SIZE)[0]
    world = torch.zeros(COUNT, 3).double()
    world[list(USED)] = marks
    world = lean(world)
    confidence = torch.linspace(0.4, 1.0, COUNT).double()
    return Energy(
        model=model,
        landmarks=regressor,
        human=human,
        seen=seen,
        confidence=confidence[list(USED)],
        world=world,
        world_confidence=confidence,
        silhouette=_half_plane(),
        focal=_FOCAL,
        metres=_METRES,
        judged=torch.ones(len(model.template), dtype=torch.bool),
        shows_hips=True,
    )


def _terms(energy: Energy, candidates: Candidates) -> dict[str, Tensor]:
    return energy.terms(candidates, energy.model.subset(energy.landmarks.vertices), None)


def _term(energy: Energy, name: str, pose: BodyPose) -> float:
    return float(_terms(energy, _candidates(pose))[name][0])


def _outline(energy: Energy, count: int, generator: torch.Generator) -> tuple[BodyModel, Outline, Tensor]:
    """Random vertices of the body after the landmarks'; half of them are the outline, with two entries of padding."""
    model, marks = energy.model, energy.landmarks.vertices
    others = torch.randperm(len(model.template), generator=generator)[:count]
    subset = torch.cat([marks, others])
    on_edge = len(marks) + torch.randperm(count, generator=generator)[: count // 2]
    valid = torch.ones(1, count // 2).double()
    valid[0, -2:] = 0.0
    judged = (torch.rand(len(subset), generator=generator) > 0.3).double()
    nearest = torch.randint(count // 2, (1, 8), generator=generator)
    behind = 2.85 + 0.1 * torch.rand(1, len(HANDS), generator=generator).double()
    return model.subset(subset), Outline(on_edge[None], valid, nearest, judged, behind), subset


def test_robust_is_a_square_near_zero_and_levels_off_at_the_square_of_the_cut():
    residual = torch.tensor([0.0, 1e-3, -1e-3, 3.0, -3.0, 1e6])
    expected = torch.tensor([0.0, 1e-6, 1e-6, 4.5, 4.5, 9.0])
    torch.testing.assert_close(robust(residual, 3.0), expected, atol=1e-9, rtol=1e-5)


def test_candidates_give_back_the_poses_that_they_were_made_of(generator: torch.Generator):
    rotations = torch.randn(4, 24, 3, generator=generator)
    place = torch.randn(4, 3, generator=generator) + torch.tensor([0.0, 0.0, 5.0])
    pose = BodyPose(rotations, place, torch.randn(4, 10, generator=generator))
    found = Candidates.of(pose, torch.tensor([500.0, 600.0, 700.0, 800.0]), fitted=23)
    torch.testing.assert_close(found.pose.rotations, rotations)
    torch.testing.assert_close(found.pose.translation, place)
    torch.testing.assert_close(found.focal, torch.tensor([500.0, 600.0, 700.0, 800.0]))
    taken = found.take(torch.tensor([2, 0]))
    torch.testing.assert_close(taken.pose.translation, place[[2, 0]])
    assert taken.focal.tolist() == pytest.approx([700.0, 500.0])


def test_projection_is_that_of_a_pinhole_in_the_middle_of_the_photo():
    points = torch.tensor([[[0.0, 0.0, 2.0], [1.0, -0.5, 2.0], [2.0, -1.0, 4.0]]])
    found = project(points, torch.tensor([100.0]), _SIZE)[0]
    assert found.tolist() == [[180.0, 240.0], [230.0, 215.0], [230.0, 215.0]]


def test_points_behind_the_camera_project_to_finite_places():
    assert project(torch.tensor([[[0.1, 0.1, -1.0]]]), torch.tensor([100.0]), _SIZE).isfinite().all()


@pytest.mark.parametrize("name", _BODY_TERMS)
def test_a_term_has_the_gradient_of_its_value(energy: Energy, name: str, generator: torch.Generator):
    """A crooked body with a hand in its trunk, a knee bent backwards and straight enough legs to stand on."""
    pose = _turned(
        _facing(0.03),
        left_shoulder=(0.1, 0.2, -2.1),
        right_knee=(-0.12, 0.2, 0.0),
        spine1=(0.15, 0.1, 0.35),
    )
    start = _candidates(replace(pose, shape=0.3 * torch.randn(10, generator=generator).double()), focal=640.0)
    start = replace(start, slope=start.slope + 0.07)
    assert float(_terms(energy, start)[name]) > 1e-4
    marks = energy.model.subset(energy.landmarks.vertices)

    def value(*parts: Tensor) -> Tensor:
        return energy.terms(Candidates(*parts), marks, None)[name]

    inputs = [(part + 1e-3).detach().requires_grad_() for part in vars(start).values()]
    assert torch.autograd.gradcheck(value, inputs, atol=1e-5, rtol=1e-4)
    gradients = torch.autograd.grad(value(*inputs).sum(), inputs, allow_unused=True)
    assert sum(float(part.abs().sum()) for part in gradients if part is not None) > 1e-3


@pytest.mark.parametrize("name", _MASK_TERMS)
def test_a_term_of_the_mask_has_the_gradient_of_its_value(energy: Energy, name: str, generator: torch.Generator):
    subset, outline, _ = _outline(energy, 30, generator)
    start = _candidates(_facing(0.03))
    others = {field: value for field, value in vars(start).items() if field not in ("body", "held")}

    def value(*parts: Tensor) -> Tensor:
        moved = Candidates(body=start.body, held=start.held, **dict(zip(others, parts, strict=True)))
        return energy.terms(moved, subset, outline)[name]

    inputs = [part.detach().clone().requires_grad_() for part in others.values()]
    assert torch.autograd.gradcheck(value, inputs, atol=1e-5, rtol=1e-4)
    moved = inputs[list(others).index("log_depth" if name == "order" else "ray")]
    assert float(torch.autograd.grad(value(*inputs).sum(), moved)[0].abs().sum()) > 1e-3


def test_terms_of_the_mask_are_means_of_robust_distances(energy: Energy, generator: torch.Generator):
    """Loops over the vertices of a half plane's body, some of which count and some of which are padding."""
    subset, outline, chosen = _outline(energy, 60, generator)
    pose = _facing()
    found = energy.terms(_candidates(pose), subset, outline)
    place = energy.model.pose(pose).vertices[chosen]
    pixels = [(float(x / z) * _FOCAL + 180.0, float(y / z) * _FOCAL + 240.0) for x, y, z in place]
    away = [(column - _EDGE) * _METRES for column, _ in pixels]
    judged = [bool(j) for j in outline.judged]
    spill = [_robust(max(d, 0.0) / 0.012, 5.0) for d, j in zip(away, judged, strict=True) if j]
    edge = [int(v) for v, ok in zip(outline.vertices[0], outline.valid[0], strict=True) if bool(ok) and judged[int(v)]]
    assert 0 < sum(d > 0 for d in away) < len(away)
    out = sum(_robust(max(away[v], 0.0) / 0.012, 5.0) for v in edge) / len(edge)
    assert float(found["spill"]) == pytest.approx(sum(spill) / len(spill) + out, rel=1e-6)
    gap = sum(_robust(min(away[v], 0.0) / 0.025, 2.0) for v in edge) / len(edge)
    assert float(found["gap"]) == pytest.approx(gap, rel=1e-6)
    reach = 0.0
    for point, place_on_edge in zip(energy.silhouette.contour.tolist(), outline.nearest[0].tolist(), strict=True):
        column, row = pixels[int(outline.vertices[0, place_on_edge])]
        reach += _robust(math.hypot(column - point[0], row - point[1]) * _METRES / 0.025, 3.0) / 8
    assert float(found["reach"]) == pytest.approx(reach, rel=1e-4)


def test_what_lies_beyond_the_photo_neither_spills_nor_gapes(energy: Energy, generator: torch.Generator):
    subset, outline, _ = _outline(energy, 40, generator)
    found = energy.terms(_candidates(_facing(shift=30.0)), subset, outline)
    assert float(found["spill"]) == float(found["gap"]) == 0.0
    assert float(found["reach"]) == pytest.approx(9.0, rel=0.01)  # As bad as it can be.


def test_the_true_body_has_no_cost_of_data(energy: Energy):
    found = _terms(energy, _candidates(_facing()))
    for name in ("landmarks", "depth", "slope", "focal", "limits", "stance", "shape", "collision"):
        assert float(found[name]) == pytest.approx(0.0, abs=1e-4), name


def test_one_landmark_beside_its_place_costs_by_its_distance_and_confidence(energy: Energy):
    row = USED.index(Landmark.LEFT_WRIST)
    seen = energy.seen.clone()
    seen[row] += torch.tensor([3.0, -4.0])
    found = _term(replace(energy, seen=seen), "landmarks", _facing())
    expected = float(energy.confidence[row]) * _robust(5.0 * _METRES / 0.015, 3.5)
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_landmark_that_nobody_trusts_costs_nothing_wherever_it_is_seen(energy: Energy):
    row = USED.index(Landmark.RIGHT_ANKLE)
    confidence, seen = energy.confidence.clone(), energy.seen.clone()
    confidence[row], seen[row] = 0.0, -900.0
    assert _term(replace(energy, confidence=confidence, seen=seen), "landmarks", _facing()) < 1e-4


def test_a_wrist_seen_nearer_costs_by_its_depth_at_the_less_sure_end(energy: Energy):
    """Of the bones that are compared in depth, one ends at the right wrist."""
    world = energy.world.clone()
    world[Landmark.RIGHT_WRIST, 2] -= 0.1
    sure = float(torch.minimum(*energy.world_confidence[[Landmark.RIGHT_ELBOW, Landmark.RIGHT_WRIST]]))
    found = _term(replace(energy, world=world), "depth", _facing())
    assert found == pytest.approx(sure * _robust(0.1 / 0.12, 3.0), rel=1e-6)


def test_focal_length_slope_and_build_cost_by_the_squares_of_their_deviations(energy: Energy):
    start = _candidates(replace(_facing(), shape=torch.arange(10.0).double()), focal=1.1 * _FOCAL)
    found = _terms(energy, replace(start, slope=start.slope + 0.05))
    assert float(found["focal"]) == pytest.approx((math.log(1.1) / 0.08) ** 2, rel=1e-5)
    assert float(found["slope"]) == pytest.approx(0.25, rel=1e-5)
    assert float(found["shape"]) == pytest.approx(285.0)


def test_a_knee_beyond_its_limit_costs_by_what_is_beyond(energy: Energy):
    """The knee bends to 145 degrees and not backwards."""
    for angle, beyond in ((150.0, 5.0), (-10.0, 10.0), (144.0, 0.0)):
        pose = _turned(_facing(), left_knee=(math.radians(angle), 0.0, 0.0))
        assert _term(energy, "limits", pose) == pytest.approx((math.radians(beyond) / 0.06) ** 2, abs=1e-6)


def test_a_lean_to_the_side_costs_only_where_the_photo_shows_no_hips(energy: Energy):
    """Rolled about the camera's axis the torso's depth stays as it is."""
    upright, rolled = _facing(), _facing()
    angle = 0.5  # The half turn about x, then about z.
    rolled.rotations[0] = math.pi * torch.tensor([math.cos(angle / 2), math.sin(angle / 2), 0.0]).double()
    assert _term(energy, "upright", rolled) == pytest.approx(_term(energy, "upright", upright), abs=1e-6)
    hidden = replace(energy, shows_hips=False)
    more = _term(hidden, "upright", rolled) - _term(energy, "upright", rolled)
    assert more == pytest.approx(_robust(math.sin(angle) / 0.2, 3.0), rel=0.05)


@pytest.mark.parametrize("angle", [0.1, 0.3, -0.4])
def test_a_lean_in_depth_costs_by_its_sine(energy: Energy, model: BodyModel, angle: float):
    pose = _facing()
    pose.rotations[0, 0] += angle
    rest = model.joints(_facing())
    torso = rest[Joint.NECK] - rest[Joint.PELVIS]
    own = math.atan2(float(torso[2]), -float(torso[1]))
    assert _term(energy, "upright", pose) == pytest.approx(_robust(math.sin(own - angle) / 0.2, 3.0), rel=1e-3)


def test_balance_asks_for_feet_below_the_trunk_of_those_who_stand(energy: Energy):
    """Leaning by 0.3 moves feet that are 0.9 to 1.2 metres below the trunk's middle by about 0.3 metres."""
    leaning = _facing()
    leaning.rotations[0, 0] += 0.3
    assert _term(energy, "balance", _facing()) < 1.0
    assert _term(energy, "balance", leaning) > _robust(0.25 / 0.08, 3.0)
    bent = (math.radians(80.0), 0.0, 0.0)
    sitting = _turned(leaning, left_knee=bent, right_knee=bent)
    assert _term(energy, "balance", sitting) == 0.0
    one = _turned(leaning, left_knee=bent)
    assert 0.3 < _term(energy, "balance", one) / _term(energy, "balance", leaning) < 0.6


def _hand_in_trunk(pose: BodyPose) -> BodyPose:
    return _turned(pose, left_shoulder=(0.1, 0.2, -2.1))


def test_arms_collide_with_the_trunk_and_not_with_the_air(energy: Energy):
    arms_out = _turned(_facing(), left_shoulder=(0.0, 0.0, 0.0), right_shoulder=(0.0, 0.0, 0.0))
    assert _term(energy, "collision", arms_out) == 0.0
    assert _term(energy, "collision", _facing()) == 0.0
    assert _term(energy, "collision", _hand_in_trunk(_facing())) > 1.0


def test_collisions_do_not_depend_on_where_the_body_is(energy: Energy):
    pose = _hand_in_trunk(_facing())
    moved = replace(pose, translation=torch.tensor([1.0, -2.0, 7.0]).double())
    moved = _turned(moved, pelvis=(0.4, -1.3, 0.8))
    assert _term(energy, "collision", moved) == pytest.approx(_term(energy, "collision", pose), rel=1e-4)


def test_seen_hands_cost_by_how_far_they_lie_behind_the_body(energy: Energy, generator: torch.Generator):
    """With 2 cm for the hand's own half; nothing where nothing is behind, or for the part of what nobody sees."""
    model, outline, _ = _outline(energy, 40, generator)
    marks = posed_landmarks(energy.model, energy.landmarks, _facing())[list(HANDS), 2]
    nothing = torch.full_like(outline.behind, torch.inf)
    candidates = _candidates(_facing())
    assert float(energy.terms(candidates, model, replace(outline, behind=nothing))["order"]) == 0.0
    behind = nothing.clone()
    behind[0, 1], behind[0, 3] = marks[1] - 0.04, marks[3] + 0.03
    expected = float(energy.confidence[HANDS[1]]) * _robust(0.06 / 0.03, 2.0)
    assert float(energy.terms(candidates, model, replace(outline, behind=behind))["order"]) == pytest.approx(expected)


def test_candidates_do_not_influence_each_other(energy: Energy):
    first, second = _facing(), _hand_in_trunk(_facing(0.2))
    together = _terms(energy, _candidates(first, second))
    for name, value in together.items():
        alone = [_term(energy, name, pose) for pose in (first, second)]
        assert value.tolist() == pytest.approx(alone, rel=1e-9, abs=1e-9), name


def test_the_total_is_the_weighted_sum():
    weights = EnergyWeights(shape=0.5, reach=3.0)
    terms = {"shape": torch.tensor([2.0, 0.0]), "reach": torch.tensor([1.0, 4.0]), "spill": torch.tensor([0.0, 0.1])}
    torch.testing.assert_close(total(terms, weights), torch.tensor([4.0, 18.0]))
