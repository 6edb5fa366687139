"""Rendered frames into a folder: PNG files, a video and a strip, with a progress bar."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from nfield.data.picture_files import side_by_side, write_png, write_video

_STRIP_FRAMES = 8
_STRIP_HEIGHT = 240


def write_film(
    console: Console, folder: Path, frames: Iterable[Float[Tensor, "h w 3"]], *, count: int, name: str, rate: float
) -> None:
    """Writes `frames/NNN.png`, `<name>.mp4` and `strip.png`, which shows up to eight of the frames; says where.

    Ctrl-C ends the film after the last whole picture: what is written by then can be played.

    Args:
        console: Shows how far it is, and how long it will take.
        folder: Where to.
        frames: sRGB in [0, 1], rendered while they are asked for.
        count: How many there are.
        name: Of the video.
        rate: Frames per second.

    Raises:
        KeyboardInterrupt: Once more, after the video is whole.
    """
    in_strip = {index * count // _STRIP_FRAMES for index in range(_STRIP_FRAMES)}
    kept: list[Tensor] = []
    stopped: list[KeyboardInterrupt] = []
    done = 0

    def written() -> Iterator[Tensor]:
        nonlocal done
        try:
            for index, frame in enumerate(track(frames, total=count, description="rendering", console=console)):
                write_png(folder / "frames" / f"{index:03d}.png", frame)
                if index in in_strip:
                    kept.append(_small(frame))
                done += 1
                yield frame
        except KeyboardInterrupt as error:
            stopped.append(error)

    write_video(folder / f"{name}.mp4", written(), frames_per_second=rate)
    if kept:
        write_png(folder / "strip.png", side_by_side(kept))
    if done:
        early = f"stopped after {done} of {count}" if stopped else f"{count}"
        console.print(f"{early} frames: see {name}.mp4, strip.png and frames/ in {folder}")
    if stopped:
        raise stopped[0]


def _small(frame: Float[Tensor, "h w 3"]) -> Float[Tensor, "h2 w2 3"]:
    height, width = frame.shape[:2]
    if height <= _STRIP_HEIGHT:
        return frame
    size = (_STRIP_HEIGHT, max(1, round(width * _STRIP_HEIGHT / height)))
    channels = frame.permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(channels, size, mode="area")[0].permute(1, 2, 0)
