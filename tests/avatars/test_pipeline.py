"""A fit from its files, killed and stopped wherever that makes a difference."""

import json
import os
import re
import signal
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from avatars import pipeline
from avatars.body import BodyModel
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.fit_config import FitConfig
from avatars.fit_run import keeper
from avatars.fitting.fit import FitBudget
from avatars.fitting.stages import FitStage, StageBudget
from avatars.fitting.surface_terms import SolidTerm, SurfaceColorTerm
from avatars.fitting.watcher import Watcher
from avatars.photo_inputs import PhotoFiles
from avatars.pipeline import SavedFit, fit_from_photo, paint
from avatars.portrait import PersonPhoto
from avatars.posed.run import load_avatar
from avatars.surface.painted_body import PaintedBody
from nfield.checkpoint import FILE
from nfield.cli import fit as fit_command
from nfield.cli import main
from nfield.cli.fit_options import FitOptions
from nfield.errors import CheckpointError, DataError, OptionError, RunInUseError
from nfield.training.loop import Hook, StepEvent
from nfield.training.run_lock import only_writer
from tests.avatars.fitting.small_fit import FOCAL, SMALL, small_person

_TERMS = (SurfaceColorTerm("surface", count=256), SolidTerm("solid", count=256))
_STAGES = tuple(FitStage(name, _TERMS, StageBudget(0.5, 1.0)) for name in ("one", "two"))
CONFIG = replace(SMALL, stages=_STAGES, budget=FitBudget(minutes=None, steps=2))
FINISHED = {"run.json", "report.json", FILE, "body.npz", "body_model.npz"} | {
    f"{name}.png" for name in ("photo", "alpha", "overlay", "source", "strip")
}


class _Killed(BaseException):
    """Ends a process as SIGKILL would."""


@dataclass
class _Listener:
    """Notes what a fit tells; acts at steps."""

    act: Hook = lambda event: None
    told: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.told.append(text)

    @contextmanager
    def training(self, name: str):
        self.told.append(name)
        yield (self.act,)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PhotoFiles:
    folder, model = tmp_path_factory.mktemp("photo"), BodyModel.load()
    person = small_person(model)
    Image.fromarray(person.photo.numpy()).save(folder / "photo.png")
    Image.fromarray((person.alpha * 255).byte().numpy()).save(folder / "mask.png")
    save_parameters(folder / "body.npz", BodyParameters(person.portrait.pose, FOCAL), model)
    return PhotoFiles(folder / "photo.png", mask=folder / "mask.png", body=folder / "body.npz")


@pytest.fixture(scope="module")
def painted(files: PhotoFiles) -> PaintedBody:
    model = BodyModel.load()
    return pipeline.paint(model, pipeline.find_person(pipeline.load_inputs(files, model), model).person, CONFIG)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, painted: PaintedBody) -> None:
    """Painting, which takes seconds, is done once; each step is saved; pictures and the command's fits are small."""

    def paint(model: BodyModel, person: PersonPhoto, config: FitConfig, *, watcher: Watcher) -> PaintedBody:
        watcher.tell("painting the body")
        return painted

    monkeypatch.setattr(pipeline, "paint", paint)
    monkeypatch.setattr(keeper, "SAVE_EVERY", 0.0)
    monkeypatch.setattr("avatars.turntable._SIZE", 24)
    monkeypatch.setattr(fit_command, "fit_config", _small_config)


def _small_config(options: FitOptions) -> FitConfig:
    return replace(CONFIG, budget=FitBudget(options.minutes, options.steps or 2, options.seed or 0))


def _fit(files: PhotoFiles, out: Path, *, act: Hook = lambda event: None, **how: Any) -> tuple[SavedFit, list[str]]:
    listener = _Listener(act)
    return fit_from_photo(files, out, CONFIG, watcher=listener, **how), listener.told


def _names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}


def _kill(*_: object, **__: object) -> None:
    raise _Killed


def _after(done: Callable[..., Any]) -> Callable[..., Any]:
    """Dies when the work is done, and nobody knows yet."""

    def die(*arguments: object, **options: object) -> None:
        done(*arguments, **options)
        raise _Killed

    return die


def _killed_at(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    files: PhotoFiles,
    out: Path,
    *,
    deed: Callable[..., Any] = _kill,
    **how: bool,
) -> None:
    """Begins a fit, or goes on with it, and dies in one of the functions that it calls."""
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, name, deed)
        with pytest.raises(_Killed):
            _fit(files, out, **how)


def _source(out: Path) -> np.ndarray:
    return np.asarray(Image.open(out / "source.png"), dtype=np.float32)


def test_a_fit_killed_everywhere_in_turn_ends_as_an_undisturbed_one(
    files: PhotoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    places = [
        ("find_person", _kill, {"run.json", "body_model.npz"}),
        ("find_person", _after(pipeline.find_person), {"run.json"}),
        ("paint", _kill, {"person.safetensors"}),
        ("prepare", _kill, {"painted.safetensors"}),
        ("fit_stages", _kill, {"painted.safetensors"}),
        ("fit_stages", _after(pipeline.fit_stages), {FILE}),
        ("save_fit", _kill, {FILE}),
        ("save_avatar", _kill, {FILE, "report.json", "source.png"}),
    ]
    for name, deed, kept in places:
        _killed_at(monkeypatch, name, files, killed, deed=deed, resume=True)
        assert kept <= _names(killed)
    saved, told = _fit(files, killed, resume=True)
    assert told == [f"going on with the fit in {killed}", "two", "rendering the pictures"]
    assert _names(killed) == FINISHED
    expected, told = _fit(files, calm)
    assert told == ["painting the body", "one", "two", "rendering the pictures"]
    assert _names(calm) == FINISHED
    assert np.abs(_source(killed) - _source(calm)).max() <= 1.0
    assert saved.report is not None
    assert expected.report is not None
    assert saved.report["psnr"] == pytest.approx(expected.report["psnr"], abs=1e-3)
    assert set(saved.report["seconds"]) == set(expected.report["seconds"])
    assert saved.report["steps"] == expected.report["steps"] == 4


def _interrupt(event: StepEvent) -> None:
    """Ctrl-C at the first step."""
    if event.moment.step == 1 and not event.last:
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_keeps_an_avatar_and_the_fit_goes_on(files: PhotoFiles, tmp_path: Path):
    stopped, told = _fit(files, tmp_path, act=_interrupt)
    assert (stopped.report, stopped.fitted.interrupted, told[-1]) == (None, True, "one")
    assert "report.json" not in _names(tmp_path)
    with pytest.warns(UserWarning, match=r"not finished \(1 steps so far\)"):
        load_avatar(tmp_path)
    with pytest.raises(CheckpointError, match="add --resume to go on with it"):
        _fit(files, tmp_path)
    saved, told = _fit(files, tmp_path, resume=True)
    assert told[1:3] == ["one", "two"]
    assert saved.report is not None
    assert saved.report["steps"] == 4
    with pytest.raises(CheckpointError, match="is finished"):
        _fit(files, tmp_path, resume=True)
    load_avatar(tmp_path)  # A finished one opens without a word.


def test_a_run_that_is_replaced_stays_until_a_person_was_found(
    files: PhotoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _fit(files, tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(DataError):
        _fit(replace(files, photo=tmp_path / "none.jpg"), tmp_path, overwrite=True)
    _killed_at(monkeypatch, "find_person", files, tmp_path, overwrite=True)
    assert (tmp_path / FILE).read_bytes() == before
    _killed_at(monkeypatch, "paint", files, tmp_path, overwrite=True)
    assert not {FILE, "report.json", "source.png"} & _names(tmp_path)
    _, told = _fit(files, tmp_path, resume=True)
    assert told[:2] == [f"going on with the fit in {tmp_path}", "painting the body"]
    assert _names(tmp_path) == FINISHED


def test_a_photo_that_cannot_be_used_leaves_nothing_behind(
    files: PhotoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pipeline, "paint", paint)
    person = small_person(BodyModel.load())
    away = replace(person.portrait.pose, translation=torch.tensor([3.0, 0.0, 9.0]))
    save_parameters(tmp_path / "away.npz", BodyParameters(away, FOCAL), BodyModel.load())
    for unusable in (replace(files, body=tmp_path / "away.npz"), replace(files, photo=tmp_path / "none.jpg")):
        with pytest.raises(DataError):
            _fit(unusable, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_what_was_found_needs_no_photo_any_more_but_a_changed_one_is_noticed(
    files: PhotoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    photo, run = tmp_path / "photo.png", tmp_path / "run"
    photo.write_bytes(files.photo.read_bytes())
    moved = replace(files, photo=photo)
    _killed_at(monkeypatch, "paint", moved, run)
    Image.new("RGB", (64, 72)).save(photo)
    with pytest.raises(DataError, match=r"photo.png: is not the photo that .*run was begun with"):
        _fit(moved, run, resume=True)
    with pytest.raises(OptionError, match=r"budget.seed is 1 and was 0"):
        fit_from_photo(files, run, replace(CONFIG, budget=FitBudget(None, 2, seed=1)), resume=True)
    photo.unlink()
    saved, _ = _fit(moved, run, resume=True)
    assert saved.report is not None


def test_two_fits_into_one_folder_are_one_too_many(files: PhotoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pipeline, "load_inputs", _kill)
    with only_writer(tmp_path):
        for how in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(RunInUseError, match="is writing a run there"):
                _fit(files, tmp_path, **how)


def _words(files: PhotoFiles, out: Path) -> list[str]:
    return ["fit", str(files.photo), "--mask", str(files.mask), "--body", str(files.body), "--out", str(out)]


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_command_goes_on_without_photo_and_options(
    files: PhotoFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    resume = ["fit", "--resume", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "paint", _interrupted)
        assert main([*_words(files, tmp_path), "--minutes", "3", "--seed", "5"]) == 130
    assert capsys.readouterr().err == f"stopped; to go on: nfield fit --resume --out {tmp_path}\n"
    wrong: Sequence[tuple[str, str, str]] = (
        ("--minutes", "8", r"--minutes: is 8.0, but .* was begun with 3.0; leave it out"),
        ("--seed", "6", "--seed: is 6, but"),
        ("--steps", "9", "--steps: is 9, but .* 2;"),
        ("--field", "rbf", "--field: is rbf, but .* hash;"),
        ("--person", "2", "--person: is 2, but .* none;"),
        ("--mask", str(files.photo), "is not the mask that"),
    )
    for option, value, message in wrong:
        assert main([*resume, option, value]) == 2
        assert re.search(message, capsys.readouterr().err)
    assert main([*resume, "--minutes", "3"]) == 0
    out = capsys.readouterr().out
    assert "going on with the fit" in out
    assert "next: nfield view" in out
    assert json.loads((tmp_path / "run.json").read_text())["plan"]["options"]["budget.seed"] == 5
    assert main(resume) == 2
    assert "is finished" in capsys.readouterr().err


def test_the_command_says_how_to_go_on_after_ctrl_c(
    files: PhotoFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    @contextmanager
    def training(watcher: object, name: str):
        yield (_interrupt,)

    monkeypatch.setattr(fit_command.ConsoleWatcher, "training", training)
    assert main(_words(files, tmp_path)) == 0
    assert f"stopped at step 1, saved; to go on: nfield fit --resume --out {tmp_path}" in capsys.readouterr().out


def test_the_command_needs_a_photo_unless_there_is_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["fit", "--out", str(tmp_path / "run")]) == 2
    assert "PHOTO: is left out, expected a picture of a person" in capsys.readouterr().err
    assert main(["fit", "--resume", "--out", str(tmp_path / "run")]) == 2
    assert "holds no fit to go on with; give the photo" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
