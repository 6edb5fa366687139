"""Prints on backs: patterns that were copied, mirrored, shifted, or are not there."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from avatars.benchmark.metrics import Chest, print_on_back
from avatars.body import BodyModel, BodyPose
from nfield.cameras import Cameras, look_at

PLAIN = np.zeros((80, 80))


def pattern(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, (20, 20)).repeat(4, 0).repeat(4, 1)


def test_a_copied_pattern_is_a_print():
    assert print_on_back(pattern(0), pattern(0), PLAIN) == pytest.approx(1.0, abs=1e-6)


def test_a_pattern_seen_through_the_body_is_one_too():
    assert print_on_back(pattern(0), pattern(0)[:, ::-1], PLAIN) == pytest.approx(1.0, abs=1e-6)


def test_paler_and_shifted_prints_count_as_much():
    assert print_on_back(pattern(0), 0.3 * np.roll(pattern(0), (4, -3), (0, 1)), PLAIN) == pytest.approx(1.0, abs=1e-6)


def test_a_plain_back_has_none():
    assert print_on_back(pattern(0), PLAIN, PLAIN) == 0.0


def test_another_pattern_is_hardly_one():
    assert abs(print_on_back(pattern(0), pattern(1), pattern(2))) < 0.15


def test_what_the_true_back_shows_is_no_print():
    assert print_on_back(pattern(0), pattern(0), pattern(0)) == 0.0


def test_a_plain_chest_prints_nothing():
    assert print_on_back(PLAIN, pattern(0), PLAIN) == 0.0


def seen(azimuth: float) -> Cameras:
    place = torch.tensor([[3.0 * np.sin(azimuth), 0.0, 3.0 * np.cos(azimuth)]]).float()
    pose = look_at(place, torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]))
    return Cameras(torch.tensor([[[600.0, 0, 128], [0, 600.0, 128], [0, 0, 1]]]), pose, (256, 256))


CHEST = Chest(torch.zeros(3), 0.2, 0.2)


def board(cameras: Cameras, show: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """A picture of a square board at the origin, 0.5 m wide, whose brightness is a function of its x and y."""
    rows, columns = torch.meshgrid(torch.arange(256) + 0.5, torch.arange(256) + 0.5, indexing="ij")
    side = torch.sign(cameras.world_from_camera[0, 0, 0])
    x, y = side * (columns - 128) / 200.0, -(rows - 128) / 200.0
    inside = (x.abs() < 0.25) & (y.abs() < 0.25)
    return torch.where(inside, show(x, y), 1.0)[..., None].expand(-1, -1, 3)


def mark(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 0.5 + 0.3 * torch.sin(40.0 * x + 3.0) * torch.sin(55.0 * y) * (x > -0.05)


def test_a_mark_through_a_board_is_found_from_behind_by_the_patches_of_pictures():
    front, back = seen(0.0), seen(np.pi)
    opaque = torch.ones(256, 256)
    chest = CHEST.patch(board(front, mark), opaque, front, 0)
    through = CHEST.patch(board(back, mark), opaque, back, 0)
    plain = CHEST.patch(board(back, lambda x, y: torch.full_like(x, 0.5)), opaque, back, 0)
    assert print_on_back(chest, through, plain) > 0.97
    assert print_on_back(chest, plain, plain) == 0.0


def test_shading_is_no_pattern():
    front = seen(0.0)
    shaded = CHEST.patch(board(front, lambda x, y: 0.5 + 0.8 * x), torch.ones(256, 256), front, 0)
    assert np.abs(shaded[12:-12, 12:-12]).max() < 5e-3


def test_the_chest_of_a_body_lies_between_its_shoulders(model: BodyModel):
    chest = Chest.of(model.joints(BodyPose.rest()))
    assert abs(float(chest.middle[0])) < 0.01
    assert 0.1 < chest.half_width < 0.25
    assert 0.1 < chest.half_height < 0.3
