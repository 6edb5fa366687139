"""Coloured meshes as files: OBJ and PLY in the user's world, GLB upright, too."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pygltflib as gltf
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from trimesh import Trimesh
from trimesh.exchange.obj import export_obj
from trimesh.visual import TextureVisuals
from trimesh.visual.material import SimpleMaterial

from nfield.data.picture_files import to_bytes
from nfield.data.world import World
from nfield.export.gltf_buffer import GltfBuffer, glb_bytes
from nfield.export.ply_file import ply_bytes
from nfield.scene_export.colored_mesh import ColoredMesh
from nfield.whole_file import write_atomically

_QUALITY = 92
_UNLIT = "KHR_materials_unlit"
_FULL = 65535


@dataclass(frozen=True)
class Placing:
    """How a scene's mesh lies in a file.

    Attributes:
        world: How the scene lies in the user's world.
        upright: Rotation (3, 3) of the user's axes into those of formats that say which way is up.
    """

    world: World
    upright: np.ndarray

    def node_matrix(self) -> np.ndarray:
        """The transform (4, 4) of the scene's world into an upright one, in the user's unit."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.upright / self.world.scale
        matrix[:3, 3] = self.upright @ np.array(self.world.origin)
        return matrix


def upright(up: Float[Tensor, "3"]) -> np.ndarray:
    """The rotation (3, 3) that takes the axis nearest to a direction to +y, and axes to axes.

    >>> upright(torch.tensor([0.1, -0.1, 0.9])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]
    """
    axis = int(up.abs().argmax())
    rows = np.zeros((3, 3))
    rows[1, axis] = 1.0 if float(up[axis]) > 0.0 else -1.0
    rows[0, 1 if axis == 0 else 0] = 1.0
    rows[2] = np.cross(rows[0], rows[1])
    return rows + 0.0


def write_glb(out: Path, mesh: ColoredMesh, placing: Placing) -> None:
    """Binary glTF 2.0: the vertices in the scene's world, where single precision suffices, below one node's transform.

    The photos' light is in the colours, so the material is unlit; what does not know that extension sees a rough one.

    Args:
        out: The file.
        mesh: Its content.
        placing: How it lies there.
    """
    document = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator=f"nfield {version('nfield')}"))
    document.extensionsUsed = [_UNLIT]
    buffer = GltfBuffer(document)
    surface = gltf.PbrMetallicRoughness(metallicFactor=0.0, roughnessFactor=1.0)
    document.materials = [gltf.Material(pbrMetallicRoughness=surface, doubleSided=True, extensions={_UNLIT: {}})]
    attributes = gltf.Attributes(
        POSITION=buffer.accessor(_floats(mesh.vertices), target=gltf.ARRAY_BUFFER, bounded=True),
        NORMAL=buffer.accessor(_floats(mesh.normals), target=gltf.ARRAY_BUFFER),
    )
    if mesh.colors is not None:
        attributes.COLOR_0 = buffer.accessor(_linear(mesh.colors), target=gltf.ARRAY_BUFFER)
        document.accessors[attributes.COLOR_0].normalized = True
    if mesh.uv is not None and mesh.texture is not None:
        downwards = mesh.uv * mesh.uv.new_tensor([1.0, -1.0]) + mesh.uv.new_tensor([0.0, 1.0])
        attributes.TEXCOORD_0 = buffer.accessor(_floats(downwards), target=gltf.ARRAY_BUFFER)
        surface.baseColorTexture = _texture(document, buffer, mesh.texture)
    index = mesh.faces.reshape(-1).numpy().astype("<u4")
    corners = buffer.accessor(index, target=gltf.ELEMENT_ARRAY_BUFFER)
    document.meshes = [gltf.Mesh(primitives=[gltf.Primitive(attributes=attributes, indices=corners, material=0)])]
    columns = placing.node_matrix().T.reshape(-1).tolist()
    document.nodes = [gltf.Node(name=out.stem, mesh=0, matrix=columns)]
    document.scenes, document.scene = [gltf.Scene(nodes=[0])], 0
    write_atomically(out, glb_bytes(document, buffer.finished()))


def write_obj(out: Path, mesh: ColoredMesh, placing: Placing) -> None:
    """Wavefront OBJ in the user's world; a texture and its material lie beside it."""
    name, shown = out.stem, _shown(mesh, placing.world)
    if mesh.uv is not None and mesh.texture is not None:
        material = SimpleMaterial(image=Image.fromarray(to_bytes(mesh.texture).numpy()), name=name)
        shown.visual = TextureVisuals(uv=mesh.uv.numpy(), material=material)
    text, beside = export_obj(
        shown, return_texture=True, mtl_name=f"{name}.mtl", header="nfield", digits=_digits(shown)
    )
    for file, content in beside.items():
        write_atomically(out.with_name(file), content)
    write_atomically(out, text.encode())


def write_ply(out: Path, mesh: ColoredMesh, placing: Placing) -> None:
    """Binary PLY in the user's world, with normals, and with colours at the vertices where they have them."""
    places = placing.world.user_from_scene(mesh.vertices.double().numpy())
    colors = None if mesh.colors is None else to_bytes(mesh.colors[None])[0].numpy()
    write_atomically(out, ply_bytes(places, _floats(mesh.normals), colors, faces=mesh.faces.numpy()))


WRITERS: Mapping[str, Callable[[Path, ColoredMesh, Placing], None]] = {
    ".glb": write_glb,
    ".obj": write_obj,
    ".ply": write_ply,
}
"""By what names of files end with."""


def _shown(mesh: ColoredMesh, world: World) -> Trimesh:
    places = world.user_from_scene(mesh.vertices.double().numpy())
    colors = None if mesh.colors is None else to_bytes(mesh.colors[None])[0].numpy()
    return Trimesh(places, mesh.faces.numpy(), vertex_colors=colors, process=False)


def _digits(mesh: Trimesh) -> int:
    """Behind the point, so that a millionth of the mesh's extent is kept."""
    return int(np.clip(7 - np.floor(np.log10(max(float(mesh.extents.max()), 1e-30))), 0, 30))


def _texture(document: gltf.GLTF2, buffer: GltfBuffer, texture: Float[Tensor, "h w 3"]) -> gltf.TextureInfo:
    file = io.BytesIO()
    Image.fromarray(to_bytes(texture).numpy()).save(file, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    document.images = [gltf.Image(name="color", mimeType="image/jpeg", bufferView=buffer.view(file.getvalue()))]
    edge = gltf.CLAMP_TO_EDGE
    smooth = gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR_MIPMAP_LINEAR, wrapS=edge, wrapT=edge)
    document.samplers = [smooth]
    document.textures = [gltf.Texture(sampler=0, source=0)]
    return gltf.TextureInfo(index=0)


def _linear(colors: Float[Tensor, "v 3"]) -> np.ndarray:
    """Colours as glTF wants them of vertices: linear light, with alpha, in 16 bits."""
    values = colors.clamp(0.0, 1.0)
    light = torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    rows = torch.cat([light, torch.ones_like(light[:, :1])], -1)
    return (rows * _FULL).round().numpy().astype("<u2")


def _floats(values: Tensor) -> np.ndarray:
    return values.numpy().astype("<f4")
