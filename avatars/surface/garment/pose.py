"""How a garment moves: it follows its skin weights, then gives way to the body as cloth."""

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


def garment_from_rest(model: BodyModel, garment: Garment, body: Body) -> Float[Tensor, "g 3 4"]:
    """The affine map of each of a garment's vertices into a pose.

    They follow their weights and then give way to the body, covered parts of it included, so that no limb comes through
    them; that shift is in the last column.

    Args:
        model: The body's constants.
        garment: What hangs on it.
        body: The posed body.
    """
    affine = blend(garment.weights, body.joints_from_rest)
    dressed = transform(body.posed_from_rest, garment.body)
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
