"""Which triangle of a mesh each pixel of a pinhole camera sees: a z-buffer.

A pixel sees the nearest triangle that its centre, (column + 0.5, row + 0.5), falls into, edges included; of triangles
equally near, the first. Both sides of a triangle are visible. A triangle with a corner nearer than `NEAR` to the
camera's plane is left out as a whole. Nothing here is differentiable.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.kernels import native_core

NEAR = 1e-3
"""Metres in front of the camera's plane where visibility begins."""

_CANDIDATES = 1 << 21


@dataclass(frozen=True)
class Raster:
    """What each pixel sees.

    Attributes:
        face: Index of the triangle, -1 where there is none.
        barycentric: Weights of its three corners at the seen point of the surface (perspective-correct); 0 at no face.
        depth: Along the optical axis, metres; 0 at no face.
    """

    face: Int[Tensor, "h w"]
    barycentric: Float[Tensor, "h w 3"]
    depth: Float[Tensor, "h w"]

    def interpolate(self, values: Float[Tensor, "v c"], faces: Int[Tensor, "t 3"]) -> Float[Tensor, "h w c"]:
        """Values of the corners (rows named by `faces`) at the seen points; 0 at no face; differentiable in them."""
        corners = values[faces[self.face.clamp_min(0)]]
        return (corners * self.barycentric[..., None].to(values)).sum(-2)


def rasterize(
    vertices_camera: Float[Tensor, "v 3"],
    faces: Int[Tensor, "t 3"],
    intrinsics: Float[Tensor, "3 3"],
    size: tuple[int, int],
) -> Raster:
    """The z-buffer of a mesh.

    Args:
        vertices_camera: In the camera's frame (+x right, +y down, +z forward), metres.
        faces: Corners of each triangle, of any orientation.
        intrinsics: Pinhole matrix in pixels, without skew.
        size: Image height and width in pixels.

    >>> square = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [1, 1, 2], [-1, 1, 2]])
    >>> faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    >>> seen = rasterize(square, faces, torch.tensor([[4.0, 0, 2], [0, 4.0, 2], [0, 0, 1]]), (4, 4))
    >>> seen.face.tolist()
    [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    """
    screen, kept = _project(vertices_camera.detach(), faces, intrinsics)
    if native_core.runs_natively(vertices_camera):
        face = _native_rasterize(screen, kept, *size)
    else:
        face = rasterize_reference(screen, kept, size)
    return _surface(face, screen, faces, vertices_camera.dtype)


def rasterize_reference(
    screen: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], size: tuple[int, int]
) -> Int[Tensor, "h w"]:
    """The torch twin of the native op: the face that each pixel sees, -1 where there is none.

    Args:
        screen: Column, row and inverse depth (1/m) of each vertex, in double precision.
        faces: Corners of each triangle; those with a negative corner are skipped.
        size: Image height and width in pixels.
    """
    height, width = size
    nearest = screen.new_zeros(height * width)
    owner = torch.full((height * width,), len(faces), device=screen.device)
    corners = screen[faces.clamp_min(0)]
    low = (corners[..., :2].amin(1) - 0.5).ceil().clamp_min(0).long()
    high = torch.minimum((corners[..., :2].amax(1) - 0.5).floor(), screen.new_tensor([width - 1, height - 1])).long()
    extent = (high - low + 1).clamp_min(0) * (faces >= 0).all(1, keepdim=True)
    counts = extent.prod(1)
    for first, last in _spans(counts):
        face = torch.repeat_interleave(torch.arange(first, last, device=counts.device), counts[first:last])
        place = (
            torch.arange(len(face), device=face.device)
            - (counts[first:last].cumsum(0) - counts[first:last])[face - first]
        )
        column = low[face, 0] + place % extent[face, 0]
        row = low[face, 1] + place // extent[face, 0]
        flat = _screen_weights(corners[face], torch.stack([column, row], -1) + 0.5)
        inside = (flat >= 0).all(-1)
        pixel, face = (row * width + column)[inside], face[inside]
        inverse_depth = (flat[inside] * corners[face, :, 2]).sum(-1)
        before = nearest
        nearest = before.scatter_reduce(0, pixel, inverse_depth, "amax")
        owner = torch.where(nearest > before, len(faces), owner)
        won = inverse_depth == nearest[pixel]
        owner = owner.scatter_reduce(0, pixel[won], face[won], "amin")
    return torch.where(owner < len(faces), owner, -1).reshape(size)


def _spans(counts: Int[Tensor, "t"]) -> list[tuple[int, int]]:
    """Runs of faces with about `_CANDIDATES` pixels to test each, or a single larger face."""
    bucket = counts.cumsum(0) // _CANDIDATES
    edges = (bucket.diff().nonzero()[:, 0] + 1).tolist()
    return [span for span in zip([0, *edges], [*edges, len(counts)], strict=True) if span[0] < span[1]]


def _project(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], intrinsics: Float[Tensor, "3 3"]
) -> tuple[Float[Tensor, "v 3"], Int[Tensor, "t 3"]]:
    """Column, row and inverse depth of each vertex in double precision; faces behind the camera become -1."""
    vertices, matrix = vertices.double(), intrinsics.detach().double()
    visible = vertices[:, 2] >= NEAR
    inverse = 1.0 / torch.where(visible, vertices[:, 2], 1.0)
    columns = matrix[0, 0] * vertices[:, 0] * inverse + matrix[0, 2]
    rows = matrix[1, 1] * vertices[:, 1] * inverse + matrix[1, 2]
    kept = torch.where(visible[faces].all(1, keepdim=True), faces.long(), -1)
    return torch.stack([columns, rows, inverse], -1), kept


def _screen_weights(corners: Float[Tensor, "n 3 3"], points: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
    """Barycentric weights in the image plane; all negative for a triangle without area."""
    a, b, c = corners[..., :2].unbind(1)
    ab, ac, ap = b - a, c - a, points.to(a) - a
    area = ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1]
    flat = area == 0
    area = torch.where(flat, torch.ones_like(area), area)
    second = (ap[:, 0] * ac[:, 1] - ac[:, 0] * ap[:, 1]) / area
    third = (ab[:, 0] * ap[:, 1] - ap[:, 0] * ab[:, 1]) / area
    weights = torch.stack([1.0 - second - third, second, third], -1)
    return torch.where(flat[:, None], -torch.ones_like(weights), weights)


def _surface(
    face: Int[Tensor, "h w"], screen: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], dtype: torch.dtype
) -> Raster:
    """Barycentric weights on the surface and depth, from the faces seen."""
    rows, columns = (face >= 0).nonzero().unbind(1)
    corners = screen[faces[face[rows, columns]]]
    weights = _screen_weights(corners, torch.stack([columns, rows], -1) + 0.5) * corners[..., 2]
    inverse_depth = weights.sum(-1, keepdim=True)
    barycentric = torch.zeros(*face.shape, 3, dtype=dtype, device=face.device)
    depth = torch.zeros(face.shape, dtype=dtype, device=face.device)
    barycentric[rows, columns] = (weights / inverse_depth).to(dtype)
    depth[rows, columns] = (1.0 / inverse_depth[:, 0]).to(dtype)
    return Raster(face, barycentric, depth)


@torch.library.custom_op("nfield::rasterize", mutates_args=())
def _native_rasterize(screen: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    seen = torch.empty(height, width, dtype=torch.int64)
    arrays = [native_core.array(t) for t in (screen, faces)]
    native_core.require().rasterize(*arrays, seen, torch.get_num_threads())
    return seen


@_native_rasterize.register_fake
def _(screen, faces, height, width):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return torch.empty(height, width, dtype=torch.int64)
