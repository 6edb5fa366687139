"""A textured mesh of a pose, as Wavefront OBJ with its material and texture beside it."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from trimesh import Trimesh
from trimesh.exchange.obj import export_obj
from trimesh.visual import TextureVisuals
from trimesh.visual.material import SimpleMaterial

from avatars.export.pose_options import PoseOptions
from avatars.posed.run import KIND, load_avatar
from nfield.devices import CPU
from nfield.export import Tell, register
from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class Obj:
    """The format."""

    about: str = "textured mesh of a pose (Wavefront OBJ; material and texture lie beside it)"
    suffix: str = ".obj"
    endings: tuple[str, ...] = ()
    options: PoseOptions = field(default_factory=PoseOptions)

    def write(self, run: Path, out: Path, options: PoseOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        mesh, name = options.mesh(load_avatar(run, device=device), tell), out.stem
        pixels = (mesh.texture.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).numpy()
        material = SimpleMaterial(image=Image.fromarray(pixels), name=name)
        visual = TextureVisuals(uv=mesh.uv.numpy(), material=material)
        shown = Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), visual=visual, process=False)
        text, beside = export_obj(shown, return_texture=True, mtl_name=f"{name}.mtl", header="nfield")
        for file, content in beside.items():
            write_atomically(out.with_name(file), content)
        write_atomically(out, text.encode())


register(KIND, "obj", Obj())
