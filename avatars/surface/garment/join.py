"""One dressed surface: the body where nothing covers it, and what hangs on it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.skinning import blend, transform
from avatars.surface.garment.garment import Garment
from avatars.surface.garment.photographed import obstacle_of
from avatars.surface.garment.settle import Cloth, Obstacle, settle
from avatars.surface.garment.shell import edges_of
from avatars.surface.mesh import vertex_normals


@dataclass(frozen=True)
class DressedSurface:
    """A dressed person in the T-pose, ready to be posed.

    Attributes:
        vertices: Of the uncovered body, then of the garment, metres.
        faces: Corners, counter-clockwise from outside.
        weights: Skin weights; rows sum to 1.
        body_vertices: Which body vertices are kept, in order.
        body_faces: Which body faces are kept, in order; they come first in `faces`.
        rest: All vertices of the dressed body, the covered ones too, metres.
        garment: What hangs on it; None where nothing does.
    """

    vertices: Float[Tensor, "n 3"]
    faces: Int[Tensor, "t 3"]
    weights: Float[Tensor, "n 24"]
    body_vertices: Int[Tensor, "b"]
    body_faces: Int[Tensor, "f"]
    rest: Float[Tensor, "v 3"]
    garment: Garment | None


def join(model: BodyModel, rest: Float[Tensor, "v 3"], garment: Garment | None) -> DressedSurface:
    """The dressed surface of a body and its garment.

    Args:
        model: The body's constants.
        rest: The dressed body in the T-pose, metres.
        garment: What hangs on it, if anything.
    """
    covered = torch.zeros(len(rest), dtype=torch.bool) if garment is None else garment.covered
    rest = rest if garment is None else garment.body
    kept_faces = (~covered[model.faces]).any(1).nonzero()[:, 0]
    faces = model.faces[kept_faces]
    kept = torch.unique(faces)
    place = torch.full((len(rest),), -1)
    place[kept] = torch.arange(len(kept))
    vertices, weights, faces = rest[kept], model.weights[kept], place[faces]
    if garment is not None:
        vertices = torch.cat([vertices, garment.rest])
        weights = torch.cat([weights, garment.weights])
        faces = torch.cat([faces, garment.faces + len(kept)])
    return DressedSurface(vertices, faces, weights, kept, kept_faces, rest, garment)


def posed_from_rest(model: BodyModel, surface: DressedSurface, body: Body) -> Float[Tensor, "n 3 4"]:
    """The affine map of each vertex of a dressed surface into a pose.

    Body vertices go with the body. Garment vertices follow their weights and then give way to the body, covered parts
    of it included, so that no limb comes through them; that shift is in the last column.
    """
    own = body.posed_from_rest[surface.body_vertices]
    if surface.garment is None:
        return own
    return torch.cat([own, _garment_from_rest(model, surface, surface.garment, body)])


def _garment_from_rest(
    model: BodyModel, surface: DressedSurface, garment: Garment, body: Body
) -> Float[Tensor, "g 3 4"]:
    affine = blend(garment.weights, body.joints_from_rest)
    dressed = transform(body.posed_from_rest, surface.rest)
    normals = vertex_normals(dressed, model.faces)
    carried = transform(affine, garment.rest)
    outward = torch.nn.functional.normalize((affine[:, :, :3] @ garment.outward[..., None])[..., 0], dim=-1)
    places = carried.clone()
    for index, parts in enumerate(garment.solid):
        chosen = (garment.piece == index).nonzero()[:, 0]
        obstacle = obstacle_of(model, dressed, normals, parts)
        places[chosen] = _settled(garment, chosen, carried[chosen], outward[chosen], obstacle)
    return torch.cat([affine[:, :, :3], (affine[:, :, 3] + places - carried)[..., None]], -1)


def _settled(
    garment: Garment,
    chosen: Int[Tensor, "p"],
    carried: Float[Tensor, "p 3"],
    outward: Float[Tensor, "p 3"],
    obstacle: Obstacle,
) -> Float[Tensor, "p 3"]:
    """Where a piece comes to lie: its outer layer as cloth, an inner layer at its distance behind it."""
    place = torch.full((len(garment.rest),), -1)
    front = garment.outer[chosen] < 0
    place[chosen[front]] = torch.arange(int(front.sum()))
    faces = place[garment.faces]
    faces = faces[(faces >= 0).all(1)]
    own = chosen[front]
    cloth = Cloth.of(
        garment.rest[own].double().numpy(),
        edges_of(faces.numpy()),
        clearance=garment.clearance[own].double().numpy(),
        fastened=garment.fastened[own].numpy(),
    )
    settled = settle(carried[front].double().numpy(), outward[front].double().numpy(), cloth=cloth, obstacle=obstacle)
    outside = torch.from_numpy(settled).to(carried)
    places = torch.empty_like(carried)
    places[front] = outside
    behind = chosen[~front]
    partner = garment.outer[behind]
    thickness = (garment.rest[behind] - garment.rest[partner]).norm(dim=-1, keepdim=True)
    places[~front] = outside[place[partner]] - thickness * vertex_normals(outside, faces)[place[partner]]
    return places
