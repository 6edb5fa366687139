"""A film of a motion, rendered from the field itself."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.film import CameraName, Shot, film_seconds
from avatars.motion import open_motion
from avatars.posed.run import KIND, load_avatar
from nfield.data.picture_files import write_video
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register

_EVERY = 10.0  # seconds between two words on how far it is


@dataclass(frozen=True)
class Mp4Options:
    """Options of --to mp4."""

    motion: str = "walk"
    """Name of a shipped motion, or a file of one."""
    camera: CameraName = "follow"
    """Around the figure, before it, or going along with it."""
    size: tuple[int, int] = (512, 512)
    """Height and width, even numbers."""
    fps: float = 15.0
    """Pictures per second; each takes a second or two on a CPU."""
    seconds: float | None = None
    """Length. Default: whole cycles of at least two seconds, or all of a motion up to ten."""
    seed: int = 0
    """Of where the field is looked at to find its empty parts."""


@dataclass(frozen=True)
class Mp4:
    """The format."""

    about: str = "film of a motion (MP4)"
    suffix: str = ".mp4"
    endings: tuple[str, ...] = ()
    options: Mp4Options = field(default_factory=Mp4Options)

    def write(self, run: Path, out: Path, options: Mp4Options, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        _check(options)
        avatar = load_avatar(run, device=device)
        motion = open_motion(options.motion, avatar.model)
        seconds = options.seconds if options.seconds is not None else film_seconds(motion)
        count = max(1, round(seconds * options.fps))
        shot = Shot.of(avatar, motion, camera=options.camera, size=options.size, rate=options.fps, count=count)
        tell(f"{motion.name}: {count} pictures")
        pictures = shot.pictures(avatar, torch.Generator().manual_seed(options.seed))
        write_video(out, _told(pictures, count, tell), frames_per_second=options.fps)


def _check(options: Mp4Options) -> None:
    if min(options.size) < 16 or any(extent % 2 for extent in options.size):
        raise OptionError(f"--size: is {options.size[0]} {options.size[1]}, expected even numbers from 16 on")
    if not 0.0 < options.fps <= 240.0:
        raise OptionError(f"--fps: is {options.fps:g}, expected a number of pictures per second up to 240")
    if options.seconds is not None and not 0.0 < options.seconds < math.inf:
        raise OptionError(f"--seconds: is {options.seconds:g}, expected a positive number of seconds")


def _told(pictures: Iterable[Float[Tensor, "h w 3"]], count: int, tell: Tell) -> Iterator[Float[Tensor, "h w 3"]]:
    """The same pictures, while it is told from time to time how far they are."""
    start = last = time.monotonic()
    for done, picture in enumerate(pictures, 1):
        yield picture
        now = time.monotonic()
        if now - last > _EVERY:
            last = now
            tell(f"{done} of {count} pictures, about {(now - start) / done * (count - done):.0f} s left")


register(KIND, "mp4", Mp4())
