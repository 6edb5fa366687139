"""An avatar that stands in some pose, and cameras around it that know which part of it they see where."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body import BodyPose
from avatars.body.parts import face_parts
from avatars.posed.avatar import Avatar, PosedAvatar
from avatars.semantic.sampling import FULL, PARTS
from nfield.cameras import Cameras, look_at
from nfield.kernels.rasterize import rasterize

VIEW_SIZE = 512
"""Edge of the pictures in which parts are looked for, pixels."""
_DISTANCE, _FOCAL = 2.2, 2.1  # in extents of the person, and in edges of the picture
_HIGHEST, _USUAL = 20.0, 8.0  # degrees: limit and deviation of a camera's elevation


@dataclass(frozen=True)
class Standing:
    """An avatar in a pose, upright in the canonical frame (y up, looking along z).

    Attributes:
        posed: The avatar.
        part: Of each of its triangles, an index of `avatars.semantic.sampling.PARTS`.
    """

    posed: PosedAvatar
    part: Int[Tensor, "t"]

    @staticmethod
    def of(avatar: Avatar, rotations: Float[Tensor, "j 3"]) -> "Standing":
        """An avatar in a pose.

        Args:
            avatar: The avatar.
            rotations: Axis-angle of each joint, radians; the first, the global orientation, is not used.
        """
        upright = rotations.clone()
        upright[0] = 0.0
        # All cells near the surface are sampled: which of them are empty the field may learn yet.
        pose = BodyPose(upright, torch.zeros(3), avatar.portrait.pose.shape)
        return Standing(avatar.posed(pose), triangle_parts(avatar))

    def camera(self, azimuth: float, elevation: float) -> Cameras:
        """The camera that sees the whole person from an azimuth and an elevation, degrees."""
        box = self.posed.box
        middle, extent = 0.5 * (box.low + box.high), float(box.size.max())
        turn, rise = math.radians(azimuth), math.radians(elevation)
        offset = torch.tensor([math.sin(turn) * math.cos(rise), math.sin(rise), math.cos(turn) * math.cos(rise)])
        up = torch.tensor([0.0, 1.0, 0.0])
        pose = look_at((middle + _DISTANCE * extent * offset)[None], middle, up)
        return Cameras.pinhole(_FOCAL * VIEW_SIZE, (VIEW_SIZE, VIEW_SIZE), world_from_camera=pose)

    def shows(self, part: str, camera: Cameras) -> Bool[Tensor, "h w"]:
        """Pixels of a camera that show a part."""
        return part_mask(self.posed.vertices, self.posed.faces, self.part, part, camera)


def triangle_parts(avatar: Avatar) -> Int[Tensor, "t"]:
    """The part, an index of `avatars.semantic.sampling.PARTS`, of each triangle of an avatar's surface."""
    weights = avatar.dressed.weights(avatar.model)
    parts = face_parts(weights.numpy(), avatar.dressed.faces.numpy(), avatar.model.joint_names)
    return torch.from_numpy(parts).long()


def part_mask(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], parts: Int[Tensor, "t"], part: str, camera: Cameras
) -> Bool[Tensor, "h w"]:
    """Pixels of one camera that show a part of a mesh.

    Args:
        vertices: In the camera's world, metres.
        faces: Corners of each triangle.
        parts: Of each triangle, an index of `PARTS`.
        part: Of `PARTS`.
        camera: A pinhole.
    """
    pose = camera.world_from_camera[0]
    face = rasterize((vertices - pose[:3, 3]) @ pose[:3, :3], faces, camera.intrinsics[0], camera.size).face
    seen = face >= 0
    return seen if part == FULL else seen & (parts[face.clamp_min(0)] == PARTS.index(part))


def drawn_elevation(generator: torch.Generator) -> float:
    """A random elevation near the horizon, degrees."""
    drawn = _USUAL * float(torch.randn((), generator=generator))
    return min(max(drawn, -_HIGHEST), _HIGHEST)


def rendered_crop(
    posed: PosedAvatar, camera: Cameras, background: tuple[float, float, float], generator: torch.Generator
) -> Float[Tensor, "s s 3"]:
    """What a field shows in a crop; differentiable in its parameters.

    Args:
        posed: The avatar in a pose.
        camera: Sees only the crop.
        background: sRGB.
        generator: Jitters the samples.
    """
    rays = camera.image_rays(0, box=posed.box)
    rays = replace(rays, far=torch.minimum(rays.far, posed.ends(camera, 0).reshape(-1)))
    behind = torch.tensor(background).expand(len(rays), 3)
    out = posed.rendered.seen(rays, background=behind, generator=generator)
    return out.color.reshape(*camera.size, 3)
