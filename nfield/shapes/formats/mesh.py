"""The surface of a field of distances as a mesh."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from trimesh import Trimesh

from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.scene_export.cleaning import decimated
from nfield.scene_export.colored_mesh import ColoredMesh
from nfield.scene_export.mesh_files import WRITERS, Placing
from nfield.shapes.run import KIND, load_shape_run
from nfield.shapes.surface import zero_set

_RANGE = (8, 4096)


@dataclass(frozen=True)
class SurfaceOptions:
    """Options of --to mesh."""

    resolution: int = 512
    """Cubes along the longest edge of the surface's box; the triangles grow with the square."""
    faces: int = 0
    """At most so many triangles; 0 keeps all."""


@dataclass(frozen=True)
class SurfaceFile:
    """The format."""

    about: str = "mesh of the field's surface (GLB, OBJ or PLY, as --out ends)"
    suffix: str = ".ply"
    endings: tuple[str, ...] = (".glb", ".obj")
    options: SurfaceOptions = field(default_factory=SurfaceOptions)

    def write(self, run: Path, out: Path, options: SurfaceOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`; the field answers on the device, and its surface is marched on the CPU."""
        _check(options)
        saved = load_shape_run(run, device=device)
        tell("looking for the surface")
        mesh = zero_set(saved.signal, options.resolution)
        tell(f"{len(mesh.faces)} triangles")
        shown = decimated(mesh, options.faces) if options.faces else mesh
        WRITERS[out.suffix](out, plain(shown), Placing(saved.plan.world, np.eye(3)))


def plain(mesh: Trimesh) -> ColoredMesh:
    """A mesh without colours, with normals at its vertices."""
    vertices, normals = (torch.from_numpy(np.array(values)).float() for values in (mesh.vertices, mesh.vertex_normals))
    return ColoredMesh(vertices, normals, torch.from_numpy(np.array(mesh.faces)).long())


def _check(options: SurfaceOptions) -> None:
    least, most = _RANGE
    if not least <= options.resolution <= most:
        raise OptionError(f"--resolution: is {options.resolution}, expected {least} to {most} cubes")
    if options.faces and options.faces < 100:
        raise OptionError(f"--faces: is {options.faces}, expected at least 100 triangles, or 0 for all")


register(KIND, "mesh", SurfaceFile())
