import pytest
import torch

from tests.viewer.subjects import HOME, analytic_view, flat_view
from viewer.camera import home_camera
from viewer.pair import Layout, pair_view

SIZE = (108, 160)


def _never():
    return False


def _image(layout: Layout, left=analytic_view, right=analytic_view):  # noqa: ANN001 - views
    image = pair_view(left, right, layout, names=("one", "two"))(home_camera(HOME, SIZE), SIZE, _never)
    assert image is not None
    assert image.color.shape == (*SIZE, 3)
    assert image.opacity.shape == image.depth.shape == SIZE
    return image


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_a_wipe_between_equals_is_not_seen(share: float):
    alone = analytic_view(home_camera(HOME, SIZE), SIZE, _never)
    assert alone is not None
    wiped = _image(Layout("wipe", share))
    torch.testing.assert_close(wiped.opacity, alone.opacity, atol=1e-5, rtol=0.0)
    # Apart from the names below and the line at the border.
    border = min(max(round(SIZE[1] * share), 1), SIZE[1] - 1)
    keep = [column for column in range(SIZE[1]) if abs(column - border) > 2]
    torch.testing.assert_close(wiped.color[:70, keep], alone.color[:70, keep], atol=1e-5, rtol=0.0)


def test_beside_each_other_both_show_the_middle_of_the_subject():
    image = _image(Layout())
    torch.testing.assert_close(image.opacity[:, :80], image.opacity[:, 80:])
    assert image.opacity[:, :2].max() == 0.0
    assert image.opacity[:, 39:41].mean() > 0.1


def test_each_half_is_its_own_run_and_bears_its_name():
    image = _image(Layout(), flat_view(0.8, 0.8, 0.8), flat_view(0.1, 0.1, 0.1))
    torch.testing.assert_close(image.color[:60, :75], torch.full((60, 75, 3), 0.8))
    torch.testing.assert_close(image.color[:60, 85:], torch.full((60, 75, 3), 0.1))
    assert image.color[90:, :75].min() < 0.4
    assert image.color[90:, 85:].max() > 0.6


def test_small_pictures_bear_no_names():
    camera = home_camera(HOME, (40, 160))
    view = pair_view(flat_view(0.8, 0.8, 0.8), flat_view(0.8, 0.8, 0.8), Layout(), names=("one", "two"))
    image = view(camera, (40, 160), _never)
    assert image is not None
    torch.testing.assert_close(image.color[:, :78], torch.full((40, 78, 3), 0.8))


def test_a_stopped_part_stops_the_whole():
    def stopped(camera, size, should_stop):  # noqa: ANN001 - a view
        return None

    whole = pair_view(analytic_view, stopped, Layout(), names=("one", "two"))
    assert whole(home_camera(HOME, SIZE), SIZE, _never) is None
