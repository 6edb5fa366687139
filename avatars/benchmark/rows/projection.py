"""The photo projected onto the bare body, and copies of it where the photo does not look.

A texel of the body's atlas that the photo does not show takes the colour of its mirror image, else of the nearest one
before or behind it in the same part, else of the nearest one at all in the same part.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.spatial import KDTree
from torch import Tensor

from avatars.benchmark.methods import ROWS, Case, Fitted
from avatars.benchmark.rows.bare_body import BareBody, seen_by
from avatars.body import BodyModel
from avatars.surface.mesh import vertex_normals
from nfield.cameras import Cameras
from nfield.interpolation import bilinear
from nfield.kernels.rasterize import Raster, rasterize

_FEWEST = 20  # texels that stand for a part
_FACING = 0.2  # least cosine between normal and view of a texel that the photo shows
_EROSION = 3  # pixels along the matte's edge that hold background
_TOLERANCE = 0.01  # metres that a texel may lie behind the seen surface
_THROUGH = 0.01  # metres by which a texel before or behind another may lie beside it

_Atlas = tuple[Float[Tensor, "u 2"], Int[Tensor, "t 3"]]
"""Texture coordinates, and which of them the corners of each face have."""


@dataclass(frozen=True)
class Projection:
    """The photo on the body, and copies of it where it does not look.

    Attributes:
        size: Edge of the texture, texels.
    """

    size: int = 1024

    def fit(self, case: Case) -> Fitted:
        """The textured body."""
        texels = Texels.of(case.model, self.size)
        photo = _Photo.of(case)
        color, known = photo.at(*texels.posed(photo.vertices, case.model))
        mirrored, mirror_known = photo.at(*texels.mirrored(case.model).posed(photo.vertices, case.model))
        take = ~known & mirror_known
        color[take], known = mirrored[take], known | mirror_known
        rest, _ = case.model.rest(case.pose.shape)
        _copy_nearest(color, known, texels.places(rest), case.model.parts[texels.face])
        return BareBody(case, _Textured(texels.picture(color), _atlas(case.model)))


@dataclass(frozen=True)
class _Textured:
    """Colours of an atlas."""

    texture: Float[Tensor, "a a 3"]
    atlas: _Atlas

    def __call__(self, raster: Raster) -> Float[Tensor, "h w 3"]:
        """As `Skin`."""
        return bilinear(self.texture, raster.interpolate(*self.atlas) * len(self.texture))


@dataclass(frozen=True)
class Texels:
    """The texels of an atlas that lie on the body.

    Attributes:
        row: In the texture.
        column: In the texture.
        face: Of the body.
        corners: The face's vertices.
        weights: Of the corners.
        size: Edge of the texture.
    """

    row: Int[Tensor, "n"]
    column: Int[Tensor, "n"]
    face: Int[Tensor, "n"]
    corners: Int[Tensor, "n 3"]
    weights: Float[Tensor, "n 3"]
    size: int

    @staticmethod
    def of(model: BodyModel, size: int) -> "Texels":
        """Those whose centres lie in a face of the atlas."""
        uv, uv_faces = _atlas(model)
        flat = torch.cat([uv, torch.ones_like(uv[:, :1])], -1)
        raster = rasterize(flat, uv_faces, torch.diag(torch.tensor([float(size), float(size), 1.0])), (size, size))
        row, column = (raster.face >= 0).nonzero().unbind(1)
        face = raster.face[row, column]
        return Texels(row, column, face, model.faces[face].long(), raster.barycentric[row, column], size)

    def mirrored(self, model: BodyModel) -> "Texels":
        """Each texel's counterpart on the other side of the body."""
        return replace(self, corners=model.mirror[self.corners])

    def places(self, vertices: Float[Tensor, "v 3"]) -> Float[Tensor, "n 3"]:
        """Where the texels are."""
        return (vertices[self.corners] * self.weights[..., None]).sum(1)

    def posed(
        self, vertices: Float[Tensor, "v 3"], model: BodyModel
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """Where the texels of a posed body are, and their normals."""
        normals = self.places(vertex_normals(vertices, model.faces))
        return self.places(vertices), torch.nn.functional.normalize(normals, dim=-1)

    def picture(self, color: Float[Tensor, "n 3"]) -> Float[Tensor, "a a 3"]:
        """The texture; texels beside the atlas take the nearest colour, so that seams do not show."""
        texture, empty = torch.zeros(self.size, self.size, 3), np.ones((self.size, self.size), bool)
        texture[self.row, self.column] = color
        empty[self.row.numpy(), self.column.numpy()] = False
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        row, column = torch.from_numpy(np.asarray(nearest)).long()
        return texture[row, column]


@dataclass(frozen=True)
class _Photo:
    """The photo as a source of colours.

    Attributes:
        vertices: Of the body in the camera's frame, metres.
        color: sRGB in [0, 1].
        core: Where it surely shows the person.
        depth: Of the body, metres; infinite beside it.
        camera: Its camera.
    """

    vertices: Float[Tensor, "v 3"]
    color: Float[Tensor, "h w 3"]
    core: Bool[Tensor, "h w"]
    depth: Float[Tensor, "h w"]
    camera: Cameras

    @staticmethod
    def of(case: Case) -> "_Photo":
        vertices = case.model.pose(case.pose).vertices
        raster = seen_by(vertices, case.model, case.camera, 0)
        core = ndimage.binary_erosion((case.alpha > 0.5).numpy(), iterations=_EROSION)
        depth = torch.where(raster.face >= 0, raster.depth, torch.inf)
        return _Photo(vertices, case.photo.float() / 255.0, torch.from_numpy(np.asarray(core)), depth, case.camera)

    def at(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, "n 3"], Bool[Tensor, "n"]]:
        """Colours of points of the body, and which of them the photo shows."""
        height, width = self.camera.size
        pixel, depth = self.camera.project(points, 0)
        row, column = pixel[:, 1].long().clamp(0, height - 1), pixel[:, 0].long().clamp(0, width - 1)
        view = torch.nn.functional.normalize(points - self.camera.origins[0], dim=-1)
        facing = (normals * view).sum(-1) < -_FACING
        size = torch.tensor([width, height])
        inside = ((pixel > 0.0) & (pixel < size)).all(-1)
        shown = facing & inside & self.core[row, column] & (depth < self.depth[row, column] + _TOLERANCE)
        return bilinear(self.color, pixel), shown & self.depth[row, column].isfinite()


def _copy_nearest(
    color: Float[Tensor, "n 3"], known: Bool[Tensor, "n"], rest: Float[Tensor, "n 3"], part: Int[Tensor, "n"]
) -> None:
    """Unknown texels take the colour before or behind them in the T-pose, else the nearest; in place."""
    everywhere = known.nonzero()[:, 0]
    if len(everywhere) == 0:
        color.fill_(0.5)
        return
    for label in part.unique().tolist():
        mine = part == label
        source, wanting = (mine & known).nonzero()[:, 0], (mine & ~known).nonzero()[:, 0]
        source = source if len(source) >= _FEWEST else everywhere
        if len(wanting) == 0:
            continue
        beside, through = KDTree(rest[source, :2].numpy()).query(rest[wanting, :2].numpy())
        _, nearest = KDTree(rest[source].numpy()).query(rest[wanting].numpy())
        chosen = np.where(beside < _THROUGH, through, nearest)
        color[wanting] = color[source[torch.from_numpy(chosen)]]


def _atlas(model: BodyModel) -> _Atlas:
    assert model.uv is not None
    assert model.uv_faces is not None
    return model.uv, model.uv_faces.long()


ROWS["projection, mirrored fill"] = Projection()
