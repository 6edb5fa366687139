"""Body model files: what is read, and how each kind of bad file is refused."""

import pickle  # noqa: TID251 - writes the files that the loader must cope with
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import assets
from avatars.body.smpl_file import load_body_file
from nfield.errors import DataError


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """A tiny body: 24 joints, 30 vertices."""
    random = np.random.default_rng(0)
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    weights = random.random((30, 24))
    return {
        "v_template": random.normal(size=(30, 3)),
        "shapedirs": random.normal(size=(30, 3, 10)),
        "posedirs": random.normal(size=(30, 3, 207)),
        "J_regressor": random.random((24, 30)),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(24)], dtype=np.uint32),
        "f": random.integers(0, 30, size=(12, 3)).astype(np.uint32),
    }


def write_npz(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    path = folder / "body.npz"
    np.savez(path, **arrays)
    return path


def test_npz_arrays_come_back(tmp_path: Path, arrays: dict[str, np.ndarray]):
    file = load_body_file(write_npz(tmp_path, arrays))
    np.testing.assert_allclose(file.template, arrays["v_template"], rtol=1e-6)
    assert file.parents[:4] == (-1, 0, 0, 0)
    assert file.shape_space == "smpl"
    assert file.uv is None


def test_shipped_body_names_its_landmarks_and_shape_space():
    file = load_body_file(assets.path("body/body.npz"))
    nose, heel = file.landmarks["nose"], file.landmarks["LHeel"]
    assert file.template[nose, 2] > 0.05
    assert abs(file.template[nose, 0]) < 0.012
    assert file.template[heel, 1] < -1.0
    assert file.shape_space == "nfield-body-1"


def test_extra_shape_directions_are_dropped(tmp_path: Path, arrays: dict[str, np.ndarray]):
    many = np.zeros((30, 3, 300))
    assert load_body_file(write_npz(tmp_path, arrays | {"shapedirs": many})).shape_dirs.shape == (30, 3, 10)


@pytest.fixture
def licensed_pickle(tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch):
    """A file like the licensed ones: chumpy arrays, a sparse regressor under its old module name, protocol 2."""

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x = x

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", package)
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    content = dict(arrays)
    content["shapedirs"] = Ch(arrays["shapedirs"])
    content["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    data = pickle.dumps(content, protocol=2).replace(b"scipy.sparse._csc", b"scipy.sparse.csc")
    path = tmp_path / "basicmodel.pkl"
    path.write_bytes(data)
    monkeypatch.delitem(sys.modules, "chumpy.ch")
    monkeypatch.delitem(sys.modules, "chumpy")
    return path


def test_licensed_pickle_is_read_without_chumpy(licensed_pickle: Path, arrays: dict[str, np.ndarray]):
    file = load_body_file(licensed_pickle)
    np.testing.assert_allclose(file.shape_dirs, arrays["shapedirs"], rtol=1e-6)
    np.testing.assert_allclose(file.joint_regressor, arrays["J_regressor"], rtol=1e-6)


class _Malice:
    def __reduce__(self) -> tuple:
        return (eval, ("1 + 1",))


def test_pickled_code_is_refused(tmp_path: Path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"v_template": _Malice()}))
    with pytest.raises(DataError, match=r"evil\.pkl: refused to load builtins\.eval"):
        load_body_file(path)


def test_damaged_pickle_is_named(tmp_path: Path, licensed_pickle: Path):
    path = tmp_path / "cut.pkl"
    path.write_bytes(licensed_pickle.read_bytes()[:100])
    with pytest.raises(DataError, match=r"cut\.pkl: not a readable SMPL \.pkl"):
        load_body_file(path)


def test_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"absent\.npz: no such body model file"):
        load_body_file(tmp_path / "absent.npz")


def test_other_suffix_is_refused(tmp_path: Path):
    path = tmp_path / "body.obj"
    path.write_text("v 0 0 0")
    with pytest.raises(DataError, match=r"\.npz or \.pkl file, not '\.obj'"):
        load_body_file(path)


def test_truncated_npz_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]):
    path = write_npz(tmp_path, arrays)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load_body_file(path)


def test_npz_with_pickled_objects_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]):
    path = write_npz(tmp_path, arrays | {"weights": np.array([_Malice()], dtype=object)})
    with pytest.raises(DataError, match="without pickled objects"):
        load_body_file(path)


def test_missing_arrays_are_named(tmp_path: Path, arrays: dict[str, np.ndarray]):
    path = write_npz(tmp_path, {name: value for name, value in arrays.items() if name not in ("weights", "f")})
    with pytest.raises(DataError, match="lacks weights, f"):
        load_body_file(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((29, 24))}, r"weights has shape \(29, 24\), expected \(30, 24\)"),
        ({"J_regressor": np.zeros((16, 30))}, r"J_regressor has 16 rows, expected the joints of SMPL \(24\)"),
        ({"J_regressor": np.array(1.0)}, r"J_regressor has 0 rows"),
        ({"f": np.array("none")}, r"f is not an array of numbers"),
        ({"v_template": np.full((30, 3), np.nan)}, r"v_template holds values that are not finite"),
        ({"f": np.full((2, 3), 30)}, r"f names vertex 30, but v_template has 30"),
        ({"posedirs": np.array("none")}, r"posedirs is not an array of numbers"),
        ({"kintree_table": np.full((2, 24), 23)}, r"kintree_table must name an earlier joint"),
    ],
)
def test_wrong_arrays_are_explained(
    tmp_path: Path, arrays: dict[str, np.ndarray], change: dict[str, np.ndarray], message: str
):
    with pytest.raises(DataError, match=message):
        load_body_file(write_npz(tmp_path, arrays | change))
