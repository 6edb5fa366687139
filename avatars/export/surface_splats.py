"""Splats on a mesh: flat discs, evenly spread, in the colours of its texture."""

import math
from dataclasses import dataclass

import igl
import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation
from torch import Tensor

from avatars.export.posed_mesh import PosedMesh
from avatars.surface.textured import texture_at
from nfield.kernels.gaussians import Splats
from nfield.kernels.harmonics import constant_harmonic

_PACKING = 0.7
"""Points per squared radius of a Poisson disc pattern on a plane (Bridson 2007), about."""
_FLATNESS = 0.1
"""Thickness of a disc over its radius."""
_OPACITY = 0.98
_WIDTH = 0.6
"""Standard deviation of a disc over the points' spacing."""
_INSET = 1.2
"""How far discs lie below the mesh over the points' spacing: about as far as their soft edges stick out."""


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a mesh.

    Attributes:
        face: On which triangle each lies.
        barycentric: Weights of its corners.
        spacing: Least distance between two, metres.
    """

    face: Int[Tensor, "n"]
    barycentric: Float[Tensor, "n 3"]
    spacing: float

    @staticmethod
    def even(mesh: PosedMesh, count: int) -> "SurfacePoints":
        """About so many points of which no two are close to each other; where they lie is drawn anew each time.

        Args:
            mesh: The surface.
            count: How many.
        """
        corners = mesh.vertices[mesh.faces]
        area = float(
            torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=-1).sum()
        )
        spacing = math.sqrt(0.5 * area * _PACKING / count)
        weights, face, _ = igl.blue_noise(mesh.vertices.double().numpy(), mesh.faces.numpy(), spacing)
        return SurfacePoints(
            torch.from_numpy(np.asarray(face)).long(), torch.from_numpy(np.asarray(weights)).float(), spacing
        )

    def at(self, values: Float[Tensor, "v c"], faces: Int[Tensor, "t 3"]) -> Float[Tensor, "n c"]:
        """Values of the mesh's vertices at the points."""
        return (values[faces[self.face]] * self.barycentric[..., None]).sum(1)


def surface_splats(mesh: PosedMesh, points: SurfacePoints) -> Splats:
    """A disc below each point, along its triangle; its third axis is the triangle's normal.

    Args:
        mesh: The surface.
        points: Where.
    """
    a, b, c = mesh.vertices[mesh.faces[points.face]].unbind(1)
    along = torch.nn.functional.normalize(b - a, dim=-1)
    normal = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
    axes = torch.stack([along, torch.linalg.cross(normal, along), normal], -1)
    quaternions = np.roll(np.asarray(Rotation.from_matrix(axes.double().numpy()).as_quat()), 1, axis=1)
    count, radius = len(points.face), _WIDTH * points.spacing
    color = texture_at(mesh.texture, points.at(mesh.uv, mesh.faces))
    return Splats(
        means=points.at(mesh.vertices, mesh.faces) - _INSET * points.spacing * normal,
        quaternions=torch.from_numpy(quaternions).float(),
        log_scales=torch.tensor([radius, radius, _FLATNESS * radius]).log().expand(count, 3),
        opacity_logits=torch.full((count,), _OPACITY).logit(),
        harmonics=((color - 0.5) / constant_harmonic())[:, None],
    )
