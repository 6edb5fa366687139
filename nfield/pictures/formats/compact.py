"""A fitted picture's field in a small file, which every command takes in place of a run's folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.checkpoint import save_compact
from nfield.compact_file import Rounding
from nfield.data.picture import Picture
from nfield.devices import CPU
from nfield.errors import DataError, OptionError
from nfield.export import Tell, register
from nfield.fields.signal import PIXELS_PER_UNIT
from nfield.pictures.measures import picture_psnr
from nfield.pictures.run import KIND, SavedImage, finished_run, load_image_run, prepare_picture

_RANGE = (3, 12)
_NETWORK_DIGITS = 12
_PLACE_DIGITS = 22
_SHAPE_DIGITS = 16
_CELL = 4.0
_CELL_DIGITS = 16
_BASES = ("bases.centers", "bases.shapes", "bases.features")


@dataclass(frozen=True)
class CompactOptions:
    """Options of --to compact."""

    bits: int = 6
    """Of each number of the grid and of the kernels' features, about; fewer make a smaller file and a worse picture."""


@dataclass(frozen=True)
class Compact:
    """The format."""

    about: str = "field of a picture, rounded and compressed; nfield export FILE --to png decodes it"
    suffix: str = ".nfield"
    endings: tuple[str, ...] = ()
    options: CompactOptions = field(default_factory=CompactOptions)

    def write(self, run: Path, out: Path, options: CompactOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`; decoded on the device to be measured."""
        least, most = _RANGE
        if not least <= options.bits <= most:
            raise OptionError(f"--bits: is {options.bits}, expected {least} to {most} bits a number")
        saved = load_image_run(run, device=device)
        tell("rounding and compressing")
        tensors = _ordered({name.removeprefix("field."): tensor for name, tensor in _of_field(saved).items()})
        named = {f"field.{name}": tensor for name, tensor in tensors.items()}
        save_compact(out, saved.checkpoint, named, {name: _rounding(name, options.bits) for name in named})
        tell(_report(run, saved, out, device))


def _of_field(saved: SavedImage) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in saved.checkpoint.tensors.items() if name.startswith("field.")}


def _ordered(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same field with its kernels along a curve, so that places next to each other are alike."""
    if _BASES[0] not in tensors:
        return dict(tensors)
    order = _curve(tensors[_BASES[0]] * PIXELS_PER_UNIT / _CELL).argsort(stable=True)
    return {name: tensor[order] if name in _BASES else tensor for name, tensor in tensors.items()}


def _curve(cells: Float[Tensor, "n 2"]) -> Int[Tensor, "n"]:
    """Where cells of the plane come along Morton's curve: the digits of both coordinates in turn.

    >>> _curve(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 1.0]])).tolist()
    [0, 1, 2, 7]
    """
    across, down = cells.long().clamp_min(0).unbind(-1)
    digits = range(_CELL_DIGITS)
    return sum(
        (((across >> digit) & 1) << (2 * digit) | ((down >> digit) & 1) << (2 * digit + 1) for digit in digits),
        torch.zeros_like(across),
    )


def _rounding(name: str, bits: int) -> Rounding:
    """Features and grid in steps; the small rest finer, because everything depends on it.

    Phases of the sines are a kernel's value times up to 4096, so places and shapes need more digits than features.
    """
    if name.endswith(("bases.features", "grid.table")):
        return Rounding("steps", bits)
    if name.endswith("bases.centers"):
        return Rounding("digits", _PLACE_DIGITS)
    if name.endswith("bases.shapes"):
        return Rounding("digits", _SHAPE_DIGITS)
    return Rounding("digits", _NETWORK_DIGITS) if name.startswith(("field.net.", "field.shift")) else Rounding()


def _report(run: Path, saved: SavedImage, out: Path, device: torch.device) -> str:
    """Size and error of a file: against the picture, where it is still there, and against what the run makes of it."""
    height, width = saved.plan.size
    size = out.stat().st_size
    said = f"{8.0 * size / (height * width):.2f} bits a pixel"
    packed = load_image_run(out, device=device)
    try:
        picture = prepare_picture(Path(saved.plan.picture), size=saved.plan.size)
        before, after = (_psnr(where, one, picture) for where, one in ((run, saved), (out, packed)))
    except DataError:
        return f"{said}; its picture is not there, so how much worse it became is not known"
    return f"{said}; PSNR {after:.2f} dB, of the run itself {before:.2f} dB"


def _psnr(where: Path, saved: SavedImage, picture: Picture) -> float:
    return picture_psnr(finished_run(where, saved, picture).decoded(), picture)


register(KIND, "compact", Compact())
