"""Compact files: what is kept exactly, how far the rest is off, and that damage is told."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.compact_file import EXACT, CompactFile, Rounding, is_compact, write_compact
from nfield.errors import CheckpointError


def written(path: Path, tensor: torch.Tensor, rounding: Rounding) -> torch.Tensor:
    write_compact(path, {"about": "a test"}, {"t": tensor}, {"t": rounding})
    return CompactFile(path).get_tensor("t")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(5, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor(True),
        torch.tensor([1 << 40, -3]),
        torch.zeros(0, 4),
        torch.arange(7, dtype=torch.uint8),
        torch.randn(2, 3, 4).transpose(0, 2),
    ],
)
def test_what_is_not_rounded_is_kept_exactly(tensor: torch.Tensor, tmp_path: Path):
    found = written(tmp_path / "x", tensor, EXACT)
    assert found.dtype == tensor.dtype
    assert torch.equal(found, tensor)


@pytest.mark.parametrize("digits", [4, 12, 18, 23])
def test_digits_bound_the_relative_error(digits: int, tmp_path: Path, generator: torch.Generator):
    values = torch.randn(3000, generator=generator) * torch.logspace(-20, 20, 3000)
    found = written(tmp_path / "x", values, Rounding("digits", digits))
    assert float(((found - values) / values).abs().max()) <= 2.0 ** -(digits + 1)


@pytest.mark.parametrize("bits", [3, 8, 12])
def test_steps_go_with_each_column(bits: int, tmp_path: Path, generator: torch.Generator):
    values = torch.randn(4000, 3, generator=generator) * torch.tensor([1.0, 100.0, 1e-4])
    found = written(tmp_path / "x", values, Rounding("steps", bits))
    off = (found - values).abs().amax(0) / values.std(0, correction=0)
    assert bool((off <= 0.501 * 2.0 ** (2 - bits)).all())
    assert 8.0 * (tmp_path / "x").stat().st_size / values.numel() < bits + 1.5


def test_a_column_that_is_all_alike_stays_so(tmp_path: Path):
    found = written(tmp_path / "x", torch.zeros(10, 2), Rounding("steps", 6))
    assert not found.any()


def test_what_it_says_of_itself_is_read_without_the_tensors(tmp_path: Path):
    written(tmp_path / "x", torch.ones(3), EXACT)
    file = CompactFile(tmp_path / "x")
    assert is_compact(tmp_path / "x")
    assert file.metadata() == {"about": "a test"}
    assert list(file.keys()) == ["t"]
    (tmp_path / "y").write_bytes(b"something else")
    assert not is_compact(tmp_path / "y")
    assert not is_compact(tmp_path)


def test_damage_is_told_and_never_more_memory_taken_than_is_said(tmp_path: Path):
    path = tmp_path / "x"
    values = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    whole = written(path, values, Rounding("steps", 6))
    content, random = path.read_bytes(), np.random.default_rng(0)
    told = 0
    for _ in range(150):
        cut = content[: random.integers(8, len(content))]
        changed = bytearray(content if random.random() < 0.5 else cut)
        changed[int(random.integers(8, len(changed)))] ^= 1 << int(random.integers(8)) if len(changed) > 8 else 0
        path.write_bytes(bytes(changed))
        try:
            found = CompactFile(path).get_tensor("t")
        except (CheckpointError, KeyError):
            told += 1
        else:
            assert found.numel() <= 10 * whole.numel()
    assert told > 75
