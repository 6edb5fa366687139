"""`nfield edit`: crop, erase, move, recolour or put together trained scenes, whatever their architecture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    parsed,
)
from nfield.cli.options import positive, refuse_existing_run
from nfield.data.picture_files import side_by_side, write_png
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
from nfield.fields.placement import Placement, Region, Triple
from nfield.fields.recolor import Recolor, luma
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import SavedScene, SceneRecord, load_scene_run
from nfield.surface_points import SurfacePoints, seen_from_around
from nfield.training.run_folder import RUN_FILE, write_json
from nfield.training.run_lock import only_writer

_PREVIEWS, _PREVIEW = 4, 240
"""Pictures around a scene before and after, and the longer edge of each."""
_DARKEST = 0.02
"""Mean luma that is taken for what is darker, which would become very bright where it is painted."""


def parse(arguments: Sequence[str]) -> Chosen:
    """The action that stands first, and its options."""
    return parsed(arguments)


def run(chosen: Chosen) -> None:
    """Edits, or shows where a scene is."""
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
        write_json(options.out / RUN_FILE, _about(chosen.action, options, made))
        with console.status("drawing before and after"):
            _write_preview(options.out / "preview.png", saved.shown, saved.record, made)
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
        if corners is None:
            return None
        if not all(map(math.isfinite, corners)) or not all(corners[axis] < corners[axis + 3] for axis in range(3)):
            raise OptionError(
                f"--box: is {' '.join(f'{x:g}' for x in corners)}, expected X0 Y0 Z0 X1 Y1 Z1 with each of the first "
                "three below its counterpart; nfield edit extent RUN shows where the scene is"
            )
        return Region(self.point(corners[:3]), self.point(corners[3:]))

    def needed_region(self, corners: Corners) -> Region:
        """The same where there has to be one."""
        region = self.region(corners)
        assert region is not None
        return region

    def point(self, point: Triple) -> Triple:
        """A point of the user's world in the scene's."""
        x, y, z = self.saved.record.world.scene_from_user(np.array(point)).tolist()
        return x, y, z

    def surfaces(self) -> SurfacePoints:
        """What is seen of it from all around."""
        return seen_from_around(self.saved.shown, self.saved.orbit)

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
        return subject.surfaces().middle if region is None else _middle(region)

    return moved(subject.edit, region, subject.placement(options, middle), copy=options.copy)


def _add(subject: _Subject, options: AddOptions) -> Edit:
    other = load_scene_run(options.other)
    theirs = opened(other)
    brought = between_worlds(subject.edit, theirs)

    def middle() -> Triple:
        x, y, z = brought.of(torch.tensor([seen_from_around(other.shown, other.orbit).middle]))[0].tolist()
        return x, y, z

    return joined(subject.edit, theirs, subject.placement(options, middle).after(brought))


def _recolor(subject: _Subject, options: RecolorOptions) -> Edit:
    plain = Recolor(
        region=subject.region(options.box),
        only=None if options.only is None else _color(options.only, "--only"),
        tolerance=options.tolerance,
        paint=None if options.paint is None else _color(options.paint, "--paint"),
        hue=math.radians(options.hue),
        saturation=options.saturation,
        brightness=options.brightness,
    )
    if plain == Recolor(region=plain.region, only=plain.only, tolerance=plain.tolerance):
        raise OptionError(
            "nothing says what colours become, expected some of --paint, --hue, --saturation, --brightness"
        )
    return recolored(subject.edit, _lit(plain, subject.surfaces()))


_APPLIED: dict[type[EditOptions], Callable[[_Subject, EditOptions], Edit]] = {  # pyright: ignore[reportAssignmentType]
    CropOptions: _crop,
    EraseOptions: _erase,
    MoveOptions: _move,
    AddOptions: _add,
    RecolorOptions: _recolor,
}


def _lit(change: Recolor, surfaces: SurfacePoints) -> Recolor:
    """A change that knows how bright what it paints is."""
    chosen = change.chosen(surfaces.color) * change.holds(surfaces.points)
    if not float(chosen.sum()) > 0.0:
        raise OptionError(
            "no surface would change its colour: none of it lies in --box and is of --only within --tolerance; "
            "give other ones (nfield edit extent RUN shows where the scene is)"
        )
    mean = float((chosen * luma(surfaces.color)).sum() / chosen.sum())
    return replace(change, luma=max(mean, _DARKEST))


def _color(text: str, option: str) -> Triple:
    """A name or #rrggbb as sRGB in [0, 1]."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise OptionError(f"{option}: is {text!r}, expected a colour; give its name or #rrggbb") from error
    return red / 255.0, green / 255.0, blue / 255.0


def _middle(region: Region) -> Triple:
    x, y, z = (0.5 * (low + high) for low, high in zip(region.low, region.high, strict=True))
    return x, y, z


def _show_extent(console: Console, saved: SavedScene) -> None:
    surfaces = seen_from_around(saved.shown, saved.orbit)
    world = saved.record.world
    for name, low, high in (
        ("surfaces", *surfaces.bounds),
        ("field", saved.shown.box.low, saved.shown.box.high),
    ):
        ends = [world.user_from_scene(end.double().numpy()) for end in (low, high)]
        texts = [" ".join(f"{x:.4g}" for x in end) for end in (*ends, 0.5 * (ends[0] + ends[1]))]
        console.print(f"{name:9}--box {texts[0]} {texts[1]}   middle {texts[2]}")


def _about(action: str, options: EditOptions, made: Finished) -> dict[str, object]:
    field = made.shown.field
    return {
        "what": f"{options.run} after nfield edit {action}",
        "options": {name: str(value) for name, value in vars(options).items() if value is not None},
        "parameters": sum(parameter.numel() for parameter in field.parameters()),
        "box": [made.checkpoint.box.low.tolist(), made.checkpoint.box.high.tolist()],
    }


def _write_preview(path: Path, before: SceneRenderer, record: SceneRecord, made: Finished) -> None:
    """Pictures of a scene from around, and below them the same of the edited one, from the same places."""
    orbit = made.record.orbit.orbit
    cameras = orbit.cameras(_PREVIEWS)
    scale = min(1.0, _PREVIEW / max(cameras.size))
    height, width = (max(1, round(edge * scale)) for edge in cameras.size)
    small = cameras.resized((height, width))
    rows = [side_by_side([shown.image(small, k).color for k in range(_PREVIEWS)]) for shown in (before, made.shown)]
    write_png(path, torch.cat(rows))
