"""Sections between two edges: circles and ellipses around bodies that are cylinders."""

from dataclasses import replace

import numpy as np
import pytest

from avatars.surface.garment.frame import Frame
from avatars.surface.garment.loose import DrapeConfig, Loose, clearances, everywhere
from avatars.surface.garment.membrane import lateral_of, membrane_sections
from avatars.surface.garment.outline import Evidence
from avatars.surface.garment.settle import Obstacle
from avatars.surface.garment.tube import Sections, Tube, even_azimuths, row_heights

_AZIMUTHS = even_azimuths(72)
_LEVELS = np.arange(0.0, -0.8, -0.01)
_RIGHT = np.array([1.0, 0.0])
_CONFIG = DrapeConfig()


def _body(radius: np.ndarray | float) -> Sections:
    """A round body from 20 cm above the cloth to 20 cm below it; its radius may differ from level to level."""
    levels = np.linspace(-1.0, 0.2, 121)
    radii = np.broadcast_to(np.asarray(radius).reshape(-1, 1), (121, len(_AZIMUTHS))).copy()
    return Sections(levels, _AZIMUTHS, radii)


def _piece(body: Sections, *, closed_top: bool = True) -> Loose:
    none, nothing = np.zeros((2, 2), dtype=bool), np.zeros((0, 3))
    return Loose(
        kind="hull",
        frame=Frame.upright((0.0, 0.0), 0),
        top=0.0,
        hem=-0.6,
        sections=body,
        solid=body,
        evidence=Evidence(none, none, none, none),
        obstacle=Obstacle(nothing, nothing),
        weights=lambda points: np.zeros((*points.shape[:-1], 24)),
        presence=everywhere,
        parts=("torso",),
        own_growth=lambda tube: np.zeros(0),
        covers=True,
        closed_top=closed_top,
    )


def _between(low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    return np.stack([np.broadcast_to(edge, _LEVELS.shape) for edge in (low, high)], 1).copy()


def _outline(sections: Sections, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Sideways and forward coordinates of a section."""
    radii = sections.radii[row]
    return radii * np.sin(_AZIMUTHS), radii * np.cos(_AZIMUTHS)


def _deepest(sections: Sections) -> np.ndarray:
    """How far each section reaches forward, from the top down."""
    return sections.radii[::-1, int(np.argmin(np.abs(_AZIMUTHS)))]


@pytest.mark.parametrize("half", [0.22, 0.3])
def test_free_cloth_hangs_in_an_ellipse_as_deep_as_the_body_says(half: float):
    """From 1.8 times the body's width on the shape depends on the aspect alone: clearance makes it a little deeper."""
    body = _body(0.1)
    sections = membrane_sections(_piece(body), _LEVELS, _between(-half, half), _RIGHT, _CONFIG)
    aspect = (0.1 + _CONFIG.clearance) / 0.1
    across, forward = _outline(sections, row=2)
    ellipse = (across / half) ** 2 + (forward / (aspect * half)) ** 2
    assert np.abs(ellipse - 1.0).max() < 0.06
    assert sections.levels.tolist() == sorted(_LEVELS.tolist())


def test_cloth_a_little_wider_than_a_flat_body_stays_flat():
    """The body is half as deep as wide; the least that cloth may be is 0.4."""
    flat = _body(0.1)
    oval = 0.1 / np.sqrt(np.sin(_AZIMUTHS) ** 2 + (np.cos(_AZIMUTHS) / 0.5) ** 2)
    body = replace(flat, radii=np.broadcast_to(oval, flat.radii.shape).copy())
    narrow, wide = (
        membrane_sections(_piece(body), _LEVELS, _between(-half, half), _RIGHT, _CONFIG) for half in (0.115, 0.25)
    )
    assert _deepest(narrow)[-3] == pytest.approx(0.56 * 0.115, rel=0.15)
    assert _deepest(wide)[-3] == pytest.approx(0.25, rel=0.05)


def test_edges_are_where_they_were_seen():
    edges = _between(-0.2, 0.2 + 0.1 * np.linspace(0.0, 1.0, len(_LEVELS)))
    sections = membrane_sections(_piece(_body(0.1)), _LEVELS, edges, _RIGHT, _CONFIG)
    across = sections.radii[::-1] * np.sin(_AZIMUTHS)
    assert np.abs(across.max(1) - edges[:, 1]).max() < 0.012
    assert np.abs(across.min(1) - edges[:, 0]).max() < 0.012


def test_cloth_seen_from_the_side_has_its_edges_in_front_and_behind():
    """The photo's right is the body's back: the same shape, turned by a quarter."""
    piece, edges = _piece(_body(0.1)), _between(-0.2, 0.26)
    front = membrane_sections(piece, _LEVELS, edges, _RIGHT, _CONFIG)
    side = membrane_sections(piece, _LEVELS, edges, np.array([0.0, -1.0]), _CONFIG)
    quarter = len(_AZIMUTHS) // 4
    assert np.abs(np.roll(side.radii, -quarter, axis=1) - front.radii).max() < 2e-3


def test_the_mirror_image_of_the_edges_gives_the_mirror_image_of_the_cloth():
    piece = _piece(_body(0.1))
    first = membrane_sections(piece, _LEVELS, _between(-0.18, 0.3), _RIGHT, _CONFIG)
    second = membrane_sections(piece, _LEVELS, _between(-0.3, 0.18), _RIGHT, _CONFIG)
    mirrored = np.roll(second.radii[:, ::-1], 1, axis=1)
    assert np.abs(mirrored - first.radii).max() < 5e-3


def test_cloth_does_not_cut_into_the_body_in_front_and_behind():
    body = _body(0.14)
    sections = membrane_sections(_piece(body), _LEVELS, _between(-0.15, 0.15), _RIGHT, _CONFIG)
    middle = np.abs(np.sin(_AZIMUTHS)) < 0.7
    assert sections.radii[:-4, middle].min() > 0.14


def test_cloth_hangs_straight_over_a_waist():
    """Its edges follow the body into a waist between two bulges; its depth does not."""

    def waisted(height: np.ndarray) -> np.ndarray:
        return 0.09 + 0.07 * (np.exp(-(((height + 0.2) / 0.05) ** 2)) + np.exp(-(((height + 0.6) / 0.05) ** 2)))

    body = _body(waisted(np.linspace(-1.0, 0.2, 121)))
    edge = waisted(_LEVELS) + 0.01
    sections = membrane_sections(_piece(body), _LEVELS, _between(-edge, edge), _RIGHT, _CONFIG)
    depth = _deepest(sections)
    straight = np.interp(np.arange(22, 59), [22, 58], depth[[22, 58]])
    assert (depth[22:59] > straight - 2e-3).all()
    assert depth[40] > 0.15
    assert edge[40] < 0.105


def test_cloth_that_comes_out_of_the_body_begins_as_thick_as_it_and_a_hat_begins_closed():
    body, edges = _body(0.1), _between(-0.3, 0.3)
    open_top, hat = (
        membrane_sections(_piece(body, closed_top=closed), _LEVELS, edges, _RIGHT, _CONFIG) for closed in (False, True)
    )
    assert _deepest(open_top)[0] == pytest.approx(0.106, abs=0.03)
    assert _deepest(hat)[0] < 0.6 * _deepest(hat)[-1]
    assert _deepest(open_top)[-1] == pytest.approx(_deepest(hat)[-1], rel=0.02)


def test_lateral_coordinates_of_a_round_body_are_its_cosines():
    found = lateral_of(_body(0.1), _LEVELS[:3], np.array([0.6, 0.8]))
    expected = 0.1 * (0.6 * np.sin(_AZIMUTHS) + 0.8 * np.cos(_AZIMUTHS))
    assert np.allclose(found, expected)


def test_cloth_is_tucked_in_at_the_top_and_clear_of_the_body_below():
    heights = row_heights(0.0, np.full(8, -0.2), 41)
    tube = Tube((0.0, 0.0), even_azimuths(8), heights, np.full(heights.shape, 0.1), heights < 1.0)
    found = clearances(tube, _CONFIG)
    assert np.allclose(found[0], -_CONFIG.tuck)
    assert np.allclose(found[heights[:, 0] <= -_CONFIG.blend], _CONFIG.clearance)
    assert (np.diff(found, axis=0) >= 0.0).all()
