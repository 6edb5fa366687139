"""`nfield bench`: what it prints and writes, and what it refuses before it begins."""

import json
from pathlib import Path

import pytest
import torch

from nfield.bench import images
from nfield.cli import main
from nfield.data.picture import Picture
from nfield.data.picture_files import write_png
from nfield.fields.signal import Canvas, HashSignalConfig
from nfield.kernels import native_core


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    row, column = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    write_png(tmp_path / "waves.png", torch.stack([torch.sin(0.5 * row), torch.cos(0.4 * column), row / 24], -1).abs())
    return tmp_path / "waves.png"


def test_pictures_are_fitted_compared_and_written(waves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "images.json"
    variants = ["--variants", "hash", "rbf", "rbf, random"]
    assert main(["bench", "images", str(waves), "--shipped", "0", "--steps", "20", *variants, "--out", str(out)]) == 0
    fits = json.loads(out.read_text())["fits"]
    assert [fit["variant"] for fit in fits] == ["hash", "rbf", "rbf, random"]
    psnr = {fit["variant"]: fit["psnr"] for fit in fits}
    shown = capsys.readouterr().out
    assert f"rbf over hash: {psnr['rbf'] - psnr['hash']:+.2f} dB in the mean" in shown
    assert f"rbf over rbf, random: {psnr['rbf'] - psnr['rbf, random']:+.2f} dB in the mean" in shown
    assert "rbf over hash, sines" not in shown


def test_fits_that_a_file_holds_are_not_made_again(waves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "images.json"
    words = ["bench", "images", str(waves), "--shipped", "0", "--steps", "5", "--every-other", "--out", str(out)]
    assert main([*words, "--variants", "hash"]) == 0
    first = json.loads(out.read_text())["fits"]
    assert [(fit["side"], fit["seed"], fit["steps"]) for fit in first] == [(256, 0, 5)]
    assert first[0]["between"] is not None
    capsys.readouterr()
    assert main([*words, "--variants", "hash", "rbf", "--seeds", "2"]) == 0
    assert capsys.readouterr().out.count("training") == 3
    assert json.loads(out.read_text())["fits"][0] == first[0]
    out.write_text("{}")
    assert main([*words, "--variants", "hash"]) == 2
    assert "holds no figures of nfield bench images" in capsys.readouterr().err


def test_between_pixels_is_where_the_others_were():
    """A ramp that is known between pixels, fitted at every other one."""
    ramp = torch.linspace(0.1, 0.9, 33).expand(33, 33)[..., None]
    config = HashSignalConfig(levels=1, log2_table_size=10, finest_resolution=16)

    class Ramp(torch.nn.Module):
        def forward(self, unit: torch.Tensor) -> torch.Tensor:
            return 0.1 + 0.8 * (unit[:, :1] * 17.0 - 0.5) * 2.0 / 32.0

    signal = config.build(Canvas((17, 17), 1))
    signal.forward = Ramp().forward
    assert images._between(signal, Picture.of(ramp)) > 80.0


def test_a_picture_that_is_missing_is_named_before_anything_is_fitted(waves: Path, capsys: pytest.CaptureFixture[str]):
    nowhere = waves.with_name("nowhere.png")
    assert main(["bench", "images", str(waves), str(nowhere), "--shipped", "0", "--steps", "20"]) == 2
    shown = capsys.readouterr()
    assert str(nowhere) in shown.err
    assert shown.err.count("\n") == 1
    assert "dB" not in shown.out


def test_an_unknown_variant_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "images", "--variants", "hsah"]) == 2
    assert "'hsah'" in (error := capsys.readouterr().err)
    assert "rbf, random" in error


@pytest.mark.skipif(native_core.core() is None, reason="the native core was not built")
def test_kernels_are_timed_and_exact(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "kernels.json"
    options = ["--samples", "16384", "--log2-table", "10", "--rounds", "1", "--out", str(out)]
    assert main(["bench", "kernels", *options]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert {"radiance field forward", "radial bases forward + backward", "splats forward + backward"} <= {
        row["name"] for row in rows
    }
    # Places in an image are rounded to a hundred-thousandth of a pixel, of splats that are hardly wider than one.
    assert all(row["error"] < (1e-4 if "splats" in row["name"] else 2e-5) for row in rows)
    assert "twin / native" in capsys.readouterr().out
