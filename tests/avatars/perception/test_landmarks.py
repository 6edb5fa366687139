import math

import torch

from avatars.perception.crops import Crop
from avatars.perception.landmarks import LANDMARK_NAMES, refine, turn


def blob(column: float, row: float, peak: float = 0.9):
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    return peak * torch.exp(-((columns - column) ** 2 + (rows - row) ** 2))[..., None]


def test_names_are_33_and_symmetric():
    assert len(LANDMARK_NAMES) == len(set(LANDMARK_NAMES)) == 33
    swapped = {name.replace("left", "?").replace("right", "left").replace("?", "right") for name in LANDMARK_NAMES}
    assert swapped == set(LANDMARK_NAMES)


def test_point_moves_to_the_peak_of_its_heat_map():
    found = refine(torch.tensor([[30.0, 21.0]]) / 64, blob(31.0, 20.0))
    torch.testing.assert_close(found * 64, torch.tensor([[31.0, 20.0]]), rtol=0, atol=1e-2)


def test_faint_heat_map_moves_nothing():
    point = torch.tensor([[30.3, 21.1]]) / 64
    assert torch.equal(refine(point, blob(31.0, 20.0, peak=0.4)), point)


def test_window_is_cut_at_the_edge():
    found = refine(torch.tensor([[0.2, 63.5]]) / 64, blob(0.0, 63.0))
    columns, rows = torch.arange(4.0), torch.arange(60.0, 64.0)
    expected = torch.stack(
        [
            (torch.exp(-(columns**2)) * columns).sum() / torch.exp(-(columns**2)).sum(),
            (torch.exp(-((rows - 63) ** 2)) * rows).sum() / torch.exp(-((rows - 63) ** 2)).sum(),
        ]
    )
    torch.testing.assert_close(found[0] * 64, expected)


def test_point_outside_stays():
    point = torch.tensor([[1.2, -0.3]])
    assert torch.equal(refine(point, blob(31.0, 20.0)), point)


def test_world_points_turn_with_the_crop_about_the_view_axis():
    crop = Crop((0.0, 0.0), 1.0, math.pi / 2, 256)
    found = turn(torch.tensor([[1.0, 0.0, 3.0], [0.0, 1.0, -2.0]]), crop)
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0, 3.0], [-1.0, 0.0, -2.0]]), rtol=0, atol=1e-6)
