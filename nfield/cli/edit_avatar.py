"""Edits of avatars: other colours, in the body's rest pose, so that they go along in every other."""

import shutil
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from avatars.body.pose_file import read_pose
from avatars.body.saved_model import FILE as BODY_FILE
from avatars.posed.avatar import Avatar, orbit_around
from avatars.posed.run import load_avatar
from nfield.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nfield.cli.convert_avatar import AvatarSource
from nfield.cli.edit_options import Chosen, EditOptions, RecolorOptions
from nfield.cli.edit_parts import (
    PREVIEWS,
    lit,
    recolor_of,
    region_of,
    show_extent,
    surfaces_of,
    write_about,
    write_before_and_after,
)
from nfield.cli.options import refuse_existing_run
from nfield.editing import whole_of
from nfield.errors import OptionError
from nfield.fields.edited import EditedConfig
from nfield.fields.recolor import Recolor
from nfield.training.run_lock import only_writer

_POSE = "stand"
"""In which it is drawn."""
_SEEN = 8
"""Cameras by which it is told what an avatar shows."""


def edit_avatar(chosen: Chosen) -> None:
    """Recolours an avatar, or shows where it is.

    Raises:
        OptionError: Something else was asked for.
    """
    options, console = chosen.options, Console(highlight=False, soft_wrap=True)
    source = AvatarSource(load_avatar(options.run), load_checkpoint(options.run))
    teacher = source.teacher
    around = teacher.cameras[torch.arange(0, len(teacher.cameras), max(1, len(teacher.cameras) // _SEEN))]
    surfaces = surfaces_of(teacher.shown, around)
    if not isinstance(options, EditOptions):
        show_extent(console, surfaces, source.box, lambda point: point.double().numpy())
        return
    if not isinstance(options, RecolorOptions):
        raise OptionError(
            f"{options.run}: holds an avatar, of which colours alone can be edited; use recolor, or give a scene's run"
        )
    refuse_existing_run(options.out)
    region = None if options.box is None else region_of(options.box, lambda point: point)
    change = lit(recolor_of(options, region), surfaces)
    with only_writer(options.out):
        edited = recolored(source.checkpoint, change)
        body = options.run / BODY_FILE
        if body.is_file():
            shutil.copyfile(body, options.out / BODY_FILE)
        save_checkpoint(options.out, edited)
        write_about(chosen.action, options, edited)
        _write_preview(options.out / "preview.png", source.avatar, load_avatar(options.out))
    console.print(f"see preview.png in {options.out} (before, after); next: nfield view {options.out}")


def _write_preview(path: Path, before: Avatar, after: Avatar) -> None:
    """Pictures of an avatar in a pose from around, and below them the same of the edited one."""
    generator = torch.Generator().manual_seed(0)
    shown = [one.upright(read_pose(_POSE, one.model), generator=generator) for one in (before, after)]
    cameras = orbit_around(shown[0].box, height=240, width=240).cameras(PREVIEWS)
    write_before_and_after(path, shown[0].image, shown[1].image, cameras)


def recolored(checkpoint: Checkpoint, change: Recolor) -> Checkpoint:
    """An avatar with other colours.

    Args:
        checkpoint: The avatar's.
        change: In the world of the body at rest, metres.
    """
    config, tensors = checkpoint.field, dict(checkpoint.tensors)
    if not isinstance(config, EditedConfig):
        config, own = whole_of(checkpoint)
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("field.")} | own
    pieces = tuple(replace(piece, colors=(*piece.colors, change)) for piece in config.pieces)
    return replace(checkpoint, config=replace(config, pieces=pieces), tensors=tensors)
