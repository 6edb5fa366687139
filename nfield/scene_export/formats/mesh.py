"""A scene's surface as a mesh."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from trimesh import Trimesh

from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.saved_scene import KIND, SavedScene, load_scene_run
from nfield.scene_export.cleaning import decimated, without_floaters
from nfield.scene_export.colored_mesh import ColoredMesh
from nfield.scene_export.marching import Lattice, marched
from nfield.scene_export.mesh_files import WRITERS, Placing, upright
from nfield.scene_export.sightlines import Sightlines
from nfield.scene_export.solid import Solid
from nfield.scene_export.surface_colors import ColorReader


@dataclass(frozen=True)
class MeshOptions:
    """Options of --to mesh."""

    resolution: int = 256
    """Cubes along the longest edge of the occupied part; its time and the faces grow with the square or more."""
    opacity: float = 0.25
    """Of one step of the field's rays at the surface, in (0, 1): smaller gives a fuller mesh."""
    floaters: float = 0.02
    """Parts whose diagonal is below this share of the largest part's are removed."""
    faces: int = 200_000
    """At most so many triangles; 0 keeps all."""
    texture: int = 2048
    """Texels along the edge of the texture (GLB and OBJ); 0 gives the vertices colours, as PLY always has them."""
    upright: bool = True
    """Turn a GLB so that the axis nearest to what the cameras hold upright becomes +y, as glTF wants it; without
    it GLB has the axes of the user's files, as OBJ and PLY always have."""


@dataclass(frozen=True)
class MeshFile:
    """The format."""

    about: str = "mesh of the scene's surface (GLB, OBJ or PLY, as --out ends)"
    suffix: str = ".glb"
    endings: tuple[str, ...] = (".obj", ".ply")
    options: MeshOptions = field(default_factory=MeshOptions)

    def write(self, run: Path, out: Path, options: MeshOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        _check(options)
        saved = load_scene_run(run).offloaded(device)
        tell("looking where the cameras see")
        sightlines = Sightlines.of(saved.shown, saved.cameras)
        solid = Solid.of(saved.shown, sightlines, options.opacity)
        mesh = surface(solid, options)
        tell(f"{len(mesh.faces)} triangles; reading their colours")
        reader = ColorReader(saved.shown, sightlines, solid.step)
        WRITERS[out.suffix](out, _colored(mesh, reader, options, out), _placing(saved, options))


def surface(solid: Solid, options: MeshOptions) -> Trimesh:
    """The cleaned surface of a solid.

    Args:
        solid: The solid.
        options: How finely it is looked at, and what is left out.
    """
    vertices, faces = marched(solid.inside, Lattice.over(solid.box, options.resolution))
    mesh = without_floaters(Trimesh(vertices, faces, process=False), options.floaters)
    return decimated(mesh, options.faces) if options.faces else mesh


def _colored(mesh: Trimesh, reader: ColorReader, options: MeshOptions, out: Path) -> ColoredMesh:
    if options.texture and out.suffix != ".ply":
        return ColoredMesh.with_texture(mesh, reader, options.texture)
    return ColoredMesh.with_vertex_colors(mesh, reader)


def _placing(saved: SavedScene, options: MeshOptions) -> Placing:
    up = saved.orbit.up if options.upright else torch.tensor([0.0, 1.0, 0.0])
    return Placing(saved.record.world, upright(up))


def _check(options: MeshOptions) -> None:
    if not 8 <= options.resolution <= 1024:
        raise OptionError(f"--resolution: is {options.resolution}, expected 8 to 1024 cubes")
    if not 0.0 < options.opacity < 1.0:
        raise OptionError(f"--opacity: is {options.opacity:g}, expected a number between 0 and 1")
    if not 0.0 <= options.floaters <= 1.0:
        raise OptionError(f"--floaters: is {options.floaters:g}, expected a share from 0 to 1")
    if options.faces and options.faces < 100:
        raise OptionError(f"--faces: is {options.faces}, expected at least 100 triangles, or 0 for all")
    if options.texture and not 64 <= options.texture <= 8192:
        raise OptionError(f"--texture: is {options.texture}, expected 64 to 8192 pixels, or 0 for colours at vertices")


register(KIND, "mesh", MeshFile())
