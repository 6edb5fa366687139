"""Every example runs and does what it says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import imageio.v3 as iio
import pytest

from nfield.fields import BACKENDS

_FOLDER = Path(__file__).resolve().parents[2] / "examples"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, _FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fitting_a_scene_shows_a_view_that_was_held_out(tmp_path: Path):
    assert _load("01_fit_a_scene").main(tmp_path) > 22.0
    assert (tmp_path / "view.png").stat().st_size > 1000


@pytest.mark.parametrize("pose", ["t-pose", "arms-up"])
def test_posing_the_body_draws_a_person(tmp_path: Path, pose: str):
    share = _load("02_pose_the_body").main(tmp_path, pose)
    assert 0.03 < share < 0.3
    assert (tmp_path / f"{pose}.png").exists()


def test_a_picture_is_fitted_and_enlarged(tmp_path: Path):
    assert _load("03_fit_a_picture").main(tmp_path, steps=100) > 26.0
    assert iio.imread(tmp_path / "closer.png").shape == (192, 192, 3)


def test_a_field_is_converted():
    before, after = _load("04_convert_a_field").main(steps=100)
    assert after > before + 10.0


def test_a_motion_is_drawn(tmp_path: Path):
    count = _load("05_play_a_motion").main(tmp_path, "wave", rate=2.0)
    pictures = iio.imread(tmp_path / "wave.gif", index=None)
    assert count == len(pictures)
    assert len({picture.tobytes() for picture in pictures}) > 2


def test_an_added_architecture_learns():
    try:
        before, after = _load("06_add_an_architecture").main(steps=40)
    finally:
        BACKENDS.pop("blobs", None)
    assert after > before + 2.5


def test_every_example_is_tested():
    text = Path(__file__).read_text()
    assert all(path.stem in text for path in _FOLDER.glob("[0-9]*.py"))
