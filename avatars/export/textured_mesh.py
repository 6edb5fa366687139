"""An avatar's clothed surface as a textured mesh, made from its field."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import BodyModel
from avatars.export.bake import BakeConfig, bake
from avatars.export.outline import OutlineConfig, meet_outlines
from avatars.export.outline_views import OutlineViewsConfig, outline_views
from avatars.posed.avatar import Avatar
from avatars.surface.dressed import DressedSurface
from avatars.surface.mesh import vertex_normals
from avatars.surface.parametrise import TextureLayout
from nfield.errors import DataError
from nfield.texture_atlas import Atlas


@dataclass(frozen=True)
class TextureConfig:
    """How a mesh is made from a field."""

    size: int = 2048
    """Width of the texture, texels; loose clothes lie in a second square below it."""
    bake: BakeConfig = field(default_factory=BakeConfig)
    """How colours are read."""
    views: OutlineViewsConfig = field(default_factory=OutlineViewsConfig)
    """From where outlines are looked at."""
    outline: OutlineConfig = field(default_factory=OutlineConfig)
    """How the mesh follows them."""
    inset: float = 0.0015
    """Metres that the mesh lies inside of the outlines: halfway to where the field has its colours, whose parallax
    would show on patterns that are seen obliquely."""


@dataclass(frozen=True)
class TexturedMesh:
    """A mesh at rest with a texture.

    Attributes:
        dressed: The surface, moved to where the field ends.
        layout: Where its triangles lie in the texture.
        texture: sRGB in [0, 1], the first row at v = 1.
    """

    dressed: DressedSurface
    layout: TextureLayout
    texture: Float[Tensor, "h w 3"]

    @staticmethod
    def of(avatar: Avatar, config: TextureConfig, *, generator: torch.Generator) -> "TexturedMesh":
        """The mesh that shows what an avatar's field shows.

        Args:
            avatar: The avatar.
            config: How it is made.
            generator: Draws where the field is looked at to find its empty parts.
        """
        model, dressed = avatar.model, avatar.dressed
        posed = avatar.upright(torch.zeros(len(model.parents), 3), generator=generator)
        layout = layout_of(model, dressed)
        atlas = Atlas.of(layout, dressed.faces, size=config.size)
        met = meet_outlines(posed.vertices, posed.faces, outline_views(posed, config.views), config.outline)
        offsets = met - config.inset
        normals = vertex_normals(posed.vertices, posed.faces)
        places = posed.vertices + offsets[:, None] * normals
        facing = torch.nn.functional.normalize(atlas.at(vertex_normals(places, posed.faces)), dim=-1)
        color = bake(posed.rendered, atlas.at(places), facing, config.bake)
        return TexturedMesh(_moved(dressed, offsets), layout, atlas.image(color))


def layout_of(model: BodyModel, dressed: DressedSurface) -> TextureLayout:
    """Where a dressed surface's triangles lie in its texture: the body's own places, clothes below them.

    Args:
        model: The body's constants.
        dressed: The surface; its first faces are some of the body's, in their order.

    Raises:
        DataError: The surface is of another body.
    """
    own = (dressed.faces < dressed.body_count).all(1)
    row = {tuple(corners): index for index, corners in enumerate(model.faces.tolist())}
    found = [row.get(tuple(corners), -1) for corners in dressed.faces[own].tolist()]
    if -1 in found or not bool(own[: len(found)].all()):
        raise DataError("the avatar's surface does not belong to its body model; fit the photo again")
    layout = TextureLayout.of_body(model)
    layout = replace(layout, uv_faces=layout.uv_faces[torch.tensor(found, dtype=torch.long)])
    if dressed.garment is None:
        return layout
    return layout.above(TextureLayout.unwrapped(dressed.garment.rest, dressed.garment.faces))


def _moved(dressed: DressedSurface, offsets: Float[Tensor, "v"]) -> DressedSurface:
    """A surface whose vertices moved along their normals at rest."""
    rest = dressed.rest + offsets[:, None] * vertex_normals(dressed.rest, dressed.faces)
    return replace(dressed, rest=rest)


@dataclass(frozen=True)
class SplitMesh:
    """A mesh whose vertices have one texture coordinate each, as files want it.

    Attributes:
        vertex: Which vertex of the surface each one is.
        uv: Texture coordinates, v upwards.
        faces: Corners of each triangle.
    """

    vertex: Int[Tensor, "n"]
    uv: Float[Tensor, "n 2"]
    faces: Int[Tensor, "t 3"]

    @staticmethod
    def of(faces: Int[Tensor, "t 3"], layout: TextureLayout) -> "SplitMesh":
        """Divides vertices along the seams of a texture; those without triangles are left out.

        Args:
            faces: Corners of each triangle.
            layout: Where the triangles lie in the texture.
        """
        corners = torch.stack([faces.reshape(-1), layout.uv_faces.reshape(-1)], -1)
        pairs, index = torch.unique(corners, dim=0, return_inverse=True)
        return SplitMesh(pairs[:, 0], layout.uv[pairs[:, 1]], index.reshape(-1, 3))
