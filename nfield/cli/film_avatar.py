"""Films an avatar: in a motion, or in a pose from all around."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from avatars.body.pose_file import read_pose
from avatars.film import LONG, Shot, film_seconds
from avatars.motion import Motion, open_motion
from avatars.posed.avatar import Avatar, orbit_around
from avatars.posed.run import load_avatar
from nfield.cli.film import write_film
from nfield.cli.render import RenderOptions
from nfield.errors import OptionError

_SIZE = (512, 512)
_POSE = "t-pose"
_MOTION_RATE = 15.0  # a picture of the field takes a second or two on a CPU


def film(options: RenderOptions, device: torch.device) -> None:
    """Writes the video, its frames and a strip; says where."""
    avatar = load_avatar(options.run, device=device)
    console = Console(highlight=False, soft_wrap=True)
    if options.motion is not None:
        _film_motion(console, avatar, options, options.motion)
    else:
        _film_pose(console, avatar, options)


def _film_motion(console: Console, avatar: Avatar, options: RenderOptions, source: str) -> None:
    if options.pose is not None:
        raise OptionError("--pose: a motion brings its own poses; leave out --pose or --motion")
    motion = open_motion(source, avatar.model)
    length = options.length(rate=_MOTION_RATE, seconds=_seconds(console, motion, options))
    size = options.size or _SIZE
    shot = Shot.of(avatar, motion, camera=options.camera, size=size, rate=length.rate, count=length.count)
    console.print(f"{motion.name}: {length.count} pictures, {length.rate:g} for each of {length.seconds:.1f} seconds")
    folder, frames = options.out or options.run, shot.pictures(avatar, torch.Generator().manual_seed(0))
    write_film(console, folder, frames, count=length.count, name=_file_name(motion), rate=length.rate)


def _seconds(console: Console, motion: Motion, options: RenderOptions) -> float:
    """How long a motion is filmed where no option says it."""
    if not motion.loops and motion.seconds > LONG and options.seconds is None and options.frames is None:
        console.print(
            f"{motion.name} lasts {motion.seconds:.0f} s, of which the first {LONG:.0f} are filmed; see --seconds"
        )
    return film_seconds(motion)


def _file_name(motion: Motion) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in motion.name) or "motion"


def _film_pose(console: Console, avatar: Avatar, options: RenderOptions) -> None:
    if options.camera != "orbit":
        raise OptionError(f"--camera: {options.camera} films a motion; add --motion, or leave --camera out")
    pose, length = read_pose(options.pose or _POSE, avatar.model), options.turn()
    frames = _turntable(avatar, pose, options.size or _SIZE, length.count)
    folder = options.out or options.run
    write_film(console, folder, frames, count=length.count, name="turntable", rate=length.rate)


def _turntable(
    avatar: Avatar, pose: Float[Tensor, "j 3"], size: tuple[int, int], count: int
) -> Iterator[Float[Tensor, "h w 3"]]:
    posed = avatar.upright(pose, generator=torch.Generator().manual_seed(0))
    cameras = orbit_around(posed.box, height=size[0], width=size[1]).cameras(count)
    return (posed.image(cameras, index).color for index in range(count))
