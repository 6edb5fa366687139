import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import assets
from avatars.perception.graph import ABSENT, Operator, load_graph
from avatars.perception.onnx_operators import ONNX_OPERATORS
from avatars.perception.tflite_operators import TFLITE_OPERATORS
from avatars.perception.threads import single_threaded
from nfield.errors import DataError

OPERATORS = {
    "Scale": lambda value, factor, offset=None: value * factor + (0 if offset is None else offset),
    "Power": lambda value, *, exponent: value**exponent,
}


def save(path: Path, nodes: list[list[object]], sinks: tuple[int, ...] = (3,), **constants: np.ndarray):
    meta = {"source": 0, "sinks": list(sinks), "nodes": nodes}
    np.savez(path, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **constants)
    return path


def test_graph_evaluates_its_formula(tmp_path: Path):
    nodes = [["Scale", [0, 1, ABSENT], 2, {}], ["Power", [2], 3, {"exponent": 2}]]
    graph = load_graph(save(tmp_path / "net.npz", nodes, t1=np.array([3.0], np.float16)), OPERATORS)
    (found,) = graph(torch.tensor([2.0]))
    assert found.tolist() == [36.0]
    assert found.dtype == torch.float32


def test_values_are_dropped_after_their_last_use_only(tmp_path: Path):
    nodes = [["Scale", [0, 1], 2, {}], ["Power", [2], 3, {"exponent": 2}], ["Scale", [3, 2], 4, {}]]
    graph = load_graph(save(tmp_path / "net.npz", nodes, sinks=(2, 4), t1=np.float32([2.0])), OPERATORS)
    assert [value.item() for value in graph(torch.tensor([1.0]))] == [2.0, 8.0]
    assert [node.last_uses for node in graph.nodes] == [(0, 1), (), (3,)]


def test_outputs_may_enter_autograd(tmp_path: Path):
    graph = load_graph(save(tmp_path / "net.npz", [["Power", [0], 3, {"exponent": 2}]]), OPERATORS)
    weight = torch.ones(1, requires_grad=True)
    (weight * graph(torch.tensor([3.0]))[0]).sum().backward()
    assert weight.grad is not None
    assert weight.grad.item() == 9.0


def test_unknown_operator_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"net\.npz needs operators \['Fold'\]; known are \['Power', 'Scale'\]"):
        load_graph(save(tmp_path / "net.npz", [["Fold", [0], 3, {}]]), OPERATORS)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 truncated", b"no archive"])
def test_missing_or_damaged_network_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "net.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"net\.npz cannot be read"):
        load_graph(path, OPERATORS)


@pytest.mark.parametrize(
    ("name", "operators", "shape", "outputs"),
    [
        ("pose_detection", TFLITE_OPERATORS, (1, 224, 224, 3), [(1, 2254, 12), (1, 2254, 1)]),
        (
            "pose_landmark_full",
            TFLITE_OPERATORS,
            (1, 256, 256, 3),
            [(1, 195), (1, 1), (1, 256, 256, 1), (1, 64, 64, 39), (1, 117)],
        ),
        ("modnet", ONNX_OPERATORS, (1, 3, 64, 96), [(1, 1, 64, 96)]),
    ],
)
def test_shipped_network_has_its_outputs(
    name: str, operators: Mapping[str, Operator], shape: tuple[int, ...], outputs: list[tuple[int, ...]]
):
    with single_threaded():
        found = load_graph(assets.path(f"perception/{name}.npz"), operators)(torch.zeros(shape))
    assert [tuple(value.shape) for value in found] == outputs
    assert all(value.isfinite().all() for value in found)
