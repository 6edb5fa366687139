import math
from pathlib import Path

import pytest
import torch

from nfield.data.analytic import (
    BALL_CENTER,
    BALL_COLOR,
    BALL_DENSITY,
    BALL_RADIUS,
    BRICK_HIGH,
    BRICK_LOW,
    SPHERE_CENTER,
    SPHERE_RADIUS,
    analytic_scene,
    trace,
    write_synthetic,
)
from nfield.data.scenes import load_scene
from nfield.types import Rays


def _rays(origins: list[list[float]], dirs: list[list[float]]) -> Rays:
    count = len(origins)
    directions = torch.nn.functional.normalize(torch.tensor(dirs), dim=-1)
    return Rays(torch.tensor(origins), directions, torch.zeros(count), torch.full((count,), 10.0))


def test_a_ray_through_the_balls_centre_has_the_opacity_of_its_diameter():
    x, y, z = BALL_CENTER
    seen = trace(_rays([[x, y, z + 3.0]], [[0.0, 0.0, -1.0]]))[0]
    assert seen[3].item() == pytest.approx(1.0 - math.exp(-BALL_DENSITY * 2.0 * BALL_RADIUS), abs=1e-5)
    torch.testing.assert_close(seen[:3], torch.tensor(BALL_COLOR), atol=1e-5, rtol=0)


def test_a_ray_that_meets_nothing_is_transparent():
    seen = trace(_rays([[3.0, 0.0, 0.0], [0.0, 0.0, 3.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert torch.equal(seen, torch.zeros(2, 4))


def test_trace_agrees_with_small_steps_along_the_ray(generator: torch.Generator):
    origins = torch.nn.functional.normalize(torch.randn((40, 3), generator=generator), dim=-1) * 3.0
    targets = torch.rand((40, 3), generator=generator) - 0.5
    rays = _rays(origins.tolist(), (targets - origins).tolist())
    step = 5e-4
    distances = torch.arange(0.0, 5.0, step) + 0.5 * step
    points = rays.origins[:, None] + distances[:, None] * rays.dirs[:, None]
    in_ball = (points - torch.tensor(BALL_CENTER)).norm(dim=-1) < BALL_RADIUS
    in_sphere = (points - torch.tensor(SPHERE_CENTER)).norm(dim=-1) < SPHERE_RADIUS
    in_brick = ((points > torch.tensor(BRICK_LOW)) & (points < torch.tensor(BRICK_HIGH))).all(-1)
    solid = in_sphere | in_brick
    before_solid = solid.cumsum(-1) == 0
    expected = 1.0 - torch.exp(-BALL_DENSITY * step * (in_ball & before_solid).sum(-1))
    expected = torch.where(solid.any(-1), torch.ones(40), expected)
    assert solid.any(-1).any()
    assert (~solid.any(-1) & in_ball.any(-1)).any()
    seen = trace(rays)
    torch.testing.assert_close(seen[:, 3], expected, atol=3e-3, rtol=0)
    assert (seen[:, :3] >= 0.0).all()
    assert (seen[:, :3] <= 1.0 + 1e-6).all()


def test_the_same_generator_gives_the_same_scene():
    first, second = (analytic_scene(2, (8, 8), torch.Generator().manual_seed(5)) for _ in range(2))
    other = analytic_scene(2, (8, 8), torch.Generator().manual_seed(6))
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.cameras.origins, other.cameras.origins)


def test_every_view_shows_the_scene_whole(generator: torch.Generator):
    posed = analytic_scene(6, (32, 32), generator)
    opaque = posed.images[..., 3] > 0
    assert (opaque.float().mean((1, 2)) > 0.1).all()
    border = torch.cat([opaque[:, 0], opaque[:, -1], opaque[:, :, 0], opaque[:, :, -1]], -1)
    assert not border.any()


def test_a_written_scene_is_read_back_the_same(tmp_path: Path):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(3), n_train=3, n_test=2, size=(16, 24))
    expected = torch.Generator().manual_seed(3)
    scene = load_scene(tmp_path)
    for posed, count in ((scene.train, 3), (scene.test, 2)):
        original = analytic_scene(count, (16, 24), expected)
        assert torch.equal(posed.images, original.images)
        torch.testing.assert_close(posed.cameras.world_from_camera, original.cameras.world_from_camera)
        torch.testing.assert_close(posed.cameras.intrinsics, original.cameras.intrinsics)
        assert (posed.box.low <= torch.tensor([-0.85, -0.8, -0.5])).all()
        assert (posed.box.high >= torch.tensor([0.85, 0.75, 0.6])).all()
        assert (posed.has_alpha, posed.background) == (original.has_alpha, original.background)
    assert scene.missing == ()
