"""The exports that there are.

A format of a kind of run is one file that registers itself; nothing else changes:

    register("avatar", "glb", Glb())
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from nfield.devices import CPU
from nfield.errors import OptionError

Tell = Callable[[str], None]
"""Is told what begins, and what the user should know."""


@runtime_checkable
class Export(Protocol):
    """Writes runs of one kind in one format."""

    @property
    def about(self) -> str:
        """What the file holds, in a sentence for people."""
        ...

    @property
    def suffix(self) -> str:
        """What the file's name ends with where nobody gives it one: no two formats of a kind have the same."""
        ...

    @property
    def endings(self) -> tuple[str, ...]:
        """With what else a file's name may end, which then says in which of several ways it is written."""
        ...

    @property
    def options(self) -> Any:  # noqa: ANN401 - each format has a dataclass of its own
        """The options' defaults, a frozen dataclass whose fields are documented."""
        ...

    def write(self, run: Path, out: Path, options: Any, tell: Tell, *, device: torch.device = CPU) -> None:  # noqa: ANN401
        """Writes a run.

        Args:
            run: Its folder.
            out: The file; what goes with it lies beside it and begins with its name.
            options: Of the type of `options`.
            tell: For progress.
            device: Where the run's field answers.
        """
        ...


EXPORTS: dict[str, dict[str, Export]] = {}
"""Exports by kind of run, then by name of the format."""


def register(kind: str, name: str, export: Export) -> None:
    """Adds an export.

    Args:
        kind: Of run.
        name: Of the format.
        export: Writes it.
    """
    EXPORTS.setdefault(kind, {})[name] = export


def export_of(kind: str, name: str, *, where: Path) -> Export:
    """The export of a kind of run in a format.

    Args:
        kind: Of the run.
        name: Of the format.
        where: The run's folder, for messages.

    Raises:
        OptionError: There is none; the message lists those that there are.
    """
    if kind not in EXPORTS:
        able = ", ".join(sorted(EXPORTS)) or "none"
        raise OptionError(f"{where}: runs of kind {kind!r} cannot be exported, those of these kinds can: {able}")
    if name not in EXPORTS[kind]:
        raise OptionError(f"--to: is {name!r}, expected one of {', '.join(EXPORTS[kind])} for a run of kind {kind!r}")
    return EXPORTS[kind][name]
