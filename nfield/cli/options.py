"""How commands read their options: tyro, with a description and examples above the list."""

from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from nfield.errors import OptionError

_Options = TypeVar("_Options")


def parse_options(
    options: type[_Options], arguments: Sequence[str], *, command: str, examples: Sequence[str]
) -> _Options:
    """A command's options from its arguments; shows help, or what is wrong, and leaves.

    Args:
        options: The dataclass; the first paragraph of its docstring describes the command.
        arguments: What was typed after the command's name.
        command: Its name.
        examples: Whole lines to try.
    """
    about = (options.__doc__ or "").split("\n\n")[0].strip()
    description = "\n".join([about, "", "examples:", *(f"  {line}" for line in examples)])
    config: Any = (tyro.conf.FlagCreatePairsOff,)
    return tyro.cli(options, args=list(arguments), prog=f"nfield {command}", description=description, config=config)


def peeked(arguments: Sequence[str], name: str) -> str | None:
    """The value of an option before the arguments are parsed, because the list of options depends on it.

    >>> peeked(["data", "--minutes", "3"], "--minutes")
    '3'
    """
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == name:
            return following
        if argument.startswith(f"{name}="):
            return argument.split("=", 1)[1]
    return None


def at_least(value: int | float | None, least: int | float, *, name: str) -> None:
    """Refuses an option's value below a limit; None stands for an option that was left out."""
    if value is not None and not value >= least:
        raise OptionError(f"{name}: is {value:g}, expected at least {least:g}; give a larger number")
