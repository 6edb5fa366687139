"""Pictures about a fitted picture: where it errs, and where its kernels lie."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.data.picture import Picture
from nfield.encodings.initial_centers import ellipses
from nfield.encodings.rbf import AdaptiveBases
from nfield.fields.signal import PIXELS_PER_UNIT
from nfield.pictures.bands import WHOLE, area_averaged
from nfield.whole_file import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GREY_LEVELS = 255.0
_SHOWN_SHARE = 0.999
_DPI = 100
_LONGER_EDGE = 1100
_KERNELS_EDGE = 1024


def draw_error_map(fitted: Picture, picture: Picture, path: Path, *, title: str) -> None:
    """Draws the absolute error of each pixel, with a colour bar in grey levels of 255; means of pixels in large ones.

    Args:
        fitted: What the signal makes of the picture.
        picture: The picture.
        path: The PNG file to write.
        title: Above it.
    """
    error = _error_map(fitted, picture)
    top = max(float(error.flatten().kthvalue(max(1, round(_SHOWN_SHARE * error.numel()))).values), 1e-3)
    figure = _figure(*error.shape, beside=1.4)
    axes = figure.add_subplot()
    shown = axes.imshow(error.numpy(), cmap="magma", vmin=0.0, vmax=top, interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, extend="max")
    bar.set_label("absolute error, mean over channels, in grey levels of 255 (99.9 % of pixels lie in the range)")
    axes.set_title(title)
    axes.set_axis_off()
    _write(figure, path)


def _error_map(fitted: Picture, picture: Picture) -> Float[Tensor, "h w"]:
    def part(first: int, last: int, left: int, right: int) -> Float[Tensor, "h w 1"]:
        away = (fitted.rows(first, last) - picture.rows(first, last)).abs()[:, left:right]
        return _GREY_LEVELS * away.mean(-1, keepdim=True)

    smaller = max(1.0, max(picture.size) / (2 * _LONGER_EDGE))
    wanted = (max(1, round(picture.size[0] / smaller)), max(1, round(picture.size[1] / smaller)))
    return torch.cat(list(area_averaged(part, WHOLE, picture.size, wanted)))[..., 0]


def draw_kernels(bases: AdaptiveBases, picture: Picture, path: Path) -> None:
    """Draws the kernels as ellipses over a faded picture, or its middle: each where it has fallen to a half.

    Args:
        bases: Of the signal.
        picture: What it was fitted to.
        path: The PNG file to write.
    """
    from matplotlib.collections import EllipseCollection

    top, bottom = _middle(picture.size[0])
    left, right = _middle(picture.size[1])
    shown = picture.rows(top, bottom)[:, left:right]
    half, axes_of = ellipses(bases.shapes.cpu(), bases.kernel, 2)
    half, centers = half.numpy() * PIXELS_PER_UNIT, bases.centers.cpu().numpy() * PIXELS_PER_UNIT
    reach = half.max(-1, keepdims=True)
    near = ((centers + reach > (left, top)) & (centers - reach < (right, bottom))).all(-1)
    half, long = half[near], axes_of[:, :, 1].numpy()[near]
    angle = np.degrees(np.arctan2(long[:, 1], long[:, 0]))
    figure = _figure(bottom - top, right - left)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    faded = 0.45 * shown.numpy() + 0.55 if picture.channels != 4 else shown.numpy()
    extent = (float(left), float(right), float(bottom), float(top))
    axes.imshow(faded if picture.channels > 1 else faded[..., 0], cmap="gray", vmin=0.0, vmax=1.0, extent=extent)
    drawn = EllipseCollection(
        2.0 * half[:, 1], 2.0 * half[:, 0], angle, units="xy", offsets=centers[near], transOffset=axes.transData,
        facecolors="none", edgecolors="tab:red", linewidths=0.5,
    )  # fmt: skip
    axes.add_collection(drawn)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_axis_off()
    _write(figure, path)


def _middle(edge: int) -> tuple[int, int]:
    """The part of an edge whose kernels can be told apart."""
    begin = max(0, (edge - _KERNELS_EDGE) // 2)
    return begin, min(edge, begin + _KERNELS_EDGE)


def _figure(height: int, width: int, *, beside: float = 0.0) -> "Figure":
    """A figure of a picture's shape, with some inches beside it."""
    # Imported here: it takes half a second, and only those who train need it.
    from matplotlib.figure import Figure

    inches = _LONGER_EDGE / max(height, width) / _DPI
    size = (max(width * inches, 2.0) + beside, max(height * inches, 2.0))
    return Figure(figsize=size, dpi=_DPI, layout="constrained" if beside else None)


def _write(figure: "Figure", path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content)
    write_atomically(path, content.getvalue())
