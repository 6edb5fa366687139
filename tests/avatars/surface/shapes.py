"""Closed surfaces whose answers are known, and the shipped body photographed in colours that are known."""

import torch
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.garment.garment import Garment
from avatars.surface.mesh import subdivide

BOX_FACES = torch.tensor(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [1, 5, 7], [1, 7, 3],
     [0, 2, 6], [0, 6, 4]]
)  # fmt: skip


def sphere(
    radius: float, center: tuple[float, float, float] = (0.0, 0.0, 0.0), rounds: int = 4
) -> tuple[Tensor, Tensor]:
    """Vertices and triangles of an octahedron, subdivided and pushed onto a sphere."""
    corners = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    faces = torch.tensor([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    for _ in range(rounds):
        finer = subdivide(faces, len(corners))
        corners, faces = torch.nn.functional.normalize(finer.spread(corners), dim=-1), finer.faces
    return radius * corners + torch.tensor(center), faces


def box(half: tuple[float, float, float]) -> tuple[Tensor, Tensor]:
    """Vertices and triangles of a box around the origin."""
    corners = torch.tensor([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    return corners * torch.tensor(half), BOX_FACES


def joined(*meshes: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Several meshes as one."""
    counts = torch.tensor([0, *(len(vertices) for vertices, _ in meshes)]).cumsum(0)
    faces = [mesh[1] + start for mesh, start in zip(meshes, counts, strict=False)]
    return torch.cat([vertices for vertices, _ in meshes]), torch.cat(faces)


def square(half: float, depth: float, center: tuple[float, float] = (0.0, 0.0)) -> tuple[Tensor, Tensor]:
    """A square across the optical axis at a depth, its normal towards the camera."""
    corners = torch.tensor([[-half, -half, 0.0], [half, -half, 0.0], [half, half, 0.0], [-half, half, 0.0]])
    return corners + torch.tensor([*center, depth]), torch.tensor([[0, 2, 1], [0, 3, 2]])


def floating_garment(model: BodyModel, covered: Tensor | None = None) -> Garment:
    """Two triangles half a metre before the body, where they meet no limb; they hang on hips and thighs."""
    rest = torch.tensor([[0.2, -0.4, 0.6], [0.2, -0.6, 0.6], [-0.2, -0.4, 0.6], [-0.2, -0.6, 0.6]])
    weights = torch.zeros(4, 24)
    weights[:2, 1], weights[2:, 2] = 0.75, 0.5
    weights[:, 0] = 1.0 - weights.sum(-1)
    return Garment(
        rest=rest,
        faces=torch.tensor([[0, 2, 1], [2, 3, 1]]),
        weights=weights,
        outward=torch.tensor([0.0, 0.0, 1.0]).repeat(4, 1),
        clearance=torch.full((4,), 0.01),
        fastened=torch.zeros(4, dtype=torch.bool),
        outer=torch.full((4,), -1),
        body=1.01 * model.template,
        covered=torch.zeros(len(model.template), dtype=torch.bool) if covered is None else covered,
        piece=torch.zeros(4, dtype=torch.long),
        kinds=("sheet",),
        solid=(("left thigh", "right thigh", "torso"),),
    )
