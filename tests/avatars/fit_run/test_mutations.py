"""The JSON of an avatar's run, wrong in three hundred ways for each file: each is taken, or refused in a line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from avatars.body import BodyModel
from avatars.body.saved_model import FILE as BODY_FILE
from avatars.body.saved_model import load_body, save_body
from avatars.finding import FoundPerson
from avatars.fit_config import FitConfig
from avatars.fit_run.findings import Timed, load_painted, load_person, save_painted, save_person
from avatars.fit_run.folder import FitFolder
from avatars.fit_run.keeper import FitMoment, RunKeeper
from avatars.fit_run.record import FitRecord
from avatars.fitting.keeper import FitPosition
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import default_stages, guided_stages
from avatars.motion import open_motion
from avatars.perception.keypoints import load_keypoints
from avatars.photo_inputs import PhotoFiles
from avatars.posed.avatar import Avatar
from avatars.posed.run import UNFINISHED, avatar_checkpoint, load_avatar
from avatars.semantic.open_clip_encoder import OpenClipSource
from avatars.surface.painted_body import PaintedBody
from nfield.checkpoint import FILE, load_checkpoint, save_checkpoint
from nfield.cli.fit_options import FitOptions, resumed
from nfield.config_json import to_json
from nfield.training.run_folder import RUN_FILE
from tests.avatars.fitting.small_fit import SMALL, small_person
from tests.mutations import check_refusals

COUNT = 300


def _metadata(path: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    """The JSON of a file of tensors, and these."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["nfield"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _check_metadata(path: Path, load: Callable[[Path], object], *, seed: int, count: int = COUNT) -> None:
    document, tensors = _metadata(path)

    def read(wrong: Any) -> None:
        save_file(tensors, path, {"nfield": json.dumps(wrong)})
        load(path)

    check_refusals(document, read, count=count, seed=seed, named=str(path.parent))


@pytest.mark.filterwarnings("ignore:.*its fit is not finished")
def test_of_an_unfinished_avatar(painted: PaintedBody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("avatars.posed.run.body_hash", lambda model: "0" * 64)  # it takes longer than all else
    portrait = small_person(painted.model).portrait
    avatar = Avatar.start(painted.model, painted.dressed, portrait, SMALL.figure)
    saved = avatar_checkpoint(avatar, step=3, seconds=0.5)
    moment = to_json(FitMoment(FitPosition(0, {"first": 2.0}, 3), 3, 0.5))
    tensors = {**saved.tensors, "fit.generator": torch.Generator().get_state()}
    changed = {"tensors": tensors, "extra": {**saved.extra, UNFINISHED: moment}}
    save_checkpoint(tmp_path, type(saved)(**{**vars(saved), **changed}))

    def load(path: Path) -> None:
        checkpoint = load_checkpoint(path.parent)
        RunKeeper(FitFolder(path.parent), avatar).start(torch.Generator())
        assert checkpoint.kind != "avatar" or load_avatar(path.parent, painted.model) is not None

    _check_metadata(tmp_path / FILE, load, seed=1)


@pytest.mark.parametrize("guided", [False, True])
def test_of_a_fits_record(tmp_path: Path, guided: bool):
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    term = SemanticTerm("meaning", OpenClipSource("ViT-B-32", "weights.pt"), prompts=("a hat",))
    config = FitConfig(stages=guided_stages(term) if guided else default_stages())
    record = FitRecord.of(PhotoFiles(tmp_path / "photo.jpg"), BodyModel.load(), config)

    def read(document: Any) -> None:
        (tmp_path / RUN_FILE).write_text(json.dumps(document))
        resumed(FitOptions(tmp_path, resume=True))
        again = FitFolder(tmp_path).record()
        if again is not None:
            again.require_same(record, where=tmp_path)

    check_refusals({"plan": to_json(record)}, read, count=COUNT, seed=2, named=str(tmp_path))


def test_of_who_was_found(tmp_path: Path):
    person = small_person(BodyModel.load())
    save_person(tmp_path / "person", Timed(FoundPerson(person, ("left hand",), ("a remark",), None), 1.5))
    _check_metadata(tmp_path / "person", load_person, seed=3)


def test_of_a_painted_body(painted: PaintedBody, tmp_path: Path):
    save_painted(tmp_path / "painted", Timed(painted, 1.5))
    _check_metadata(tmp_path / "painted", lambda path: load_painted(path, painted.model), seed=4)


def test_of_a_body_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_body(tmp_path / "whole.npz", BodyModel.load())
    with np.load(tmp_path / "whole.npz", allow_pickle=False) as archive:
        facts = json.loads(str(archive["facts"]))
    assert load_body(tmp_path / "whole.npz").parents == tuple(facts["parents"])
    body = BodyModel.load()
    monkeypatch.setattr("avatars.body.saved_model._assembled", lambda arrays, facts: body)  # without its arrays

    def read(document: Any) -> None:
        np.savez(tmp_path / BODY_FILE, facts=np.array(json.dumps(document)))
        load_body(tmp_path / BODY_FILE)

    check_refusals(facts, read, count=COUNT, seed=5, named=BODY_FILE)


@pytest.mark.parametrize("layout", ["rows", "keypoints", "people"])
def test_of_keypoints(layout: str, tmp_path: Path):
    rows = np.random.default_rng(0).uniform(1.0, 50.0, (17, 3)).round(2).tolist()
    flat = [number for row in rows for number in row]
    person = {"pose_keypoints_2d": flat + [1.0] * 24}
    document: Any = {"rows": rows, "keypoints": {"keypoints": flat}, "people": {"people": [person, person]}}[layout]
    path = tmp_path / "keypoints.json"

    def read(wrong: Any) -> None:
        path.write_text(json.dumps(wrong))
        load_keypoints(path)

    check_refusals(document, read, count=COUNT, seed=6, named=path.name)


@pytest.mark.parametrize("layout", ["names", "frames"])
def test_of_motions(layout: str, tmp_path: Path):
    model = BodyModel.load()
    frames = {"poses": [[0.1] * 72, [0.2] * 72], "fps": 10.0, "name": "wriggle", "loops": False}
    travels = {"travel": [[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]], "contacts": [[1, 0], [0, 1]], "leg_length": 0.9}
    documents: Any = {"names": {"poses": ["sit", "mirrored walk"], "seconds": 0.1}, "frames": {**frames, **travels}}
    path = tmp_path / "motion.json"

    def read(wrong: Any) -> None:
        path.write_text(json.dumps(wrong))
        open_motion(str(path), model)

    check_refusals(documents[layout], read, count=COUNT, seed=7, named=path.name)
