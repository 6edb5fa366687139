"""Files that are read back by a reader of the tests' own, and by trimesh."""

import io

import numpy as np
import pygltflib
import pytest
import torch
import trimesh
from PIL import Image

from avatars.body.skinning import forward_kinematics, posed_from_rest, rotations_from_axis_angle, transform
from avatars.export.figure import RiggedFigure
from avatars.export.formats.vrm import vrm_extension
from avatars.export.gltf_document import gltf_document
from nfield.errors import DataError
from nfield.export.gltf_buffer import GltfBuffer, glb_bytes
from tests.avatars.export.gltf_reader import Glb


def _content(figure: RiggedFigure) -> bytes:
    return glb_bytes(*gltf_document(figure, name="somebody"))


@pytest.mark.parametrize("frame", range(5))
def test_skinning_read_back_is_that_of_the_body(figure: RiggedFigure, frame: int):
    glb = Glb.parsed(_content(figure))
    clip = figure.clips["wriggle"]
    turns = rotations_from_axis_angle(clip.motion.rotations[frame])
    rest = figure.skeleton.places
    orientations, places = forward_kinematics(turns, rest, figure.skeleton.parents)
    maps = posed_from_rest(orientations, places + clip.motion.travel[frame], rest)
    corrected = figure.vertices + torch.einsum("k,kvc->vc", clip.corrective[frame], figure.shapes)
    expected = transform(figure.skin.blended(maps), corrected)
    np.testing.assert_allclose(glb.skinned("wriggle", frame / 10.0), expected.numpy(), atol=1e-5)


def test_rest_is_the_mesh_itself(figure: RiggedFigure):
    np.testing.assert_allclose(Glb.parsed(_content(figure)).skinned(), figure.vertices.numpy(), atol=1e-6)


def test_between_frames_joints_go_the_short_way(figure: RiggedFigure):
    """Quaternions of following frames never lie on opposite sides."""
    glb = Glb.parsed(_content(figure))
    (animation,) = glb.json["animations"]
    paths = {}
    for channel in animation["channels"]:
        paths.setdefault(channel["target"]["path"], []).append(
            glb.values(animation["samplers"][channel["sampler"]]["output"])
        )
    assert len(paths["rotation"]) == 3  # the fourth joint never turns
    for turns in paths["rotation"]:
        assert ((turns[1:] * turns[:-1]).sum(-1) > 0.0).all()
        np.testing.assert_allclose(np.linalg.norm(turns, axis=-1), 1.0, atol=1e-6)


def test_joints_weights_and_places_are_named(figure: RiggedFigure):
    glb = Glb.parsed(_content(figure))
    names = [glb.json["nodes"][joint]["name"] for joint in glb.json["skins"][0]["joints"]]
    assert names == list(figure.skeleton.names)
    attributes = glb.json["meshes"][0]["primitives"][0]["attributes"]
    assert glb.values(attributes["JOINTS_0"]).dtype == np.uint8
    np.testing.assert_allclose(glb.values(attributes["WEIGHTS_0"]).sum(-1), 1.0, atol=1e-6)


def test_texture_has_its_first_row_at_v_one(figure: RiggedFigure):
    ramp = torch.linspace(1.0, 0.0, 16)[:, None, None].expand(16, 16, 3)
    glb = Glb.parsed(_content(RiggedFigure(**{**vars(figure), "texture": ramp})))
    pixels = np.asarray(Image.open(io.BytesIO(glb.image())))
    assert pixels[0].mean() > 240
    assert pixels[-1].mean() < 15
    attributes = glb.json["meshes"][0]["primitives"][0]["attributes"]
    np.testing.assert_allclose(glb.values(attributes["TEXCOORD_0"])[:, 1], 1.0 - figure.uv[:, 1].numpy(), atol=1e-6)


def test_trimesh_reads_the_mesh(still_figure: RiggedFigure):
    scene = trimesh.load(io.BytesIO(_content(still_figure)), file_type="glb")
    (mesh,) = scene.geometry.values()
    assert len(mesh.faces) == 4
    area = trimesh.Trimesh(still_figure.vertices.numpy(), still_figure.faces.numpy(), process=False).area
    assert mesh.area == pytest.approx(area, rel=1e-5)


def test_many_vertices_need_longer_indices():
    document = pygltflib.GLTF2()
    buffer = GltfBuffer(document)
    buffer.accessor(np.arange(3, dtype="<u2"))
    second = buffer.accessor(np.arange(70000, dtype="<u4"))
    buffer.finished()
    assert document.accessors[second].componentType == pygltflib.UNSIGNED_INT
    assert all(view.byteOffset % 4 == 0 for view in document.bufferViews)
    assert document.buffers[0].byteLength % 4 == 0


def test_displacements_that_are_all_zero_take_no_room():
    document = pygltflib.GLTF2()
    buffer = GltfBuffer(document)
    index = buffer.displacements(np.zeros((5, 3), np.float32))
    assert document.accessors[index].bufferView is None
    assert not document.bufferViews


def test_vrm_names_the_bones_that_the_specification_requires():
    bones = [
        "hips", "spine", "head", "leftUpperLeg", "leftLowerLeg", "leftFoot", "rightUpperLeg", "rightLowerLeg",
        "rightFoot", "leftUpperArm", "leftLowerArm", "leftHand", "rightUpperArm", "rightLowerArm", "rightHand",
    ]  # fmt: skip
    extension = vrm_extension({bone: index for index, bone in enumerate(bones)}, name="somebody", author="me")
    assert extension["specVersion"] == "1.0"
    assert extension["humanoid"]["humanBones"]["head"] == {"node": 3}
    assert set(extension["humanoid"]["humanBones"]) == set(bones)
    meta = extension["meta"]
    assert meta["authors"] == ["me"]
    assert meta["licenseUrl"] == "https://vrm.dev/licenses/1.0/"
    assert "decide" in meta["thirdPartyLicenses"]
    with pytest.raises(DataError, match="no rightHand, which VRM needs"):
        vrm_extension(dict.fromkeys(bones[:-1], 0), name="somebody", author="me")
