"""What dressing and painting both ask of the body's mesh: normals, smoothness, finer triangles, parts."""

from dataclasses import dataclass

import igl
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.joints import belonging
from avatars.body.parts import PART_NAMES

HEAD = PART_NAMES.index("head")
"""The head's part label."""

_HANDS = ("left_wrist", "right_wrist", "left_hand", "right_hand")


@dataclass(frozen=True)
class Surface:
    """A mesh finer than the body's, and how each vertex follows from the body's.

    Attributes:
        faces: Corners of each triangle.
        parents: The two body vertices whose mean each vertex is (twice the same for the body's own).
    """

    faces: Int[Tensor, "t 3"]
    parents: Int[Tensor, "v 2"]

    def spread(self, values: Float[Tensor, "b c"]) -> Float[Tensor, "v c"]:
        """Values of the body's vertices, carried over."""
        return values[self.parents].mean(1)


def subdivide(faces: Int[Tensor, "t 3"], count: int) -> Surface:
    """Each triangle in four, through the middles of its edges.

    Args:
        faces: Corners of each triangle.
        count: How many vertices they refer to.

    >>> len(subdivide(torch.tensor([[0, 1, 2]]), 3).parents)
    6
    """
    edges = torch.cat([faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]).sort(-1).values
    unique, index = torch.unique(edges, dim=0, return_inverse=True)
    ab, bc, ca = (index + count).reshape(3, -1)
    a, b, c = faces.unbind(-1)
    corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    own = torch.arange(count)[:, None].expand(-1, 2)
    return Surface(torch.cat([torch.stack(corner, -1) for corner in corners]), torch.cat([own, unique]))


def vertex_normals(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> Float[Tensor, "v 3"]:
    """Unit normals, averages of the surrounding faces' by area."""
    a, b, c = vertices[faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices).index_add(0, faces.reshape(-1), area.repeat_interleave(3, 0))
    return torch.nn.functional.normalize(total, dim=-1)


def laplacian(faces: Int[Tensor, "t 3"], count: int) -> sparse.csr_matrix:
    """Each vertex minus the mean of its neighbours on the mesh."""
    edges = np.concatenate([faces.numpy()[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    adjacency = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    adjacency.data[:] = 1.0
    degree = np.asarray(adjacency.sum(1)).ravel().clip(min=1.0)
    return sparse.csr_matrix(sparse.identity(count) - sparse.diags(1.0 / degree) @ adjacency)


def vertex_parts(model: BodyModel) -> Int[Tensor, "v"]:
    """The part label that most faces around each vertex have."""
    votes = torch.zeros(len(model.template), len(PART_NAMES))
    votes.index_put_((model.faces.reshape(-1), model.parts.repeat_interleave(3)), torch.tensor(1.0), accumulate=True)
    return votes.argmax(-1)


def face_vertices(model: BodyModel) -> Bool[Tensor, "v"]:
    """The front of the head between chin and forehead, where skin shows."""
    rest = model.template
    ears = rest[model.vertices_at(("lear", "rear"))].mean(0)
    eyes = rest[model.vertices_at(("leye", "reye"))].mean(0)
    forehead = eyes[1] + 0.35 * (rest[:, 1].max() - eyes[1])
    front = rest[:, 2] > ears[2] + 0.25 * (eyes[2] - ears[2])
    return (vertex_parts(model) == HEAD) & front & (rest[:, 1] < forehead)


def hand_vertices(model: BodyModel) -> Bool[Tensor, "v"]:
    """Vertices that follow the wrists and hands more than anything else."""
    return model.weights[:, belonging(model.joint_names, _HANDS)].sum(-1) > 0.5


def winding_numbers(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], points: Float[Tensor, "n 3"]
) -> Float[Tensor, "n"]:
    """How often a mesh goes around points: 1 inside of a closed one, 0 outside (Barill et al. 2018)."""
    found = igl.fast_winding_number(vertices.double().numpy(), faces.numpy(), points.double().numpy())
    return torch.from_numpy(found).to(points.dtype)
