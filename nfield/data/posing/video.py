"""Frames of a video file, by ffmpeg: upright, in the order of time, at a constant rate."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
from jaxtyping import Float, UInt8

from nfield.errors import DataError

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".3gp")
"""Names of video files end in one of these."""

_DURATION = re.compile(r"Duration: (\d+):(\d+):([\d.]+)")
_RATE = re.compile(r"Stream.*Video:.* ([\d.]+) fps")
_GREY, _COLOR = "pgm", "ppm"
"""What ffmpeg writes into the pipe: pictures of which each begins with its size."""


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video.

    >>> is_video(Path("walk.MOV")), is_video(Path("walk"))
    (True, False)
    """
    return path.suffix.lower() in SUFFIXES


def frame_count(path: Path) -> int:
    """About how many frames it has, as its header says; at least 1."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)]
    said = subprocess.run(command, capture_output=True, check=False).stderr.decode(errors="replace")
    duration, rate = _DURATION.search(said), _RATE.search(said)
    if duration is None or rate is None:
        return 1
    hours, minutes, seconds = map(float, duration.groups())
    return max(1, round((3600.0 * hours + 60.0 * minutes + seconds) * float(rate[1])))


def grey_frames(path: Path, longest: int) -> Iterator[Float[np.ndarray, "h w"]]:
    """Frames in grey, in [0, 1].

    Args:
        path: The video.
        longest: Pixels along the longer edge at most.

    Raises:
        DataError: It does not exist or is no video.
    """
    for frame in _frames(path, _GREY, longest):
        yield frame[..., 0].astype(np.float32) / 255.0


def color_frames(path: Path, longest: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The same frames in colour; see `grey_frames`."""
    return _frames(path, _COLOR, longest)


def _frames(path: Path, form: str, longest: int) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    if not path.is_file():
        raise DataError(f"{path}: does not exist, expected a video; check the path")
    fit = f"scale=w='min({longest},iw)':h='min({longest},ih)':force_original_aspect_ratio=decrease:flags=area"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(path), "-vf", fit]
    command += ["-f", "image2pipe", "-c:v", form, "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        count = 0
        try:
            while (frame := _next_frame(process.stdout)) is not None:
                yield frame
                count += 1
        finally:
            process.kill()  # Whoever has seen enough does not wait for the rest.
    if count == 0:
        raise DataError(
            f"{path}: cannot be read as a video, expected a whole file that ffmpeg knows, for example MP4 (H.264); "
            "copy it again, or convert it with ffmpeg"
        )


def _next_frame(stream: IO[bytes]) -> UInt8[np.ndarray, "h w c"] | None:
    """A picture in one of netpbm's binary formats; None where there is no further whole one."""
    kind = stream.readline().strip()
    sizes = stream.readline().split()
    stream.readline()  # the largest value, 255
    if len(sizes) != 2:
        return None
    width, height = map(int, sizes)
    channels = 3 if kind == b"P6" else 1
    content = stream.read(width * height * channels)
    if len(content) < width * height * channels:
        return None
    return np.frombuffer(content, np.uint8).reshape(height, width, channels)
