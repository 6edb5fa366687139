"""Shards are the same each time, come back from their files, and damaged ones are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avatars.body import BodyModel
from avatars.crowd.person import Split
from avatars.crowd.shards import DYES, SIZE, Crowd, Shard
from avatars.crowd.snapshots import PLACE
from nfield.errors import DataError


def test_a_shard_holds_every_dye_of_every_viewpoint(shard_of: Callable[[Split, int], Shard]):
    shard = shard_of(Split.TRAINING, 0)
    assert shard.pictures.shape == (DYES, 3, SIZE, SIZE, 4)
    assert [view.frame for view in shard.viewpoints] == ["full", "full", "head"]
    assert len({facts["top color"] + facts["bottom color"] for facts in shard.facts}) > 1
    assert (shard.pictures[..., 3] > 0).mean((2, 3)).min() > 0.05
    assert shard.places.shape == (3, SIZE // PLACE, SIZE // PLACE, 3)


def test_a_number_always_gives_the_same_pictures(model: BodyModel, shard_of: Callable[[Split, int], Shard]):
    again = Crowd(Split.TRAINING, model, ("full", "full", "head")).shard(0)
    assert (again.pictures == shard_of(Split.TRAINING, 0).pictures).all()


def test_neighbours_share_their_dyes(shard_of: Callable[[Split, int], Shard]):
    first, second = shard_of(Split.TRAINING, 0), shard_of(Split.TRAINING, 1)
    for one, other in zip(first.facts, second.facts, strict=True):
        assert one["top color"] == other["top color"]
    assert first.pictures.shape == second.pictures.shape
    assert np.abs(first.pictures.astype(int) - second.pictures).mean() > 1.0


def test_a_shard_comes_back_from_its_file(tmp_path: Path, shard_of: Callable[[Split, int], Shard]):
    shard = shard_of(Split.TRAINING, 0)
    shard.save(tmp_path / "000000.npz")
    again = Shard.load(tmp_path / "000000.npz")
    assert (again.pictures == shard.pictures).all()
    assert (again.places == shard.places).all()
    assert again.viewpoints == shard.viewpoints
    assert again.covered == shard.covered
    assert [dict(facts) for facts in again.facts] == [dict(facts) for facts in shard.facts]
    assert dict(again.shown(1, 2)) == dict(shard.shown(1, 2))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "000001.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"000001\.npz: is not a file of pictures of people"):
        Shard.load(path)
