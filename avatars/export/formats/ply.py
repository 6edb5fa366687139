"""A mesh of a pose with colours at its vertices, as PLY."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from trimesh import Trimesh
from trimesh.exchange.ply import export_ply

from avatars.export.formats.obj import MeshOptions
from avatars.posed.run import KIND
from nfield.checkpoint import write_atomically
from nfield.export import Tell, register


@dataclass(frozen=True)
class Ply:
    """The format."""

    about: str = "mesh of a pose with colours at its vertices (PLY)"
    suffix: str = ".ply"
    options: MeshOptions = field(default_factory=MeshOptions)

    def write(self, run: Path, out: Path, options: MeshOptions, tell: Tell) -> None:
        """See `nfield.export.Export`."""
        mesh = options.mesh(run, tell)
        colors = (mesh.colors_at(mesh.uv).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).numpy()
        shown = Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), vertex_colors=colors, process=False)
        write_atomically(out, export_ply(shown))


register(KIND, "ply", Ply())
