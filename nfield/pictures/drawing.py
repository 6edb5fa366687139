"""Pictures about a fitted picture: where it errs, and where its kernels lie."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.encodings.initial_centers import ellipses
from nfield.encodings.rbf import AdaptiveBases
from nfield.fields.signal import PIXELS_PER_UNIT
from nfield.whole_file import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GREY_LEVELS = 255.0
_SHOWN_SHARE = 0.999
_DPI = 100
_LONGER_EDGE = 1100


def draw_error_map(fitted: Float[Tensor, "h w c"], picture: Float[Tensor, "h w c"], path: Path, *, title: str) -> None:
    """Draws the absolute error of each pixel, with a colour bar in grey levels of 255.

    Args:
        fitted: In [0, 1].
        picture: In [0, 1].
        path: The PNG file to write.
        title: Above it.
    """
    error = _GREY_LEVELS * (fitted - picture).abs().mean(-1)
    top = max(float(error.flatten().kthvalue(max(1, round(_SHOWN_SHARE * error.numel()))).values), 1e-3)
    figure = _figure(*error.shape, beside=1.4)
    axes = figure.add_subplot()
    shown = axes.imshow(error.numpy(), cmap="magma", vmin=0.0, vmax=top, interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, extend="max")
    bar.set_label("absolute error, mean over channels, in grey levels of 255 (99.9 % of pixels lie in the range)")
    axes.set_title(title)
    axes.set_axis_off()
    _write(figure, path)


def draw_kernels(bases: AdaptiveBases, picture: Float[Tensor, "h w c"], path: Path) -> None:
    """Draws the kernels as ellipses over a faded picture: each where its value has fallen to a half.

    Args:
        bases: Of the signal.
        picture: What it was fitted to, in [0, 1].
        path: The PNG file to write.
    """
    from matplotlib.collections import EllipseCollection

    half, axes_of = ellipses(bases.shapes, bases.kernel, 2)
    centers = bases.centers.numpy() * PIXELS_PER_UNIT
    long = axes_of[:, :, 1]
    angle = np.degrees(torch.atan2(long[:, 1], long[:, 0]).numpy())
    half = half.numpy() * PIXELS_PER_UNIT
    height, width, channels = picture.shape
    figure = _figure(height, width)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    faded = 0.45 * picture.numpy() + 0.55 if channels != 4 else picture.numpy()
    extent = (0.0, float(width), float(height), 0.0)
    axes.imshow(faded if channels > 1 else faded[..., 0], cmap="gray", vmin=0.0, vmax=1.0, extent=extent)
    drawn = EllipseCollection(
        2.0 * half[:, 1], 2.0 * half[:, 0], angle, units="xy", offsets=centers, transOffset=axes.transData,
        facecolors="none", edgecolors="tab:red", linewidths=0.5,
    )  # fmt: skip
    axes.add_collection(drawn)
    axes.set(xlim=(0.0, width), ylim=(height, 0.0))
    axes.set_axis_off()
    _write(figure, path)


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
