"""The command line: `nfield COMMAND ...`.

A command is one module of this package with two functions: `parse(arguments)`, which makes a frozen dataclass of
options, and `run(options)`, which does the work and raises an `NFieldError` for whatever the user can mend. `COMMANDS`
lists them; a module is imported only when its command is called, so that `nfield --help` is quick.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from nfield.errors import NFieldError

COMMANDS = {
    "fit": "Make a posable avatar from one photo of a person.",
    "train": "Train a radiance field on photos or a video, or a field on one picture or one mesh.",
    "eval": "Measure a trained scene on its held-out photos, a picture's or a mesh's field on what it was fitted to.",
    "render": "Film a scene, an avatar or a mesh from all around, an avatar in a motion; or a picture at any size.",
    "convert": "Convert a trained run to another architecture, without photos.",
    "edit": "Crop, erase, move, recolour or put together trained scenes of any architecture.",
    "export": "Write an avatar as a rigged file, a mesh, splats or a film for other tools.",
    "view": "Show a run, or two beside each other, in the browser.",
    "bench": "Time kernels against their torch twins; compare fields on pictures, avatars of people with the truth.",
    "doctor": "Show what this installation can do, and what it lacks.",
}
"""Commands by name, each with a line of help; `nfield/cli/<name>.py` holds it."""

_BAD_INPUT = 2
_STOPPED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Arguments without the program's name; those of the process where they are left out.

    Returns:
        The exit code: 0 where all is well, 2 for input that cannot be used, 130 where it was stopped from outside.
    """
    _let_threads_sleep()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        print(_usage(), file=sys.stderr)
        return _BAD_INPUT
    command, *rest = arguments
    if command in ("-h", "--help"):
        print(_usage())
        return 0
    if command == "--version":
        from importlib.metadata import version

        print(f"nfield {version('nfield')}")
        return 0
    if command not in COMMANDS:
        return _fail(f"{command!r} is not a command, expected one of {', '.join(COMMANDS)}; see nfield --help")
    return _call(command, rest)


def _let_threads_sleep() -> None:
    """Lets GNU OpenMP's threads spin for microseconds only before they sleep, unless the user said how they wait.

    By default they spin for milliseconds, which beside another program costs both half of their speed or more. Read
    when torch is imported, so this comes before.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def _call(command: str, arguments: Sequence[str]) -> int:
    """Runs a command; what can go wrong becomes one line and an exit code."""
    with warnings.catch_warnings():
        _show_warnings_as_notes()
        try:
            module = importlib.import_module(f"nfield.cli.{command}")
            module.run(module.parse(arguments))
        except SystemExit as finished:  # tyro has shown help or what is wrong with the options
            return finished.code if isinstance(finished.code, int) else _BAD_INPUT
        except NFieldError as error:
            return _fail(str(error))
        except OSError as error:
            return _fail(_described(error))
        except KeyboardInterrupt as stop:  # a command may say how to go on
            print(str(stop) or "stopped", file=sys.stderr)
            return _STOPPED
    return 0


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return _BAD_INPUT


def _described(error: OSError) -> str:
    """For example: runs/lego/log.jsonl: no space left on device."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason}; check the path, its permissions and the free space there"


def _show_warnings_as_notes() -> None:
    """Warnings that are meant for users become one line each; deprecations of libraries are not."""
    warnings.simplefilter("ignore")
    for category in (UserWarning, RuntimeWarning):
        warnings.simplefilter("default", category)
    warnings.showwarning = _note


def _note(message: Warning | str, *_: object, **__: object) -> None:
    print(f"note: {' '.join(str(message).split())}", file=sys.stderr)


def _usage() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:{width}}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: nfield COMMAND [OPTIONS]",
            "",
            "Neural fields and 3D avatars on a laptop CPU.",
            "",
            "commands:",
            *lines,
            "",
            "examples:",
            "  nfield fit photo.jpg --out runs/me",
            "  nfield train data/lego --out runs/lego --minutes 3",
            "  nfield eval runs/lego",
            "  nfield convert runs/lego --to vm --out runs/lego-vm",
            "  nfield render runs/lego --frames 60",
            "  nfield view runs/lego",
            "",
            "nfield COMMAND --help shows a command's options; nfield --version the version.",
        ]
    )
