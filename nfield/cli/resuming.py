"""What a continued run was begun with stays: options that say otherwise are refused, none is ignored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tyro

from nfield.checkpoint import Checkpoint, backend_of
from nfield.config_json import to_json
from nfield.errors import OptionError


def named(arguments: Sequence[str]) -> tuple[str, ...]:
    """Options that were typed, by name.

    >>> named(["data", "--out", "runs/a", "--hash.log2-table-size=12"])
    ('out', 'hash.log2_table_size')
    """
    words = [word[2:].split("=", 1)[0] for word in arguments if word.startswith("--") and len(word) > len("--")]
    return tuple(word.replace("-", "_") for word in words)


Typed = tyro.conf.Suppress[tuple[str, ...]]
"""Of an attribute `typed` of options: the names of those that were typed, see `named`."""


def with_names(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Values of a config, nested ones by names with dots.

    >>> with_names({"levels": 3, "grid": {"size": 2}}, "rbf")
    {'rbf.levels': 3, 'rbf.grid.size': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= with_names(value, f"{prefix}.{name}") if isinstance(value, Mapping) else {f"{prefix}.{name}": value}
    return flat


def require_as_begun(options: Any, checkpoint: Checkpoint, begun: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Refuses options that were typed and differ from those that a run was begun with.

    Args:
        options: Of a command that trains, with `typed`, `out` and `field_options`.
        checkpoint: The run's.
        begun: What the run was begun with, by name of option, beside its backend's options: all that it cannot change.
    """
    name = backend_of(checkpoint)
    given = {**vars(options), **with_names(to_json(options.field_options), name)}
    _require_same(options.typed, given, {**with_names(to_json(checkpoint.config), name), **begun}, folder=options.out)


def _require_same(typed: Sequence[str], given: Mapping[str, Any], begun: Mapping[str, Any], *, folder: Path) -> None:
    for name in typed:
        if name in begun and _plain(given.get(name)) != _plain(begun[name]):
            raise OptionError(
                f"--{name.replace('_', '-')}: is {_words(given.get(name))}, but the run in {folder} was begun with "
                f"{_words(begun[name])}; leave it out to go on with that, or begin anew in another folder"
            )


def _plain(value: Any) -> Any:  # noqa: ANN401 - any option
    return list(value) if isinstance(value, tuple | list) else value


def _words(value: Any) -> str:  # noqa: ANN401 - any option
    if value is None or value == ():
        return "none"
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
