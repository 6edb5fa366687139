"""What a run of kind "image" shows: the fitted picture as a sheet in space, to be zoomed into, and its errors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.checkpoint import beside
from nfield.data.picture import Picture
from nfield.devices import CPU
from nfield.errors import NFieldError
from nfield.pictures.alpha import straight
from nfield.pictures.run import SavedImage, load_image_run, prepare_picture
from nfield.rendering.image import Image, ShouldStop
from nfield.training.run_folder import read_json
from viewer.interface import Home, Subject, View
from viewer.mosaic import Mosaic, Pixels
from viewer.scene_run import refuse_motion, run_facts

_CHUNK = 1 << 14
_FIELD_OF_VIEW = 0.8
_MARGIN = 1.1
_BACKGROUND = 0.35
_ERROR_SCALE = 10.0


@dataclass(frozen=True)
class Look:
    """How a sheet is looked at.

    Attributes:
        edge: Of what a pixel of the window covers, in heights of the sheet.
        whole: Whether this is the finest picture that will be shown.
        should_stop: Whether nobody wants it any more.
    """

    edge: float
    whole: bool
    should_stop: ShouldStop


Sheet = Callable[[Float[Tensor, "n 2"], Look], Float[Tensor, "n 3"] | None]
"""Places on a picture, from its upper left corner (0, 0) to its lower right one (1, 1), to sRGB; None when stopped."""


def load_subject(run: Path, *, motion: Path | None = None, device: torch.device = CPU) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: Nothing that a picture could follow.
        device: Where it is decoded.

    Raises:
        CheckpointError: The folder holds no picture that can be used.
        OptionError: A motion is given.
    """
    refuse_motion(run, motion, what="picture")
    saved = load_image_run(run, device=device)
    height, width = saved.plan.size
    photo, decode = _photo(saved), _fitted(saved)
    sheets = {"fitted": pixel_sheet(saved.plan.size, decode), "between pixels": signal_sheet(saved)}
    if photo is not None:
        shown = _pixels(photo)
        sheets["error, 10 times"] = pixel_sheet(saved.plan.size, difference(decode, shown))
        sheets["picture"] = pixel_sheet(saved.plan.size, shown)
    views = {name: sheet_view(sheet, width / height) for name, sheet in sheets.items()}
    measured = read_json(beside(run, "eval.json")).get("psnr")
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
        resized = camera.resized(size)
        place, distance = _on_sheet(resized, aspect)
        inside = ((place >= 0.0) & (place <= 1.0)).all(-1) & (distance > 0.0)
        color = torch.full((len(place), 3), _BACKGROUND)
        if bool(inside.any()):
            edge = float(distance[inside].mean() / resized.focal_lengths[0, 1])
            found = sheet(place[inside], Look(edge, size == camera.size, should_stop))
            if found is None:
                return None
            color[inside] = found
        opacity = inside.to(torch.float32)
        depth = torch.where(inside, distance, torch.zeros_like(distance))
        return Image(color.view(*size, 3), opacity.view(size), depth.view(size))

    return view


def signal_sheet(saved: SavedImage) -> Sheet:
    """What the signal says anywhere, also where it never was asked in training, over grey where it is transparent."""

    def sheet(place: Float[Tensor, "n 2"], look: Look) -> Float[Tensor, "n 3"] | None:
        found = []
        for part in place.split(_CHUNK):
            if look.should_stop():
                return None
            found.append(_opaque(straight(saved.signal.answers(part))))
        return torch.cat(found)

    return sheet


def pixel_sheet(size: tuple[int, int], pixels: Pixels) -> Sheet:
    """Pixels as squares, and their means where they are smaller than those of the window.

    Args:
        size: Height and width of the picture.
        pixels: Decodes it; asked for what is looked at, and kept.
    """
    mosaic = Mosaic(size, pixels)

    def sheet(place: Float[Tensor, "n 2"], look: Look) -> Float[Tensor, "n 3"] | None:
        return mosaic.colors(place, covered=look.edge * size[0], whole=look.whole, should_stop=look.should_stop)

    return sheet


def difference(fitted: Pixels, picture: Pixels) -> Pixels:
    """Ten times the absolute difference of two pictures."""

    def pixels(numbers: Int[Tensor, "n"]) -> Float[Tensor, "n 3"]:
        return ((fitted(numbers) - picture(numbers)).abs() * _ERROR_SCALE).clamp(0.0, 1.0)

    return pixels


def _fitted(saved: SavedImage) -> Pixels:
    canvas = saved.plan.canvas

    @torch.no_grad()
    def pixels(numbers: Int[Tensor, "n"]) -> Float[Tensor, "n 3"]:
        parts = canvas.pixel_centers(numbers).split(_CHUNK)
        return torch.cat([_opaque(straight(saved.signal.answers(part))) for part in parts])

    return pixels


def _pixels(picture: Picture) -> Pixels:
    return lambda numbers: _opaque(picture.at(numbers))


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


def _opaque(colors: Float[Tensor, "n c"]) -> Float[Tensor, "n 3"]:
    """Colours of one, three or four channels as sRGB, over grey."""
    color = colors[:, :3].expand(len(colors), 3)
    alpha = colors[:, 3:] if colors.shape[1] == 4 else torch.ones_like(colors[:, :1])
    return color * alpha + _BACKGROUND * (1.0 - alpha)


def _photo(saved: SavedImage) -> Picture | None:
    """The picture that was fitted, if its file is still there, can be read and is the same."""
    try:
        photo = prepare_picture(Path(saved.plan.picture), size=saved.plan.size)
    except NFieldError:
        return None
    return photo if photo.channels == saved.plan.channels else None
