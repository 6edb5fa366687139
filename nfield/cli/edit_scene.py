"""Edits of scenes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from nfield.checkpoint import FILE, save_checkpoint
from nfield.cli.edit_options import (
    AddOptions,
    Chosen,
    Corners,
    CropOptions,
    EditOptions,
    EraseOptions,
    MoveOptions,
    PlacedOptions,
    RecolorOptions,
)
from nfield.cli.edit_parts import (
    PREVIEWS,
    lit,
    middle_of,
    recolor_of,
    region_of,
    show_extent,
    surfaces_of,
    write_about,
    write_before_and_after,
)
from nfield.cli.options import positive, refuse_existing_run
from nfield.editing import (
    Edit,
    Finished,
    between_worlds,
    cropped,
    erased,
    finished,
    joined,
    moved,
    opened,
    recolored,
)
from nfield.errors import OptionError
from nfield.fields.placement import Placement, Region
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import SavedScene, load_scene_run
from nfield.scene_export.seen_points import SeenPoints
from nfield.training.run_lock import only_writer
from nfield.types import Triple

_AROUND = 8
"""Cameras by which it is told what a scene shows."""


def edit_scene(chosen: Chosen) -> None:
    """Edits a scene, or shows where it is."""
    console = Console(highlight=False, soft_wrap=True)
    saved = load_scene_run(chosen.options.run)
    if not isinstance(chosen.options, EditOptions):
        _show_extent(console, saved)
        return
    options = chosen.options
    refuse_existing_run(options.out)
    with only_writer(options.out):
        edited = _APPLIED[type(options)](_Subject(saved, opened(saved)), options)
        with console.status("learning where the edited scene is empty"):
            made = finished(edited, note={"action": chosen.action, "of": str(options.run.resolve())})
        save_checkpoint(options.out, made.checkpoint)
        write_about(chosen.action, options, made.checkpoint)
        with console.status("drawing before and after"):
            _write_preview(options.out / "preview.png", saved.shown, made)
    megabytes = (options.out / FILE).stat().st_size / 1e6
    console.print(f"{chosen.action}: {len(edited.pieces)} pieces of {len(edited.sources)} fields, {megabytes:.1f} MB")
    console.print(
        f"see preview.png in {options.out} (before, after); next: nfield view {options.out}, "
        f"or nfield convert {options.out} --to hash --out RUN2 to make one field of it"
    )


@dataclass(frozen=True)
class _Subject:
    """A scene, and the same to be edited."""

    saved: SavedScene
    edit: Edit

    def region(self, corners: Corners | None) -> Region | None:
        """A box of the user's world in the scene's."""
        return None if corners is None else region_of(corners, self.point)

    def needed_region(self, corners: Corners) -> Region:
        """The same where there has to be one."""
        region = self.region(corners)
        assert region is not None
        return region

    def point(self, point: Triple) -> Triple:
        """A point of the user's world in the scene's."""
        x, y, z = self.saved.record.world.scene_from_user(np.array(point)).tolist()
        return x, y, z

    def surfaces(self) -> SeenPoints:
        """What is seen of it from all around."""
        return _surfaces(self.saved)

    def placement(self, options: PlacedOptions, center: Callable[[], Triple]) -> Placement:
        """How something is put elsewhere.

        Args:
            options: What was asked for.
            center: What turn and scale leave in place where nothing was said, in the scene's world.
        """
        positive(options.scale, name="--scale", unit="a factor")
        x, y, z = (self.saved.record.world.scale * shift for shift in options.by)
        return Placement.about(
            center() if options.center is None else self.point(options.center),
            axis=options.axis or self.saved.record.orbit.up,
            angle=math.radians(options.turn),
            scale=options.scale,
            shift=(x, y, z),
        )


def _crop(subject: _Subject, options: CropOptions) -> Edit:
    return cropped(subject.edit, subject.needed_region(options.box))


def _erase(subject: _Subject, options: EraseOptions) -> Edit:
    return erased(subject.edit, subject.needed_region(options.box))


def _move(subject: _Subject, options: MoveOptions) -> Edit:
    if options.by == (0.0, 0.0, 0.0) and options.turn == 0.0 and options.scale == 1.0:
        raise OptionError("nothing says how it is moved, expected some of --by, --turn and --scale")
    region = subject.region(options.box)

    def middle() -> Triple:
        return middle_of(subject.surfaces()) if region is None else _middle(region)

    return moved(subject.edit, region, subject.placement(options, middle), copy=options.copy)


def _add(subject: _Subject, options: AddOptions) -> Edit:
    other = load_scene_run(options.other)
    theirs = opened(other)
    brought = between_worlds(subject.edit, theirs)

    def middle() -> Triple:
        x, y, z = brought.of(torch.tensor([middle_of(_surfaces(other))]))[0].tolist()
        return x, y, z

    return joined(subject.edit, theirs, subject.placement(options, middle).after(brought))


def _recolor(subject: _Subject, options: RecolorOptions) -> Edit:
    change = recolor_of(options, subject.region(options.box))
    return recolored(subject.edit, lit(change, subject.surfaces()))


_APPLIED: dict[type[EditOptions], Callable[[_Subject, EditOptions], Edit]] = {  # pyright: ignore[reportAssignmentType]
    CropOptions: _crop,
    EraseOptions: _erase,
    MoveOptions: _move,
    AddOptions: _add,
    RecolorOptions: _recolor,
}


def _surfaces(saved: SavedScene) -> SeenPoints:
    return surfaces_of(saved.shown, saved.orbit.cameras(_AROUND))


def _middle(region: Region) -> Triple:
    x, y, z = (0.5 * (low + high) for low, high in zip(region.low, region.high, strict=True))
    return x, y, z


def _show_extent(console: Console, saved: SavedScene) -> None:
    world = saved.record.world
    show_extent(console, _surfaces(saved), saved.shown.box, lambda point: world.user_from_scene(point.double().numpy()))


def _write_preview(path: Path, before: SceneRenderer, made: Finished) -> None:
    """Pictures of a scene from around, and below them the same of the edited one, from the same places."""
    cameras = made.record.orbit.orbit.cameras(PREVIEWS)
    write_before_and_after(path, before.image, made.shown.image, cameras)
