import json
from dataclasses import replace
from pathlib import Path

import pytest

from avatars.body import BodyModel
from avatars.fit_config import FitConfig
from avatars.fit_run.record import FitRecord, described
from avatars.fitting.fit import FitBudget
from avatars.photo_inputs import PhotoFiles
from nfield.config_json import from_json, to_json
from nfield.errors import DataError, OptionError


@pytest.fixture
def files(tmp_path: Path) -> PhotoFiles:
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    (tmp_path / "mask.png").write_bytes(b"a mask")
    return PhotoFiles(tmp_path / "photo.jpg", 2, tmp_path / "mask.png", focal=700.0)


def _record(files: PhotoFiles, config: FitConfig | None = None) -> FitRecord:
    return FitRecord.of(files, BodyModel.load(), config or FitConfig())


def test_a_record_survives_json_and_names_the_same_files(files: PhotoFiles):
    record = _record(files)
    again = from_json(FitRecord, json.loads(json.dumps(to_json(record))), where="run.json")
    assert again == record
    assert again.files == files
    again.require_same(record, where=Path("run"))


def test_options_are_told_by_their_places(files: PhotoFiles):
    options = described(FitConfig(budget=FitBudget(2.0, 7)))
    assert (options["budget.minutes"], options["budget.steps"]) == (2.0, 7)
    assert options["figure.field"] == "HashConfig"
    assert options["stages.1.terms.0.rays.count"] == 4096
    assert options["stages.0.trained"] == "avatars.fitting.stages.canonical_field"
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda files: (replace(files, person=1), FitConfig()), "person is 1 and was 2"),
        (lambda files: (replace(files, focal=None), FitConfig()), "focal is None and was 700.0"),
        (lambda files: (files, FitConfig(budget=FitBudget(9.0))), "budget.minutes is 9.0 and was 4.0"),
        (lambda files: (files, FitConfig.of_pictures()), "and [0-9]+ more"),
    ],
)
def test_other_options_are_refused_by_name(files: PhotoFiles, change, named: str):  # noqa: ANN001 - a function of files
    changed, config = change(files)
    with pytest.raises(OptionError, match=rf"runs/me: was begun with other options .*{named}.*--overwrite"):
        _record(files).require_same(_record(changed, config), where=Path("runs/me"))


def test_another_body_is_refused(files: PhotoFiles):
    model = BodyModel.load()
    other = FitRecord.of(files, replace(model, template=1.1 * model.template), FitConfig())
    with pytest.raises(OptionError, match="model is "):
        _record(files).require_same(other, where=Path("run"))


def test_a_changed_photo_is_noticed_wherever_it_lies(files: PhotoFiles, tmp_path: Path):
    before = _record(files)
    moved = tmp_path / "moved.jpg"
    moved.write_bytes(files.photo.read_bytes())
    before.require_same(_record(replace(files, photo=moved)), where=Path("run"))
    files.photo.write_bytes(b"another photo")
    with pytest.raises(DataError, match=r"photo.jpg: is not the photo that run was begun with .*put the old file back"):
        before.require_same(_record(files), where=Path("run"))


def test_a_photo_that_is_gone_passes_because_it_may_not_be_needed_any_more(files: PhotoFiles):
    before = _record(files)
    files.photo.unlink()
    before.require_same(_record(files), where=Path("run"))


def test_a_mask_that_comes_or_goes_is_refused(files: PhotoFiles):
    bare = replace(files, mask=None)
    for one, other in ((files, bare), (bare, files)):
        with pytest.raises(OptionError, match="was begun with another mask"):
            _record(one).require_same(_record(other), where=Path("run"))
