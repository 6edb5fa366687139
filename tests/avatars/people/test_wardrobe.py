"""MakeHuman garments hang on the body where their files say, and files that do not say so are named."""

import re
from pathlib import Path

import numpy as np
import pytest

from avatars.body import BodyModel
from avatars.people.cloth_paint import ShoePaint
from avatars.people.cloths import plain
from avatars.people.figure import BaseMesh
from avatars.people.skin_paint import EyePaint, HairPaint, SkinPaint
from avatars.people.subjects import wardrobe_subjects
from avatars.people.wardrobe import read_garment
from avatars.people.wardrobe_outfit import WardrobeOutfit
from nfield.errors import DataError
from tests.avatars.people.garment_files import write_garment

Patch = tuple[np.ndarray, np.ndarray]


def test_a_garment_on_single_vertices_lies_on_the_body(tmp_path: Path, model: BodyModel, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "tiny", base, faces)
    piece = read_garment(tmp_path / "tiny")
    assert np.allclose(piece.vertices, BaseMesh.load().posed[base], atol=1e-4)
    assert (piece.faces == faces).all()


def test_an_offset_moves_a_garment_off_the_body(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "tiny", base, faces, offset=0.2)
    moved = read_garment(tmp_path / "tiny").vertices - BaseMesh.load().posed[base]
    assert np.allclose(moved[:, 0], 0.02, atol=0.006)
    assert np.abs(moved[:, 1:]).max() < 0.005


def test_a_vertex_may_hang_on_three(tmp_path: Path, patch: Patch):
    base, _ = patch
    folder = tmp_path / "three"
    write_garment(folder, base[:3], np.array([[0, 1, 2]]))
    row = f"{base[0]} {base[1]} {base[2]} 0.5 0.25 0.25 0 0 0"
    path = folder / "three.mhclo"
    path.write_text(re.sub(rf"(?m)^{base[0]} .*$", row, path.read_text(), count=1))
    posed = BaseMesh.load().posed[base[:3]]
    assert np.allclose(read_garment(folder).vertices[0], np.array([0.5, 0.25, 0.25]) @ posed, atol=0.002)


def test_a_row_of_one_number_lies_on_that_vertex(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "short", base, faces)
    path = tmp_path / "short" / "short.mhclo"
    path.write_text(re.sub(rf"(?m)^{base[0]} .*$", str(base[0]), path.read_text(), count=1))
    assert np.allclose(read_garment(tmp_path / "short").vertices[0], BaseMesh.load().posed[base[0]], atol=1e-4)


def test_quads_are_split_and_pieces_are_counted_from_the_largest(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "pieces", np.concatenate([base, base[:4]]), np.array([[0, 1, 2]]))
    obj = tmp_path / "pieces" / "pieces.obj"
    n = len(base)
    lines = [f"f {n + 1} {n + 2} {n + 3} {n + 4}", *("f " + " ".join(str(c + 1) for c in face) for face in faces)]
    obj.write_text("\n".join(lines) + "\n")
    piece = read_garment(tmp_path / "pieces")
    assert len(piece.faces) == len(faces) + 2
    assert piece.pieces[:2].tolist() == [piece.pieces.max()] * 2
    assert piece.pieces[2] < piece.pieces[0]


def test_spans_of_hidden_vertices_are_read(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "hides", base, faces, hidden="10 - 12 20 30-31")
    assert read_garment(tmp_path / "hides").hidden.tolist() == [10, 11, 12, 20, 30, 31]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x_scale 5399", "x_scales 5399", r"scales \['y', 'z'\]; expected a folder NAME with NAME.mhclo"),
        ("1.0 0.0 0.0", "1.0 nonsense 0.0", "not readable as a garment .*expected a folder"),
        ("1.0 0.0 0.0", "1.0", "a row of 7 numbers"),
        ("verts 0", "vertices 0", "0 bound vertices"),
        ("x_scale 5399", "x_scale 99999", "scale markers reach from .* to 99999, but there are 19158"),
    ],
)
def test_a_damaged_binding_is_named(tmp_path: Path, patch: Patch, old: str, new: str, message: str):
    base, faces = patch
    write_garment(tmp_path / "bad", base, faces)
    path = tmp_path / "bad" / "bad.mhclo"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        read_garment(tmp_path / "bad")


def test_missing_files_are_named(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "half", base, faces)
    (tmp_path / "half" / "half.obj").unlink()
    with pytest.raises(DataError, match=r"half\.obj: no such file; expected a folder NAME"):
        read_garment(tmp_path / "half")
    with pytest.raises(DataError, match=r"none\.mhclo: no such file"):
        read_garment(tmp_path / "none")


def test_faces_without_vertices_are_refused(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "far", base, np.concatenate([faces, [[0, 1, 9999]]]))
    with pytest.raises(DataError, match=r"faces of the \.obj reach from 0 to 9999, but there are"):
        read_garment(tmp_path / "far")


def test_an_obj_without_faces_is_refused(tmp_path: Path, patch: Patch):
    base, faces = patch
    write_garment(tmp_path / "empty", base, faces)
    (tmp_path / "empty" / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(DataError, match="it has no faces"):
        read_garment(tmp_path / "empty")


def test_a_folder_that_is_no_wardrobe_says_what_one_is(tmp_path: Path):
    with pytest.raises(DataError, match="no such folder; expected clothes/ with at least one suit"):
        wardrobe_subjects(tmp_path)
    (tmp_path / "clothes" / "suit").mkdir(parents=True)
    (tmp_path / "hair").mkdir()
    with pytest.raises(DataError, match="no shoes and no hair found; expected clothes/"):
        wardrobe_subjects(tmp_path)


def test_all_unreadable_garments_of_a_wardrobe_are_named_at_once(wardrobe: Path):
    (wardrobe / "clothes" / "suit_a" / "suit_a.obj").unlink()
    (wardrobe / "hair" / "short01" / "short01.mhclo").write_text("verts 0\n")
    with pytest.raises(DataError, match=r"2 of the wardrobe's garments(.|\n)*suit_a\.obj(.|\n)*short01\.mhclo"):
        wardrobe_subjects(wardrobe)


def test_hidden_skin_is_left_out(tmp_path: Path, model: BodyModel, patch: Patch):
    base, faces = patch
    for name in ("clothes/suit", "clothes/shoes01", "hair/short01"):
        hidden = " ".join(map(str, base)) if name == "clothes/suit" else ""
        write_garment(tmp_path / name, base, faces, offset=0.1, hidden=hidden)
    paints = plain((0.5, 0.5, 0.5), 1), plain((0.1, 0.1, 0.1), 2)
    shoe = ShoePaint()
    head = (SkinPaint(), EyePaint(), HairPaint())
    figure = WardrobeOutfit(tmp_path, "suit", "shoes01", "short01", *paints, shoe, head).figure(model)
    skin = (figure.material < 2).sum()
    assert skin == len(model.faces) - len(faces)


def test_socks_next_to_trousers_are_left_out(shared_data: Path, model: BodyModel):
    folder = shared_data / "wardrobe"
    if not folder.is_dir():
        pytest.skip(f"no wardrobe in {shared_data}")
    head = (SkinPaint(), EyePaint(), HairPaint())
    paints = plain((0.5, 0.5, 0.5), 1), plain((0.1, 0.1, 0.1), 2)
    outfit = WardrobeOutfit(folder, "female_casualsuit01", "shoes01", "short02", *paints, ShoePaint(), head)
    figure = outfit.figure(model)
    faces = figure.model.faces.numpy()
    points = figure.model.template.numpy()
    socks, trousers = (points[np.unique(faces[figure.material == kind])] for kind in (5, 3))
    ankle = trousers[:, 1].min()
    assert not len(socks) or socks[:, 1].max() < ankle + 0.06
