"""A fitted picture, decoded."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from nfield.data.picture_files import write_png_of
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.pictures.decoding import render_signal
from nfield.pictures.run import KIND, load_image_run


@dataclass(frozen=True)
class PngOptions:
    """Options of --to png."""

    size: tuple[int, int] | None = None
    """Height and width. Default: those of the picture that was fitted."""
    bits: Literal[8, 16] = 8
    """Of a channel."""


@dataclass(frozen=True)
class Png:
    """The format."""

    about: str = "picture, decoded"
    suffix: str = ".png"
    endings: tuple[str, ...] = ()
    options: PngOptions = field(default_factory=PngOptions)

    def write(self, run: Path, out: Path, options: PngOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`; decoded on the device."""
        if options.size is not None and min(options.size) < 1:
            height, width = options.size
            raise OptionError(f"--size: is {height} {width}, expected a height and a width of at least 1 pixel")
        saved = load_image_run(run, device=device)
        if out.resolve() == Path(saved.plan.picture).resolve():
            raise OptionError(f"--out: {out} is the picture that was fitted, which would be lost; give another name")
        size = options.size or saved.plan.size
        tell(f"decoding {size[1]}x{size[0]} pixels")
        shown = render_signal(saved.signal, size, fitted=saved.plan.size)
        write_png_of(out, shown.stored if options.bits == 16 else shown.eight_bits())


register(KIND, "png", Png())
