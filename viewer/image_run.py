"""What a run of kind "image" shows: the fitted picture as a sheet in space, to be zoomed into, and its errors."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.errors import NFieldError
from nfield.pictures.alpha import straight
from nfield.pictures.decoding import render_signal
from nfield.pictures.run import SavedImage, load_image_run, prepare_picture
from nfield.rendering.image import Image, ShouldStop
from nfield.training.run_folder import read_json
from viewer.interface import Home, Subject, View
from viewer.scene_run import refuse_motion, run_facts

_CHUNK = 1 << 14
_FIELD_OF_VIEW = 0.8
_MARGIN = 1.1
_BACKGROUND = 0.35
_ERROR_SCALE = 10.0

Sheet = Callable[[Float[Tensor, "n 2"]], Float[Tensor, "n 3"]]
"""Places on a picture, from its upper left corner (0, 0) to its lower right one (1, 1), to sRGB."""


def load_subject(run: Path, *, motion: Path | None = None) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: Nothing that a picture could follow.

    Raises:
        CheckpointError: The folder holds no picture that can be used.
        OptionError: A motion is given.
    """
    refuse_motion(run, motion, what="picture")
    saved = load_image_run(run)
    height, width = saved.plan.size
    fitted, photo = pixel_sheet(lambda: render_signal(saved.signal, saved.plan.size)), _photo(saved)
    sheets = {"fitted": fitted, "between pixels": signal_sheet(saved)}
    if photo is not None:
        picture = pixel_sheet(lambda: photo)
        sheets |= {"error, 10 times": error_sheet(fitted, picture), "picture": picture}
    views = {name: sheet_view(sheet, width / height) for name, sheet in sheets.items()}
    measured = read_json(run / "eval.json").get("psnr")
    facts = {"PSNR": f"{measured:.2f} dB"} if isinstance(measured, int | float) else {}
    facts |= {"picture": f"{width}x{height}", **run_facts(run, saved.checkpoint)}
    return Subject(run.resolve().name, f"picture {width}x{height}", views, home_of(width / height), facts)


def home_of(aspect: float) -> Home:
    """Right before a sheet of height 1 and width `aspect` around the origin, so far that all of it is seen."""
    distance = 0.5 * _MARGIN * max(1.0, aspect) / torch.tan(torch.tensor(0.5 * _FIELD_OF_VIEW)).item()
    return Home((0.0, 0.0, distance), (0.0, 0.0, 0.0), (0.0, 1.0, 0.0), _FIELD_OF_VIEW)


def sheet_view(sheet: Sheet, aspect: float) -> View:
    """Shows a picture as the sheet z = 0, x to the right and y upwards, of height 1 around the origin.

    Args:
        sheet: The picture.
        aspect: Its width over its height.
    """

    @torch.no_grad()
    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        place, distance = _on_sheet(camera.resized(size), aspect)
        inside = ((place >= 0.0) & (place <= 1.0)).all(-1) & (distance > 0.0)
        color = torch.full((len(place), 3), _BACKGROUND)
        for part in inside.nonzero()[:, 0].split(_CHUNK):
            if should_stop():
                return None
            color[part] = sheet(place[part])
        opacity = inside.to(torch.float32)
        depth = torch.where(inside, distance, torch.zeros_like(distance))
        return Image(color.view(*size, 3), opacity.view(size), depth.view(size))

    return view


def signal_sheet(saved: SavedImage) -> Sheet:
    """What the signal says anywhere, also where it never was asked in training, over grey where it is transparent."""

    def sheet(place: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        return _opaque(straight(saved.signal(place)[None]))[0]

    return sheet


def pixel_sheet(decode: Callable[[], Float[Tensor, "h w c"]]) -> Sheet:
    """Pixels as squares.

    Args:
        decode: Gives them; called once, when they are first shown.
    """

    @cache
    def pixels() -> Float[Tensor, "h w 3"]:
        return _opaque(decode())

    def sheet(place: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        shown = pixels()
        height, width, _ = shown.shape
        column = (place[:, 0] * width).long().clamp_max(width - 1)
        row = (place[:, 1] * height).long().clamp_max(height - 1)
        return shown[row, column]

    return sheet


def error_sheet(fitted: Sheet, picture: Sheet) -> Sheet:
    """Ten times the absolute difference of two pictures."""

    def sheet(place: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        return ((fitted(place) - picture(place)).abs() * _ERROR_SCALE).clamp(0.0, 1.0)

    return sheet


def _on_sheet(camera: Cameras, aspect: float) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
    """Where each pixel's ray meets the sheet, in its own coordinates, and how far away, metres."""
    height, width = camera.size
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
    origins, dirs = camera.directions(torch.zeros(len(pixels), dtype=torch.int64), pixels)
    steep = torch.where(dirs[:, 2].abs() < 1e-9, torch.full_like(dirs[:, 2], 1e-9), dirs[:, 2])
    distance = -origins[:, 2] / steep
    met = origins + distance[:, None] * dirs
    return torch.stack([met[:, 0] / aspect + 0.5, 0.5 - met[:, 1]], -1), distance


def _opaque(image: Float[Tensor, "h w c"]) -> Float[Tensor, "h w 3"]:
    """An image of one, three or four channels as sRGB, over grey."""
    color = image[..., :3].expand(*image.shape[:-1], 3)
    alpha = image[..., 3:] if image.shape[-1] == 4 else torch.ones_like(image[..., :1])
    return color * alpha + _BACKGROUND * (1.0 - alpha)


def _photo(saved: SavedImage) -> Float[Tensor, "h w c"] | None:
    """The picture that was fitted, if its file is still there, can be read and is the same."""
    try:
        photo = prepare_picture(Path(saved.plan.picture), size=saved.plan.size)
    except NFieldError:
        return None
    return photo if photo.shape[-1] == saved.plan.channels else None
