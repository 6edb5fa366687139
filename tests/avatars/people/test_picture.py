"""Pictures agree with rays cast through the mesh, and light behaves as light."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.people.cloth_paint import ClothPaint
from avatars.people.figure import BaseMesh, Figure, Surface, eyes_of, hair_nearness, skin_marks, with_mesh
from avatars.people.finish import MARKS
from avatars.people.labels import LABELS
from avatars.people.lighting import Light, shade, vertex_normals
from avatars.people.picture import draw, srgb
from avatars.people.stances import STANCES, stance_rotations
from avatars.people.studio import Studio, photograph
from avatars.people.truth import Truth
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

Truths = Callable[[str], Truth]
Side = Callable[..., Cameras]
SIZE = 64
MATRIX = torch.tensor([[1.2 * SIZE, 0.0, SIZE / 2], [0.0, 1.2 * SIZE, SIZE / 2], [0.0, 0.0, 1.0]])
LAMP = Light((-1.0, -1.5, -1.0))


def scene(model: BodyModel, points: np.ndarray, faces: np.ndarray, paints: tuple[ClothPaint, ...]) -> Figure:
    """A figure of a few plain triangles; its faces take the paints in turn."""
    count = len(points)
    mesh = with_mesh(
        model,
        template=torch.from_numpy(points).float(),
        weights=torch.eye(24)[torch.zeros(count, dtype=torch.long)],
        shape_dirs=torch.zeros(count, 3, 10),
        pose_dirs=torch.zeros(207, count, 3),
        faces=faces,
    )
    surfaces = tuple(Surface("top", paint) for paint in paints)
    marks = np.zeros((count, len(MARKS) + 1), dtype=np.float32)
    return Figure(mesh, surfaces, np.arange(len(faces)) % len(paints), marks, eyes_of(model))


@pytest.fixture
def wall(model: BodyModel) -> Figure:
    """A white square of 1.2 metres, 2 metres ahead, facing the camera; its two triangles are two surfaces."""
    points = np.array([[-0.6, -0.6, 2.0], [0.6, -0.6, 2.0], [0.6, 0.6, 2.0], [-0.6, 0.6, 2.0]])
    paint = ClothPaint((0.5, 0.5, 0.5), gloss=0.0)
    return scene(model, points, np.array([[0, 2, 1], [0, 3, 2]]), (paint, replace(paint, color=(0.5, 0.1, 0.1))))


def cast(vertices: np.ndarray, faces: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth and face that rays from the origin meet first (Moeller and Trumbore 1997); infinite depth for none."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    depth, hit = np.full(len(directions), np.inf), np.full(len(directions), -1)
    for ray, direction in enumerate(directions):
        p = np.cross(direction, c - a)
        determinant = np.einsum("ij,ij->i", b - a, p)
        safe = np.where(np.abs(determinant) < 1e-14, 1.0, determinant)
        u = np.einsum("ij,ij->i", -a, p) / safe
        q = np.cross(-a, b - a)
        v = (q @ direction) / safe
        t = np.einsum("ij,ij->i", c - a, q) / safe
        met = (np.abs(determinant) > 1e-14) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
        if met.any():
            hit[ray] = np.nonzero(met)[0][t[met].argmin()]
            depth[ray] = t[met].min()
    return depth, hit


def test_a_picture_agrees_with_rays_through_the_dressed_mesh(truth_of: Truths, photo_side: Side):
    truth = truth_of("open-coat")
    cameras = photo_side(truth, 70.0, 96)
    shot = truth.shot(truth.pose, cameras, 0)
    world = cameras.world_from_camera[0]
    vertices = ((truth.figure.model.pose(truth.pose).vertices - world[:3, 3]) @ world[:3, :3]).double().numpy()
    rows, columns = np.random.default_rng(0).integers((5, 30), (91, 66), (70, 2)).T
    focal = float(cameras.intrinsics[0, 0, 0])
    directions = np.stack([(columns + 0.5 - 48) / focal, (rows + 0.5 - 48) / focal, np.ones(70)], 1)
    depth, face = cast(vertices, truth.figure.model.faces.numpy(), directions)
    met = face >= 0
    assert met.sum() > 10
    seen = shot.depth.numpy()[rows, columns]
    assert (met == (seen > 0)).all()
    assert np.allclose(seen[met], depth[met], atol=1e-3)
    names = [truth.figure.surfaces[truth.figure.material[f]].label for f in face[met]]
    assert [LABELS[k] for k in shot.labels.numpy()[rows, columns][met]] == names


def test_alpha_is_the_share_of_samples_that_meet_the_figure(wall: Figure):
    picture = draw(wall, wall.model.template, MATRIX, (SIZE, SIZE), light=LAMP, samples=2)
    half = 1.2 * SIZE * 0.6 / 2.0
    centers = (np.arange(2 * SIZE) + 0.5) / 2 - SIZE / 2
    inside = np.abs(centers) <= half
    expected = (inside[:, None] & inside[None]).reshape(SIZE, 2, SIZE, 2).mean((1, 3))
    assert np.allclose(picture.alpha, expected)
    assert np.allclose(picture.depth[picture.depth > 0], 2.0)
    assert set(np.unique(picture.material)) == {-1, 0, 1}


def test_samples_do_not_move_the_outline(wall: Figure):
    pictures = [draw(wall, wall.model.template, MATRIX, (SIZE, SIZE), light=LAMP, samples=n) for n in (1, 2, 3)]
    areas = [picture.alpha.sum() for picture in pictures]
    exact = (1.2 * SIZE * 0.6) ** 2
    assert np.allclose(areas, exact, rtol=0.03)
    assert all((picture.material == pictures[0].material).all() for picture in pictures)


def test_colours_come_times_alpha(wall: Figure):
    picture = draw(wall, wall.model.template, MATRIX, (SIZE, SIZE), light=LAMP)
    assert (picture.color[picture.alpha == 0] == 0).all()
    reddish = picture.color[(picture.material == 1) & (picture.alpha == 1)]
    grey = picture.color[(picture.material == 0) & (picture.alpha == 1)]
    assert np.median(reddish[:, 0]) == pytest.approx(np.median(grey[:, 0]), rel=0.15)
    assert np.median(reddish[:, 1]) < 0.4 * np.median(grey[:, 1])


def test_a_figure_behind_the_camera_or_beside_the_picture_is_not_seen(wall: Figure):
    for away in (torch.tensor([0.0, 0.0, -5.0]), torch.tensor([50.0, 0.0, 0.0]), torch.tensor([0.0, -50.0, 0.0])):
        picture = draw(wall, wall.model.template + away, MATRIX, (SIZE, SIZE), light=LAMP)
        assert picture.alpha.sum() == 0
        assert (picture.material == -1).all()


def test_a_figure_that_the_picture_cuts_off_is_drawn_up_to_its_border(wall: Figure):
    moved = wall.model.template + torch.tensor([1.0, 0.0, 0.0])
    whole = draw(
        wall, moved, MATRIX + torch.tensor([[0, 0, SIZE], [0, 0, 0], [0, 0, 0.0]]), (SIZE, 3 * SIZE), light=LAMP
    )
    part = draw(wall, moved, MATRIX, (SIZE, SIZE), light=LAMP)
    assert (part.alpha == whole.alpha[:, SIZE : 2 * SIZE]).all()
    assert part.alpha[:, -1].sum() > 0


def test_light_falls_off_where_a_surface_turns_away(model: BodyModel):
    angle = np.linspace(-1.4, 1.4, 41)
    rows = [np.stack([0.5 * np.sin(angle), np.full(41, y), 2.0 - 0.5 * np.cos(angle)], 1) for y in (-0.5, 0.5)]
    points = np.concatenate(rows)
    i = np.arange(40)
    faces = np.concatenate([np.stack([i, i + 42, i + 1], 1), np.stack([i, i + 41, i + 42], 1)])
    tube = scene(model, points, faces, (ClothPaint((0.5, 0.5, 0.5), gloss=0.0),))
    light = Light((-4.0, 0.0, 0.0), sky=(0.0, 0.0, 0.0), ground=(0.0, 0.0, 0.0))
    row = draw(tube, tube.model.template, MATRIX, (SIZE, SIZE), light=light).color[SIZE // 2, :, 0]
    seen = np.nonzero(row)[0]
    assert row[seen[len(seen) // 4]] > 1.5 * row[seen[3 * len(seen) // 4]]


def test_a_figure_casts_shadow_on_what_is_behind_it(model: BodyModel):
    def square(half: float, depth: float) -> np.ndarray:
        return np.array([[-half, -half, depth], [half, -half, depth], [half, half, depth], [-half, half, depth]])

    both = np.concatenate([square(0.8, 3.0), square(0.2, 2.0)])
    faces = np.array([[0, 2, 1], [0, 3, 2], [4, 6, 5], [4, 7, 6]])
    paint = ClothPaint((0.5, 0.5, 0.5), gloss=0.0)
    light = Light((-1.5, 0.001, 0.0))
    with_screen = scene(model, both, faces, (paint,))
    without = scene(model, both, faces[:2], (paint,))
    dark, bright = (
        draw(f, f.model.template, MATRIX, (SIZE, SIZE), light=light, stride=1).color[..., 0]
        for f in (with_screen, without)
    )
    behind = draw(without, without.model.template, MATRIX, (SIZE, SIZE), light=light).material >= 0
    right = np.zeros((SIZE, SIZE), dtype=bool)
    right[SIZE // 2 - 3 : SIZE // 2 + 3, SIZE // 2 + 10 : SIZE // 2 + 14] = True
    assert (right & behind).any()
    assert dark[right & behind].mean() < 0.75 * bright[right & behind].mean()


def test_no_key_light_means_no_shadow_and_no_highlight(wall: Figure):
    even = Light((-1.0, -1.5, -1.0), key=0.0, sky=(1.0, 1.0, 1.0), ground=(1.0, 1.0, 1.0))
    glossy = replace(wall, surfaces=tuple(Surface("top", replace(s.paint, gloss=1.0)) for s in wall.surfaces))
    plain, shiny = (draw(f, f.model.template, MATRIX, (SIZE, SIZE), light=even).color for f in (wall, glossy))
    assert np.allclose(plain, shiny)


def test_nooks_are_darker_than_open_places(model: BodyModel):
    """The wall beside a post that stands out of it, against the wall far from it."""
    wall_points = np.array([[-0.8, -0.8, 2.0], [0.8, -0.8, 2.0], [0.8, 0.8, 2.0], [-0.8, 0.8, 2.0]])
    post = np.array([[-0.05, -0.8, 1.93], [0.05, -0.8, 1.93], [0.05, 0.8, 1.93], [-0.05, 0.8, 1.93]])
    faces = np.array([[0, 2, 1], [0, 3, 2], [4, 6, 5], [4, 7, 6]])
    figure = scene(model, np.concatenate([wall_points, post]), faces, (ClothPaint((0.5, 0.5, 0.5)),))
    even = Light((0.0, 0.0, 0.0), key=0.0, sky=(1.0, 1.0, 1.0), ground=(1.0, 1.0, 1.0))
    double = MATRIX * torch.tensor([2.0, 2.0, 1.0])[:, None]
    row = draw(figure, figure.model.template, double, (2 * SIZE, 2 * SIZE), light=even).color[SIZE, :, 0]
    beside = SIZE + round(1.2 * 2 * SIZE * 0.06 / 2.0) + 1
    assert row[beside] < 0.9 * row[SIZE + 40]


def test_shading_does_not_depend_on_the_side_that_faces_are_wound(wall: Figure):
    wall = replace(wall, material=np.zeros(2, dtype=int))
    turned = replace(wall, model=replace(wall.model, faces=wall.model.faces.flip(1)))
    one, other = (draw(f, f.model.template, MATRIX, (SIZE, SIZE), light=LAMP).color for f in (wall, turned))
    # Samples exactly on the diagonal, where the two triangles meet, belong to either or to none.
    off_diagonal = ~np.eye(SIZE, dtype=bool)
    assert np.allclose(one[off_diagonal], other[off_diagonal])


def test_shade_answers_for_each_seen_sample_in_order(wall: Figure):
    raster = rasterize(wall.model.template, wall.model.faces, MATRIX, (SIZE, SIZE))
    colors = shade(wall, wall.model.template, raster, focal=1.2 * SIZE, light=LAMP)
    picture = draw(wall, wall.model.template, MATRIX, (SIZE, SIZE), light=LAMP, samples=1)
    assert np.allclose(colors, picture.color[picture.alpha > 0], atol=0.02)


def test_normals_of_a_ball_point_outwards():
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3)
    points = torch.from_numpy(np.asarray(ball.vertices)).float()
    normals = vertex_normals(points, torch.from_numpy(np.asarray(ball.faces)))
    assert ((normals * points).sum(1) > 0.995).all()


def test_srgb_is_the_standard_curve_for_dark_colours_and_never_clips_bright_ones():
    assert srgb(np.array([0.0]))[0] == 0.0
    assert srgb(np.array([0.002]))[0] == pytest.approx(12.92 * 0.002, rel=0.01)
    assert srgb(np.array([0.2]))[0] == pytest.approx(1.055 * 0.2 ** (1 / 2.4) - 0.055, rel=0.02)
    bright = srgb(np.linspace(0.0, 1.05, 50))
    assert (np.diff(bright) > 0).all()
    assert bright.max() < 1.0


def test_a_photo_shows_the_figure_before_the_backdrop_with_grain(wall: Figure):
    studio = Studio(1.0, 4.0, LAMP, 1.2 * SIZE, SIZE)
    pose = BodyPose.rest()
    image, picture = photograph(wall, pose, studio, seed=1)
    again, _ = photograph(wall, pose, studio, seed=1)
    other, _ = photograph(wall, pose, studio, seed=2)
    assert (image == again).all()
    assert 0.003 < (image - other).std() < 0.015
    inside = picture.alpha == 1
    assert np.abs(image[inside] - srgb(picture.color[inside])).mean() < 0.02
    assert image[~inside].mean() > 0.1


def test_skin_marks_are_those_of_the_body_first_and_nothing_after(model: BodyModel):
    count = len(model.template)
    marks = skin_marks(count + 5, np.linspace(0, 1, count + 5))
    lips = marks[:, MARKS.index("lips")] > 0.5
    assert lips.any()
    assert np.abs(model.template.numpy()[lips[:count], 0]).max() < 0.04
    assert (marks[count:, :-1] == 0).all()
    assert marks[-1, -1] == 1.0


def test_nearness_of_hair_falls_from_touching_to_far():
    hairs = np.zeros((1, 3))
    points = np.array([[0.003, 0, 0], [0.010, 0, 0], [0.02, 0, 0]])
    assert np.allclose(hair_nearness(points, hairs), [1.0, 0.5, 0.0])
    assert (hair_nearness(points, np.zeros((0, 3))) == 0).all()


def test_the_base_mesh_is_that_of_the_shipped_body(model: BodyModel):
    mesh = BaseMesh.load()
    assert np.abs(mesh.posed[mesh.body] - model.template.numpy()).max() < 0.001
    assert mesh.eye.sum() == 144
    turned = mesh.turned[mesh.body]
    assert np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3), atol=0.4)


def test_eyes_are_in_the_face_left_first(model: BodyModel):
    eyes = eyes_of(model)
    assert eyes.centers[0, 0] > 0 > eyes.centers[1, 0]
    assert np.allclose(eyes.centers[0], eyes.centers[1] * [-1, 1, 1], atol=1e-3)
    assert 0.010 < eyes.radius < 0.02


@pytest.mark.parametrize("name", STANCES)
def test_a_stance_faces_the_camera_upright(model: BodyModel, name: str):
    body = model.pose(BodyPose(stance_rotations(STANCES[name], yaw=0.0), torch.zeros(3), torch.zeros(10)))
    head, pelvis = body.joints[15], body.joints[0]
    assert head[1] < pelvis[1] - 0.4
    nose = body.vertices[model.landmarks["nose"]]
    assert nose[2] < head[2] - 0.05


def test_yaw_turns_a_person_towards_the_left_of_the_picture(model: BodyModel):
    ahead, turned = (
        model.pose(BodyPose(stance_rotations(STANCES["upright"], yaw=yaw), torch.zeros(3), torch.zeros(10)))
        for yaw in (0.0, 30.0)
    )
    nose, head = model.landmarks["nose"], 15
    gaze = [body.vertices[nose] - body.joints[head] for body in (ahead, turned)]
    angle = [float(torch.rad2deg(torch.atan2(-g[0], -g[2]))) for g in gaze]
    assert angle[1] - angle[0] == pytest.approx(30.0, abs=2.0)
