"""Files of splats: what another reader and another writer say, layouts of all kinds, and files that hold none."""

from collections.abc import Callable
from pathlib import Path

import gsply
import numpy as np
import pytest
import torch

from nfield.errors import DataError
from nfield.export.ply_file import ply_bytes
from nfield.export.splat_file import read_splats, third_axes, write_splats
from nfield.kernels.gaussians import Splats, rotation_matrices


def some(count: int, degree: int, generator: torch.Generator) -> Splats:
    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    quaternions = torch.nn.functional.normalize(normal(count, 4), dim=-1)
    return Splats(normal(count, 3), quaternions, normal(count, 3), normal(count), normal(count, (degree + 1) ** 2, 3))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_a_file_read_by_another_reader_says_the_same(degree: int, tmp_path: Path, generator: torch.Generator):
    splats = some(7, degree, generator)
    write_splats(tmp_path / "a.ply", splats)
    found = gsply.plyread(str(tmp_path / "a.ply"))
    np.testing.assert_allclose(found.means, splats.means, atol=1e-6)
    np.testing.assert_allclose(found.quats, splats.quaternions, atol=1e-6)
    np.testing.assert_allclose(found.scales, splats.log_scales, atol=1e-6)
    np.testing.assert_allclose(found.opacities, splats.opacity_logits, atol=1e-6)
    np.testing.assert_allclose(found.sh0, splats.harmonics[:, 0], atol=1e-6)
    if degree:
        np.testing.assert_allclose(np.asarray(found.shN).reshape(7, -1, 3), splats.harmonics[:, 1:], atol=1e-6)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_what_is_written_is_read(degree: int, tmp_path: Path, generator: torch.Generator):
    splats = some(5, degree, generator)
    write_splats(tmp_path / "a.ply", splats, up=(0.0, 0.0, 2.0))
    file = read_splats(tmp_path / "a.ply")
    for found, expected in zip(file.splats.parts, splats.parts, strict=True):
        torch.testing.assert_close(found, expected)
    assert file.up == (0.0, 0.0, 1.0)
    assert file.splats.degree == degree


NAMES = ["x", "y", "z", *(f"f_dc_{i}" for i in range(3)), "opacity", *(f"scale_{i}" for i in range(3))]
NAMES += [f"rot_{i}" for i in range(4)]
ROWS = np.arange(28.0).reshape(2, 14) / 8.0


def _header(form: str, names: list[str], *, before: str = "") -> str:
    properties = "".join(f"property float {name}\n" for name in names)
    return f"ply\nformat {form} 1.0\ncomment by hand\n{before}element vertex 2\n{properties}end_header\n"


def _ascii() -> bytes:
    return (_header("ascii", NAMES) + "".join(" ".join(map(str, row)) + "\n" for row in ROWS)).encode()


def _big_endian() -> bytes:
    return _header("binary_big_endian", NAMES).encode() + ROWS.astype(">f4").tobytes()


def _with_more() -> bytes:
    """A further property in the middle, another order, another element before and something behind."""
    order = [*NAMES[7:], "segment", *NAMES[:7]]
    rows = np.concatenate([ROWS[:, 7:], np.full((2, 1), 9.0), ROWS[:, :7]], 1)
    head = _header("binary_little_endian", order, before="element camera 1\nproperty double fov\n")
    return head.encode() + np.array([0.7]).tobytes() + rows.astype("<f4").tobytes() + b"behind"


def _windows_lines() -> bytes:
    return _ascii().replace(b"\n", b"\r\n")


@pytest.mark.parametrize("made", [_ascii, _big_endian, _with_more, _windows_lines])
def test_files_of_any_layout_say_the_same(made: Callable[[], bytes], tmp_path: Path):
    (tmp_path / "a.ply").write_bytes(made())
    splats = read_splats(tmp_path / "a.ply").splats
    found = torch.cat([part.flatten(1) if part.ndim > 1 else part[:, None] for part in splats.parts], 1)
    order = [0, 1, 2, 10, 11, 12, 13, 7, 8, 9, 6, 3, 4, 5]
    np.testing.assert_array_equal(found.numpy(), ROWS[:, order].astype(np.float32))


def test_harmonics_beyond_the_third_degree_are_left_out(tmp_path: Path):
    names = [*NAMES, *(f"f_rest_{i}" for i in range(72))]
    rows = np.concatenate([ROWS, np.tile(np.arange(72.0), (2, 1))], 1)
    content = _header("binary_little_endian", names).encode() + rows.astype("<f4").tobytes()
    (tmp_path / "a.ply").write_bytes(content)
    harmonics = read_splats(tmp_path / "a.ply").splats.harmonics
    assert harmonics.shape == (2, 16, 3)
    # Red has the first 24 numbers, green the next.
    assert harmonics[0, 1:, 1].tolist() == list(range(24, 39))


def test_splats_that_are_not_finite_are_left_out_and_counted(tmp_path: Path):
    rows = ROWS.copy()
    rows[0, 7] = np.nan
    (tmp_path / "a.ply").write_bytes(_header("binary_little_endian", NAMES).encode() + rows.astype("<f4").tobytes())
    file = read_splats(tmp_path / "a.ply")
    assert (len(file.splats), file.dropped) == (1, 1)
    rows[1, 0] = np.inf
    (tmp_path / "a.ply").write_bytes(_header("binary_little_endian", NAMES).encode() + rows.astype("<f4").tobytes())
    with pytest.raises(DataError, match=r"a\.ply: holds no splat whose numbers are all finite"):
        read_splats(tmp_path / "a.ply")


def test_survey_coordinates_keep_their_digits(tmp_path: Path, generator: torch.Generator):
    splats = some(4, 0, generator)
    places = splats.means.double().numpy() + np.array([5_400_000.0, 300_000.0, 120.0])
    write_splats(tmp_path / "a.ply", splats, places=places)
    file = read_splats(tmp_path / "a.ply")
    found = file.splats.means.double().numpy() + np.array(file.origin)
    np.testing.assert_allclose(found, places, atol=1e-6)


def test_the_third_axis_is_where_a_rotation_takes_z(generator: torch.Generator):
    quaternions = torch.randn(9, 4, generator=generator)
    torch.testing.assert_close(third_axes(quaternions), rotation_matrices(quaternions)[:, :, 2])


def _mesh() -> bytes:
    return ply_bytes(np.eye(3), None, None, faces=np.array([[0, 1, 2]]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_mesh(), r"holds a mesh and no Gaussian splats: its vertices lack f_dc_0, .*give a PLY file of splats"),
        (ply_bytes(np.eye(3), np.eye(3), None), "holds points and no Gaussian splats"),
        (_big_endian()[:-60], r"ends after 0 of its 2 vertices"),
        (_ascii()[:-9], "expected 2 lines of 14 numbers"),
        (_ascii().replace(b"0.125", b"zero"), "expected 2 lines of 14 numbers"),
        (b"", "is no PLY file"),
        (b"glTF and so on", "is no PLY file"),
        (b"ply\nformat ascii 1.0\nend_header\n", "holds no vertices, only nothing"),
        (b"ply\nelement vertex 1\nproperty float x\nend_header\n1\n", "does not say in which format it is"),
        (b"ply\nformat ascii 1.0\nelement vertex many\nend_header\n", "'element vertex many' in its header"),
        (b"ply\nformat ascii 1.0\nelement vertex -3\nend_header\n", "'element vertex -3' in its header"),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", "'property float x' in its header"),
        (_header("ascii", ["x", "x"]).encode().replace(b"ascii", b"binary_big_endian"), "names a property .* twice"),
        (_header("ascii", [*NAMES, "f_rest_0"]).encode() + b"0 " * 30, r"has 1 properties f_rest_\*, expected 0, 9"),
        (_header("ascii", NAMES).replace("vertex 2", "vertex 0").encode(), "holds no splat, expected at least one"),
        (_header("ascii", ["packed_position"]).encode() + b"1 2", "holds compressed splats"),
        (
            _header("ascii", NAMES, before="element face 1\nproperty list uchar int i\n").encode(),
            "has lists in or before",
        ),
    ],
    ids=str,
)
def test_what_holds_no_splats_is_refused_by_a_sentence(content: bytes, message: str, tmp_path: Path):
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read_splats(tmp_path / "a.ply")
    assert str(tmp_path / "a.ply") in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.ply: cannot be read: No such file"):
        read_splats(tmp_path / "none.ply")


def _damaged(content: bytes, draws: np.random.Generator) -> bytes:
    """With a byte changed, or some taken out, or the end missing."""
    at, length = int(draws.integers(len(content))), int(draws.integers(1, 40))
    changed = bytes([int(draws.integers(256))])
    return [
        content[:at] + changed + content[at + 1 :],
        content[:at] + content[at + length :],
        content[:at],
    ][int(draws.integers(3))]


@pytest.mark.parametrize("made", [_with_more, _ascii])
def test_damaged_files_are_read_or_refused(made: Callable[[], bytes], tmp_path: Path):
    draws, path = np.random.default_rng(0), tmp_path / "a.ply"
    refused = 0
    for _ in range(150):
        path.write_bytes(_damaged(made(), draws))
        try:
            read_splats(path)
        except DataError as error:
            refused += 1
            assert str(path) in str(error)  # noqa: PT017 - most are refused, but not all
    assert refused > 50
