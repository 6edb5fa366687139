from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from avatars.body import BodyModel
from avatars.body.saved_model import body_hash
from avatars.finding import FoundPerson
from avatars.fit_config import FitConfig
from avatars.fit_run.findings import Timed
from avatars.fit_run.folder import FitFolder
from avatars.fit_run.record import FitRecord
from avatars.fitting.fit import FitBudget
from avatars.photo_inputs import PhotoFiles
from avatars.posed.avatar import Avatar
from avatars.posed.run import UNFINISHED, avatar_checkpoint
from avatars.surface.painted_body import PaintedBody
from nfield.checkpoint import FILE, save_checkpoint
from nfield.errors import CheckpointError, OptionError
from nfield.training.run_folder import write_json
from tests.avatars.fitting.small_fit import SMALL, small_person


@pytest.fixture
def record(tmp_path: Path) -> FitRecord:
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    return FitRecord.of(PhotoFiles(tmp_path / "photo.jpg"), BodyModel.load(), FitConfig())


@pytest.fixture
def folder(tmp_path: Path) -> FitFolder:
    return FitFolder(tmp_path / "run")


def _save(folder: FitFolder, painted: PaintedBody, *, finished: bool) -> None:
    """The checkpoint of a fit."""
    avatar = Avatar.start(painted.model, painted.dressed, small_person(painted.model).portrait, SMALL.figure)
    saved = avatar_checkpoint(avatar, step=3, seconds=0.5)
    save_checkpoint(folder.path, saved if finished else replace(saved, extra={**saved.extra, UNFINISHED: {}}))


def test_nothing_becomes_begun_becomes_unfinished_becomes_finished(
    folder: FitFolder, record: FitRecord, painted: PaintedBody
):
    assert (folder.record(), folder.person(), folder.painted(painted.model), folder.checkpoint()) == (None,) * 4
    assert not folder.goes_on(record, overwrite=False, resume=True)
    folder.begin(record, painted.model)
    assert folder.record() == record
    assert folder.goes_on(record, overwrite=False, resume=True)
    assert not folder.goes_on(record, overwrite=False, resume=False)  # Nothing is lost that took long.
    _save(folder, painted, finished=False)
    assert folder.goes_on(record, overwrite=False, resume=True)
    assert not folder.goes_on(record, overwrite=True, resume=False)
    with pytest.raises(CheckpointError, match=r"not finished; add --resume to go on with it, --overwrite to replace"):
        folder.goes_on(record, overwrite=False, resume=False)
    _save(folder, painted, finished=True)
    assert not folder.goes_on(record, overwrite=True, resume=False)
    with pytest.raises(CheckpointError, match="already holds a run; add --overwrite"):
        folder.goes_on(record, overwrite=False, resume=False)
    with pytest.raises(CheckpointError, match=r"is finished.*larger --minutes and --overwrite"):
        folder.goes_on(record, overwrite=False, resume=True)


def test_both_ways_at_once_and_other_options_are_refused(folder: FitFolder, record: FitRecord):
    with pytest.raises(OptionError, match="--overwrite and --resume: are both given"):
        folder.goes_on(record, overwrite=True, resume=True)
    folder.begin(record, BodyModel.load())
    (folder.path.parent / "photo.jpg").touch()
    longer = FitRecord.of(record.files, BodyModel.load(), FitConfig(budget=FitBudget(9.0)))
    with pytest.raises(OptionError, match=r"budget\.minutes is 9.0 and was 4.0"):
        folder.goes_on(longer, overwrite=False, resume=True)


def test_the_body_that_a_fit_was_begun_with_comes_from_its_folder(folder: FitFolder, record: FitRecord):
    shipped = BodyModel.load()
    mine = replace(shipped, template=1.05 * shipped.template)
    assert folder.body() is None
    folder.begin(record, mine)
    again = folder.body()
    assert again is not None
    assert body_hash(again) == body_hash(mine)


def test_findings_are_kept_until_the_fit_ends_and_its_results_stay(
    folder: FitFolder, record: FitRecord, painted: PaintedBody
):
    folder.begin(record, painted.model)
    empty = {path.name for path in folder.path.iterdir()}
    person = small_person(painted.model)
    folder.keep_person(Timed(FoundPerson(person, preview=Image.new("RGB", (4, 4))), 2.0))
    folder.keep_painted(Timed(painted, 3.0))
    found, body = folder.person(), folder.painted(painted.model)
    assert found is not None
    assert body is not None
    assert (found.seconds, body.seconds) == (2.0, 3.0)
    (folder.path / f".{FILE}.part").write_bytes(b"half of one, by a process that was killed")
    folder.finish()
    assert {path.name for path in folder.path.iterdir()} == {*empty, "persons.png"}


def test_a_fit_that_begins_forgets_the_run_before_and_nothing_else(
    folder: FitFolder, record: FitRecord, painted: PaintedBody
):
    folder.begin(record, painted.model)
    folder.keep_painted(Timed(painted, 3.0))
    _save(folder, painted, finished=False)
    for name in ("report.json", "source.png", "strip.png", "progress.png", "notes.txt"):
        (folder.path / name).write_text("old")
    folder.begin(record, painted.model)
    assert {path.name for path in folder.path.iterdir()} == {"run.json", "body_model.npz", "notes.txt"}


def test_an_unfinished_run_that_does_not_say_of_what_is_named(
    folder: FitFolder, record: FitRecord, painted: PaintedBody
):
    _save(folder, painted, finished=False)
    with pytest.raises(CheckpointError, match=r"lacks a whole run.json.*--overwrite"):
        folder.goes_on(record, overwrite=False, resume=True)


def test_the_run_of_another_command_is_no_fit_to_go_on_with(folder: FitFolder, record: FitRecord):
    write_json(folder.path / "run.json", {"plan": {"data": "lego", "size": [4, 4]}})
    assert folder.record() is None
    assert not folder.goes_on(record, overwrite=False, resume=True)
