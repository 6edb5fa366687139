"""An avatar's textured mesh in a pose."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import BodyPose
from avatars.body.pose_file import read_pose
from avatars.export.texture_options import TextureOptions
from avatars.export.textured_mesh import SplitMesh, TexturedMesh
from avatars.posed.avatar import Avatar


@dataclass(frozen=True)
class PosedMesh:
    """A mesh in a pose: metres, y up, the T-pose looking along z.

    Attributes:
        vertices: Metres, one for each texture coordinate.
        uv: Texture coordinates, v upwards.
        faces: Corners of each triangle, counter-clockwise from outside.
        texture: sRGB in [0, 1], the first row at v = 1.
        weights: Skin weights.
        rotations: Of the joints in the pose, axis-angles against their parents, radians.
        joints: Places of the joints in the pose, metres.
    """

    vertices: Float[Tensor, "v 3"]
    uv: Float[Tensor, "v 2"]
    faces: Int[Tensor, "t 3"]
    texture: Float[Tensor, "h w 3"]
    weights: Float[Tensor, "v j"]
    rotations: Float[Tensor, "j 3"]
    joints: Float[Tensor, "j 3"]

    @staticmethod
    def of(avatar: Avatar, pose: str, options: TextureOptions) -> "PosedMesh":
        """An avatar in a pose, standing on height 0 if its feet are its lowest part.

        Args:
            avatar: The avatar.
            pose: The name of a pose or a file of body parameters (`avatars.body.pose_file.read_pose`).
            options: How the mesh is made.
        """
        rotations = read_pose(pose, avatar.model)
        made = TexturedMesh.of(avatar, options.config, generator=options.generator)
        body = avatar.body_in(BodyPose(rotations, torch.zeros(3), avatar.portrait.pose.shape))
        split = SplitMesh.of(made.dressed.faces, made.layout)
        vertices = made.dressed.posed(avatar.model, body)[split.vertex]
        lift = vertices.new_tensor([0.0, -float(vertices[:, 1].amin()), 0.0])
        weights = made.dressed.weights(avatar.model)[split.vertex]
        return PosedMesh(vertices + lift, split.uv, split.faces, made.texture, weights, rotations, body.joints + lift)
