"""Renders a turntable of an avatar in a pose."""

import torch
from rich.console import Console

from avatars.body.pose_file import read_pose
from avatars.posed.avatar import orbit_around
from avatars.posed.run import load_avatar
from nfield.cli.film import write_film
from nfield.cli.render import RenderOptions

_SIZE = (512, 512)


def render(options: RenderOptions) -> None:
    """Writes the video, its frames and a strip; says where."""
    avatar = load_avatar(options.run)
    pose = read_pose(options.pose, avatar.model)
    posed = avatar.upright(pose, generator=torch.Generator().manual_seed(0))
    height, width = options.size or _SIZE
    cameras = orbit_around(posed.box, height=height, width=width).cameras(options.frames)
    folder = options.out or options.run
    console = Console(highlight=False, soft_wrap=True)
    frames = (posed.image(cameras, index).color for index in range(options.frames))
    write_film(console, folder, frames, count=options.frames, name="turntable")
    console.print(f"{options.frames} frames: see turntable.mp4, strip.png and frames/ in {folder}")
