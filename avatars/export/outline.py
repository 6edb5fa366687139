"""Lets a mesh meet the outlines of the field that it stands for.

A field ends softly a little outside of the surface that it was trained on. For each vertex on the mesh's outline in a
view it is measured how far along its normal the field's outline lies; smoothness carries that over to the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.linalg import spsolve
from torch import Tensor

from avatars.export.outline_views import OutlineView
from avatars.surface.mesh import laplacian, vertex_normals
from nfield.cameras import Cameras
from nfield.interpolation import bilinear
from nfield.kernels.rasterize import rasterize

_FACING = 0.4  # greatest cosine between the normal and the view of a vertex that lies on the outline
_STEP = 0.0005
_HEIGHTS = torch.arange(-0.004, 0.0085, _STEP)
"""Where along a vertex's normal it is looked for the outline, metres."""


@dataclass(frozen=True)
class OutlineConfig:
    """How a mesh follows outlines."""

    rounds: int = 3
    """How often they are looked for anew."""
    reach: float = 0.008
    """How far vertices move at most, metres."""
    stiffness: float = 0.3
    """Weight of smoothness against following one view."""
    rest: float = 0.02
    """Weight of moving by as much as vertices on outlines do in the middle."""


def meet_outlines(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], views: Sequence[OutlineView], config: OutlineConfig
) -> Float[Tensor, "v"]:
    """How far each vertex has to move along its normal, metres.

    Args:
        vertices: Of the mesh, metres; those that no triangle has stay.
        faces: Corners of each triangle, counter-clockwise from outside.
        views: Of the field.
        config: Options.
    """
    normals = vertex_normals(vertices, faces)
    smoothness = laplacian(faces, len(vertices))
    bending = config.stiffness * (smoothness.T @ smoothness)
    offsets = torch.zeros(len(vertices))
    for _ in range(config.rounds):
        moved = vertices + offsets[:, None] * normals
        count, total = np.zeros(len(vertices)), np.zeros(len(vertices))
        for view in views:
            chosen, gap = _gaps(moved, normals, faces, view)
            np.add.at(count, chosen.numpy(), 1.0)
            np.add.at(total, chosen.numpy(), (offsets[chosen] + gap).numpy())
        if not count.any():
            break
        common = float(np.median(total[count > 0.0] / count[count > 0.0]))
        system = sparse.diags(count + config.rest) + bending
        solved = np.asarray(spsolve(system.tocsc(), total + config.rest * common))
        offsets = torch.from_numpy(solved).to(torch.float32).clamp(-config.reach, config.reach)
    return offsets


def _cover(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], camera: Cameras) -> Float[Tensor, "h w"]:
    """How much of each pixel a mesh covers, by four samples."""
    height, width = camera.size
    finer, pose = camera.resized((2 * height, 2 * width)), camera.world_from_camera[0]
    seen = rasterize((vertices - pose[:3, 3]) @ pose[:3, :3], faces, finer.intrinsics[0], finer.size)
    return torch.nn.functional.avg_pool2d((seen.face >= 0).float()[None], 2)[0]


def _gaps(
    vertices: Float[Tensor, "v 3"], normals: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], view: OutlineView
) -> tuple[Int[Tensor, "o"], Float[Tensor, "o"]]:
    """Vertices on a mesh's outline in a view, and how far out along their normals the field's is, metres."""
    camera = view.camera
    pose = camera.world_from_camera[0]
    cover = _cover(vertices, faces, camera)
    direction = torch.nn.functional.normalize(vertices - pose[:3, 3], dim=-1)
    edge_on = ((normals * direction).sum(-1).abs() < _FACING).nonzero()[:, 0]
    pixel, depth = camera.project(vertices[edge_on], 0)
    metres = depth / camera.focal_lengths[0, 0]
    outward = torch.nn.functional.normalize(normals[edge_on] @ pose[:3, :2], dim=-1)
    way = pixel[:, None] + outward[:, None] * (_HEIGHTS / metres[:, None])[..., None]
    own_found, own = _crossing(bilinear(cover[..., None], way)[..., 0])
    found, edge = _crossing(bilinear(view.opacity[..., None], way)[..., 0])
    # What is measured from a vertex beside the outline says nothing about where its own surface ends.
    found &= own_found & (own.abs() < metres)
    return edge_on[found], (edge - own)[found]


def _crossing(opacity: Float[Tensor, "o m"]) -> tuple[Bool[Tensor, "o"], Float[Tensor, "o"]]:
    """Whether opacities at `_HEIGHTS` fall through one half, and at which height they first do, metres."""
    below = opacity < 0.5
    index = below.long().argmax(-1)
    found = below.any(-1) & (index > 0)
    index = index.clamp_min(1)[:, None]
    before, after = opacity.gather(-1, index - 1)[:, 0], opacity.gather(-1, index)[:, 0]
    share = (before - 0.5) / (before - after).clamp_min(1e-6)
    return found, _HEIGHTS[0] + (index[:, 0] - 1 + share) * _STEP
