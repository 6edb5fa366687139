"""`nfield export`: a run as a file that other tools open."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from nfield.checkpoint import FILE, beside, kind_of
from nfield.cli.kinds import KINDS, kind_named
from nfield.cli.options import parse_options, peeked, with_options_of
from nfield.compact_file import is_compact
from nfield.errors import OptionError
from nfield.export import EXPORTS, Export, export_of

_EXAMPLES = (
    "nfield export runs/me --to glb",
    "nfield export runs/me --to glb --motions walk dance --out me.glb",
    "nfield export runs/me --to vrm --author 'My Name'",
    "nfield export runs/me --to obj --pose sit",
    "nfield export runs/me --to splats --rigged",
    "nfield export runs/lego --to mesh",
    "nfield export runs/lego --to mesh --resolution 384 --out lego.obj",
    "nfield export runs/lego --to splats --minutes 5",
    "nfield export runs/lego --to cameras",
    "nfield export runs/photo --to compact --bits 6",
    "nfield export photo.nfield --to png --out photo.png",
    "nfield export runs/me --to glb --help",
)


@dataclass(frozen=True)
class ExportOptions:
    """Write what a run holds as a file for other tools; --help after a run and a format lists that format's options."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield fit or nfield train wrote, or a compact file of a picture."""
    to: str
    """Format: glb, vrm, obj, ply, splats or mp4 of an avatar; mesh, pointcloud, splats or cameras of a scene; mesh of a
    signed distance field; png or compact of a picture."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    out: Path | None = None
    """File to write. Default: in the run's folder, with its name."""


def parse(arguments: Sequence[str]) -> ExportOptions:
    """Options of this command and of the chosen format."""
    for kind in KINDS:
        kind_named(kind)  # registers the formats of that kind
    name = peeked(arguments, "--to")
    if name is None:  # help, or a complaint that it is missing
        return parse_options(ExportOptions, arguments, command="export", examples=_EXAMPLES)
    typed = with_options_of(ExportOptions, _export(arguments, name).options, name=None, attribute="format_options")
    return parse_options(typed, arguments, command="export", examples=_EXAMPLES)


def run(options: ExportOptions) -> None:
    """Writes the file and says where it is."""
    console = Console(highlight=False, soft_wrap=True)
    kind = kind_of(options.run)
    export = export_of(kind, options.to, where=options.run)
    name = options.run.resolve().name if options.run.is_dir() else "exported"
    out = options.out or beside(options.run, f"{name}{export.suffix}")
    endings = (Path(f"run{export.suffix}").suffix, *export.endings)
    if out.suffix not in endings:
        raise OptionError(f"--out: is {out}, expected a file whose name ends with {' or '.join(endings)}")
    format_options: Any = getattr(options, "format_options", export.options)
    export.write(options.run, out, format_options, console.print, device=kind_named(kind).device(options.device))
    console.print(f"{export.about}, {out.stat().st_size / 1e6:.1f} MB: {out}")


def _export(arguments: Sequence[str], name: str) -> Export:
    """The export that the arguments ask for; where they name no run, one of that name with the options they have."""
    given = [Path(argument) for argument in arguments]
    runs = [path for path in given if (path / FILE).is_file() or is_compact(path)]
    if runs:
        return export_of(kind_of(runs[0]), name, where=runs[0])
    known = [exports[name] for exports in EXPORTS.values() if name in exports]
    if not known:
        names = dict.fromkeys(other for exports in EXPORTS.values() for other in exports)
        raise OptionError(f"--to: is {name!r}, expected one of {', '.join(names)}")
    typed = {argument.split("=")[0] for argument in arguments if argument.startswith("--")}
    return max(known, key=lambda export: len(typed & {f"--{part.name}" for part in fields(export.options)}))
