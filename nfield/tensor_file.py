"""Frozen dataclasses that hold tensors, in one safetensors file: nothing in it is code.

A value becomes a JSON document in the file's metadata, in which every tensor is an object `{"tensor": its name}`;
reading goes by the hints of the dataclass that is asked for, so that a file cannot bring a class along.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nfield.config_json import typed
from nfield.errors import CheckpointError
from nfield.whole_file import write_atomically

_KEY = "nfield"
_TENSOR = "tensor"

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class TensorFile:
    """What `load_values` found.

    Attributes:
        path: The file.
        document: JSON values by name.
        tensors: By the names that the document calls them.
    """

    path: Path
    document: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def value(self, name: str, kind: type[_Value]) -> _Value:
        """One of the values.

        Args:
            name: As it was saved.
            kind: Its dataclass, or the class of a plain JSON value.

        Raises:
            CheckpointError: It is missing, or of another type.
        """
        if name not in self.document:
            raise CheckpointError(f"{self.path}: lacks the entry {name!r}; {_advice(self.path)}")
        try:
            return _rebuilt(kind, self.document[name], self.tensors, f"{self.path}: {name}")
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path}: {name} is not whole ({error!r}); {_advice(self.path)}") from error


def save_values(path: Path, values: Mapping[str, object]) -> None:
    """Writes values atomically.

    Args:
        path: The file.
        values: Dataclasses of tensors, plain JSON values and further dataclasses, or plain JSON values, by name.
    """
    tensors: dict[str, Tensor] = {}
    document = {name: _plain(value, name, tensors) for name, value in values.items()}
    write_atomically(path, save(tensors, {_KEY: json.dumps(document)}))


def load_values(path: Path) -> TensorFile:
    """What `save_values` wrote.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            document = json.loads((file.metadata() or {})[_KEY])
            if not isinstance(document, dict):
                raise ValueError("its values are no object")
            return TensorFile(path, document, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a dictionary
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); {_advice(path)}") from error


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:  # noqa: ANN401 - any JSON value
    if torch.is_tensor(value):
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {_TENSOR: name}
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name), f"{name}.{f.name}", tensors) for f in fields(value)}
    return value


def _rebuilt(hint: Any, value: Any, tensors: Mapping[str, Tensor], where: str) -> Any:  # noqa: ANN401 - any type
    hint = _without_none(hint) if value is not None else hint
    if isinstance(value, dict) and set(value) == {_TENSOR}:
        tensor = tensors[value[_TENSOR]]
        if is_dataclass(hint) or not isinstance(tensor, hint):
            raise TypeError(f"a tensor of shape {tuple(tensor.shape)} stands where {hint} is expected")
        return tensor
    if not is_dataclass(hint) or not isinstance(value, dict):
        return typed(hint, value, where)
    hints = get_type_hints(hint)
    parts = {name: _rebuilt(hints[name], part, tensors, f"{where}.{name}") for name, part in value.items()}
    return hint(**parts)  # pyright: ignore[reportCallIssue]


def _without_none(hint: Any) -> Any:  # noqa: ANN401 - any type
    """The type that an optional one has where there is something."""
    some = [entry for entry in get_args(hint) if entry is not type(None)]
    return some[0] if type(None) in get_args(hint) and len(some) == 1 else hint


def _advice(path: Path) -> str:
    return f"remove {path.name} and what was made from it is made again"
