"""Pictures that we write: PNG files, strips and videos."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from nfield.whole_file import naming, write_atomically


def to_bytes(image: Float[Tensor, "h w c"]) -> UInt8[Tensor, "h w c"]:
    """Colours, sRGB in [0, 1], as bytes, rounded."""
    return (image.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)


def write_png(path: Path, image: Float[Tensor, "h w c"]) -> None:
    """Writes an sRGB image, with straight alpha where it has four channels; makes the folder."""
    write_atomically(path, png_bytes(image))


def png_bytes(image: Float[Tensor, "h w c"]) -> bytes:
    """The content of the file that `write_png` writes, for those who write it in their own way."""
    buffer = io.BytesIO()
    Image.fromarray(to_bytes(image).numpy()).save(buffer, format="PNG")
    return buffer.getvalue()


def side_by_side(images: Sequence[Float[Tensor, "h w c"]]) -> Float[Tensor, "h w2 c"]:
    """Images of one height, from left to right."""
    return torch.cat(list(images), 1)


def write_video(path: Path, frames: Iterable[Float[Tensor, "h w 3"]], *, frames_per_second: float = 30.0) -> None:
    """Writes an H.264 video (yuv420p, which every player takes); an odd last row or column is cut off.

    Args:
        path: The MP4 file.
        frames: sRGB in [0, 1], of one size.
        frames_per_second: How fast it plays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = imageio.get_writer(
        path, format="FFMPEG", mode="I", fps=frames_per_second, codec="libx264", pixelformat="yuv420p", quality=8,
        macro_block_size=1,
    )  # fmt: skip
    with naming(path), writer:
        for frame in frames:
            height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
            writer.append_data(to_bytes(frame[:height, :width]).contiguous().numpy())
