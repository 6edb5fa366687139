"""Distances from rings to the outline of masks that are rectangles, and where loose pixels lie on the body."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.surface.garment.extent import vertical_range
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.outline import Evidence, hem_shifts, ring_shifts
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.tube import Sections, even_azimuths
from nfield.cameras import Cameras
from tests.avatars.surface.garment.wearers import photographed

_SIZE = (300, 400)
_DEPTH, _FOCAL = 2.0, 500.0
_PIXEL = _DEPTH / _FOCAL
_AZIMUTHS = even_azimuths(16)
_ENDS = (int(np.argmin(np.sin(_AZIMUTHS))), int(np.argmax(np.sin(_AZIMUTHS))))


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def seen(model: BodyModel) -> Photographed:
    """Somebody before a camera that looks along z; these tests ask it for projections only."""
    wearer = photographed(model, None, "t-pose")
    whole = Photographed.of(
        model, wearer.body, rest=model.template, camera=wearer.camera, photo=wearer.photo, mask=wearer.mask
    )
    return replace(whole, camera=Cameras.pinhole(_FOCAL, _SIZE))


def _box(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(_SIZE, dtype=bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


_NONE, _TRUNK = np.zeros(_SIZE, dtype=bool), _box((50, 250), (195, 205))


def _rings(radius: float, heights: np.ndarray) -> np.ndarray:
    """Flat rings across the optical axis, so thin that perspective does not matter; y points down."""
    flat = np.stack([radius * np.sin(_AZIMUTHS), np.zeros(16), _DEPTH + 0.001 * np.cos(_AZIMUTHS)], -1)
    return flat + heights[:, None, None] * np.array([0.0, 1.0, 0.0])


def _shifts(seen: Photographed, evidence: Evidence, *, closed_top: bool = False) -> np.ndarray:
    rings = _rings(0.1, np.array([-0.2, 0.0, 0.2]))
    present = np.ones(rings.shape[:2], dtype=bool)
    return ring_shifts(seen, evidence, rings=rings, present=present, ends=_ENDS, closed_top=closed_top)


def test_rings_are_as_far_from_the_outline_as_the_mask_is_wider(seen: Photographed):
    """25 pixels to either side of the middle are 10 cm; the mask has 60 to the left and 45 to the right."""
    found = _shifts(seen, Evidence(_box((0, 300), (140, 245)), _TRUNK, _NONE, _NONE))
    assert np.abs(found - np.array([35.0, 20.0]) * _PIXEL).max() <= 0.6 * _PIXEL


def test_a_mask_that_is_narrower_pulls_the_rings_in(seen: Photographed):
    found = _shifts(seen, Evidence(_box((0, 300), (185, 215)), _TRUNK, _NONE, _NONE))
    assert np.abs(found + 10.0 * _PIXEL).max() <= 0.6 * _PIXEL


def test_an_edge_behind_a_limb_cannot_be_seen(seen: Photographed):
    limb = _box((0, 300), (150, 160))
    found = _shifts(seen, Evidence(_box((0, 300), (150, 245)), _TRUNK, limb, _NONE))
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


def test_a_limb_before_the_middle_of_the_cloth_hides_no_edge(seen: Photographed):
    limb = _box((0, 300), (165, 175))
    found = _shifts(seen, Evidence(_box((0, 300), (140, 245)), _TRUNK, limb, _NONE))
    assert np.isfinite(found).all()


def test_an_edge_beyond_the_photo_or_the_reach_is_unknown(seen: Photographed):
    wide = Evidence(_box((0, 300), (0, 245)), _TRUNK, _NONE, _NONE)
    for evidence in (replace(wide, reach=5.0), replace(wide, reach=0.3)):
        found = _shifts(seen, evidence)
        assert np.isnan(found[:, 0]).all()
        assert np.isfinite(found[:, 1]).all()


def test_rings_that_nothing_shows_are_unknown_but_those_of_a_hat_shrink(seen: Photographed):
    nobody = Evidence(_NONE, _NONE, _NONE, _NONE)
    assert np.isnan(_shifts(seen, nobody)).all()
    assert np.abs(_shifts(seen, nobody, closed_top=True) + 0.1).max() < 1e-3


def test_rings_that_are_absent_are_unknown(seen: Photographed):
    rings = _rings(0.1, np.array([-0.2, 0.2]))
    present = np.ones((2, 16), dtype=bool)
    present[1] = False
    evidence = Evidence(_box((0, 300), (140, 245)), _TRUNK, _NONE, _NONE)
    found = ring_shifts(seen, evidence, rings=rings, present=present, ends=_ENDS)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def _hem(seen: Photographed, bottom: int, *, limb: np.ndarray = _NONE, cover: np.ndarray = _NONE) -> np.ndarray:
    """How much longer rings down to row 200 are than a mask that ends at a row."""
    mask = _box((0, bottom), (140, 260))
    rings = _rings(0.1, np.linspace(-0.2, 0.2, 9))
    return hem_shifts(seen, Evidence(mask, _TRUNK, _NONE, limb), rings=rings, cover=cover)


@pytest.mark.parametrize("bottom", [190, 200, 215, 240])
def test_a_hem_is_longer_by_what_the_mask_shows_below_it(seen: Photographed, bottom: int):
    found = _hem(seen, bottom)
    assert np.isfinite(found).all()
    assert np.abs(found - (bottom - 200) * _PIXEL).max() < 0.75 * _PIXEL


def test_a_hem_that_the_photo_does_not_show_is_unknown(seen: Photographed):
    assert np.isnan(_hem(seen, 290)).all()  # 36 cm lower: it does not belong to this cloth.
    assert np.isnan(_hem(seen, 150)).all()  # Far above.


def test_where_a_leg_comes_out_below_the_hem_its_end_is_unknown(seen: Photographed):
    leg = _box((205, 300), (170, 200))
    found = _hem(seen, 215, limb=leg)
    column = np.floor(200.0 + 0.1 * np.sin(_AZIMUTHS) / _PIXEL)
    reached = (column >= 170 - 5) & (column < 200 + 5)
    assert np.isnan(found[reached]).all()
    assert np.isfinite(found[~reached]).all()


def test_a_hem_with_cloth_in_front_of_it_is_unknown(seen: Photographed):
    assert np.isnan(_hem(seen, 215, cover=_box((0, 210), (140, 260)))).all()


def _upright(model: BodyModel, yaw: float, pose: str = "t-pose") -> Photographed:
    wearer = photographed(model, None, pose, yaw)
    return Photographed.of(
        model, wearer.body, rest=model.template, camera=wearer.camera, photo=wearer.photo, mask=wearer.mask
    )


@pytest.mark.parametrize(("low", "high"), [(-0.5, -0.1), (-0.9, -0.6)])
def test_loose_pixels_beside_the_body_lie_at_the_heights_where_they_are_seen(model: BodyModel, low: float, high: float):
    """Cloth 20 cm beside the axis, moved by the pelvis alone: its heights are those of a pinhole."""
    seen = _upright(model, 0.0)
    levels = np.linspace(-1.1, 0.2, 100)
    sections = Sections(levels, even_azimuths(64), np.full((100, 64), 0.16))

    def pelvis(points: np.ndarray) -> np.ndarray:
        return np.eye(24)[np.zeros(points.shape[:-1], dtype=int)]

    ends = np.array([[0.2, height, 0.0] for height in (low, high)])
    turn = seen.body.joints_from_rest[0].double().numpy()
    pixel, _ = seen.project(ends @ turn[:, :3].T + turn[:, 3])
    (left, bottom), (_, top) = np.floor(pixel).astype(int)
    loose = np.zeros(seen.mask.shape, dtype=bool)
    loose[top:bottom, left - 2 : left + 3] = True
    frame = Frame.upright((0.0, 0.0), 0)
    found = vertical_range(seen, loose, frame=frame, sections=sections, weights=pelvis)
    assert found == pytest.approx((high, low), abs=0.025)


@pytest.mark.parametrize("yaw", [0.0, 0.6, -1.2])
def test_the_side_that_the_photo_sees_lies_to_its_right(model: BodyModel, yaw: float):
    """Found in the T-pose and turned as the body is, it points along the photo's rows."""
    seen = _upright(model, yaw)
    across = Frame.upright((0.0, 0.0), 0).across(seen)
    assert np.linalg.norm(across) == pytest.approx(1.0)
    right = torch.tensor([float(across[0]), 0.0, float(across[1])])
    assert float((seen.body.joints_from_rest[0, :, :3] @ right)[0]) > 0.99
    assert abs(float(across[0])) == pytest.approx(np.cos(yaw), abs=0.03)


def test_a_limb_that_points_at_the_camera_is_not_seen_aside(model: BodyModel):
    hanging = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    arm = Frame(hanging, (0.0, 0.0), 18)
    assert arm.is_seen_aside(_upright(model, 0.0))
    assert not arm.is_seen_aside(_upright(model, np.pi / 2))
    assert arm.across(_upright(model, np.pi / 2)).tolist() == [1.0, 0.0]


def test_frames_come_back_to_the_rest_pose_and_let_an_arm_hang():
    hanging = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    frame = Frame(hanging, (0.0, 0.0), 18)
    points = np.random.default_rng(0).normal(size=(5, 4, 3))
    assert np.allclose(frame.to_rest(frame.to_local(points)), points)
    assert np.allclose(frame.to_local(np.array([0.7, 0.0, 0.0])), [0.0, -0.7, 0.0])
