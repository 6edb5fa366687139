"""`nfield eval`: how well a run agrees with what it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nfield.cli.kinds import kind_at
from nfield.cli.options import at_least, parse_options

_EXAMPLES = (
    "nfield eval runs/lego",
    "nfield eval runs/lego --views 5",
    "nfield eval runs/shots --align-views",
    "nfield eval runs/lego --lpips weights/lpips_alex.safetensors (see docs/evaluation.md)",
)


@dataclass(frozen=True)
class EvalOptions:
    """Measure a scene on its held-out photos, or a fitted picture or mesh; into eval.json, eval.csv and worst/."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train wrote."""
    views: int | None = None
    """Held-out views to measure, evenly spread. Default: all."""
    lpips: Path | None = None
    """Weights of LPIPS, which is measured of scenes where they are given; docs/evaluation.md says how to get them."""
    align_views: bool = False
    """Measure a scene also with each held-out camera moved to where its photo fits best: how good the field is where
    poses are not exact."""
    worst: int = 3
    """Views of a scene with the lowest PSNR to draw into worst/: rendered, photographed, and the difference."""
    resolution: int = 512
    """Cubes along the longest edge of the surface that is compared with a mesh."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    data: Path | None = None
    """Where the data set, picture or mesh lies now, if it was moved."""


def parse(arguments: Sequence[str]) -> EvalOptions:
    """Options of this command."""
    return parse_options(EvalOptions, arguments, command="eval", examples=_EXAMPLES)


def run(options: EvalOptions) -> None:
    """Measures, in the way of the kind of run."""
    at_least(options.views, 1, name="--views")
    at_least(options.worst, 0, name="--worst")
    at_least(options.resolution, 8, name="--resolution")
    kind_at(options.run).measure(options)
