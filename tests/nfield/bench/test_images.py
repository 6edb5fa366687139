"""The benchmark on pictures: equal sizes, the middle of a picture, gains, and stopping."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from nfield.bench import images as images_module
from nfield.bench.images import Asked, Fit, fit_pictures, mean_gain, mean_psnr, middle_square, shipped_pictures
from nfield.data.picture import Picture
from nfield.data.picture_files import write_png


@pytest.fixture
def picture(tmp_path: Path) -> dict[str, Path]:
    row, column = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    write_png(tmp_path / "waves.png", torch.stack([torch.sin(0.3 * row), torch.cos(0.2 * column), row / 40], -1).abs())
    return {"waves": tmp_path / "waves.png"}


def asked(variants: Iterable[str], steps: int) -> list[Asked]:
    return [Asked("waves", variant, 16, steps, 0, False) for variant in variants]


def test_fields_are_of_one_size_and_quarters_have_a_quarter_of_the_kernels(picture: dict[str, Path]):
    fits = {fit.variant: fit for fit in fit_pictures(picture, asked(images_module.VARIANTS, 30))}
    assert set(fits) == set(images_module.VARIANTS)
    assert fits["hash"].total == fits["hash, sines"].total == fits["hash"].trainable
    assert fits["rbf"].total == fits["rbf, random"].total > fits["rbf 1/4"].total
    assert fits["rbf, compact"].total <= fits["rbf"].total <= fits["hash"].total
    assert all(10.0 < fit.psnr < 60.0 for fit in fits.values())


def test_the_middle_square_is_cut_before_it_is_made_smaller():
    picture = torch.zeros(4, 8, 3)
    picture[:, 2:6] = torch.arange(4.0)[:, None, None] / 4.0
    found = middle_square(Picture.of(picture), 2).whole()[..., 0]
    assert torch.allclose(found, torch.tensor([[0.5, 0.5], [2.5, 2.5]]) / 4.0, atol=2e-5)
    assert middle_square(Picture.of(picture[..., :1]), 9).stored.shape == (4, 4, 1)


def test_the_photographs_come_with_scikit_image():
    found = shipped_pictures()
    assert len(found) == 8
    assert all(path.is_file() for path in found.values())


def test_gains_are_means_over_pictures():
    known = [("a", "x", 3.0), ("a", "y", 1.0), ("b", "x", 2.0), ("b", "y", 3.0)]
    fits = [fit(picture, variant, psnr) for picture, variant, psnr in known]
    assert mean_gain(fits, "x", "y") == (0.5, 1, 2)
    assert mean_gain(fits, "x", "z") is None


def test_seeds_of_a_picture_count_once_and_what_is_between_pixels_where_it_is_known():
    fits = [fit("a", "x", 3.0), fit("a", "x", 5.0), fit("b", "x", 7.0), fit("c", "x", 50.0, between=9.0)]
    assert mean_psnr(fits, "x") == {"a": 4.0, "b": 7.0, "c": 9.0}


def fit(picture: str, variant: str, psnr: float, between: float | None = None) -> Fit:
    return Fit(picture, variant, 16, 1, 0, psnr, between, 1.0, 1, 1, 0.0, 0.0)


def test_ctrl_c_ends_the_whole_benchmark(picture: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    trained = images_module.train

    def interrupted(*arguments: object, **options: object) -> object:
        def hook(_: object) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        return trained(*arguments, hooks=(hook,), **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(images_module, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(fit_pictures(picture, asked(["hash", "rbf"], 50)))
