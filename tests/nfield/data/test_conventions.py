import math
from typing import get_args

import numpy as np
import pytest
import torch

from nfield.cameras import look_at
from nfield.data.conventions import Convention, agreement, read_poses, require_agreement, write_poses
from nfield.errors import DataError

CONVENTIONS = get_args(Convention)
_UP = torch.tensor([0.0, 0.0, 1.0])


def surrounding(*, outward: bool = False, jitter: float = 0.0, arc: float = 2.0 * math.pi) -> np.ndarray:
    """Cameras on a wavy arc around (3, 1, 0)."""
    angle = torch.linspace(0.0, arc, 25)[:-1]
    offsets = torch.stack([4.0 * angle.cos(), 4.0 * angle.sin(), 1.0 + 0.5 * (3.0 * angle).sin()], -1)
    center = torch.tensor([3.0, 1.0, 0.0])
    generator = torch.Generator().manual_seed(0)
    aims = center + jitter * torch.randn(24, 3, generator=generator)
    poses = torch.cat([look_at((center + offset)[None], aim, _UP) for offset, aim in zip(offsets, aims, strict=True)])
    result = poses.double().numpy()
    return result @ np.diag([1.0, -1.0, -1.0, 1.0]) if outward else result


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_writing_is_the_inverse_of_reading(convention: Convention):
    poses = surrounding()
    np.testing.assert_allclose(read_poses(write_poses(poses, convention), convention), poses, atol=1e-9)


def test_conventions_are_what_they_are_called():
    poses = surrounding()
    written = write_poses(poses, "opengl")
    np.testing.assert_allclose(written[:, :3, 1:3], -poses[:, :3, 1:3])
    points = np.array([0.3, -0.2, 1.0, 1.0])
    there = write_poses(poses, "opencv-world-to-camera")[3] @ points
    np.testing.assert_allclose(poses[3] @ there, points, atol=1e-12)


@pytest.mark.parametrize("arc", [0.5 * math.pi, 2.0 * math.pi])
@pytest.mark.parametrize("written_as", CONVENTIONS)
def test_poses_in_a_wrong_convention_are_refused_with_the_right_one(written_as: Convention, arc: float):
    written = write_poses(surrounding(arc=arc, jitter=0.2), written_as)
    for read_as in CONVENTIONS:
        poses = read_poses(written, read_as)
        if read_as == written_as:
            require_agreement(poses, read_as, where="f")
            continue
        with pytest.raises(DataError, match=f"^f: read as {read_as}, its cameras look away from each other") as found:
            require_agreement(poses, read_as, where="f")
        expected = f": give --convention {written_as}, or --convention {read_as} if the cameras really look so"
        assert str(found.value).endswith(expected)


def test_cameras_that_agree_say_so():
    assert agreement(surrounding()) > 0.99
    assert agreement(surrounding(outward=True)) == 0.0


def test_parallel_cameras_agree_and_cameras_in_one_point_do_not():
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, 0, 3] = np.arange(5)
    assert agreement(poses) == 1.0
    turned = surrounding()
    turned[:, :3, 3] = [5.0, 0.0, 0.0]
    assert agreement(turned) == 0.0


def test_few_cameras_and_those_that_no_convention_explains_are_let_through():
    require_agreement(surrounding(outward=True)[:3], "opengl", where="f")
    generator = np.random.default_rng(0)
    strewn = surrounding()
    strewn[:, :3, :3] = np.linalg.qr(generator.normal(size=(24, 3, 3)))[0]
    require_agreement(strewn, "opengl", where="f")


def test_survey_coordinates_change_nothing():
    poses = surrounding()
    poses[:, :3, 3] += [500_000.0, 5_400_000.0, 300.0]
    assert agreement(poses) > 0.99
    with pytest.raises(DataError, match="give --convention opencv,"):
        require_agreement(read_poses(write_poses(poses, "opencv"), "opengl"), "opengl", where="f")
