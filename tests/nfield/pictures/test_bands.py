"""Pictures in bands: means, windows, measures and error maps are those of the whole."""

import numpy as np
import pytest
import torch

from nfield.data.picture import Picture
from nfield.metrics import psnr, ssim
from nfield.pictures.bands import WHOLE, area_averaged, bands
from nfield.pictures.measures import measures, picture_psnr


def part_of(values: torch.Tensor):
    return lambda first, last, left, right: values[first:last, left:right]


def pooled(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return torch.nn.functional.interpolate(values.permute(2, 0, 1)[None], size, mode="area")[0].permute(1, 2, 0)


@pytest.mark.parametrize("wanted", [(7, 5), (29, 41), (1, 1), (10, 41), (29, 3)])
def test_means_are_those_of_adaptive_pooling(
    wanted: tuple[int, int], monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
):
    monkeypatch.setattr("nfield.pictures.bands._BAND", 100)
    values = torch.rand(29, 41, 2, generator=generator)
    found = torch.cat(list(area_averaged(part_of(values), WHOLE, (29, 41), wanted)))
    assert torch.allclose(found, pooled(values, wanted), atol=1e-6)


def test_a_window_is_a_part_of_the_whole(generator: torch.Generator):
    values = torch.rand(24, 30, 1, generator=generator)
    found = torch.cat(list(area_averaged(part_of(values), (1 / 3, 0.25, 1.0, 0.75), (24, 30), (4, 5))))
    assert torch.allclose(found, pooled(values[6:18, 10:30], (4, 5)), atol=1e-6)


def test_no_more_is_asked_for_than_a_band_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.pictures.bands._BAND", 400)
    asked: list[int] = []

    def part(first: int, last: int, left: int, right: int) -> torch.Tensor:
        asked.append((last - first) * (right - left))
        return torch.zeros(last - first, right - left, 1)

    parts = list(area_averaged(part, WHOLE, (100, 100), (10, 10)))
    assert sum(len(p) for p in parts) == 10
    assert max(asked) <= 1000
    assert sum(asked) == 100 * 100


@pytest.mark.parametrize("size", [(40, 33), (5, 200), (11, 11)])
def test_measures_of_bands_are_those_of_the_whole(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
):
    monkeypatch.setattr("nfield.pictures.measures._BAND", 150)
    monkeypatch.setattr("nfield.pictures.measures._MEASURED", 1000)
    values = torch.rand(*size, 3, generator=generator)
    fitted, picture = Picture.of(values + 0.02), Picture(Picture.of(values).eight_bits())
    found = measures(fitted, picture)
    assert found.psnr == pytest.approx(psnr(fitted.whole(), picture.whole()), abs=1e-6)
    assert found.psnr == picture_psnr(fitted, picture)
    rounded = torch.from_numpy(fitted.eight_bits()) / 255.0
    assert found.psnr_8bit == pytest.approx(psnr(rounded, picture.whole()), abs=1e-4)
    if min(size) < 11:
        assert found.ssim is None
    else:
        assert found.ssim == pytest.approx(ssim(fitted.whole(), picture.whole()), abs=1e-9)


def test_structure_of_a_large_picture_is_measured_in_bands_that_are_spread_over_it(
    monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
):
    values = torch.rand(400, 30, 1, generator=generator)
    noise = 0.3 * torch.rand(400, 30, 1, generator=generator)
    fitted, picture = Picture.of(0.7 * values + noise), Picture.of(values)
    whole = measures(fitted, picture).ssim
    monkeypatch.setattr("nfield.pictures.measures._BAND", 300)
    monkeypatch.setattr("nfield.pictures.measures._MEASURED", 8)
    asked: list[int] = []
    rows = Picture.rows
    monkeypatch.setattr(Picture, "rows", lambda self, a, b: (asked.append(a), rows(self, a, b))[1])
    part = measures(fitted, picture).ssim
    assert whole is not None
    assert part == pytest.approx(whole, abs=0.02)
    of_structure = asked[2 * 40 :: 2]  # after those of the two errors
    assert len(of_structure) == 8
    assert of_structure[0] < 50
    assert of_structure[-1] > 340


def test_bands_cover_a_picture_once():
    rows = [row for first, last in bands((23, 7), pixels=30) for row in range(first, last)]
    assert rows == list(range(23))
    assert list(bands((2, 1000), pixels=30)) == [(0, 1), (1, 2)]


def test_equal_pictures_are_infinitely_alike():
    picture = Picture(np.zeros((3, 4, 1), dtype=np.uint8))
    assert picture_psnr(picture, picture) == np.inf
