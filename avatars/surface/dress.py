"""Let the body grow to the person's outline, so that clothes and hair have a surface to be painted on.

The photo shows the outline from one side only. For each vertex on the body's outline it is measured how far it would
have to move along its normal to reach the outline of the mask; smoothness over the surface carries that around the
limbs, and a weak pull towards left-right symmetry over to the other side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.parts import PART_NAMES
from avatars.surface.mesh import face_vertices, hand_vertices, laplacian, vertex_normals, vertex_parts
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

_LIMITS = {"torso": 0.06, "left thigh": 0.06, "right thigh": 0.06, "head": 0.06, "left leg": 0.05, "right leg": 0.05}
_OTHER_LIMIT = 0.035
_HAND_LIMIT = 0.008
_FACE_LIMIT = 0.005


@dataclass(frozen=True)
class DressConfig:
    """How a body grows to a mask."""

    rounds: int = 3
    """How often the outline is looked for anew."""
    shrink: float = 0.01
    """How far the surface may move inwards, metres."""
    stiffness: float = 40.0
    """Weight of smoothness against following the outline."""
    symmetry: float = 0.02
    """Weight of left and right being alike."""
    rest: float = 0.002
    """Weight of staying where the body is."""
    loose: bool = True
    """Whether clothes and hair that leave the body get a surface of their own."""
    hidden: bool = False
    """Whether triangles that nobody can see belong to the surface: the mouth's cavity and the eyes' sockets."""


def dress(
    model: BodyModel,
    body: Body,
    shape: Float[Tensor, "k"],
    mask: Bool[Tensor, "h w"],
    camera: Cameras,
    config: DressConfig | None = None,
) -> Float[Tensor, "v 3"]:
    """Vertices of the shaped body at rest after growing to the person's outline, metres.

    Args:
        model: The body's constants.
        body: As the photo's camera sees it, in OpenCV axes.
        shape: Its shape coefficients.
        mask: The person.
        camera: The photo's one, at the origin of its own frame.
        config: Options.
    """
    config = config or DressConfig()
    rest, _ = model.rest(shape)
    normals = vertex_normals(rest, model.faces)
    limit = growth_limits(model)
    smoothness = laplacian(model.faces, len(rest))
    offsets = torch.zeros(len(rest))
    for _ in range(config.rounds):
        affine = body.posed_from_rest
        posed = (affine[:, :, :3] @ (rest + offsets[:, None] * normals)[..., None])[..., 0] + affine[:, :, 3]
        vertices, gap = _gaps_to_mask(posed, model.faces, mask, camera, reach=0.08)
        target = (offsets[vertices] + gap).clamp(min=-config.shrink)
        target = torch.minimum(target, limit[vertices])
        offsets = _solve(smoothness, model.mirror, vertices, target, config)
        offsets = torch.minimum(offsets.clamp(min=-config.shrink), limit)
    return rest + offsets[:, None] * normals


def growth_limits(model: BodyModel) -> Float[Tensor, "v"]:
    """How far each vertex may move outwards, metres: much where clothes and hair are, hardly in face and hands."""
    limit_of_part = torch.tensor([_LIMITS.get(name, _OTHER_LIMIT) for name in PART_NAMES])
    part = vertex_parts(model)
    limit = limit_of_part[part]
    limit[hand_vertices(model)] = _HAND_LIMIT
    limit[face_vertices(model)] = _FACE_LIMIT
    return limit


def _gaps_to_mask(
    posed: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], mask: Bool[Tensor, "h w"], camera: Cameras, *, reach: float
) -> tuple[Int[Tensor, "o"], Float[Tensor, "o"]]:
    """Vertices on the posed body's outline, and how far along their normals the mask's edge is, metres.

    Where the way out leads over another limb, half of the gap is taken.
    """
    height, width = mask.shape
    cover = rasterize(posed, faces, camera.intrinsics[0], camera.size).face >= 0
    distance = np.asarray(ndimage.distance_transform_edt(cover.numpy())) - np.asarray(
        ndimage.distance_transform_edt(np.logical_not(cover.numpy()))
    )
    pixel, depth = camera.project(posed, 0)
    normal = vertex_normals(posed, faces)
    across = normal[:, :2].norm(dim=-1)
    at = ndimage.map_coordinates(distance, [pixel[:, 1] - 0.5, pixel[:, 0] - 0.5], order=1, mode="constant", cval=-9.0)
    photo = ((pixel > 2.0) & (pixel < torch.tensor([width, height]) - 2.0)).all(-1)
    chosen = ((torch.from_numpy(at).abs() < 1.6) & (across > 0.8) & photo).nonzero()[:, 0]
    metres = depth[chosen] / camera.focal_lengths[0, 0]
    steps = torch.arange(-0.5 * reach, reach, 0.002)
    direction = torch.nn.functional.normalize(normal[chosen, :2], dim=-1)
    way = pixel[chosen, None] + direction[:, None] * (steps / metres[:, None])[..., None]
    column, row = way[..., 0].long().clamp(0, width - 1), way[..., 1].long().clamp(0, height - 1)
    inside, own = mask[row, column], cover[row, column]
    return _first_exit(chosen, steps, inside, own)


def _first_exit(
    chosen: Int[Tensor, "o"], steps: Float[Tensor, "m"], inside: Bool[Tensor, "o m"], own: Bool[Tensor, "o m"]
) -> tuple[Int[Tensor, "o2"], Float[Tensor, "o2"]]:
    """Signed way to the mask's edge of those vertices that have one within reach."""
    start = int((steps < -1e-6).sum())
    ahead = torch.cat([~inside[:, start:], torch.ones_like(inside[:, :1])], -1).long().argmax(-1)
    meets = own[:, start + 4 :]  # The first centimetre still lies on the vertex's own limb.
    limb = torch.cat([meets, torch.ones_like(meets[:, :1])], -1).long().argmax(-1) + 4
    out = torch.where(limb < ahead, 0.5 * limb, ahead.to(torch.float32)) * 0.002
    back = inside[:, :start].flip(-1)
    behind = -(back.long().argmax(-1) + 1) * 0.002
    way = torch.where(inside[:, start], out, behind)
    known = torch.where(inside[:, start], torch.minimum(ahead, limb) < len(steps) - start, back.any(-1))
    return chosen[known], way[known]


def _solve(
    smoothness: sparse.csr_matrix,
    mirror: Int[Tensor, "v"],
    vertices: Int[Tensor, "o"],
    target: Float[Tensor, "o"],
    config: DressConfig,
) -> Float[Tensor, "v"]:
    """Least squares of following, smoothness, symmetry and rest."""
    count = len(mirror)
    weight = np.zeros(count)
    weight[vertices.numpy()] = 1.0
    right = np.zeros(count)
    right[vertices.numpy()] = target.numpy()
    swap = sparse.csr_matrix((np.ones(count), (np.arange(count), mirror.numpy())), shape=(count, count))
    odd = sparse.identity(count) - swap
    system = (
        sparse.diags(weight + config.rest)
        + config.stiffness * (smoothness.T @ smoothness)
        + config.symmetry * (odd.T @ odd)
    )
    return torch.from_numpy(np.asarray(spsolve(system.tocsc(), right))).to(torch.float32)
