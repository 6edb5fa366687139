import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nfield.errors import CheckpointError
from nfield.tensor_file import load_values, save_values


@dataclass(frozen=True)
class _Leaf:
    place: Float[Tensor, "n 3"]
    names: tuple[str, ...] = ()
    pairs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class _Tree:
    index: Int[Tensor, "n"]
    size: tuple[int, int]
    leaf: _Leaf
    other: _Leaf | None = None
    scale: float | None = None
    weights: Float[Tensor, "n"] | None = None


_LEAF = _Leaf(torch.tensor([[1.0, 2.0, 3.0]]), ("a", "b", "c"), (("x",), ("y", "z"), ()))


@pytest.mark.parametrize(
    "tree",
    [
        _Tree(torch.tensor([3, 1]), (4, 5), _LEAF),
        _Tree(torch.zeros(0, dtype=torch.long), (4, 5), _LEAF, _LEAF, 0.1, torch.ones(2)),
    ],
)
def test_a_value_is_the_same_again(tmp_path: Path, tree: _Tree):
    path = tmp_path / "run" / "tree.safetensors"
    save_values(path, {"tree": tree, "seconds": 1.5})
    saved = load_values(path)
    again = saved.value("tree", _Tree)
    assert (again.size, again.scale) == (tree.size, tree.scale)
    assert (again.leaf.names, again.leaf.pairs) == (_LEAF.names, _LEAF.pairs)
    assert torch.equal(again.index, tree.index)
    assert torch.equal(again.leaf.place, _LEAF.place)
    assert (again.other is None, again.weights is None) == (tree.other is None, tree.weights is None)
    assert saved.value("seconds", float) == 1.5


def test_tensors_that_share_memory_and_are_not_contiguous_are_saved(tmp_path: Path):
    table = torch.arange(12.0).reshape(4, 3)
    save_values(tmp_path / "f", {"one": _Leaf(table), "other": _Leaf(table.flip(1)[::2]), "same": _Leaf(table)})
    saved = load_values(tmp_path / "f")
    assert torch.equal(saved.value("other", _Leaf).place, torch.tensor([[2.0, 1.0, 0.0], [8.0, 7.0, 6.0]]))
    assert torch.equal(saved.value("same", _Leaf).place, table)


def test_the_file_is_tensors_and_json_for_any_reader(tmp_path: Path):
    save_values(tmp_path / "f", {"leaf": _LEAF})
    with safe_open(tmp_path / "f", framework="np") as file:
        assert list(file.keys()) == ["leaf.place"]
        assert json.loads(file.metadata()["nfield"])["leaf"]["names"] == ["a", "b", "c"]


def test_what_is_missing_damaged_or_of_another_type_is_named(tmp_path: Path):
    path = tmp_path / "person.safetensors"
    with pytest.raises(CheckpointError, match=r"person.safetensors: cannot be read .*; remove person.safetensors"):
        load_values(path)
    save_values(path, {"leaf": _LEAF, "seconds": "long"})
    saved = load_values(path)
    with pytest.raises(CheckpointError, match="lacks the entry 'body'"):
        saved.value("body", _Leaf)
    with pytest.raises(CheckpointError, match="is not whole"):
        saved.value("leaf", _Tree)
    with pytest.raises(CheckpointError, match="expected a value of type float"):
        saved.value("seconds", float)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_values(path)
    save_file({"leaf.place": torch.ones(1, 3)}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_values(path)
