"""A textured mesh of a pose, as Wavefront OBJ with its material and texture beside it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from PIL import Image
from trimesh import Trimesh
from trimesh.exchange.obj import export_obj
from trimesh.visual import TextureVisuals
from trimesh.visual.material import SimpleMaterial

from avatars.export.formats.glb import texture_size
from avatars.export.posed_mesh import PosedMesh
from avatars.export.textured import TextureConfig
from avatars.posed.run import KIND, load_avatar
from nfield.checkpoint import write_atomically
from nfield.export import Tell, register


@dataclass(frozen=True)
class MeshOptions:
    """Options of --to obj and --to ply."""

    pose: str = "t-pose"
    """Name of a pose, or a file of body parameters (npz)."""
    texture: int = 2048
    """Width of the texture, pixels."""
    seed: int = 0
    """Of where the field is looked at to find its empty parts."""

    def mesh(self, run: Path, tell: Tell) -> PosedMesh:
        """The mesh of a run in the pose."""
        config = replace(TextureConfig(), size=texture_size(self.texture))
        avatar = load_avatar(run)
        tell("making the mesh and its texture")
        return PosedMesh.of(avatar, self.pose, config, seed=self.seed)


@dataclass(frozen=True)
class Obj:
    """The format."""

    about: str = "textured mesh of a pose (Wavefront OBJ; material and texture lie beside it)"
    suffix: str = ".obj"
    options: MeshOptions = field(default_factory=MeshOptions)

    def write(self, run: Path, out: Path, options: MeshOptions, tell: Tell) -> None:
        """See `nfield.export.Export`."""
        mesh, name = options.mesh(run, tell), out.stem
        pixels = (mesh.texture.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).numpy()
        material = SimpleMaterial(image=Image.fromarray(pixels), name=name)
        visual = TextureVisuals(uv=mesh.uv.numpy(), material=material)
        shown = Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), visual=visual, process=False)
        text, beside = export_obj(shown, return_texture=True, mtl_name=f"{name}.mtl", header="nfield")
        for file, content in beside.items():
            write_atomically(out.with_name(file), content)
        write_atomically(out, text.encode())


register(KIND, "obj", Obj())
