"""Photos of a folder: which are taken, how they are copied, which lens took them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.data.posing.photos import (
    LONGEST_EDGE,
    by_lens,
    copy_name,
    photos_in,
    require_enough,
    write_picture,
    write_upright,
)
from nfield.errors import DataError

_ORIENTATION, _EXIF, _FOCAL_IN_35_MM = 0x0112, 0x8769, 0xA405


def _photo(path: Path, size: tuple[int, int] = (40, 60), *, focal: int | None = None, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.linspace(0, 255, size[1]).astype(np.uint8)
    picture = np.stack([np.tile(columns, (size[0], 1)), np.full(size, 80, np.uint8), np.zeros(size, np.uint8)], -1)
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    if focal is not None:
        exif.get_ifd(_EXIF)[_FOCAL_IN_35_MM] = focal
    Image.fromarray(picture).save(path, exif=exif)
    return path


def test_photos_are_taken_by_name_from_the_folder_or_from_its_images(tmp_path: Path):
    expected = [_photo(tmp_path / "a" / name) for name in ("1.jpg", "2.PNG", "3.jpeg")]
    (tmp_path / "a" / "notes.txt").write_text("none")
    assert photos_in(tmp_path / "a") == expected
    inner = _photo(tmp_path / "b" / "images" / "1.jpg")
    assert photos_in(tmp_path / "b") == [inner]
    assert photos_in(tmp_path / "nowhere") == []


def test_photos_that_cannot_be_read_are_refused_or_left_out_with_a_sentence(tmp_path: Path):
    (tmp_path / "1.HEIC").write_bytes(b"none")
    with pytest.raises(DataError, match=r"its 1 photos are HEIC files, expected JPEG or PNG; export them as JPEG"):
        photos_in(tmp_path)
    kept = _photo(tmp_path / "2.jpg")
    with pytest.warns(UserWarning, match="1 photos are HEIC files, which are left out"):
        assert photos_in(tmp_path) == [kept]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_photos_are_refused(count: int):
    with pytest.raises(DataError, match=f"shots: holds {count} photos, expected at least 3, better 30 to 100"):
        require_enough(count, where=Path("shots"))
    require_enough(3, where=Path("shots"))


def test_a_turned_photo_is_copied_upright_and_keeps_its_focal_length(tmp_path: Path):
    photo = _photo(tmp_path / "a.jpg", focal=28, orientation=6)  # shown after a quarter turn clockwise
    with Image.open(write_upright(photo, tmp_path / "copies" / "a.jpg")) as copy:
        assert copy.size == (40, 60)
        assert copy.getexif().get(_ORIENTATION, 1) == 1
        assert copy.getexif().get_ifd(_EXIF)[_FOCAL_IN_35_MM] == 28
        pixels = np.array(copy).astype(int)
    assert pixels[0, :, 0].mean() < 10  # what was left is above
    assert pixels[-1, :, 0].mean() > 245


def test_a_large_photo_is_made_smaller_with_its_proportions(tmp_path: Path):
    photo = _photo(tmp_path / "a.jpg", (LONGEST_EDGE // 2 * 3, LONGEST_EDGE * 2))
    with Image.open(write_upright(photo, tmp_path / "b.jpg")) as copy:
        assert copy.size == (LONGEST_EDGE, LONGEST_EDGE * 3 // 4)


def test_pictures_in_png_stay_exact_and_others_become_jpeg(tmp_path: Path):
    photo = _photo(tmp_path / "a.png")
    copy = write_upright(photo, tmp_path / "copies" / "a.png")
    assert np.array_equal(np.array(Image.open(copy)), np.array(Image.open(photo)))
    assert write_upright(_photo(tmp_path / "b.tif"), tmp_path / "copies" / "b.tif").name == "b.tif.jpg"
    transparent = np.zeros((4, 4, 4), np.uint8)
    assert write_picture(tmp_path / "c.jpg", transparent).name == "c.jpg.png"


def test_a_damaged_photo_is_named(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(_photo(tmp_path / "b.jpg", (200, 200)).read_bytes()[:900])
    with pytest.raises(DataError, match=r"a\.jpg: cannot be read as an image .* remove it from the capture"):
        write_upright(tmp_path / "a.jpg", tmp_path / "c.jpg")


def test_copies_have_names_without_spaces_that_differ():
    names: list[str] = []
    for name in ("a b.jpg", "a_b.jpg", "A_B.JPG", "a.tif", "a.tif.jpg"):
        names.append(copy_name(Path(name), names))
    assert len({name.lower() for name in names}) == 5
    assert not any(" " in name for name in names)


def test_pictures_of_one_size_and_focal_length_share_a_lens(tmp_path: Path):
    same = [_photo(tmp_path / f"{n}.jpg", focal=28) for n in range(3)]
    zoomed, wide = _photo(tmp_path / "z.jpg", focal=50), _photo(tmp_path / "w.jpg", (30, 60), focal=28)
    bare = [_photo(tmp_path / f"{n}.png") for n in range(2)]
    assert by_lens([*same, zoomed, wide, *bare]) == [same, [zoomed], [wide], bare]
