"""Points of a ball: they lie on it, in its colours, with its normals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from nfield.cli import main
from nfield.data.world import World
from nfield.errors import DataError
from nfield.export.ply_file import ply_bytes
from nfield.saved_scene import SavedScene
from nfield.scene_export.formats.pointcloud import PointcloudFile, PointcloudOptions
from nfield.scene_export.normals import normals_at
from nfield.scene_export.seen_points import median_distance, seen_points
from nfield.types import RenderOutput, Samples
from tests.nfield.scene_export.ball import CENTER, RADIUS, ball_scene

_FAR = World((5_400_000.0, 300_000.0, 120.0), 0.05)


@pytest.mark.parametrize("world", [World(), _FAR], ids=["near", "survey"])
def test_points_are_the_ball_in_its_colours(world: World, as_run: Callable[[SavedScene], Path], tmp_path: Path):
    out = tmp_path / "a.points.ply"
    PointcloudFile().write(as_run(ball_scene(world)), out, PointcloudOptions(points=800), lambda _: None)
    cloud = trimesh.load(out)
    own = world.scene_from_user(np.asarray(cloud.vertices)) - np.array(CENTER)
    assert len(own) == 800
    np.testing.assert_allclose(np.linalg.norm(own, axis=-1), RADIUS, atol=0.02)
    np.testing.assert_allclose(cloud.colors[:, :3], 255.0 * (0.5 + 0.4 * own / RADIUS), atol=9)
    assert np.ptp(own, axis=0).min() > 1.8 * RADIUS


def test_normals_point_outwards():
    saved = ball_scene()
    found = seen_points(saved.shown, saved.cameras, 500, generator=torch.Generator().manual_seed(0))
    outwards = torch.nn.functional.normalize(found.places - torch.tensor(CENTER), dim=-1)
    cosine = (normals_at(saved.shown, found) * outwards).sum(-1)
    assert float(cosine.min()) > 0.9
    assert float(cosine.mean()) > 0.97


def test_half_of_what_a_ray_meets_lies_before_the_median():
    samples = Samples(
        torch.tensor([1.0, 2.0, 3.0, 5.0, 5.0]),
        torch.tensor([2.0, 3.0, 4.0, 6.0, 7.0]),
        torch.tensor([0, 0, 0, 2, 3]),
        4,
    )
    weights = torch.tensor([0.1, 0.4, 0.3, 0.8, 0.0])
    opacity = torch.tensor([0.8, 0.0, 0.8, 0.0])
    seen = RenderOutput(torch.zeros(4, 3), opacity, torch.zeros(4), weights)
    torch.testing.assert_close(median_distance(samples, seen), torch.tensor([2.75, 0.0, 5.5, 0.0]))


def test_no_samples_have_no_median():
    none = torch.zeros(0)
    seen = RenderOutput(torch.zeros(2, 3), torch.zeros(2), torch.zeros(2), none)
    assert median_distance(Samples(none, none, none.long(), 2), seen).tolist() == [0.0, 0.0]


def test_cameras_that_see_nothing_are_said():
    saved = ball_scene(center=(0.0, 0.0, 50.0))
    with pytest.raises(DataError, match="see hardly anything in its field: 0 points were found, expected 10"):
        seen_points(saved.shown, saved.cameras, 10, generator=torch.Generator().manual_seed(0))


def test_the_same_seed_gives_the_same_points():
    saved = ball_scene()
    one, other = (
        seen_points(saved.shown, saved.cameras, 50, generator=torch.Generator().manual_seed(3)).places for _ in range(2)
    )
    torch.testing.assert_close(one, other, atol=0.0, rtol=0.0)


@pytest.mark.parametrize(("away", "kind"), [(0.0, b"float x"), (1e6, b"double x")])
def test_places_far_away_are_written_in_double_precision(away: float, kind: bytes):
    places = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]) + away
    content = ply_bytes(places, None, None)
    assert kind in content
    found = trimesh.load(trimesh.util.wrap_as_stream(content), file_type="ply")
    np.testing.assert_array_equal(found.vertices, places)


def test_no_points_are_a_file_too():
    assert b"element vertex 0" in ply_bytes(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)))


def test_a_wrong_number_of_points_is_refused(finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(finished_run), "--to", "pointcloud", "--points", "3"]) == 2
    assert "--points: is 3, expected 100 to 20,000,000 points" in capsys.readouterr().err
