"""A folder of poses is made once, made anew where the photos changed, and never takes others' files away."""

import os
from pathlib import Path

import pytest

from nfield.data.posing.record import Origin, PosesFolder
from nfield.errors import DataError


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{index}.jpg" for index in range(3)]
    for path in paths:
        path.write_bytes(b"photo")
    return paths


def _searched(folder: Path, origin: Origin) -> PosesFolder:
    kept = PosesFolder(folder)
    kept.begin(origin)
    for part in (kept.images, kept.sparse, kept.work):
        part.mkdir(parents=True, exist_ok=True)
        (part / "file").write_text("ours")
    return kept


def test_what_was_found_is_known_again(tmp_path: Path, photos: list[Path]):
    kept = _searched(tmp_path / "poses", Origin.of(photos))
    assert not kept.finished
    assert kept.notes_on(Origin.of(photos)) is None
    kept.finish(["all"])
    assert kept.finished
    assert PosesFolder(tmp_path / "poses").notes_on(Origin.of(photos)) == ("all",)
    assert not kept.work.exists()
    assert (kept.images / "file").is_file()


def test_other_photos_options_and_times_are_other_origins(tmp_path: Path, photos: list[Path]):
    kept = _searched(tmp_path / "poses", first := Origin.of(photos, frames=10))
    kept.finish([])
    others = [Origin.of(photos[:2], frames=10), Origin.of(photos, frames=11)]
    photos[0].write_bytes(b"larger photo")
    others.append(Origin.of(photos, frames=10))
    photos[0].write_bytes(b"photo")
    os.utime(photos[0], ns=(1, 1))
    others.append(Origin.of(photos, frames=10))
    assert kept.notes_on(first) == ()
    assert all(kept.notes_on(other) is None for other in others)


def test_an_unfinished_search_of_the_same_goes_on_and_one_of_others_begins_anew(tmp_path: Path, photos: list[Path]):
    kept = _searched(tmp_path / "poses", Origin.of(photos))
    kept.begin(Origin.of(photos))
    assert (kept.work / "file").is_file()
    kept.begin(Origin.of(photos[:2]))
    assert not kept.work.exists()
    assert not kept.images.exists()


def test_files_of_somebody_else_are_not_touched(tmp_path: Path, photos: list[Path]):
    (tmp_path / "poses" / "images").mkdir(parents=True)
    with pytest.raises(DataError, match="holds images, which is not of poses that were found here"):
        PosesFolder(tmp_path / "poses").begin(Origin.of(photos))
    assert (tmp_path / "poses" / "images").is_dir()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"notes": 3}', '{"of": [], "notes": null}', "[" * 100_000])
def test_a_record_that_was_edited_counts_as_none(tmp_path: Path, photos: list[Path], text: str):
    kept = _searched(tmp_path / "poses", Origin.of(photos))
    kept.finish(["all"])
    (tmp_path / "poses" / "poses.json").write_text(text)
    assert kept.notes_on(Origin.of(photos)) is None
    kept.begin(Origin.of(photos))
    assert not kept.images.exists()
