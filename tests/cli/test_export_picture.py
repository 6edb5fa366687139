"""A fitted picture out of the tool: as a PNG file, and as a compact file that stands in for its run."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.cli import main
from nfield.data.picture import Picture, load_picture
from nfield.data.picture_files import write_png_of
from nfield.rendering.image import never
from viewer.camera import home_camera
from viewer.image_run import load_subject


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waves")
    row, column = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    waves = torch.stack([torch.sin(0.2 * row), torch.cos(0.15 * column), torch.sin(0.1 * (row + column))], -1)
    write_png_of(folder / "waves.png", Picture.of(0.5 + 0.45 * waves).eight_bits())
    assert main(["train", str(folder / "waves.png"), "--out", str(folder / "run"), "--steps", "300"]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def packed(run: Path) -> Path:
    path = run.parent / "waves.nfield"
    assert main(["export", str(run), "--to", "compact", "--bits", "9", "--out", str(path)]) == 0
    return path


def test_the_picture_is_written_with_8_or_16_bits_and_of_any_size(run: Path, tmp_path: Path):
    assert main(["export", str(run), "--to", "png", "--out", str(tmp_path / "a.png")]) == 0
    assert (load_picture(tmp_path / "a.png").stored == load_picture(run / "decoded.png").stored).all()
    assert main(["export", str(run), "--to", "png", "--bits", "16", "--out", str(tmp_path / "b.png")]) == 0
    deep = load_picture(tmp_path / "b.png")
    assert deep.bits == 16
    assert (deep.eight_bits() == load_picture(tmp_path / "a.png").stored).all()
    assert main(["export", str(run), "--to", "png", "--size", "15", "20", "--out", str(tmp_path / "c.png")]) == 0
    means = deep.whole().view(15, 4, 20, 4, 3).mean((1, 3))
    assert torch.allclose(load_picture(tmp_path / "c.png").whole(), means, atol=0.003)


def test_a_compact_file_is_small_and_says_what_it_costs(run: Path, packed: Path, capsys: pytest.CaptureFixture[str]):
    sizes = {}
    for bits in (4, 8):
        words = ["export", str(run), "--to", "compact", "--bits", str(bits), "--out", str(packed.with_name("x.nfield"))]
        assert main(words) == 0
        said = capsys.readouterr().out
        after, before = map(float, re.findall(r"([\d.]+) dB", said))
        sizes[bits] = (packed.with_name("x.nfield").stat().st_size, after)
        assert before == pytest.approx(json.loads((run / "eval.json").read_text())["psnr"], abs=0.02)
    trained = json.loads((run / "eval.json").read_text())["numbers"]["total"]
    assert sizes[8][0] < 1.7 * trained  # 4 bytes a number in the checkpoint, without the optimiser's
    assert sizes[4][0] < sizes[8][0]
    assert sizes[4][1] < sizes[8][1] > before - 1.0


def test_every_command_takes_it_for_the_run(run: Path, packed: Path, tmp_path: Path):
    decoded = load_picture(run / "decoded.png").stored.astype(int)
    assert main(["export", str(packed), "--to", "png", "--out", str(tmp_path / "a.png")]) == 0
    assert np.abs(load_picture(tmp_path / "a.png").stored - decoded).mean() < 1.0
    assert main(["export", str(packed), "--to", "png"]) == 0
    assert packed.with_name("waves-exported.png").is_file()
    assert main(["render", str(packed), "--size", "30", "40"]) == 0
    assert load_picture(packed.parent / "waves-render" / "decoded.png").size == (30, 40)
    assert main(["eval", str(packed)]) == 0
    assert json.loads((packed.parent / "waves-eval.json").read_text())["psnr"] > 20.0
    subject = load_subject(packed)
    image = subject.views["fitted"](home_camera(subject.home, (30, 40)), (30, 40), never)
    assert image is not None


def test_without_the_picture_the_error_is_not_known(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    picture = run.parent / "waves.png"
    picture.rename(tmp_path / "gone.png")
    try:
        assert main(["export", str(run), "--to", "compact", "--out", str(tmp_path / "x.nfield")]) == 0
    finally:
        (tmp_path / "gone.png").rename(picture)
    assert "is not known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["{run}", "--to", "compact", "--bits", "1"], "--bits: is 1, expected 3 to 12"),
        (["{run}", "--to", "png", "--size", "0", "3"], "--size: is 0 3"),
        (["{run}", "--to", "png", "--out", "{picture}"], "waves.png is the picture that was fitted"),
        (["{run}", "--to", "glb"], "--to: is 'glb', expected one of compact, png"),
        (["{packed}", "--to", "png", "--out", "x.jpg"], "expected a file whose name ends with .png"),
    ],
)
def test_complaints(words: list[str], expected: str, run: Path, packed: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    given = [word.format(run=run, packed=packed, picture=run.parent / "waves.png") for word in words]
    assert main(["export", *given]) == 2
    assert expected in capsys.readouterr().err


def test_a_damaged_file_is_refused(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "cut.nfield").write_bytes(packed.read_bytes()[:-50])
    assert main(["export", str(tmp_path / "cut.nfield"), "--to", "png"]) != 0
    assert "cut.nfield: is damaged or cut off" in capsys.readouterr().err
