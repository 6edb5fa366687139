"""Pictures that we write: PNG files, strips and videos."""

import io
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio
import imageio_ffmpeg
import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from nfield.whole_file import naming, whole_file, write_atomically


def to_bytes(image: Float[Tensor, "h w c"]) -> UInt8[Tensor, "h w c"]:
    """Colours, sRGB in [0, 1], as bytes, rounded."""
    return (image.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)


def write_png(path: Path, image: Float[Tensor, "h w c"]) -> None:
    """Writes an sRGB image, with straight alpha where it has four channels; makes the folder."""
    write_png_of(path, to_bytes(image).numpy())


def write_png_of(path: Path, pixels: np.ndarray) -> None:
    """Writes whole numbers as a PNG file of as many bits a channel.

    Args:
        path: The file; its folder is made.
        pixels: Height, width and one channel, three, or four with straight alpha; uint8 or uint16, sRGB.
    """
    if pixels.dtype == np.uint16:
        write_atomically(path, _deep_png(pixels))
        return
    with whole_file(path) as beside:
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(beside, format="PNG")


def _deep_png(pixels: np.ndarray) -> bytes:
    """A PNG file of 16 bits a channel, which Pillow cannot write for colours."""
    height, width, channels = pixels.shape
    name = {1: "gray16le", 3: "rgb48le", 4: "rgba64le"}[channels]
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", name]
    words += ["-s", f"{width}x{height}", "-i", "-", "-f", "image2pipe", "-c:v", "png", "-"]
    raw = np.ascontiguousarray(pixels, dtype="<u2").data
    return subprocess.run(words, input=raw, capture_output=True, check=True).stdout


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
