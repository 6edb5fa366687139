"""A scene's surface as a mesh with colours: at its vertices, or in a texture."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from trimesh import Trimesh

from nfield.scene_export.surface_colors import ColorReader
from nfield.scene_export.unwrapping import Unwrapped
from nfield.texture_atlas import Atlas


@dataclass(frozen=True)
class ColoredMesh:
    """A mesh in the scene's world.

    Attributes:
        vertices: Metres.
        normals: Unit vectors outwards.
        faces: Corners of each triangle, counter-clockwise seen from outside.
        colors: sRGB in [0, 1] of the vertices; None where a texture has them.
        uv: Texture coordinates in [0, 1], v upwards; None where there is no texture.
        texture: sRGB in [0, 1], the first row at v = 1; None where vertices have the colours.
    """

    vertices: Float[Tensor, "v 3"]
    normals: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]
    colors: Float[Tensor, "v 3"] | None = None
    uv: Float[Tensor, "v 2"] | None = None
    texture: Float[Tensor, "h w 3"] | None = None

    @staticmethod
    def with_vertex_colors(mesh: Trimesh, reader: ColorReader) -> "ColoredMesh":
        """A mesh, coloured at its vertices.

        Args:
            mesh: Without colours.
            reader: Knows the colours of its points.
        """
        vertices, normals, faces = _parts(mesh)
        colors = reader.at(vertices, normals, reader.facing(vertices, normals))
        return ColoredMesh(vertices, normals, faces, colors=colors)

    @staticmethod
    def with_texture(mesh: Trimesh, reader: ColorReader, size: int) -> "ColoredMesh":
        """A mesh with a texture; where charts meet, vertices are there several times.

        Args:
            mesh: Without colours.
            reader: Knows the colours of its points.
            size: Texels along the edge of the texture.
        """
        vertices, normals, _ = _parts(mesh)
        layout = Unwrapped.of(mesh, size)
        atlas = Atlas.of(layout, layout.faces, size=size)
        straight = torch.nn.functional.normalize(atlas.at(normals), dim=-1)
        # Texels of a triangle are seen by the cameras that see its middle: looking for them is most of the work.
        middle, across = (values[layout.faces].mean(1) for values in (vertices, normals))
        facing = reader.facing(middle, torch.nn.functional.normalize(across, dim=-1))
        texture = atlas.image(reader.at(atlas.at(vertices), straight, facing[atlas.face]))
        return ColoredMesh(
            vertices[layout.vertex], normals[layout.vertex], layout.uv_faces, uv=layout.uv, texture=texture
        )


def _parts(mesh: Trimesh) -> tuple[Float[Tensor, "v 3"], Float[Tensor, "v 3"], Int[Tensor, "t 3"]]:
    """Vertices, normals and faces."""
    vertices = torch.from_numpy(np.array(mesh.vertices)).float()
    normals = torch.from_numpy(np.array(mesh.vertex_normals)).float()
    straight = torch.where(normals.norm(dim=-1, keepdim=True) > 0.5, normals, normals.new_tensor([0.0, 0.0, 1.0]))
    return vertices, torch.nn.functional.normalize(straight, dim=-1), torch.from_numpy(np.array(mesh.faces)).long()
