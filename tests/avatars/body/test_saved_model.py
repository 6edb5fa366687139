import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.body.saved_model import body_hash, load_body, save_body
from nfield.errors import DataError


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def test_a_saved_body_is_the_same_again_and_small(model: BodyModel, tmp_path: Path):
    save_body(tmp_path / "body_model.npz", model)
    again = load_body(tmp_path / "body_model.npz")
    for field in fields(BodyModel):
        before, after = getattr(model, field.name), getattr(again, field.name)
        if torch.is_tensor(before):
            assert before.dtype == after.dtype
            assert torch.equal(before, after)
        else:
            assert before == after
    assert body_hash(again) == body_hash(model)
    assert (tmp_path / "body_model.npz").stat().st_size < 2_500_000


def test_single_precision_and_missing_textures_survive(model: BodyModel, tmp_path: Path):
    generator = torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(model.pose_dirs[:, :50].shape, generator=generator)
    part = replace(model.subset(torch.arange(50)), pose_dirs=noise, uv=None, uv_faces=None)
    save_body(tmp_path / "b.npz", part)
    again = load_body(tmp_path / "b.npz")
    assert torch.equal(again.pose_dirs, part.pose_dirs)
    assert again.uv is None
    assert again.uv_faces is None


def test_the_hash_tells_bodies_apart_and_remarks_not(model: BodyModel):
    template = model.template.clone()
    template[7, 1] += 1e-6
    others = [
        replace(model, template=template),
        replace(model, faces=model.faces.flip(0)),
        replace(model, shape_space="other"),
        replace(model, landmarks={**model.landmarks, "nose": 0}),
    ]
    others.append(replace(model, joint_names=(*model.joint_names[:-1], "right_middle1")))
    assert len({body_hash(body) for body in [model, *others]}) == 6
    assert body_hash(replace(model, provenance="elsewhere")) == body_hash(model)


def test_bodies_from_before_joints_had_names_have_those_of_smpl(model: BodyModel, tmp_path: Path):
    path = tmp_path / "b.npz"
    save_body(path, model)
    with np.load(path) as archive:
        arrays = dict(archive)
    facts = json.loads(str(arrays["facts"]))
    assert facts.pop("joint_names") == list(JOINT_NAMES)
    np.savez(path, **{**arrays, "facts": np.array(json.dumps(facts))})
    assert load_body(path).joint_names == JOINT_NAMES
    assert body_hash(load_body(path)) == body_hash(model)


def test_damaged_bodies_are_named(model: BodyModel, tmp_path: Path):
    whole, cut, other = tmp_path / "whole.npz", tmp_path / "cut.npz", tmp_path / "other.npz"
    save_body(whole, model)
    cut.write_bytes(whole.read_bytes()[:5000])
    np.savez(other, template=np.zeros((3, 3)))
    for path in (cut, other, tmp_path / "missing.npz"):
        with pytest.raises(DataError, match=f"{path.name}: is not a whole body model of a run"):
            load_body(path)
