"""Sharpness and motion of frames against shifts and blurs of known size; which frames are kept."""

import numpy as np
import pytest
from scipy import ndimage

from nfield.data.posing.keyframes import STRIDE, keyframes
from nfield.data.posing.motion import displacement, sharpness


def _texture(seed: int = 0, sigma: float = 1.5) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((260, 400)), sigma)
    return (noise - noise.min()) / np.ptp(noise)


def _window(texture: np.ndarray, row: float, column: float) -> np.ndarray:
    return ndimage.shift(texture, (-row, -column), order=3)[20:200, 20:340]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (3.0, -4.0), (-6.0, 8.0), (0.3, 0.4)])
def test_the_displacement_of_a_shifted_frame_is_the_length_of_the_shift(shift: tuple[float, float]):
    texture = _texture()
    moved = displacement(_window(texture, 0.0, 0.0), _window(texture, *shift))
    assert moved == pytest.approx(np.hypot(*shift), abs=0.2)


def test_frames_without_texture_do_not_move():
    flat = np.full((180, 320), 0.5)
    assert displacement(flat, flat + 0.1) == 0.0
    assert displacement(np.zeros((5, 7)), np.zeros((5, 7))) == 0.0


def test_tiles_without_texture_do_not_count():
    texture = _texture()
    half = [frame.copy() for frame in (_window(texture, 0.0, 0.0), _window(texture, 0.0, 5.0))]
    for frame in half:
        frame[:, 192:] = 0.5
    assert displacement(*half) == pytest.approx(5.0, abs=0.3)


def test_blur_lowers_sharpness_each_time():
    texture = _texture(sigma=0.0)
    values = [sharpness(ndimage.gaussian_filter(texture, sigma)) for sigma in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.01 * values[0]


def test_sharpness_of_a_wave_is_its_closed_form():
    omega = 2.0 * np.pi * 8.0 / 128.0
    wave = np.tile(np.cos(omega * (np.arange(128) + 0.5)), (16, 1))  # even about both edges
    assert sharpness(wave) == pytest.approx((2.0 - 2.0 * np.cos(omega)) ** 2 / 2.0, rel=1e-6)


def test_frames_lie_at_equal_distances_of_motion_whatever_the_speed():
    motion = np.array([0.0] + [0.001] * 300 + [0.01] * 60)
    kept = keyframes([1.0] * len(motion), motion, most=1000)
    travelled = np.cumsum(motion)
    assert len(kept) == pytest.approx(0.9 / STRIDE, abs=1)
    steps = np.diff(travelled[kept])
    assert steps.min() >= STRIDE - 0.0101
    assert steps.max() <= STRIDE + 0.0101


def test_the_sharpest_of_each_stretch_is_kept():
    rng = np.random.default_rng(0)
    sharp = rng.random(100)
    motion = np.r_[0.0, np.full(99, 0.01)]
    kept = keyframes(sharp.tolist(), motion, most=10)
    assert kept == [int(start + sharp[start : start + 10].argmax()) for start in range(0, 100, 10)]


def test_a_camera_that_stands_still_gives_one_frame():
    assert len(keyframes([1.0, 3.0, 2.0], np.zeros(3), most=50)) == 1
    assert keyframes([1.0], np.zeros(1), most=50) == [0]


def test_a_pause_adds_no_frames():
    moving = np.full(50, 0.02)
    paused = np.r_[moving, np.zeros(400), moving]
    kept = keyframes([1.0] * len(paused), paused, most=1000)
    assert sum(52 <= frame < 450 for frame in kept) <= 1


@pytest.mark.parametrize("most", [1, 3, 7])
def test_no_more_frames_than_wanted_are_kept(most: int):
    kept = keyframes([1.0] * 200, np.full(200, 0.05), most=most)
    assert len(kept) == most
    assert kept == sorted(set(kept))
