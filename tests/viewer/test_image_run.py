"""Fitted pictures as sheets in space: where pixels land, what is beside them, errors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nfield.cli import main
from nfield.data.picture_files import write_png
from nfield.errors import OptionError
from nfield.rendering.image import never
from viewer.camera import home_camera
from viewer.image_run import error_sheet, home_of, load_subject, pixel_sheet, sheet_view

WINDOW = (90, 120)


def corners() -> Tensor:
    """Red, green; blue, white: two pixels by two."""
    return torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 0, 1.0], [1.0, 1.0, 1.0]]])


def test_a_picture_is_seen_upright_and_whole_from_home():
    view = sheet_view(pixel_sheet(corners), 1.0)
    image = view(home_camera(home_of(1.0), WINDOW), WINDOW, never)
    assert image is not None
    quarter = [(25, 40), (25, 80), (65, 40), (65, 80)]
    seen = [image.color[row, column].tolist() for row, column in quarter]
    assert seen == corners().reshape(4, 3).tolist()
    covered = image.opacity > 0.0
    rows, columns = covered.any(1).nonzero()[:, 0], covered.any(0).nonzero()[:, 0]
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    assert abs(height - width) <= 1
    assert 0.85 * WINDOW[0] < height < WINDOW[0]
    assert not covered[0].any()


def test_pixels_are_decoded_once_and_only_when_they_are_shown():
    calls = []

    def decode() -> Tensor:
        calls.append(1)
        return corners()

    view = sheet_view(pixel_sheet(decode), 1.0)
    assert not calls
    for _ in range(2):
        view(home_camera(home_of(1.0), WINDOW), WINDOW, never)
    assert len(calls) == 1


def test_a_picture_that_is_not_wanted_any_more_is_given_up():
    view = sheet_view(pixel_sheet(corners), 1.0)
    assert view(home_camera(home_of(1.0), WINDOW), WINDOW, lambda: True) is None


def test_errors_are_ten_times_the_difference():
    sheet = error_sheet(
        pixel_sheet(lambda: torch.full((1, 1, 3), 0.5)), pixel_sheet(lambda: torch.full((1, 1, 3), 0.46))
    )
    assert torch.allclose(sheet(torch.tensor([[0.5, 0.5]])), torch.full((1, 3), 0.4), atol=1e-5)


def test_grey_and_transparent_pictures_are_shown_in_color():
    place = torch.tensor([[0.5, 0.5]])
    assert pixel_sheet(lambda: torch.full((1, 1, 1), 0.25))(place).tolist() == [[0.25, 0.25, 0.25]]
    faded = pixel_sheet(lambda: torch.tensor([[[1.0, 1.0, 1.0, 0.0]]]))(place)
    assert float(faded.max()) < 0.5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("picture")
    across = torch.linspace(0.0, 1.0, 20).expand(16, 20)
    write_png(folder / "ramp.png", torch.stack([across, 1.0 - across, across * 0.0 + 0.5], -1))
    words = ["train", str(folder / "ramp.png"), "--field", "hash", "--steps", "30", "--out", str(folder / "run")]
    assert main(words) == 0
    return folder / "run"


def test_a_run_shows_what_was_fitted_beside_its_errors(run: Path):
    subject = load_subject(run)
    assert list(subject.views) == ["fitted", "between pixels", "error, 10 times", "picture"]
    assert subject.kind == "picture 20x16"
    assert {"PSNR", "picture", "field"} <= set(subject.facts)
    camera = home_camera(subject.home, WINDOW)
    shown = {name: view(camera, WINDOW, never) for name, view in subject.views.items()}
    fitted, picture = shown["fitted"], shown["picture"]
    assert fitted is not None
    assert picture is not None
    assert torch.equal(fitted.opacity, picture.opacity)
    assert float((fitted.color - picture.color).abs().mean()) < 0.1


def test_without_its_picture_there_are_no_errors(run: Path):
    (run.parent / "ramp.png").rename(run.parent / "moved.png")
    try:
        assert list(load_subject(run).views) == ["fitted", "between pixels"]
    finally:
        (run.parent / "moved.png").rename(run.parent / "ramp.png")


def test_a_picture_follows_no_motion(run: Path, tmp_path: Path):
    with pytest.raises(OptionError, match="no joints"):
        load_subject(run, motion=tmp_path / "motion.npz")
