"""Options of `nfield edit`, by what is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nfield.cli.options import parse_options
from nfield.errors import OptionError
from nfield.types import Triple

Corners = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class ExtentOptions:
    """Show where a scene's surfaces are, in the coordinates of its files: what the boxes of the other edits go by."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder of a scene or an avatar."""


@dataclass(frozen=True)
class EditOptions:
    """What every edit asks for."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder of a scene, or of an avatar for recolor; it stays as it is."""
    out: Path
    """Run folder to write, with a picture of before and after."""


@dataclass(frozen=True)
class CropOptions(EditOptions):
    """Keep what lies in a box, and nothing else."""

    box: Corners
    """X0 Y0 Z0 X1 Y1 Z1: smallest and largest corner."""


@dataclass(frozen=True)
class EraseOptions(EditOptions):
    """Take away what lies in a box."""

    box: Corners
    """X0 Y0 Z0 X1 Y1 Z1: smallest and largest corner."""


@dataclass(frozen=True)
class PlacedOptions(EditOptions):
    """How something is put elsewhere."""

    by: Triple = (0.0, 0.0, 0.0)
    """Shift."""
    turn: float = 0.0
    """Degrees, counter-clockwise where the axis points at you."""
    axis: Triple | None = None
    """Of the turn. Default: the scene's upward direction."""
    scale: float = 1.0
    """Factor on its size."""
    center: Triple | None = None
    """What turn and scale leave in place. Default: the middle of the box, or of its surfaces."""


@dataclass(frozen=True)
class MoveOptions(PlacedOptions):
    """Shift, turn and scale what lies in a box, or all of the scene."""

    box: Corners | None = None
    """X0 Y0 Z0 X1 Y1 Z1: smallest and largest corner of what is moved. Default: all."""
    copy: bool = False
    """It stays where it was as well."""


@dataclass(frozen=True)
class AddOptions(PlacedOptions):
    """Put another scene into this one, whose cameras and background stay."""

    other: Path = tyro.MISSING
    """Folder of the scene that is added; it lies where its own files have it, but for the options below."""


@dataclass(frozen=True)
class RecolorOptions(EditOptions):
    """Change the colours of what lies in a box, or of all; of surfaces of one colour alone with --only.

    Avatars are recoloured in the body's rest pose, in metres, and keep their poses.
    """

    box: Corners | None = None
    """X0 Y0 Z0 X1 Y1 Z1: smallest and largest corner. Default: all."""
    only: str | None = None
    """Colour of what is changed, however brightly it is lit: a name or #rrggbb."""
    tolerance: float = 0.15
    """How far a colour's shares of red, green and blue may be from those of --only."""
    paint: str | None = None
    """A colour that takes the place of hue and saturation, a name or #rrggbb; light and shade stay."""
    hue: float = 0.0
    """Turn of the hue, degrees."""
    saturation: float = 1.0
    """Factor on the distance from grey."""
    brightness: float = 1.0
    """Factor on all channels."""


Options = ExtentOptions | EditOptions

ACTIONS: dict[str, tuple[type[Options], tuple[str, ...]]] = {
    "extent": (ExtentOptions, ("nfield edit extent runs/lego",)),
    "crop": (CropOptions, ("nfield edit crop runs/lego --box -0.7 -0.7 0 0.7 0.7 1 --out runs/part",)),
    "erase": (EraseOptions, ("nfield edit erase runs/lego --box -0.7 -0.7 0 0.7 0.7 1 --out runs/rest",)),
    "move": (
        MoveOptions,
        (
            "nfield edit move runs/lego --turn 90 --out runs/turned",
            "nfield edit move runs/lego --box -0.7 -0.7 0 0.7 0.7 1 --by 0 0 0.5 --copy --out runs/twice",
        ),
    ),
    "add": (AddOptions, ("nfield edit add runs/lego --other runs/chair --by 2 0 0 --out runs/both",)),
    "recolor": (
        RecolorOptions,
        (
            "nfield edit recolor runs/lego --only gold --paint royalblue --out runs/blue",
            "nfield edit recolor runs/lego --saturation 0 --out runs/grey",
        ),
    ),
}
"""By name: options, and lines to try."""


@dataclass(frozen=True)
class Overview:
    """Crop, erase, move, recolour or put together trained scenes, whatever their architecture.

    Every edit leaves a run that is looked at, exported and edited further like any other; nfield convert bakes it into
    one field of any architecture. Coordinates are those of the scene's files. nfield edit ACTION --help tells more.
    """

    action: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="{" + ",".join(ACTIONS) + "}")]
    """What is done: its options follow."""


@dataclass(frozen=True)
class Chosen:
    """An edit and its options."""

    action: str
    options: Options


def parsed(arguments: Sequence[str]) -> Chosen:
    """The action that stands first, and its options."""
    action = arguments[0] if arguments else ""
    if action not in ACTIONS:
        if action and not action.startswith("-"):
            raise OptionError(
                f"{action!r} is not an edit, expected one of {', '.join(ACTIONS)}; see nfield edit --help"
            )
        examples = [line for _, lines in ACTIONS.values() for line in lines]
        parse_options(Overview, arguments, command="edit", examples=examples)
        raise OptionError(f"an edit is missing, expected one of {', '.join(ACTIONS)}; see nfield edit --help")
    options, examples = ACTIONS[action]
    return Chosen(action, parse_options(options, arguments[1:], command=f"edit {action}", examples=examples))
