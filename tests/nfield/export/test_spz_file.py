"""SPZ files: what they hold, unpacked here by Niantic's description; and what does not fit."""

import gzip
import itertools
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.errors import BackendUnavailable, OptionError
from nfield.export.spz_file import write_spz
from nfield.kernels.gaussians import Splats


def some(count: int, degree: int, generator: torch.Generator) -> Splats:
    def uniform(*shape: int) -> torch.Tensor:
        return 2.0 * torch.rand(*shape, generator=generator) - 1.0

    return Splats(
        3.0 * uniform(count, 3),
        uniform(count, 4),
        2.0 * uniform(count, 3) - 4.0,
        2.0 * uniform(count),
        0.8 * uniform(count, (degree + 1) ** 2, 3),
    )


def _quaternion(packed: int) -> np.ndarray:
    """x, y, z, w: the largest is left out, the others have a sign and nine bits each, the last ones lowest."""
    largest, found = packed >> 30, np.zeros(4)
    for axis in (3, 2, 1, 0):
        if axis != largest:
            found[axis] = np.sqrt(0.5) * (packed & 511) / 511.0 * (-1.0 if packed >> 9 & 1 else 1.0)
            packed >>= 10
    found[largest] = np.sqrt(1.0 - np.square(found).sum())
    return found


@pytest.mark.parametrize("degree", [0, 3])
def test_an_spz_file_holds_the_splats(degree: int, tmp_path: Path, generator: torch.Generator):
    count, splats = 12, some(12, degree, generator)
    write_spz(tmp_path / "a.spz", splats)
    content = gzip.decompress((tmp_path / "a.spz").read_bytes())
    magic, version, number, found_degree, bits, _, _ = struct.unpack("<IIIBBBB", content[:16])
    assert (magic, version, number, found_degree) == (0x5053474E, 3, count, degree)
    sizes = [9, 1, 3, 3, 4, 3 * ((degree + 1) ** 2 - 1)]
    ends = 16 + count * np.cumsum([0, *sizes])
    parts = [np.frombuffer(content[a:b], np.uint8).reshape(count, -1) for a, b in itertools.pairwise(ends)]
    assert len(content) == ends[-1]
    places = parts[0].reshape(count, 3, 3).astype(np.int64) @ np.array([1, 256, 65536])
    places = np.where(places >= 1 << 23, places - (1 << 24), places) / 2.0**bits
    np.testing.assert_allclose(places, splats.means, atol=2e-6)
    np.testing.assert_allclose(parts[1][:, 0] / 255.0, splats.opacity_logits.sigmoid(), atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose((parts[2] / 255.0 - 0.5) / 0.15, splats.harmonics[:, 0], atol=0.0135)
    np.testing.assert_allclose(parts[3] / 16.0 - 10.0, splats.log_scales, atol=0.5 / 16 + 1e-6)
    if degree:
        found = (parts[5].astype(np.float64) - 128.0) / 128.0
        np.testing.assert_allclose(found.reshape(count, -1, 3), splats.harmonics[:, 1:], atol=0.5 / 128 + 1e-6)
    turned = np.stack([_quaternion(int(row.view("<u4")[0])) for row in np.ascontiguousarray(parts[4])])
    expected = torch.nn.functional.normalize(splats.quaternions, dim=-1).roll(-1, 1).numpy()
    np.testing.assert_allclose(np.abs((turned * expected).sum(1)), 1.0, atol=2e-5)


def test_survey_coordinates_do_not_fit(tmp_path: Path, generator: torch.Generator):
    splats = some(5, 0, generator)
    far = Splats(splats.means + 5_400_000.0, *splats.parts[1:])
    with pytest.raises(OptionError, match=r"a\.spz would hold places .* export as PLY"):
        write_spz(tmp_path / "a.spz", far)
    assert not (tmp_path / "a.spz").exists()


def test_without_the_package_it_is_named(tmp_path: Path, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gsply", None)
    with pytest.raises(BackendUnavailable, match="pip install gsply"):
        write_spz(tmp_path / "a.spz", some(5, 0, generator))
