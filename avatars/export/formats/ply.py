"""A mesh of a pose with colours at its vertices, as PLY."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from trimesh import Trimesh
from trimesh.exchange.ply import export_ply

from avatars.export.pose_options import PoseOptions
from avatars.posed.run import KIND, load_avatar
from avatars.surface.textured import texture_at
from nfield.devices import CPU
from nfield.export import Tell, register
from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class Ply:
    """The format."""

    about: str = "mesh of a pose with colours at its vertices (PLY)"
    suffix: str = ".ply"
    endings: tuple[str, ...] = ()
    options: PoseOptions = field(default_factory=PoseOptions)

    def write(self, run: Path, out: Path, options: PoseOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        mesh = options.mesh(load_avatar(run, device=device), tell)
        colors = (texture_at(mesh.texture, mesh.uv).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).numpy()
        shown = Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), vertex_colors=colors, process=False)
        write_atomically(out, export_ply(shown))


register(KIND, "ply", Ply())
