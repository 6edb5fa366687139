"""Fitted pictures as sheets in space: where pixels land, what is beside them, errors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nfield.cli import main
from nfield.data.picture import Picture
from nfield.data.picture_files import write_png, write_png_of
from nfield.errors import OptionError
from nfield.rendering.image import never
from viewer.camera import home_camera
from viewer.image_run import Sheet, difference, home_of, load_subject, pixel_sheet, sheet_view
from viewer.mosaic import Mosaic

WINDOW = (90, 120)


def corners() -> Tensor:
    """Red, green; blue, white: two pixels by two."""
    return torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 0, 1.0], [1.0, 1.0, 1.0]]])


def of(values: Tensor) -> Sheet:
    return pixel_sheet((values.shape[0], values.shape[1]), values.reshape(-1, 3).__getitem__)


def test_a_picture_is_seen_upright_and_whole_from_home():
    view = sheet_view(of(corners()), 1.0)
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


def test_tiles_are_decoded_once_and_only_where_they_are_shown_in_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("viewer.mosaic._TILE", 8)
    asked: list[list[int]] = []

    def pixels(numbers: Tensor) -> Tensor:
        asked.append(numbers.tolist())
        return torch.rand(len(numbers), 3)

    mosaic = Mosaic((20, 20), pixels)
    upper_left = torch.tensor([[0.1, 0.1], [0.3, 0.2]])
    coarse = mosaic.colors(upper_left, covered=1.0, whole=False, should_stop=never)
    assert coarse is not None
    assert asked == [[2 * 20 + 2, 4 * 20 + 6]]
    asked.clear()
    fine = [mosaic.colors(upper_left, covered=1.0, whole=whole, should_stop=never) for whole in (True, False, True)]
    assert [len(numbers) for numbers in asked if numbers] == [64]  # the tile, once, whatever is asked afterwards
    assert fine[0] is not None
    assert fine[1] is not None
    assert torch.equal(fine[0], fine[1])


def test_what_is_smaller_than_a_pixel_of_the_window_is_averaged():
    checks = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    mosaic = Mosaic((64, 64), checks.reshape(-1, 1).expand(-1, 3).float().__getitem__)
    place = torch.rand(50, 2)
    far = mosaic.colors(place, covered=8.0, whole=True, should_stop=never)
    near = mosaic.colors(place, covered=1.0, whole=True, should_stop=never)
    assert far is not None
    assert near is not None
    assert torch.allclose(far, torch.full_like(far, 0.5), atol=0.01)
    assert set(near.unique().tolist()) <= {0.0, 1.0}


def test_edges_that_fill_no_tile_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("viewer.mosaic._TILE", 8)
    values = torch.rand(13, 9, 3)
    mosaic = Mosaic((13, 9), values.reshape(-1, 3).__getitem__)
    rows, columns = torch.meshgrid(torch.arange(13), torch.arange(9), indexing="ij")
    place = torch.stack([(columns + 0.5) / 9, (rows + 0.5) / 13], -1).reshape(-1, 2)
    for covered in (1.0, 1000.0):
        found = mosaic.colors(place, covered=covered, whole=True, should_stop=never)
        assert found is not None
        if covered == 1.0:
            assert torch.allclose(found, values.reshape(-1, 3), atol=0.002)


def test_a_picture_that_is_not_wanted_any_more_is_given_up():
    view = sheet_view(of(corners()), 1.0)
    assert view(home_camera(home_of(1.0), WINDOW), WINDOW, lambda: True) is None


def test_errors_are_ten_times_the_difference():
    ones = torch.ones(1, 3)
    pixels = difference(lambda numbers: 0.5 * ones[numbers], lambda numbers: 0.46 * ones[numbers])
    assert torch.allclose(pixels(torch.tensor([0])), torch.full((1, 3), 0.4), atol=1e-5)


def test_grey_and_transparent_pictures_are_shown_in_color(tmp_path: Path):
    for name, channels in (("grey", 1), ("clear", 4)):
        shade = torch.linspace(0.1, 0.9, 40).view(5, 8, 1).expand(5, 8, channels)
        write_png_of(tmp_path / f"{name}.png", Picture.of(shade).eight_bits())
        run = tmp_path / name
        assert main(["train", f"{run}.png", "--field", "hash", "--steps", "1", "--out", str(run)]) == 0
        image = load_subject(run).views["picture"](home_camera(home_of(1.6), WINDOW), WINDOW, never)
        assert image is not None
        assert image.color.shape == (*WINDOW, 3)
    faded = image.color[image.opacity > 0.0]
    assert 0.3 < float(faded.min()) < 0.35  # grey shines through


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
