"""Frozen config dataclasses to JSON values and back, checked against their types."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nfield.errors import CheckpointError, NFieldError

_Config = TypeVar("_Config")


def to_json(config: object) -> dict[str, Any]:
    """A config's values as JSON values; nested configs become objects, tuples become lists.

    >>> from nfield.fields import HashConfig
    >>> to_json(HashConfig(levels=8))["levels"]
    8
    """
    return {field.name: _plain(getattr(config, field.name)) for field in fields(config)}  # pyright: ignore[reportArgumentType]


def from_json(config: type[_Config], values: object, *, where: str) -> _Config:
    """A config from JSON values; options that are left out take their defaults.

    Args:
        config: The dataclass.
        values: An object of JSON values by option.
        where: File and place, for messages.

    Raises:
        CheckpointError: An option is unknown or its value has another type.
    """
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{where}: is {_shown(values)}, expected an object of options; {_ADVICE}")
    hints = get_type_hints(config)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise CheckpointError(
            f"{where}: has the unknown option {unknown[0]!r}, expected some of {', '.join(hints)}; {_ADVICE}"
        )
    required = {field.name for field in fields(config) if field.default is MISSING and field.default_factory is MISSING}  # pyright: ignore[reportArgumentType]
    missing = sorted(required - set(values))
    if missing:
        raise CheckpointError(f"{where}: lacks the entry {missing[0]!r}; {_ADVICE}")
    given = {name: typed(hints[name], value, f"{where}.{name}") for name, value in values.items()}
    try:
        return config(**given)
    except (NFieldError, ValueError, ArithmeticError) as error:  # what the config itself refuses
        raise CheckpointError(f"{where}: {error}; {_ADVICE}") from error


_ADVICE = "it was written by another version of nfield or edited: train again, or use that version"
_LONGEST = 80
_LARGEST = 1 << 1000  # integers that a float can hold


def _shown(value: object) -> str:
    """A value for messages, which are one line."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple | list) else value


def typed(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value as the hinted type.

    Args:
        hint: A dataclass, a plain type, or a tuple, mapping, optional or literal of such.
        value: From a JSON document.
        where: File and place, for messages.
    """
    if is_dataclass(hint):
        return from_json(hint, value, where=where)  # pyright: ignore[reportArgumentType]
    reader = _GENERIC.get(get_origin(hint))
    if reader is not None:
        return reader(hint, value, where)
    if hint is object:
        return value
    if hint is float and type(value) is int and abs(value) < _LARGEST:
        return float(value)
    if type(value) is not hint:
        raise CheckpointError(f"{where}: is {_shown(value)}, expected a value of type {hint.__name__}; {_ADVICE}")
    return value


def _sequence(hint: Any, value: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    entries = get_args(hint)
    if isinstance(value, list) and entries[1:] == (Ellipsis,):
        entries = (entries[0],) * len(value)
    if not isinstance(value, list) or len(value) != len(entries):
        raise CheckpointError(f"{where}: is {_shown(value)}, expected {len(entries)} values; {_ADVICE}")
    return tuple(typed(entry, part, where) for entry, part in zip(entries, value, strict=True))


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        raise CheckpointError(f"{where}: is {_shown(value)}, expected an object; {_ADVICE}")
    return {name: typed(get_args(hint)[1], entry, f"{where}.{name}") for name, entry in value.items()}


def _optional(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if value is None and type(None) in get_args(hint):
        return None
    (only,) = [entry for entry in get_args(hint) if entry is not type(None)]
    return typed(only, value, where)


def _choice(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if value not in get_args(hint):
        raise CheckpointError(f"{where}: is {_shown(value)}, expected one of {', '.join(get_args(hint))}; {_ADVICE}")
    return value


_GENERIC: dict[object, Callable[[Any, Any, str], Any]] = {
    tuple: _sequence,
    Mapping: _mapping,
    Union: _optional,
    types.UnionType: _optional,
    Literal: _choice,
}
