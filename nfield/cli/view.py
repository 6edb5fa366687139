"""`nfield view`: a run, or two beside each other, in the browser."""

import os
import re
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from nfield.cli.kinds import kind_at
from nfield.cli.options import parse_options
from nfield.errors import OptionError
from viewer.app import Viewer, warm_up
from viewer.camera import home_camera
from viewer.guard import is_loopback, new_token
from viewer.headless_client import check_page
from viewer.interface import Subject
from viewer.server import listen

_LEAST_TOKEN = 16
_PORTS = (0, 65535)
_CHECK_SIZE = (240, 320)
_CHECK_PATIENCE = 120.0
_EXAMPLES = (
    "nfield view runs/lego",
    "nfield view runs/lego runs/lego-vm",
    "nfield view runs/me --motion dance.bvh",
    "nfield view lego.splats.ply",
    "nfield view runs/lego --host 0.0.0.0",
)


@dataclass(frozen=True)
class ViewOptions:
    """Show a run or a PLY file of splats in the browser, or two of a kind beside each other; Ctrl-C ends it."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train or nfield fit wrote, or a PLY file of Gaussian splats."""
    beside: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="RUN2")] = None
    """Another one, shown with the same camera."""
    host: str = "127.0.0.1"
    """Address to listen on. Any other than this machine's own takes a token."""
    port: int = 8080
    """Port to listen on; a busy one moves on to the next."""
    token: str | None = None
    """What the page's address has to hold. Default: none on this machine, else a new one."""
    open: bool = True
    """Open the page in a browser, where there is a display."""
    motion: Path | None = None
    """A further motion for an avatar's player: AMASS .npz, .bvh, .json, or a folder of body parameters. Those that are
    shipped, and those in motions/ in the run's folder, are there without it."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    check: bool = False
    """Only see to it that the page answers and that a picture comes, and leave."""


def parse(arguments: Sequence[str]) -> ViewOptions:
    """Options of this command."""
    return parse_options(ViewOptions, arguments, command="view", examples=_EXAMPLES)


def run(options: ViewOptions) -> None:
    """Serves until it is stopped."""
    _check_options(options)
    console = Console(highlight=False, soft_wrap=True)
    runs = [options.run, *([options.beside] if options.beside else [])]
    with console.status("loading"):
        subjects = _told_apart([_subject(run, options) for run in runs], runs)
        warm_up(subjects)
    listener = listen(options.host, options.port)
    for port in listener.passed:
        console.print(f"port {port} is busy, trying the next")
    token = options.token or (None if is_loopback(options.host) else new_token())
    viewer = Viewer(subjects, listener, token=token)
    try:
        if options.check:
            seen = check_page(viewer.url, home_camera(subjects[0].home, _CHECK_SIZE), patience=_CHECK_PATIENCE)
            console.print(f"the page answers, and {seen} came")
            return
        # Standard output may be a file or a pipe: whoever waits for the address must not wait for a full buffer.
        console.print(f"{' and '.join(subject.name for subject in subjects)}: open {viewer.url}")
        if not is_loopback(options.host):
            console.print("from elsewhere, put this machine's name in the place of localhost")
        console.print("Ctrl-C ends it")
        sys.stdout.flush()
        if options.open and _has_display():
            webbrowser.open(viewer.url)
        viewer.wait()
    except KeyboardInterrupt:
        console.print("closed")
    finally:
        viewer.close()


def _subject(run: Path, options: ViewOptions) -> Subject:
    kind = kind_at(run)
    return kind.subject(run, motion=options.motion, device=kind.device(options.device))


def _told_apart(subjects: list[Subject], runs: Sequence[Path]) -> list[Subject]:
    """Two folders of one name in different places get their whole paths as names."""
    if len({subject.name for subject in subjects}) == len(subjects):
        return subjects
    return [replace(subject, name=str(run)) for subject, run in zip(subjects, runs, strict=True)]


def _check_options(options: ViewOptions) -> None:
    least, most = _PORTS
    if not least <= options.port <= most:
        raise OptionError(f"--port: is {options.port}, expected a number from {least} to {most}")
    if options.token is not None and not re.fullmatch(rf"[A-Za-z0-9_-]{{{_LEAST_TOKEN},}}", options.token):
        raise OptionError(
            f"--token: expected at least {_LEAST_TOKEN} letters, digits, _ or -; leave it out to get a new one"
        )


def _has_display() -> bool:
    """Whether a browser could appear: not over SSH, in a container or in CI."""
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
