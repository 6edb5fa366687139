"""SMPL, SMPL-H and SMPL-X files: the body and its parameters equal the package smplx's own forward."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES, SMPLH_JOINT_NAMES, SMPLX_JOINT_NAMES, hand_joints
from avatars.body.named_rotations import expand_rotations
from avatars.body.parts import PART_NAMES
from avatars.body.pose_file import BodyParameters, load_parameters, named_pose, read_pose, save_parameters
from avatars.body.saved_model import body_hash, load_body, save_body
from nfield.cli import main
from nfield.errors import BackendUnavailable, DataError
from tests.avatars.body.made_up_bodies import KINDS, SMPL, SMPLH, SMPLX, Kind, made_up_person, write_npz, write_pkl

smplx = pytest.importorskip("smplx", reason="the extra smplx is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Path]:
    """One file of each kind, under names that say nothing."""
    return {
        "smpl": write_pkl(folder / "a.pkl", made_up_person(SMPL)),
        "smplh": write_pkl(folder / "b.pkl", made_up_person(SMPLH)),
        "smplx": write_npz(folder / "c.npz", made_up_person(SMPLX)),
    }


@pytest.fixture(scope="module")
def models(files: Mapping[str, Path]) -> dict[str, BodyModel]:
    return {name: BodyModel.load(path) for name, path in files.items()}


def _package(kind: str, path: Path, **options: Any) -> torch.nn.Module:
    """The package's own model of a file."""
    made = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH, "smplx": smplx.SMPLX}[kind]
    return made(str(path), ext=path.suffix[1:], num_betas=10, **options)


def _parameters(kind: Kind, generator: torch.Generator, *, hand: int = 45) -> dict[str, torch.Tensor]:
    """Random arguments of the package's forward."""
    sizes = {"global_orient": 3, "body_pose": 63 if kind.fingers else 69, "betas": 10, "transl": 3}
    if kind.fingers:
        sizes |= {"left_hand_pose": hand, "right_hand_pose": hand}
    if kind.face:
        sizes |= {"jaw_pose": 3, "leye_pose": 3, "reye_pose": 3}
    return {name: 0.4 * torch.randn(1, size, generator=generator) for name, size in sizes.items()}


def _ours(path: Path, model: BodyModel, parameters: Mapping[str, torch.Tensor], **more: Any):
    """The body of a file of those parameters."""
    np.savez(path, **{name: value.numpy() for name, value in parameters.items()}, **more)
    return model.pose(load_parameters(path, model).pose)


def _assert_same(body: Any, theirs: Any, joints: int) -> None:
    torch.testing.assert_close(body.vertices, theirs.vertices[0].detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints, theirs.joints[0, :joints].detach(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_body_equals_the_package(
    tmp_path: Path, files: Mapping[str, Path], models: Mapping[str, BodyModel], kind: Kind, generator: torch.Generator
):
    """Shape, pose with hands that are counted from the mean hands, and translation."""
    options = {"use_pca": False} if kind.fingers else {}
    package = _package(kind.name, files[kind.name], **options)
    for _ in range(3):
        parameters = _parameters(kind, generator)
        body = _ours(tmp_path / "p.npz", models[kind.name], parameters)
        _assert_same(body, package(**parameters), kind.joint_count)


@pytest.mark.parametrize(("kind", "count"), [(SMPLH, 6), (SMPLX, 12)])
def test_hands_of_coefficients_equal_the_package(
    tmp_path: Path,
    files: Mapping[str, Path],
    models: Mapping[str, BodyModel],
    kind: Kind,
    count: int,
    generator: torch.Generator,
):
    parameters = _parameters(kind, generator, hand=count)
    theirs = _package(kind.name, files[kind.name], use_pca=True, num_pca_comps=count)(**parameters)
    _assert_same(_ours(tmp_path / "p.npz", models[kind.name], parameters), theirs, kind.joint_count)


def test_flat_hands_are_counted_from_the_template(
    tmp_path: Path, files: Mapping[str, Path], models: Mapping[str, BodyModel], generator: torch.Generator
):
    parameters = _parameters(SMPLX, generator)
    theirs = _package("smplx", files["smplx"], use_pca=False, flat_hand_mean=True)(**parameters)
    _assert_same(_ours(tmp_path / "p.npz", models["smplx"], parameters, flat_hand_mean=True), theirs, 55)


def test_all_300_shapes_and_100_expressions_may_be_there(
    folder: Path, tmp_path: Path, models: Mapping[str, BodyModel], generator: torch.Generator
):
    """The first ten shapes count; expressions stay neutral."""
    whole = made_up_person(SMPLX)
    dirs = np.zeros((10475, 3, 400), np.float32)
    dirs[:, :, :10], dirs[:, :, 300:310] = whole["shapedirs"][:, :, :10], whole["shapedirs"][:, :, 10:]
    path = write_npz(folder / "many.npz", whole | {"shapedirs": dirs})
    parameters = _parameters(SMPLX, generator)
    theirs = _package("smplx", path, use_pca=False)(**parameters)
    body = _ours(tmp_path / "p.npz", BodyModel.load(path), parameters, expression=np.ones((1, 10)))
    _assert_same(body, theirs, 55)
    _assert_same(_ours(tmp_path / "p.npz", models["smplx"], parameters), theirs, 55)


def test_joints_have_the_names_of_the_package(models: Mapping[str, BodyModel]):
    names_of_package = importlib.import_module("smplx.joint_names")
    assert list(SMPLX_JOINT_NAMES) == names_of_package.JOINT_NAMES[:55]
    assert list(SMPLH_JOINT_NAMES) == names_of_package.SMPLH_JOINT_NAMES[:52]
    assert models["smpl"].joint_names == JOINT_NAMES
    assert models["smplh"].joint_names == SMPLH_JOINT_NAMES
    assert models["smplx"].joint_names == SMPLX_JOINT_NAMES


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_landmarks_are_those_of_the_package(models: Mapping[str, BodyModel], kind: Kind):
    model, shipped = models[kind.name], BodyModel.load()
    assert dict(model.landmarks) == smplx.vertex_ids.vertex_ids["smplx" if kind.face else "smplh"]
    names = tuple(model.landmarks)
    ours, theirs = model.template[model.vertices_at(names)], shipped.template[shipped.vertices_at(names)]
    torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", [SMPLH, SMPLX], ids=lambda kind: kind.name)
def test_parts_and_mirror_of_fingers_are_found(models: Mapping[str, BodyModel], kind: Kind):
    model = models[kind.name]
    tips = model.vertices_at(("lindex", "lpinky", "rindex", "rpinky"))
    for tip, side in zip(tips, ("left hand", "left hand", "right hand", "right hand"), strict=True):
        touching = (model.faces == tip).any(1)
        assert model.parts[touching].eq(PART_NAMES.index(side)).all()
    torch.testing.assert_close(
        model.template[model.mirror[tips]] * torch.tensor([-1.0, 1.0, 1.0]), model.template[tips], atol=0.01, rtol=0
    )


def test_relaxed_hands_are_the_mean_hands(files: Mapping[str, Path], models: Mapping[str, BodyModel]):
    """A named pose says nothing of fingers: they hang as the package's do where nobody bends them."""
    model, rotations = models["smplx"], read_pose("walk", models["smplx"])
    torch.testing.assert_close(rotations[:22], named_pose("walk")[:22])
    assert not rotations[22:25].any()
    theirs = _package("smplx", files["smplx"], use_pca=False)(body_pose=rotations[None, 1:22].reshape(1, 63))
    torch.testing.assert_close(
        model.pose(BodyPose(rotations, torch.zeros(3), torch.zeros(10))).vertices,
        theirs.vertices[0].detach(),
        atol=1e-5,
        rtol=0,
    )
    assert not models["smpl"].relaxed_hands.any()


def test_motions_with_fingers_reach_the_hands(models: Mapping[str, BodyModel], generator: torch.Generator):
    """SMPL-H's 52 joints, as motion files have them, on SMPL-X's 55, and on bodies without fingers."""
    rotations = torch.randn(5, 52, 3, generator=generator)
    found = expand_rotations(rotations, SMPLH_JOINT_NAMES, models["smplx"])
    assert torch.equal(found[:, 25:], rotations[:, 22:])
    assert not found[:, 22:25].any()
    assert torch.equal(expand_rotations(rotations, SMPLH_JOINT_NAMES, models["smpl"])[:, :22], rotations[:, :22])


def test_saved_parameters_come_back_with_fingers(
    tmp_path: Path, models: Mapping[str, BodyModel], generator: torch.Generator
):
    model, shipped = models["smplx"], BodyModel.load()
    pose = BodyPose(torch.randn(55, 3, generator=generator), torch.ones(3), torch.randn(10, generator=generator))
    save_parameters(tmp_path / "p.npz", BodyParameters(pose, 700.0), model)
    again = load_parameters(tmp_path / "p.npz", model).pose
    assert torch.equal(again.rotations, pose.rotations)
    assert torch.equal(again.shape, pose.shape)
    elsewhere = load_parameters(tmp_path / "p.npz", shipped).pose
    assert torch.equal(elsewhere.rotations[:22], pose.rotations[:22])
    assert not elsewhere.rotations[22:].any()
    assert not elsewhere.shape.any()


def test_what_a_body_has_no_joints_for_is_dropped(
    tmp_path: Path, models: Mapping[str, BodyModel], generator: torch.Generator
):
    """Also where it makes no sense for fingers: a body without them does not look."""
    parameters = _parameters(SMPLX, generator, hand=7)
    np.savez(tmp_path / "p.npz", **{name: value.numpy() for name, value in parameters.items()})
    pose = load_parameters(tmp_path / "p.npz", BodyModel.load()).pose
    torch.testing.assert_close(pose.rotations[1:22].reshape(1, 63), parameters["body_pose"])
    assert not pose.rotations[22:].any()
    assert not pose.shape.any()
    on_smplh = load_parameters(tmp_path / "p.npz", models["smplh"]).pose
    assert on_smplh.rotations[22:].any()
    assert not on_smplh.shape.any()


def test_a_saved_body_keeps_its_fingers(tmp_path: Path, models: Mapping[str, BodyModel]):
    model = models["smplh"].subset(torch.arange(200))
    save_body(tmp_path / "b.npz", model)
    again = load_body(tmp_path / "b.npz")
    assert again.joint_names == SMPLH_JOINT_NAMES
    assert torch.equal(again.relaxed_hands, model.relaxed_hands)
    assert body_hash(again) == body_hash(model)


def test_the_middle_of_a_hand_lies_between_wrist_and_finger_tips(models: Mapping[str, BodyModel]):
    for model in models.values():
        for side, joint in zip("lr", hand_joints(model.joint_names), strict=True):
            tip = model.template[model.landmarks[f"{side}middle"], 0].abs()
            wrist = model.joint_template[model.joint_names.index("left_wrist" if side == "l" else "right_wrist"), 0]
            assert wrist.abs() < model.joint_template[joint, 0].abs() < tip


@pytest.mark.parametrize("name", ["smplh", "smplx"])
def test_without_the_package_the_message_teaches(files: Mapping[str, Path], name: str, monkeypatch: pytest.MonkeyPatch):
    for module in ("smplx", "smplx.vertex_ids"):
        monkeypatch.setitem(sys.modules, module, None)
    message = rf"{files[name].name}: .* need the package smplx, .* install it with: pip install 'nfield\[smplx\]'"
    with pytest.raises(BackendUnavailable, match=message):
        BodyModel.load(files[name])
    assert BodyModel.load(files["smpl"]).joint_names == JOINT_NAMES


def test_the_command_line_says_how_to_get_the_package(
    files: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "smplx", None)
    monkeypatch.setitem(sys.modules, "smplx.vertex_ids", None)
    assert main(["fit", "photo.jpg", "--model", str(files["smplx"]), "--out", "nowhere"]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "pip install 'nfield[smplx]'" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((6890, 55))}, r"weights has shape \(6890, 55\), expected \(6890, 52\)"),
        ({"posedirs": np.zeros((6890, 3, 207))}, r"posedirs has shape \(6890, 3, 207\), expected \(6890, 3, 459\)"),
        ({"kintree_table": np.zeros((2, 24), int)}, r"kintree_table has shape \(2, 24\), expected \(2, 52\)"),
        ({"hands_meanl": np.zeros(12)}, r"hands_meanl has shape \(12,\), expected \(45,\)"),
        ({"hands_componentsr": np.zeros((6, 45))}, r"hands_componentsr has shape \(6, 45\), expected \(45, 45\)"),
        ({"hands_meanr": np.full(45, np.nan)}, r"hands_meanr holds values that are not finite"),
    ],
)
def test_odd_files_are_named(tmp_path: Path, change: dict[str, np.ndarray], message: str):
    path = write_npz(tmp_path / "odd.npz", made_up_person(SMPLH) | change)
    with pytest.raises(DataError, match=rf"odd\.npz: {message}"):
        BodyModel.load(path)


def test_a_truncated_file_is_named(tmp_path: Path, files: Mapping[str, Path]):
    for name in ("smplh", "smplx"):
        path = tmp_path / f"cut{files[name].suffix}"
        path.write_bytes(files[name].read_bytes()[:100_000])
        with pytest.raises(DataError, match=rf"{path.name}: not a readable"):
            BodyModel.load(path)


def test_a_file_without_hands_has_flat_ones_and_cannot_tell_coefficients(tmp_path: Path, generator: torch.Generator):
    arrays = {name: value for name, value in made_up_person(SMPLH).items() if not name.startswith("hands_")}
    model = BodyModel.load(write_npz(tmp_path / "bare.npz", arrays))
    assert not model.relaxed_hands.any()
    parameters = _parameters(SMPLH, generator, hand=6)
    with pytest.raises(DataError, match=r"p\.npz: left_hand_pose has shape \(1, 6\), expected 45 .* 'bare\.npz'"):
        _ours(tmp_path / "p.npz", model, parameters)
    fingers = _parameters(SMPLH, generator)
    np.savez(tmp_path / "q.npz", **{name: value.numpy() for name, value in fingers.items()})
    found = load_parameters(tmp_path / "q.npz", model).pose.rotations
    torch.testing.assert_close(found[22:37].reshape(1, 45), fingers["left_hand_pose"])


def test_parameters_of_odd_sizes_are_named(tmp_path: Path, models: Mapping[str, BodyModel], generator: torch.Generator):
    good = _parameters(SMPLX, generator)
    for name, size in {"left_hand_pose": 46, "jaw_pose": 4, "body_pose": 60}.items():
        with pytest.raises(DataError, match=rf"p\.npz: .*{name} has shape \(1, {size}\)"):
            _ours(tmp_path / "p.npz", models["smplx"], good | {name: torch.zeros(1, size)})


def test_a_mesh_of_another_size_poses_but_cannot_be_fitted(tmp_path: Path):
    arrays = made_up_person(SMPLH)
    kept = np.arange(6000)
    small = {name: value[kept] for name, value in arrays.items() if len(value) == 6890}
    small |= {"J_regressor": arrays["J_regressor"][:, kept], "f": arrays["f"][(arrays["f"] < 6000).all(1)]}
    model = BodyModel.load(write_npz(tmp_path / "small.npz", arrays | small))
    assert model.pose(BodyPose.rest(joint_count=52)).vertices.shape == (6000, 3)
    with pytest.raises(
        DataError, match=r"'small\.npz' does not say which vertices lie at nose, lear: its mesh of 6000"
    ):
        model.vertices_at(("nose", "lear"))
