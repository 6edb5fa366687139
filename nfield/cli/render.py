"""`nfield render`: a video around whatever a run folder holds."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nfield.checkpoint import kind_of
from nfield.cli.options import at_least, parse_options
from nfield.errors import CheckpointError

RENDERERS = {
    "radiance": "nfield.cli.render_scene",
    "image": "nfield.cli.render_image",
    "avatar": "nfield.cli.render_avatar",
}
"""Modules by the kind of run; each has a `render(options)`, and is imported when it is needed."""

_EXAMPLES = (
    "nfield render runs/lego",
    "nfield render runs/lego --frames 120 --size 400 400 --out lego-orbit",
    "nfield render runs/me --pose t-pose --orbit",
)


@dataclass(frozen=True)
class RenderOptions:
    """Render an orbit around what was trained (a video, frames/NNN.png, strip.png), or a fitted picture at any size."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train or nfield fit wrote."""
    frames: int = 60
    """Pictures around the circle."""
    size: tuple[int, int] | None = None
    """Height and width. Default: those of the photos."""
    out: Path | None = None
    """Folder to write. Default: render/ in the run's; for an avatar the run's itself."""
    pose: str = "t-pose"
    """Pose of an avatar: a name (t-pose, a-pose, walk, ...) or a file of body parameters (npz)."""
    orbit: bool = False
    """Move the camera around; so far the only motion, so that this may be left out."""


def parse(arguments: Sequence[str]) -> RenderOptions:
    """Options of this command."""
    return parse_options(RenderOptions, arguments, command="render", examples=_EXAMPLES)


def run(options: RenderOptions) -> None:
    """Renders, in the way of the kind of run."""
    at_least(options.frames, 1, name="--frames")
    for extent in options.size or ():
        at_least(extent, 2, name="--size")
    kind = kind_of(options.run)
    if kind not in RENDERERS:
        raise CheckpointError(
            f"{options.run}: holds a run of the unknown kind {kind!r}, expected one of {', '.join(RENDERERS)}; "
            "use the version of nfield that wrote it"
        )
    importlib.import_module(RENDERERS[kind]).render(options)
