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
from avatars.body.skinning import transform
from avatars.surface.dressed import DressedSurface
from avatars.surface.mesh import face_vertices, hand_vertices, laplacian, vertex_normals, vertex_parts
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

_LIMITS = {"torso": 0.06, "left thigh": 0.06, "right thigh": 0.06, "head": 0.06, "left leg": 0.05, "right leg": 0.05}
_OTHER_LIMIT = 0.035
_HAND_LIMIT = 0.008
_FACE_LIMIT = 0.005
_STEP = 0.001  # metres between two looks for the mask's edge
_OWN_LIMB = 10  # steps that still lie on the vertex's own limb


@dataclass(frozen=True)
class DressConfig:
    """How a body grows to a mask."""

    rounds: int = 3
    """How often the outline is looked for anew, for what grows widely around it."""
    fine_rounds: int = 3
    """How often then for what grows only beside it: hems, cuffs, folds; 0 leaves that out."""
    fine_reach: float = 0.02
    """How far that moves the surface at most, metres."""
    shrink: float = 0.01
    """How far the surface may move inwards, metres."""
    stiffness: float = 40.0
    """Weight of smoothness against following the outline."""
    symmetry: float = 0.02
    """Weight of left and right being alike."""
    rest: float = 0.002
    """Weight of staying where the body is."""
    fine_inset: float = 0.0005
    """How far inside of the outline that leads it, metres: what is left is the field's, which may fill but not cut."""
    fine_stiffness: float = 1.0
    """`stiffness` of what grows only beside the outline."""
    fine_rest: float = 0.02
    """`rest` of it: the weight of staying where the wide growth led."""
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
    offsets = torch.zeros(len(rest))
    system = _System(model, config.symmetry)
    for _ in range(config.rounds):
        posed = transform(body.posed_from_rest, rest + offsets[:, None] * normals)
        vertices, gap = _gaps_to_mask(posed, model.faces, mask, camera, reach=0.08)
        target = torch.minimum((offsets[vertices] + gap).clamp(min=-config.shrink), limit[vertices])
        offsets = system.solve(vertices, target, config.stiffness, config.rest)
        offsets = torch.minimum(offsets.clamp(min=-config.shrink), limit)
    return rest + offsets[:, None] * normals


def follow_outline(
    model: BodyModel,
    body: Body,
    dressed: DressedSurface,
    mask: Bool[Tensor, "h w"],
    camera: Cameras,
    config: DressConfig | None = None,
) -> DressedSurface:
    """A dressed body whose hems, cuffs and folds follow the outline, too: what `dress` is too stiff for.

    Args:
        model: The body's constants.
        body: As the photo's camera sees it, in OpenCV axes.
        dressed: What it wears; loose clothes stay as they are.
        mask: The person.
        camera: The photo's one, at the origin of its own frame.
        config: Options.
    """
    config = config or DressConfig()
    count = dressed.body_count
    grown = dressed.rest[:count]
    normals = vertex_normals(grown, model.faces)
    limit = growth_limits(model).clamp_max(config.fine_reach)
    own = torch.zeros(len(dressed.rest), dtype=torch.bool)
    own[:count] = True if dressed.garment is None else ~dressed.garment.covered
    affine = dressed.posed_from_rest(model, body)
    system = _System(model, config.symmetry)
    offsets = torch.zeros(count)
    # NaN where nothing is asked for. What was on the outline once and moved inwards is still held there.
    held = torch.full((count,), torch.nan)
    for _ in range(config.fine_rounds):
        rest = torch.cat([grown + offsets[:, None] * normals, dressed.rest[count:]])
        vertices, gap = _gaps_to_mask(transform(affine, rest), dressed.faces, mask, camera, reach=0.08)
        vertices, gap = vertices[own[vertices]], gap[own[vertices]]
        target = offsets[vertices] + gap - config.fine_inset
        near = target.abs() < config.fine_reach
        held[vertices[near]] = torch.minimum(target, limit[vertices])[near]
        asked = held.isfinite().nonzero()[:, 0]
        offsets = system.solve(asked, held[asked], config.fine_stiffness, config.fine_rest)
        offsets = torch.minimum(offsets.clamp(min=-config.fine_reach), limit)
    return dressed.with_body(grown + offsets[:, None] * normals)


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
    steps = torch.arange(-round(0.5 * reach / _STEP), round(reach / _STEP)) * _STEP
    direction = torch.nn.functional.normalize(normal[chosen, :2], dim=-1)
    way = pixel[chosen, None] + direction[:, None] * (steps / metres[:, None])[..., None]
    column, row = way[..., 0].long().clamp(0, width - 1), way[..., 1].long().clamp(0, height - 1)
    inside, own = mask[row, column], cover[row, column]
    return _first_exit(chosen, steps, inside, own)


def _first_exit(
    chosen: Int[Tensor, "o"], steps: Float[Tensor, "m"], inside: Bool[Tensor, "o m"], own: Bool[Tensor, "o m"]
) -> tuple[Int[Tensor, "o2"], Float[Tensor, "o2"]]:
    """Signed way to the mask's edge of those vertices that have one within reach."""
    start = int((steps < 0.0).sum())
    ahead = torch.cat([~inside[:, start:], torch.ones_like(inside[:, :1])], -1).long().argmax(-1)
    meets = own[:, start + _OWN_LIMB :]
    limb = torch.cat([meets, torch.ones_like(meets[:, :1])], -1).long().argmax(-1) + _OWN_LIMB
    # The edge lies halfway between the last step on one side of it and the first on the other.
    out = (torch.where(limb < ahead, 0.5 * limb, ahead.to(torch.float32)) - 0.5) * _STEP
    back = inside[:, :start].flip(-1)
    behind = -(back.long().argmax(-1) + 0.5) * _STEP
    way = torch.where(inside[:, start], out, behind)
    known = torch.where(inside[:, start], torch.minimum(ahead, limb) < len(steps) - start, back.any(-1))
    return chosen[known], way[known]


class _System:
    """Least squares of following some vertices, smoothness, symmetry and rest.

    Args:
        model: Whose vertices.
        symmetry: Weight of left and right being alike.
    """

    def __init__(self, model: BodyModel, symmetry: float) -> None:
        self._count = len(model.mirror)
        smoothness = laplacian(model.faces, self._count)
        self._bending = smoothness.T @ smoothness
        places = (np.arange(self._count), model.mirror.numpy())
        odd = sparse.identity(self._count) - sparse.csr_matrix((np.ones(self._count), places), shape=smoothness.shape)
        self._one_sided = symmetry * (odd.T @ odd)

    def solve(
        self, vertices: Int[Tensor, "o"], target: Float[Tensor, "o"], stiffness: float, rest: float
    ) -> Float[Tensor, "v"]:
        """Offsets of all vertices, metres, of which some have a target."""
        weight, right = np.zeros(self._count), np.zeros(self._count)
        weight[vertices.numpy()] = 1.0
        right[vertices.numpy()] = target.numpy()
        system = sparse.diags(weight + rest) + stiffness * self._bending + self._one_sided
        return torch.from_numpy(np.asarray(spsolve(system.tocsc(), right))).to(torch.float32)
