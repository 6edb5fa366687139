"""How commands read their options: tyro, with a description and examples above the list."""

import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from nfield.errors import CheckpointError, OptionError

if TYPE_CHECKING:  # torch takes seconds to import, and --help needs none
    import torch

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


def names_data(arguments: Sequence[str], is_of_kind: Callable[[str], bool]) -> bool:
    """Whether a command line names a file of a kind where the data belong: not as the value of an option.

    Args:
        arguments: What was typed after the command's name.
        is_of_kind: Tells by a file's name.
    """
    before = ["", *arguments]
    return any(
        is_of_kind(word) and not word.startswith("--") and not last.startswith("--")
        for last, word in zip(before, arguments, strict=False)
    )


def chosen_backend(arguments: Sequence[str], known: Collection[str], *, default: str, option: str = "--field") -> str:
    """The name that an option gives, one of those that are known."""
    name = peeked(arguments, option) or default
    if name not in known:
        raise OptionError(f"{option}: is {name!r}, expected one of {', '.join(known)}; give one of these")
    return name


def budget_minutes(arguments: Sequence[str], *, default: float) -> float:
    """Minutes that --minutes gives, for what depends on them; what is no number is reported by `parse_options`."""
    try:
        return float(peeked(arguments, "--minutes") or default)
    except ValueError:
        return default


def with_options_of(
    options: type[_Options], config: object, *, name: str | None, attribute: str = "field_options"
) -> type[_Options]:
    """A command's options and, as an attribute, those of what it chose: a backend, a format.

    Args:
        options: The dataclass of the command.
        config: The chosen one's options with their defaults.
        name: What its options are typed after; None where they stand beside the command's own.
        attribute: What they are called in the result.
    """
    placed = tyro.conf.OmitArgPrefixes if name is None else tyro.conf.arg(name=name)
    added = (attribute, Annotated[type(config), placed], field(default=config))
    namespace = {"__doc__": options.__doc__}
    return make_dataclass(options.__name__, [added], bases=(options,), frozen=True, namespace=namespace)


def chosen_device(asked: str) -> "torch.device":
    """The device that --device asks for; says which it is, where there is a choice.

    Args:
        asked: As `nfield.device_choice.choose_device` takes it.
    """
    import torch

    from nfield.device_choice import choose_device

    chosen = choose_device(asked)
    if asked != "auto" or torch.cuda.is_available():
        print(f"computing {chosen.words}", file=sys.stderr)
    if chosen.device.type == "cuda":
        torch.cuda.set_device(chosen.device)  # where tinycudann makes its modules
    return chosen.device


def cpu_alone(asked: str, *, what: str) -> "torch.device":
    """The CPU, for what nothing else computes; refuses a GPU that is asked for.

    Args:
        asked: As --device has it.
        what: Is computed, as the subject of a sentence.
    """
    if asked not in ("auto", "cpu"):
        raise OptionError(f"--device: is {asked!r}, but {what} computed on the CPU only; leave --device out")

    from nfield.devices import CPU

    return CPU


def refuse_existing_run(folder: Path) -> None:
    """Refuses a folder that holds a run, so that none is ever overwritten."""
    from nfield.checkpoint import FILE

    if (folder / FILE).exists():
        raise CheckpointError(
            f"{folder}: already holds a run; add --resume to continue it, or give another folder to --out"
        )


def goes_on(folder: Path, *, resume: bool) -> bool:
    """Whether a training goes on with the run in a folder: if that is asked for and anything was saved.

    One that was killed before its first save has left its lock alone; it begins anew, with a note.

    Args:
        folder: The run folder, before it is locked.
        resume: Whether going on is asked for.
    """
    from nfield.checkpoint import FILE
    from nfield.training.run_lock import LOCK_FILE

    if resume and (folder / LOCK_FILE).is_file() and not (folder / FILE).exists():
        warnings.warn(f"{folder}: was left before anything was saved, so it begins anew", UserWarning, stacklevel=2)
        return False
    return resume


def at_least(value: int | float | None, least: int | float, *, name: str) -> None:
    """Refuses an option's value below a limit; None stands for an option that was left out."""
    if value is not None and not value >= least:
        raise OptionError(f"{name}: is {value:g}, expected at least {least:g}; give a larger number")


def positive(value: float, *, name: str, unit: str) -> None:
    """Refuses an option's value that is not above 0."""
    if not value > 0.0:
        raise OptionError(f"{name}: is {value:g}, expected a positive number of {unit}")
