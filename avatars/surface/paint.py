"""The photo, projected onto the surface: what it shows of it, and in which colours."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from scipy.spatial import KDTree
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.parts import PART_NAMES
from avatars.surface.dressed import DressedSurface
from avatars.surface.mesh import Surface, hand_vertices, vertex_normals, vertex_parts
from avatars.surface.parametrise import TextureLayout
from nfield.cameras import Cameras
from nfield.interpolation import bilinear
from nfield.kernels.rasterize import rasterize


@dataclass(frozen=True)
class PaintConfig:
    """How colours are read from the photo."""

    facing: float = 0.2
    """Least cosine between normal and view for a vertex to be painted from the photo."""
    erode: int = 3
    """Pixels along the mask's edge that are not used: they hold background."""
    tolerance: float = 0.01
    """How far behind the visible surface a vertex may lie, metres."""
    shadow: int = 10
    """Pixels beside a limb in front that are not used: the fitted limb may lie a little beside the true one."""
    gap: float = 0.04
    """How far in front a limb must lie to count as one, metres."""


@dataclass(frozen=True)
class PhotographedSurface:
    """A dressed body's surface beside the photo that shows some of it: what painting starts from.

    Attributes:
        model: The body that is dressed.
        dressed: Its surface in its clothes, which the finer mesh refines.
        surface: The finer mesh.
        layout: Where its triangles lie in the texture.
        rest: Its vertices at rest, metres.
        posed: The same vertices in the photo camera's frame, metres.
        photo: sRGB.
        mask: The person.
        camera: The photo's one, at the origin of its own frame.
    """

    model: BodyModel
    dressed: DressedSurface
    surface: Surface
    layout: TextureLayout
    rest: Float[Tensor, "v 3"]
    posed: Float[Tensor, "v 3"]
    photo: UInt8[Tensor, "h w 3"]
    mask: Bool[Tensor, "h w"]
    camera: Cameras


@dataclass(frozen=True)
class Paint:
    """Colours of a surface's vertices.

    Attributes:
        color: sRGB in [0, 1].
        visible: Which vertices the photo shows.
    """

    color: Float[Tensor, "v 3"]
    visible: Bool[Tensor, "v"]


def project_colors(
    posed: Float[Tensor, "v 3"],
    faces: Int[Tensor, "t 3"],
    photo: UInt8[Tensor, "h w 3"],
    mask: Bool[Tensor, "h w"],
    camera: Cameras,
    config: PaintConfig,
) -> Paint:
    """Colours of the vertices that the photo shows; black elsewhere.

    Args:
        posed: Vertices in the photo camera's frame, metres.
        faces: Corners of each triangle.
        photo: The photo.
        mask: The person.
        camera: The photo's one, at the origin of its own frame.
        config: What of the photo is used.
    """
    height, width = mask.shape
    depth = rasterize(posed, faces, camera.intrinsics[0], camera.size).depth
    pixel, _ = camera.project(posed, 0)
    column, row = pixel[:, 0].long().clamp(0, width - 1), pixel[:, 1].long().clamp(0, height - 1)
    core = torch.from_numpy(np.asarray(ndimage.binary_erosion(mask.numpy(), iterations=config.erode)))
    view = torch.nn.functional.normalize(posed, dim=-1)
    facing = (vertex_normals(posed, faces) * view).sum(-1) < -config.facing
    front = (posed[:, 2] < depth[row, column] + config.tolerance) & (depth[row, column] > 0.0)
    nearest = ndimage.minimum_filter(torch.where(depth > 0.0, depth, torch.inf).numpy(), 2 * config.shadow + 1)
    front &= posed[:, 2] < torch.from_numpy(nearest)[row, column] + config.gap
    edge = torch.tensor([float(width), float(height)])
    in_photo = ((pixel > 0.0) & (pixel < edge)).all(-1)
    visible = facing & front & core[row, column] & in_photo
    color = bilinear(photo.to(torch.float32) / 255.0, pixel)
    return Paint(torch.where(visible[:, None], color, 0.0), visible)


def beside_hands(
    model: BodyModel, surface: Surface, posed: Float[Tensor, "v 3"], camera: Cameras, *, within: float
) -> Bool[Tensor, "v"]:
    """Vertices of torso, legs and head that the photo shows next to a hand.

    Args:
        model: The body that the surface refines.
        surface: The finer mesh.
        posed: Its vertices in the photo camera's frame, metres.
        camera: The photo's one, at the origin of its own frame.
        within: How near is next to it, metres at the hands' depth.
    """
    hand = hand_vertices(model)[surface.parents].all(-1)
    pixel, depth = camera.project(posed, 0)
    radius = within * float(camera.focal_lengths[0, 0]) / float(depth[hand].mean())
    distance, _ = KDTree(pixel[hand].numpy()).query(pixel.numpy(), distance_upper_bound=radius)
    limb = torch.tensor([PART_NAMES.index(f"{side} {part}") for side in ("left", "right") for part in ("arm", "hand")])
    other = ~torch.isin(vertex_parts(model)[surface.parents[:, 0]], limb)
    return torch.from_numpy(np.isfinite(distance)) & other
