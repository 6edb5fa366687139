"""Likeness of pictures, against loops, closed forms and the package's own other ways."""

import builtins
import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from avatars.benchmark.metrics import likeness
from avatars.benchmark.metrics.likeness import edge_ratio, flip_around, sharpness_ratio, ssim_inside
from nfield.errors import BackendUnavailable
from nfield.metrics import ssim

pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")


def noise(size: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(size, size, 3, generator=generator)


def disc(size: int, radius: float, column: float | None = None) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    return ((rows - size / 2).square() + (columns - (column or size / 2)).square() < radius**2).float()


def over_white(color: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    return color * alpha[..., None] + 1.0 - alpha[..., None]


def test_equal_pictures_are_perfect(generator: torch.Generator):
    alpha = disc(64, 20.0)
    picture = over_white(noise(64, generator), alpha)
    same = likeness(picture, alpha, picture, alpha)
    assert (same.psnr, same.iou) == (100.0, 1.0)
    assert same.ssim == pytest.approx(1.0)
    assert same.flip == pytest.approx(0.0, abs=1e-6)
    assert same.sharpness == pytest.approx(1.0)


def test_psnr_counts_the_union_of_the_silhouettes_and_nothing_else():
    ours, theirs = disc(96, 20.0, column=40.0), disc(96, 20.0, column=56.0)
    grey = torch.full((96, 96, 3), 0.5)
    found = likeness(over_white(grey, ours), ours, over_white(grey + 0.1, theirs), theirs)
    both, either = float((ours * theirs).sum()), float((ours + theirs).clamp_max(1.0).sum())
    only_ours, only_theirs = float(ours.sum()) - both, float(theirs.sum()) - both
    error = (both * 0.1**2 + only_ours * 0.5**2 + only_theirs * 0.4**2) / either
    assert found.psnr == pytest.approx(-10.0 * math.log10(error), abs=1e-4)
    assert found.iou == pytest.approx(both / either)


def test_what_lies_outside_of_both_silhouettes_changes_no_psnr_and_no_flip(generator: torch.Generator):
    alpha = disc(96, 20.0)
    truth, ours = over_white(noise(96, generator), alpha), over_white(noise(96, generator), alpha)
    hazy = ours.clone()
    hazy[:8, :8] = 0.0
    first, second = likeness(ours, alpha, truth, alpha), likeness(hazy, alpha, truth, alpha)
    assert (first.psnr, first.flip, first.ssim) == (second.psnr, second.flip, second.ssim)


def test_ssim_inside_equals_that_of_the_library_where_the_mask_holds_all_whole_windows(generator: torch.Generator):
    first, second = noise(40, generator), noise(40, generator)
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[5:-5, 5:-5] = True
    assert ssim_inside(first, second, mask) == pytest.approx(ssim(first, second), abs=1e-9)


def test_ssim_of_a_window_follows_the_formula(generator: torch.Generator):
    first, second = noise(21, generator), noise(21, generator)
    mask = torch.zeros(21, 21, dtype=torch.bool)
    mask[10, 10] = True
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    values = []
    for channel in range(3):
        x, y = (picture[5:16, 5:16, channel].double().numpy() for picture in (first, second))
        mx, my = (kernel * x).sum(), (kernel * y).sum()
        vx, vy = (kernel * (x - mx) ** 2).sum(), (kernel * (y - my) ** 2).sum()
        cov = (kernel * (x - mx) * (y - my)).sum()
        values.append((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    assert ssim_inside(first, second, mask) == pytest.approx(float(np.mean(values)), abs=1e-9)


def test_flip_in_a_box_is_that_part_of_the_flip_of_the_whole_picture(generator: torch.Generator):
    import flip_evaluator

    first, second = noise(120, generator), noise(120, generator)
    mask = torch.zeros(120, 120, dtype=torch.bool)
    mask[40:70, 50:90] = True
    pictures = [picture.numpy() for picture in (second, first)]
    whole, _, _ = flip_evaluator.evaluate(*pictures, "LDR", True, False, True, {"ppd": 67.0})
    assert flip_around(first, second, mask) == pytest.approx(float(whole[40:70, 50:90].mean()), abs=1e-6)


def test_flip_of_black_on_white_is_one():
    mask = torch.zeros(80, 80, dtype=torch.bool)
    mask[30:50, 30:50] = True
    black, white = torch.zeros(80, 80, 3), torch.ones(80, 80, 3)
    assert flip_around(black, white, mask) == pytest.approx(0.97, abs=0.04)


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *rest: object):
        if name == "flip_evaluator":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    mask = torch.ones(20, 20, dtype=torch.bool)
    with pytest.raises(BackendUnavailable, match=r"pip install 'nfield\[bench\]'"):
        flip_around(torch.zeros(20, 20, 3), torch.zeros(20, 20, 3), mask)


@pytest.mark.parametrize("cycles", [4, 8, 16])
def test_a_gaussian_blur_lowers_the_sharpness_of_a_wave_by_its_transfer_function(cycles: int):
    size, sigma = 128, 1.2
    wave = 0.5 + 0.4 * torch.sin(2.0 * math.pi * cycles * torch.arange(size, dtype=torch.float64) / size)
    sharp = wave[None, :, None].expand(size, size, 3).contiguous()
    blurred = torch.from_numpy(ndimage.gaussian_filter1d(sharp.numpy(), sigma, axis=1, mode="wrap"))
    transfer = math.exp(-0.5 * (2.0 * math.pi * cycles / size * sigma) ** 2)
    mask = disc(size, 50.0) > 0.5
    assert sharpness_ratio(blurred.float(), sharp.float(), mask) == pytest.approx(transfer, rel=0.01)


def step(sigma: float, *, size: int = 96, at: float = 48.0) -> torch.Tensor:
    """A vertical edge from 0.2 to 0.7, blurred by a Gaussian, in one channel only."""
    profile = 0.2 + 0.5 * 0.5 * (1.0 + torch.erf((torch.arange(size) + 0.5 - at) / (sigma * math.sqrt(2.0))))
    flat = torch.full((size, size), 0.4)
    return torch.stack([profile.expand(size, size), flat, flat], -1)


@pytest.mark.parametrize("beside", [0.0, 3.0])
def test_an_edge_of_three_times_the_width_is_a_third_as_steep_also_where_it_lies_a_little_beside(beside: float):
    mask = disc(96, 44.0) > 0.5
    found = edge_ratio(step(6.0, at=48.0 + beside), step(2.0), mask)
    assert found == pytest.approx(_steepest(6.0) / _steepest(2.0), rel=0.08)


def _steepest(sigma: float) -> float:
    """Peak of the central difference of a step of 0.5; the steepest tenth lies within four pixels of it."""
    return 0.5 * 0.5 * math.erf(1.0 / (sigma * math.sqrt(2.0)))


def test_grain_raises_the_sharpness_of_a_blurred_edge_but_hardly_its_steepness(generator: torch.Generator):
    mask = disc(96, 44.0) > 0.5
    grain = 0.02 * torch.randn(96, 96, 1, generator=generator)
    clean, grainy = step(6.0), step(6.0) + grain
    plain, rough = sharpness_ratio(clean, step(1.0), mask), sharpness_ratio(grainy, step(1.0), mask)
    assert plain is not None
    assert rough is not None
    assert rough > 5.0 * plain
    before, after = edge_ratio(clean, step(1.0), mask), edge_ratio(grainy, step(1.0), mask)
    assert before is not None
    assert after is not None
    assert before < after < 0.5


def test_a_flat_truth_has_no_edges(generator: torch.Generator):
    mask = disc(64, 25.0) > 0.5
    assert edge_ratio(noise(64, generator), torch.full((64, 64, 3), 0.5), mask) is None
    assert edge_ratio(noise(64, generator), noise(64, generator), disc(64, 6.0) > 0.5) is None


def test_sharpness_does_not_see_the_outline():
    alpha = disc(96, 30.0)
    flat = torch.full((96, 96, 3), 0.3)
    wavy = flat + 0.1 * torch.sin(torch.arange(96.0))[None, :, None]
    found = likeness(over_white(flat, alpha), alpha, over_white(wavy, alpha), alpha)
    assert found.sharpness == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("radius", [0.0, 9.0])
def test_where_the_silhouettes_hardly_meet_there_is_no_sharpness(radius: float, generator: torch.Generator):
    assert sharpness_ratio(noise(64, generator), noise(64, generator), disc(64, radius) > 0.5) is None


def test_a_flat_truth_has_no_sharpness_to_compare_with(generator: torch.Generator):
    assert sharpness_ratio(noise(64, generator), torch.full((64, 64, 3), 0.5), disc(64, 25.0) > 0.5) is None
