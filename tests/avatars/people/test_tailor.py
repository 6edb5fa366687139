"""Garments are closed, cover what they say, follow every pose without tearing, and nothing comes through them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose, pose_names
from avatars.people.cloths import plain
from avatars.people.figure import BaseMesh, Figure, Surface, eyes_of
from avatars.people.finish import MARKS
from avatars.people.sheet import Sheet
from avatars.people.skin_paint import EyePaint, HairPaint, SkinPaint
from avatars.people.tailor import Cut, Garment, Sewn, wear
from avatars.people.tailor.hair import LongHairCut, ShortHairCut
from avatars.people.tailor.hanging import edge_path, head_weights, leg_weights
from avatars.people.tailor.loose import CoatCut, SkirtCut
from avatars.people.tailor.regions import above, arm_share, below_collar, places, within
from avatars.people.tailor.shoes import ShoesCut
from avatars.people.tailor.solids import backpack, bun, ponytail, shoulder_bag
from avatars.people.tailor.tight import ShirtCut, TrousersCut, region_of
from avatars.people.truth import Truth
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

Sewing = Callable[[str], Sewn]
Side = Callable[..., Cameras]
Truths = Callable[[str], Truth]
SUBJECTS = ("emblem", "shorts", "knee-skirt", "long-skirt", "closed-coat", "open-coat", "long-hair", "knitwear")
LOOSE = ("knee-skirt", "long-skirt", "closed-coat", "open-coat", "jacket")
CUTS: dict[str, Cut] = {
    "shirt": ShirtCut(),
    "long sleeves": ShirtCut(sleeve=0.66),
    "trousers": TrousersCut(),
    "wide trousers": TrousersCut(tighten=-0.06),
    "shorts": TrousersCut(hem=-0.6),
    "shoes": ShoesCut(),
    "skirt": SkirtCut(),
    "long skirt": SkirtCut(hem=-1.05),
    "coat": CoatCut(),
    "open coat": CoatCut(opening=0.08),
    "short hair": ShortHairCut(),
    "bob": LongHairCut(end=0.33),
    "long hair": LongHairCut(),
    "backpack": backpack(1.0),
    "shoulder bag": shoulder_bag(1.0),
    "bun": bun(0.045),
    "ponytail": ponytail(0.24),
}


@pytest.fixture(scope="module")
def sewn(model: BodyModel):
    made = {name: cut.sew(model) for name, cut in CUTS.items()}
    return made.__getitem__


def lengths(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)


def edges_of(faces: np.ndarray) -> np.ndarray:
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def label_of_faces(figure: Figure) -> np.ndarray:
    return np.array([surface.label for surface in figure.surfaces])[figure.material]


def silhouette(vertices: torch.Tensor, faces: torch.Tensor, cameras: Cameras) -> np.ndarray:
    world = cameras.world_from_camera[0]
    seen = rasterize((vertices - world[:3, 3]) @ world[:3, :3], faces, cameras.intrinsics[0], cameras.size)
    return (seen.face >= 0).numpy()


@pytest.mark.parametrize("name", CUTS)
def test_a_garment_is_open_at_most_inside_the_skin(model: BodyModel, sewn: Sewing, name: str):
    import trimesh

    sheet = sewn(name).sheet
    rim = np.unique(sheet.rim())
    if not len(rim):
        return
    body = trimesh.Trimesh(model.template.numpy(), model.faces.numpy(), process=False)
    normals = np.asarray(body.vertex_normals)
    nearest = sheet.binding[rim] @ model.template.numpy()
    inwards = np.einsum("ij,ij->i", sheet.points[rim] - nearest, sheet.binding[rim] @ normals)
    assert inwards.max() < -0.001


@pytest.mark.parametrize("name", CUTS)
def test_what_a_garment_hangs_on_sums_to_one_vertex(model: BodyModel, sewn: Sewing, name: str):
    sheet = sewn(name).sheet
    assert np.allclose(np.asarray(sheet.binding.sum(1)), 1.0)
    weights = sheet.skin_weights(model)
    assert np.allclose(weights.sum(1), 1.0, atol=1e-5)
    assert weights.min() >= -1e-7


@pytest.mark.parametrize("name", CUTS)
def test_a_garment_has_no_needles_and_no_far_points(sewn: Sewing, name: str):
    sheet = sewn(name).sheet
    assert np.isfinite(sheet.points).all()
    assert lengths(sheet.points, edges_of(sheet.faces)).max() < 0.13
    assert np.abs(sheet.points).max() < 1.25


@pytest.mark.parametrize("name", [name for name in CUTS if "open" not in name and name != "shoulder bag"])
def test_garments_are_alike_on_both_sides_but_for_wrinkles(sewn: Sewing, name: str):
    from scipy.spatial import KDTree

    points = sewn(name).sheet.points
    distance = KDTree(points).query(points * [-1.0, 1.0, 1.0])[0]
    assert np.quantile(distance, 0.95) < 0.03


def test_a_shirt_ends_at_its_hem_its_sleeves_and_its_collar(model: BodyModel, sewn: Sewing):
    shape, sheet = ShirtCut(), sewn("shirt").sheet
    assert sheet.points[:, 1].min() == pytest.approx(shape.hem, abs=0.01)
    assert np.abs(sheet.points[:, 0]).max() == pytest.approx(shape.sleeve, abs=0.01)
    assert sheet.points[:, 1].max() < 0.33


def test_wide_trousers_are_wider_at_the_hem_than_slim_ones(sewn: Sewing):
    slim, wide = (sewn(name).sheet.points for name in ("trousers", "wide trousers"))
    widths = [np.ptp(p[(p[:, 0] > 0) & (p[:, 1] < -1.0), 0]) for p in (slim, wide)]
    assert widths[1] > widths[0] + 0.04


def test_a_skirt_is_one_tube_around_both_legs(sewn: Sewing):
    points = sewn("long skirt").sheet.points
    hem = points[np.abs(points[:, 1] + 1.05) < 0.01]
    angle = np.sort(np.degrees(np.arctan2(hem[:, 0], hem[:, 2])))
    assert np.diff(angle).max() < 12.0
    assert np.hypot(hem[:, 0], hem[:, 2]).min() > 0.10


def test_an_open_coat_is_open_in_front_and_closed_behind(sewn: Sewing):
    points = sewn("open coat").sheet.points
    tails = points[np.abs(points[:, 1] + 0.5) < 0.02]
    front = tails[tails[:, 2] > 0.03]
    back = tails[tails[:, 2] < -0.03]
    assert np.abs(front[:, 0]).min() > 0.05
    assert np.abs(back[:, 0]).min() < 0.02


def test_long_hair_reaches_the_chest_in_front_and_behind_but_not_over_the_face(model: BodyModel, sewn: Sewing):
    points = sewn("long hair").sheet.points
    low = points[points[:, 1] < 0.12]
    assert (low[:, 2] > 0.05).any()
    assert (low[:, 2] < -0.05).any()
    face = (np.abs(points[:, 0]) < 0.04) & (points[:, 2] > 0.08) & (points[:, 1] < 0.51) & (points[:, 1] > 0.36)
    assert not face.any()


def test_short_hair_leaves_ears_and_face_free(model: BodyModel):
    covers = ShortHairCut().sew(model).covers
    ears = BaseMesh.load().marks[:, MARKS.index("ears")] > 200
    eyes = eyes_of(model).centers.mean(0)
    face = (np.linalg.norm(places(model) - eyes, axis=1) < 0.05) & (places(model)[:, 2] > 0.08)
    assert covers[ears].max() < 0
    assert covers[face].max() < 0
    assert covers[places(model)[:, 1].argmax()] > 0.02


def test_shoes_contain_the_feet(model: BodyModel, sewn: Sewing):
    from scipy.spatial import KDTree

    sheet = sewn("shoes").sheet
    assert len(sheet.rim()) == 0
    feet = places(model)[places(model)[:, 1] < -1.12]
    nearest = KDTree(sheet.points).query(feet)[1]
    outside = np.einsum("ij,ij->i", feet - sheet.points[nearest], sheet.normals()[nearest])
    assert outside.max() < 0.002
    assert sheet.points[:, 1].min() < feet[:, 1].min() - 0.01


@pytest.mark.parametrize("name", ["skirt", "coat"])
def test_hanging_cloth_shares_the_legs_smoothly(sewn: Sewing, model: BodyModel, name: str):
    sheet = sewn(name).sheet
    weights, edges = sheet.skin_weights(model), edges_of(sheet.faces)
    step = np.abs(weights[edges[:, 0]] - weights[edges[:, 1]]).sum(1) / 2
    near = lengths(sheet.points, edges) < 0.025
    assert step[near].max() < 0.45


def test_leg_weights_are_shared_evenly_in_the_middle_and_mirrored():
    y = np.linspace(0.0, -1.1, 30)
    middle, right = (leg_weights(np.stack([np.full(30, x), y, 0 * y], 1)) for x in (0.0, -0.1))
    left = leg_weights(np.stack([np.full(30, 0.1), y, 0 * y], 1))
    assert np.allclose(middle[:, 1], middle[:, 2])
    assert np.allclose(left[:, [1, 2, 4, 5]], right[:, [2, 1, 5, 4]])
    assert (np.diff(middle[:, 0]) <= 1e-9).all()
    assert np.allclose(left.sum(1), 1.0)


def test_head_weights_go_from_the_head_to_the_back():
    weights = head_weights(np.array([[0.0, 0.5, 0.0], [0.0, 0.3, 0.0], [0.0, 0.1, 0.0]]))
    assert weights.argmax(1).tolist() == [15, 12, 9]
    assert np.allclose(weights.sum(1), 1.0)


def test_the_edge_of_a_region_is_found_as_one_closed_chain(model: BodyModel):
    field = np.minimum(above(model, -0.25), -above(model, -0.05))
    region = region_of(model, np.minimum(field, 0.3 - arm_share(model)))
    low = np.abs(region.binding @ above(model, -0.25)) < 2e-3
    chain, closed = edge_path(region, low)
    assert closed
    assert len(set(chain.tolist())) == len(chain)
    around = lengths(region.points, np.stack([chain, np.roll(chain, -1)], 1))
    assert around.max() < 0.03
    assert 0.8 < around.sum() < 1.2


def test_regions_are_positive_inside(model: BodyModel):
    x, y, _ = places(model).T
    assert (within(model, 0.3) > 0).sum() == (np.abs(x) < 0.3).sum()
    collar = below_collar(model, 0.078)
    assert collar[(y > 0.34)].max() < 0
    assert collar[(y < 0.2)].min() > 0
    assert collar[(np.abs(x) > 0.1) & (y < 0.3)].min() > 0


def test_nobody_wears_nothing_but_skin_and_eyes(model: BodyModel):
    figure = wear(model, (), skin=SkinPaint(), eye=EyePaint())
    assert len(figure.model.faces) == len(model.faces)
    assert [surface.label for surface in figure.surfaces] == ["skin", "skin"]
    assert (figure.marks[:, -1] == 0).all()


def test_skin_under_a_shirt_is_left_out_and_the_rest_is_kept(model: BodyModel):
    shirt = Garment(ShirtCut(), Surface("top", plain((0.5, 0.5, 0.5), 1)))
    figure = wear(model, (shirt,), skin=SkinPaint(), eye=EyePaint())
    skin = figure.model.template.numpy()[figure.model.faces.numpy()[figure.material == 0]].mean(1)
    belly = (np.abs(skin[:, 1]) < 0.15) & (np.abs(skin[:, 0]) < 0.15)
    assert not belly.any()
    assert (skin[:, 1] < -0.5).any()
    assert (np.abs(skin[:, 0]) > 0.5).any()


def test_what_is_worn_below_goes_on_a_little_under_what_is_worn_above(model: BodyModel):
    shirt = Garment(ShirtCut(), Surface("top", plain((0.5, 0.5, 0.5), 1)))
    trousers = Garment(TrousersCut(), Surface("bottom", plain((0.1, 0.1, 0.1), 2)))
    figure = wear(model, (trousers, shirt), skin=SkinPaint(), eye=EyePaint())
    points, faces = figure.model.template.numpy(), figure.model.faces.numpy()
    waist = points[faces[label_of_faces(figure) == "bottom"].ravel(), 1].max()
    assert ShirtCut().hem < waist < ShirtCut().hem + 0.04


def test_the_scalp_is_near_hair_and_the_hand_is_not(model: BodyModel):
    hair = Garment(ShortHairCut(), Surface("hair", HairPaint()))
    figure = wear(model, (hair,), skin=SkinPaint(), eye=EyePaint())
    on_hair = np.unique(figure.model.faces.numpy()[label_of_faces(figure) == "hair"])
    assert (figure.marks[on_hair, -1] == 1).all()
    hands = np.abs(figure.model.template.numpy()[:, 0]) > 0.7
    assert (figure.marks[hands, -1] == 0).all()


@pytest.mark.parametrize("name", SUBJECTS)
def test_garments_follow_every_pose_without_tearing(truth_of: Truths, name: str):
    truth = truth_of(name)
    figure, shape = truth.figure, truth.pose.shape
    garment = label_of_faces(figure) != "skin"
    edges = edges_of(figure.model.faces.numpy()[garment])
    rest = figure.model.pose(BodyPose(torch.zeros(24, 3), torch.zeros(3), shape)).vertices.numpy()
    edges = edges[lengths(rest, edges) > 0.004]
    loose = name in LOOSE
    for pose in pose_names():
        posed = figure.model.pose(BodyPose(named_pose(pose), torch.zeros(3), shape)).vertices.numpy()
        stretch = lengths(posed, edges) / lengths(rest, edges)
        assert stretch.max() < (5.2 if loose else 4.2), pose
        assert np.quantile(stretch, 0.99) < (3.2 if loose else 1.9), pose
        assert lengths(posed, edges).max() < 0.15, pose


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_hole_shows_where_skin_was_left_out(truth_of: Truths, upright_side: Side, name: str):
    """The bare body never reaches beyond the dressed one: legs swept away under a skirt may, by a few pixels."""
    truth = truth_of(name)
    for pose_name in pose_names():
        pose = BodyPose(named_pose(pose_name), torch.zeros(3), truth.pose.shape)
        dressed, bare = truth.figure.model.pose(pose).vertices, truth.model.pose(pose).vertices
        for azimuth in (20.0, 110.0, 200.0, 290.0):
            cameras = upright_side(truth, pose, azimuth, 160)
            uncovered = silhouette(bare, truth.model.faces, cameras) & ~silhouette(
                dressed, truth.figure.model.faces, cameras
            )
            assert uncovered.sum() <= (8 if "skirt" in name else 0), (pose_name, azimuth)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_dressed_body_is_one_piece_from_every_side(truth_of: Truths, upright_side: Side, name: str):
    from scipy import ndimage

    truth = truth_of(name)
    for pose_name in pose_names():
        pose = BodyPose(named_pose(pose_name), torch.zeros(3), truth.pose.shape)
        vertices = truth.figure.model.pose(pose).vertices
        for azimuth in (0.0, 90.0, 180.0, 270.0):
            seen = silhouette(vertices, truth.figure.model.faces, upright_side(truth, pose, azimuth, 200))
            assert ndimage.label(seen, np.ones((3, 3)))[1] == 1, (pose_name, azimuth)


@pytest.mark.parametrize("name", ["emblem", "stripes", "knitwear", "closed-coat"])
def test_no_skin_comes_through_garments(truth_of: Truths, upright_side: Side, name: str):
    """Seen skin lies, at rest, where no garment covers the body, but for the margin tucked under hems."""
    truth = truth_of(name)
    covers = np.max([garment.cut.sew(truth.model).covers for garment in truth.subject.outfit.garments], axis=0)
    from scipy.spatial import KDTree

    figure, body = truth.figure, KDTree(places(truth.model))
    skin = label_of_faces(figure) == "skin"
    centers = figure.model.template.numpy()[figure.model.faces.numpy()].mean(1)
    depth = covers[body.query(centers)[1]]
    for pose_name in pose_names():
        pose = BodyPose(named_pose(pose_name), torch.zeros(3), truth.pose.shape)
        cameras = upright_side(truth, pose, 40.0, 300)
        world = cameras.world_from_camera[0]
        vertices = (figure.model.pose(pose).vertices - world[:3, 3]) @ world[:3, :3]
        seen = rasterize(vertices, figure.model.faces, cameras.intrinsics[0], cameras.size).face.numpy()
        faces = np.unique(seen[seen >= 0])
        assert depth[faces[skin[faces]]].max() < 0.03, pose_name


def test_garments_grow_with_the_body(model: BodyModel):
    shirt = Garment(ShirtCut(), Surface("top", plain((0.5, 0.5, 0.5), 1)))
    figure = wear(model, (shirt, Garment(SkirtCut(), shirt.surface)), skin=SkinPaint(), eye=EyePaint())
    tall = torch.tensor([2.0, *[0.0] * 9])
    grown, own = (mesh.numpy() for mesh in (figure.model.rest(tall)[0], figure.model.template))
    bare_grown, bare = model.rest(tall)[0], model.template
    growth = (bare_grown[:, 1].max() - bare_grown[:, 1].min()) / (bare[:, 1].max() - bare[:, 1].min())
    worn = np.unique(figure.model.faces.numpy()[figure.material >= 2])
    assert float(np.ptp(grown[worn, 1]) / np.ptp(own[worn, 1])) == pytest.approx(float(growth), abs=0.03)


def test_the_sheet_of_the_body_is_the_body(model: BodyModel):
    assert np.allclose(Sheet.of_body(model).skin_weights(model), model.weights.numpy())
