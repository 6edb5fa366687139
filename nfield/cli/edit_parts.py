"""What edits of all kinds of runs have in common: boxes, colours, what is said and drawn."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import ImageColor
from rich.console import Console
from torch import Tensor

from nfield.cameras import Cameras
from nfield.checkpoint import Checkpoint
from nfield.cli.edit_options import Corners, EditOptions, RecolorOptions
from nfield.data.picture_files import side_by_side, write_png
from nfield.errors import OptionError
from nfield.fields.placement import Region
from nfield.fields.recolor import Recolor, luma
from nfield.rendering.image import Image
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.scene_export.seen_points import SeenPoints, seen_points
from nfield.training.run_folder import RUN_FILE, write_json
from nfield.types import Box, Triple

View = Callable[[Cameras, int], Image]
"""Renders what one camera sees."""

PREVIEWS, _PREVIEW = 4, 240
"""Pictures around something before and after, and the longer edge of each."""
_POINTS = 20_000
"""By which it is told where surfaces are and which colours they have."""
_DARKEST = 0.02
"""Mean luma that is taken for what is darker, which would become very bright where it is painted."""


def region_of(corners: Corners, placed: Callable[[Triple], Triple]) -> Region:
    """A box that was typed.

    Args:
        corners: Smallest and largest corner.
        placed: From the user's world to that of the field.

    Raises:
        OptionError: It is empty, or no box.
    """
    if not all(map(math.isfinite, corners)) or not all(corners[axis] < corners[axis + 3] for axis in range(3)):
        raise OptionError(
            f"--box: is {' '.join(f'{x:g}' for x in corners)}, expected X0 Y0 Z0 X1 Y1 Z1 with each of the first "
            "three below its counterpart; nfield edit extent RUN shows where the scene is"
        )
    return Region(placed(corners[:3]), placed(corners[3:]))


def recolor_of(options: RecolorOptions, region: Region | None) -> Recolor:
    """The change of colours that was asked for, which does not know yet how bright what it paints is.

    Args:
        options: What was asked for.
        region: Where.

    Raises:
        OptionError: Nothing was asked for, or a colour has no known name.
    """
    change = Recolor(
        region=region,
        only=None if options.only is None else _color(options.only, "--only"),
        tolerance=options.tolerance,
        paint=None if options.paint is None else _color(options.paint, "--paint"),
        hue=math.radians(options.hue),
        saturation=options.saturation,
        brightness=options.brightness,
    )
    if change == Recolor(region=change.region, only=change.only, tolerance=change.tolerance):
        raise OptionError(
            "nothing says what colours become, expected some of --paint, --hue, --saturation, --brightness"
        )
    return change


def lit(change: Recolor, surfaces: SeenPoints) -> Recolor:
    """A change that knows how bright what it paints is.

    Args:
        change: From `recolor_of`.
        surfaces: What is seen of the run.

    Raises:
        OptionError: None of it would change.
    """
    chosen = change.chosen(surfaces.colors) * change.holds(surfaces.places)
    if not float(chosen.sum()) > 0.0:
        raise OptionError(
            "no surface would change its colour: none of it lies in --box and is of --only within --tolerance; "
            "give other ones (nfield edit extent RUN shows where the scene is)"
        )
    mean = float((chosen * luma(surfaces.colors)).sum() / chosen.sum())
    return replace(change, luma=max(mean, _DARKEST))


def _color(text: str, option: str) -> Triple:
    """A name or #rrggbb as sRGB in [0, 1]."""
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise OptionError(f"{option}: is {text!r}, expected a colour; give its name or #rrggbb") from error
    return red / 255.0, green / 255.0, blue / 255.0


def surfaces_of(shown: SceneRenderer, cameras: Cameras) -> SeenPoints:
    """Points of what is seen from some cameras.

    Args:
        shown: Renders it.
        cameras: From where it is looked at.

    Raises:
        DataError: Next to nothing is seen.
    """
    return seen_points(shown, cameras, _POINTS, generator=torch.Generator().manual_seed(0))


def middle_of(surfaces: SeenPoints) -> Triple:
    """The middle of the box that holds nearly all of what is seen."""
    low, high = _bounds(surfaces)
    x, y, z = (0.5 * (low + high)).tolist()
    return x, y, z


def _bounds(surfaces: SeenPoints) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Smallest and largest coordinates, but for one point in 1000 at each end."""
    low, high = torch.quantile(surfaces.places, torch.tensor([0.001, 0.999]), dim=0)
    return low, high


def show_extent(
    console: Console, surfaces: SeenPoints, box: Box, users: Callable[[Float[Tensor, "3"]], np.ndarray]
) -> None:
    """Says where surfaces and the field are.

    Args:
        console: Is told.
        surfaces: What is seen of the run.
        box: The field's.
        users: From the field's world to the user's.
    """
    for name, low, high in (("surfaces", *_bounds(surfaces)), ("field", box.low, box.high)):
        ends = [users(end) for end in (low, high)]
        texts = [" ".join(f"{x:.4g}" for x in end) for end in (*ends, 0.5 * (ends[0] + ends[1]))]
        console.print(f"{name:9}--box {texts[0]} {texts[1]}   middle {texts[2]}")


def write_about(action: str, options: EditOptions, checkpoint: Checkpoint) -> None:
    """Writes `run.json` of an edited run, for people.

    Args:
        action: What was done.
        options: How.
        checkpoint: The edited run's.
    """
    about = {
        "what": f"{options.run} after nfield edit {action}",
        "options": {name: str(value) for name, value in vars(options).items() if value is not None},
        "numbers": sum(tensor.numel() for tensor in checkpoint.part("field").values()),
        "box": [checkpoint.box.low.tolist(), checkpoint.box.high.tolist()],
    }
    write_json(options.out / RUN_FILE, about)


def write_before_and_after(path: Path, before: View, after: View, cameras: Cameras) -> None:
    """Draws a row of pictures, and below it the same of what was edited.

    Args:
        path: The PNG file.
        before: Renders the run as it was.
        after: As it is now.
        cameras: Of the pictures, which are made smaller.
    """
    scale = min(1.0, _PREVIEW / max(cameras.size))
    height, width = (max(1, round(edge * scale)) for edge in cameras.size)
    small = cameras.resized((height, width))
    rows = [side_by_side([view(small, k).color for k in range(len(small))]) for view in (before, after)]
    write_png(path, torch.cat(rows))
