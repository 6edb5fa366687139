"""Frames of a video file, by ffmpeg: upright, in the order of time, at a constant rate."""

from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from jaxtyping import Float, UInt8

from nfield.errors import DataError

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".3gp")
"""Names of video files end in one of these."""


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video.

    >>> is_video(Path("walk.MOV")), is_video(Path("walk"))
    (True, False)
    """
    return path.suffix.lower() in SUFFIXES


def frame_count(path: Path) -> int:
    """About how many frames it has, as its header says; at least 1."""
    meta = next(_stream(path, "gray", 1, 16))
    return max(1, round(meta.get("duration", 0.0) * meta.get("fps", 0.0)))


def grey_frames(path: Path, longest: int) -> Iterator[Float[np.ndarray, "h w"]]:
    """Frames in grey, in [0, 1].

    Args:
        path: The video.
        longest: Pixels along the longer edge at most.
    """
    for frame in _frames(path, "gray", 1, longest):
        yield frame[..., 0].astype(np.float32) / 255.0


def color_frames(path: Path, longest: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The same frames in colour; see `grey_frames`."""
    return _frames(path, "rgb24", 3, longest)


def _frames(path: Path, kind: str, channels: int, longest: int) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    stream = _stream(path, kind, channels, longest)
    width, height = next(stream)["size"]
    for content in stream:
        yield np.frombuffer(content, np.uint8).reshape(height, width, channels)


def _stream(path: Path, kind: str, channels: int, longest: int) -> Iterator:
    """What the video's header says, then each frame's bytes; ffmpeg ends when this does."""
    if not path.is_file():
        raise DataError(f"{path}: does not exist, expected a video; check the path")
    fit = f"scale=w='min({longest},iw)':h='min({longest},ih)':force_original_aspect_ratio=decrease"
    stream = imageio_ffmpeg.read_frames(
        path, pix_fmt=kind, bits_per_pixel=8 * channels, output_params=["-vf", fit, "-sws_flags", "area"]
    )
    try:
        yield from stream
    except (OSError, RuntimeError, IndexError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(
            f"{path}: cannot be read as a video ({reason}), expected a whole file that ffmpeg knows, for example MP4 "
            "(H.264); copy it again, or convert it with ffmpeg"
        ) from error
    finally:
        stream.close()
