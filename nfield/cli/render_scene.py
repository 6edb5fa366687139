"""Renders an orbit around a trained scene."""

from dataclasses import replace

from rich.console import Console

from nfield.cli.film import write_film
from nfield.cli.render import RenderOptions
from nfield.saved_scene import load_scene_run


def render(options: RenderOptions) -> None:
    """Writes the video, its frames and a strip; says where."""
    options.require_no_motion("scene")
    saved, length = load_scene_run(options.run), options.turn()
    orbit = saved.orbit
    if options.size is not None:
        orbit = replace(orbit, size=options.size, focal=orbit.focal * options.size[0] / orbit.size[0])
    cameras = orbit.cameras(length.count)
    folder = options.out or options.run / "render"
    console = Console(highlight=False, soft_wrap=True)
    frames = (saved.shown.image(cameras, index).color for index in range(length.count))
    write_film(console, folder, frames, count=length.count, name="orbit", rate=length.rate)
