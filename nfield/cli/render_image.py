"""Decodes a fitted picture at any size."""

from rich.console import Console

from nfield.cli.render import RenderOptions
from nfield.data.picture_files import write_png
from nfield.training.image import render_signal
from nfield.training.image_run import as_written, load_image_run


def render(options: RenderOptions) -> None:
    """Writes the picture; says where."""
    options.require_no_motion("picture")
    saved = load_image_run(options.run)
    height, width = size = options.size or saved.plan.size
    path = (options.out or options.run / "render") / "decoded.png"
    write_png(path, as_written(render_signal(saved.signal, size)))
    Console(highlight=False, soft_wrap=True).print(f"decoded at {width}x{height} pixels: see {path}")
