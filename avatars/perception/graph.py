"""A converted network: a list of nodes over numbered values, run through a table of operators.

`assets/build/perception.py` writes the files: constants as `t<number>` (float16), the nodes as JSON under `meta`.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nfield.errors import DataError

Operator = Callable[..., Tensor]
ABSENT = -1


@dataclass(frozen=True)
class Node:
    """One operator call.

    Attributes:
        operator: Key of the operator table.
        inputs: Numbers of the values it reads, `ABSENT` where an optional one is left out.
        output: Number of the value it makes.
        options: Its keyword arguments.
        last_uses: Values that no later node reads.
    """

    operator: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, Any]
    last_uses: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A network with one input.

    Attributes:
        operators: What each node's `operator` calls, as `operator(*inputs, **options)`.
        nodes: In an order in which each reads only values made before it.
        constants: Weights and other fixed values by number.
        source: Number of the input.
        sinks: Numbers of the outputs.
    """

    operators: Mapping[str, Operator]
    nodes: tuple[Node, ...]
    constants: Mapping[int, Tensor]
    source: int
    sinks: tuple[int, ...]

    @torch.no_grad()
    def __call__(self, image: Tensor) -> tuple[Tensor, ...]:
        """The outputs for one input; not differentiable. Values are dropped after their last use to save memory."""
        values: dict[int, Tensor] = {self.source: image}
        for node in self.nodes:
            arguments = [self._value(number, values) for number in node.inputs]
            values[node.output] = self.operators[node.operator](*arguments, **node.options)
            for number in node.last_uses:
                values.pop(number, None)
        return tuple(values[number] for number in self.sinks)

    def _value(self, number: int, values: Mapping[int, Tensor]) -> Tensor | None:
        if number == ABSENT:
            return None
        return values[number] if number in values else self.constants[number]


def load_graph(path: Path, operators: Mapping[str, Operator]) -> Graph:
    """Reads a converted network.

    Raises:
        DataError: Where the file is missing or damaged, or needs an operator that the table lacks.
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            meta = json.loads(file["meta"].tobytes())
            constants = {int(name[1:]): _tensor(file[name]) for name in file.files if name != "meta"}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"network file {path} cannot be read ({error}): reinstall, or run assets/build/perception.py"
        ) from error
    unknown = {operator for operator, *_ in meta["nodes"]} - set(operators)
    if unknown:
        raise DataError(f"network file {path} needs operators {sorted(unknown)}; known are {sorted(operators)}")
    return Graph(operators, _nodes(meta["nodes"], meta["sinks"]), constants, meta["source"], tuple(meta["sinks"]))


def _tensor(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(array)
    return tensor.float() if tensor.is_floating_point() else tensor


def _nodes(rows: list[list[Any]], sinks: list[int]) -> tuple[Node, ...]:
    """Nodes in order; walks backwards to see which of them reads a value last."""
    needed, nodes = set(sinks), []
    for operator, inputs, output, options in reversed(rows):
        last = {number for number in inputs if number != ABSENT} - needed
        needed |= last
        nodes.append(Node(operator, tuple(inputs), output, options, tuple(sorted(last))))
    return tuple(reversed(nodes))
