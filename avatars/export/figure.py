"""An avatar as rigged files hold it: one mesh with a texture, a skeleton, and clips."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.export.bone_names import humanoid_bones, node_names
from avatars.export.clip import Clip, ClipConfig, Mover, make_clips
from avatars.export.rig import RestSkeleton, SkinWeights
from avatars.export.textured_mesh import SplitMesh, TextureConfig, TexturedMesh
from avatars.motion import Motion, grounded
from avatars.posed.avatar import Avatar
from avatars.surface.mesh import vertex_normals


@dataclass(frozen=True)
class RigConfig:
    """How a rigged figure is made."""

    texture: TextureConfig = field(default_factory=TextureConfig)
    """Its mesh and colours."""
    clips: ClipConfig = field(default_factory=ClipConfig)
    """Its motions."""


@dataclass(frozen=True)
class RiggedFigure:
    """A figure in the T-pose: metres, y up, looking along z, the soles at height 0.

    Attributes:
        vertices: Metres.
        normals: Unit vectors outwards.
        uv: Texture coordinates, v upwards.
        faces: Corners of each triangle, counter-clockwise from outside.
        texture: sRGB in [0, 1], the first row at v = 1.
        skin: Joints that vertices follow.
        skeleton: The joints.
        humanoid: The index of the joint of each humanoid bone.
        shapes: Displacements of the vertices at rest, metres, for a weight of 1.
        clips: Motions by name; their weights are those of the shapes.
        off: How far vertices are from the avatar's in frames of the clips, metres; empty where there are no shapes.
    """

    vertices: Float[Tensor, "v 3"]
    normals: Float[Tensor, "v 3"]
    uv: Float[Tensor, "v 2"]
    faces: Int[Tensor, "t 3"]
    texture: Float[Tensor, "h w 3"]
    skin: SkinWeights
    skeleton: RestSkeleton
    humanoid: dict[str, int]
    shapes: Float[Tensor, "k v 3"]
    clips: dict[str, Clip]
    off: Float[Tensor, "f v"]

    @staticmethod
    def of(
        avatar: Avatar, motions: Sequence[Motion], config: RigConfig, *, generator: torch.Generator
    ) -> "RiggedFigure":
        """An avatar, rigged.

        Args:
            avatar: The avatar.
            motions: What it can do, as `avatars.motion.open_motion` gives it.
            config: How it is made.
            generator: Draws where the field is looked at to find its empty parts.
        """
        model, shape = avatar.model, avatar.portrait.pose.shape
        textured = TexturedMesh.of(avatar, config.texture, generator=generator)
        surface, split = textured.dressed, SplitMesh.of(textured.dressed.faces, textured.layout)
        skin = SkinWeights.strongest(surface.weights(model)[split.vertex])
        mover = Mover(model, shape, surface, split.vertex, skin)
        made = make_clips(mover, [grounded(motion, model, shape) for motion in motions], config.clips)
        lift = torch.tensor([0.0, -float(mover.rest[:, 1].amin()), 0.0])
        bones = humanoid_bones(model.joint_names)
        return RiggedFigure(
            vertices=mover.rest + lift,
            normals=vertex_normals(surface.rest, surface.faces)[split.vertex],
            uv=split.uv,
            faces=split.faces,
            texture=textured.texture,
            skin=skin,
            skeleton=RestSkeleton(node_names(model.joint_names), model.parents, model.rest(shape)[1] + lift),
            humanoid={bone: model.joint_names.index(joint) for joint, bone in bones.items()},
            shapes=made.shapes,
            clips=made.clips,
            off=made.off,
        )
