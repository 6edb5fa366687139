"""A parametric body: shape and pose to vertices and joints, differentiably (SMPL, Loper et al. 2015).

Canonical frame: that of SMPL's rest pose, the T-pose with all rotations zero: x to the body's left, y up, z forward,
metres. A body posed from a photo lives in that photo's OpenCV camera frame: its global orientation turns it over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

import assets
from avatars.body.joints import JOINT_NAMES, LEFT_FINGERS, RIGHT_FINGERS
from avatars.body.skinning import (
    blend,
    forward_kinematics,
    posed_from_rest,
    rotations_from_axis_angle,
    transform,
)
from avatars.body.smpl_file import load_body_file
from nfield.errors import DataError

JOINTS = len(JOINT_NAMES)
"""How many joints SMPL has."""


@dataclass(frozen=True)
class BodyPose:
    """How a body stands and what its build is; any leading batch dimensions, the same for all three.

    Attributes:
        rotations: Axis-angle of each joint against its parent, radians; the first is the global orientation, about
            the pelvis.
        translation: Added to the posed body, metres.
        shape: Shape coefficients, in standard deviations.
    """

    rotations: Float[Tensor, "*b j 3"]
    translation: Float[Tensor, "*b 3"]
    shape: Float[Tensor, "*b k"]

    @staticmethod
    def rest(shape_count: int = 10, *, joint_count: int = JOINTS) -> "BodyPose":
        """The mean body in the rest pose."""
        return BodyPose(torch.zeros(joint_count, 3), torch.zeros(3), torch.zeros(shape_count))


@dataclass(frozen=True)
class Body:
    """A posed body.

    Attributes:
        vertices: Metres.
        joints: Positions of the joints, metres.
        posed_from_rest: Per vertex, the affine map that carries the shaped rest vertex (without pose blendshapes) to
            `vertices`, exactly: the pose blendshapes are folded into its last column.
        joints_from_rest: The rigid map of each joint: its rotation, and the translation that moves the joint's rest
            position to `joints`.
    """

    vertices: Float[Tensor, "*b v 3"]
    joints: Float[Tensor, "*b j 3"]
    posed_from_rest: Float[Tensor, "*b v 3 4"]
    joints_from_rest: Float[Tensor, "*b j 3 4"]


@dataclass(frozen=True)
class BodyModel:
    """The constants of a body model.

    Attributes:
        template: Vertices of the mean body in the rest pose, metres.
        shape_dirs: Displacement per shape coefficient, metres.
        pose_dirs: Displacement per entry of R - I of all joints but the root, metres.
        weights: Skin weights; rows sum to 1.
        joint_template: Joints of the mean body, metres.
        joint_shape_dirs: Displacement of the joints per shape coefficient, metres.
        joint_names: Name of each joint; the first 22 are SMPL's.
        parents: Parent of each joint, -1 for the root.
        faces: Corners of each triangle, counter-clockwise from outside.
        parts: Part label of each face, 1 to 11 (`avatars.body.parts.PART_NAMES`).
        mirror: For each vertex, its left-right counterpart.
        uv: Texture coordinates, or None where the file has none.
        uv_faces: Texture coordinate of each corner of each face.
        landmarks: Vertices at nose, eyes, ears, toes, heels and finger tips, by name.
        shape_space: Name of the basis that shape coefficients refer to; they mean nothing in another one.
        provenance: Where the model comes from.
        hand_means: Axis-angles of the finger joints of hands that hang relaxed, first left, then right, radians; the
            template's hands are flat. None for bodies without fingers.
        hand_components: Directions of a hand's usual changes, whose coefficients files of parameters may hold.
    """

    template: Float[Tensor, "v 3"]
    shape_dirs: Float[Tensor, "v 3 k"]
    pose_dirs: Float[Tensor, "p v 3"]
    weights: Float[Tensor, "v j"]
    joint_template: Float[Tensor, "j 3"]
    joint_shape_dirs: Float[Tensor, "j 3 k"]
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    faces: Int[Tensor, "t 3"]
    parts: Int[Tensor, "t"]
    mirror: Int[Tensor, "v"]
    uv: Float[Tensor, "u 2"] | None
    uv_faces: Int[Tensor, "t 3"] | None
    landmarks: Mapping[str, int]
    shape_space: str
    provenance: str
    hand_means: Float[Tensor, "2 45"] | None = None
    hand_components: Float[Tensor, "2 c 45"] | None = None

    @classmethod
    def load(cls, path: Path | None = None) -> "BodyModel":
        """The shipped body, or the one of a user's own SMPL, SMPL-H or SMPL-X file (.npz or .pkl).

        Raises:
            DataError: Where the file cannot be used; the message says why.
            BackendUnavailable: Where it has fingers, and the package smplx is not installed.
        """
        file = load_body_file(assets.path("body/body.npz") if path is None else path)
        # Joints are sums over all vertices: in double precision they, and their hash, are the same on every machine.
        regressor = torch.from_numpy(file.joint_regressor).double()
        template, shape_dirs = torch.from_numpy(file.template), torch.from_numpy(file.shape_dirs)
        return cls(
            template=template,
            shape_dirs=shape_dirs,
            pose_dirs=torch.from_numpy(file.pose_dirs).permute(2, 0, 1).contiguous(),
            weights=torch.from_numpy(file.weights),
            joint_template=(regressor @ template.double()).float(),
            joint_shape_dirs=torch.einsum("jv,vdk->jdk", regressor, shape_dirs.double()).float(),
            joint_names=file.joint_names,
            parents=file.parents,
            faces=torch.from_numpy(file.faces),
            parts=torch.from_numpy(file.parts).long(),
            mirror=torch.from_numpy(file.mirror).long(),
            uv=None if file.uv is None else torch.from_numpy(file.uv),
            uv_faces=None if file.uv_faces is None else torch.from_numpy(file.uv_faces),
            landmarks=file.landmarks,
            shape_space=file.shape_space,
            provenance=file.provenance,
            hand_means=None if file.hands is None else torch.from_numpy(file.hands.means),
            hand_components=None if file.hands is None else torch.from_numpy(file.hands.components),
        )

    @property
    def rest_rotations(self) -> Float[Tensor, "j 3"]:
        """No turn of any joint: the rest pose."""
        return self.joint_template.new_zeros(len(self.joint_names), 3)

    @property
    def relaxed_hands(self) -> Float[Tensor, "j 3"]:
        """Axis-angles that relax the template's flat hands, radians; zero where the body has no fingers.

        SMPL-H and SMPL-X call them the mean hands, and add them to the hands of a pose unless told otherwise.
        """
        rotations = self.rest_rotations
        if self.hand_means is not None:
            fingers = [self.joint_names.index(name) for name in (*LEFT_FINGERS, *RIGHT_FINGERS)]
            rotations[fingers] = self.hand_means.reshape(-1, 3)
        return rotations

    def vertices_at(self, names: Sequence[str]) -> Int[Tensor, "n"]:
        """Vertices of landmarks.

        Args:
            names: Names of landmarks: nose, lear, LHeel and so on.

        Raises:
            DataError: The body does not say where they are.
        """
        missing = [name for name in names if name not in self.landmarks]
        if missing:
            raise DataError(
                f"the body model {self.provenance!r} does not say which vertices lie at {', '.join(missing)}: its mesh "
                f"of {len(self.template)} vertices is not that of SMPL, SMPL-H or SMPL-X; "
                "add the arrays vertex_ids and vertex_ids_names to its .npz"
            )
        return torch.tensor([self.landmarks[name] for name in names], device=self.template.device)

    def rest(self, shape: Float[Tensor, "*b k"]) -> tuple[Float[Tensor, "*b v 3"], Float[Tensor, "*b j 3"]]:
        """Vertices and joints of a shaped body at rest, metres; coefficients that are left out are zero."""
        count = shape.shape[-1]
        vertices = self.template + torch.einsum("vdk,...k->...vd", self.shape_dirs[..., :count], shape)
        return vertices, self._rest_joints(shape)

    def pose(self, pose: BodyPose) -> Body:
        """The body of a pose; differentiable in rotations, translation and shape.

        >>> model = BodyModel.load()
        >>> body = model.pose(BodyPose.rest())
        >>> bool(torch.allclose(body.vertices, model.template, atol=1e-6))
        True
        """
        rest, _ = self.rest(pose.shape)
        rotations = rotations_from_axis_angle(pose.rotations)
        joints, joints_from_rest = self._skeleton(rotations, pose)
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        bends = (rotations[..., 1:, :, :] - identity).reshape(*rotations.shape[:-3], -1)
        offsets = (bends @ self.pose_dirs.reshape(bends.shape[-1], -1)).reshape(*bends.shape[:-1], -1, 3)
        rigid = blend(self.weights, joints_from_rest)
        moved = (rigid[..., :3] @ offsets[..., None])[..., 0] + rigid[..., 3]
        affine = torch.cat([rigid[..., :3], moved[..., None]], -1)
        return Body(transform(affine, rest), joints, affine, joints_from_rest)

    def joints(self, pose: BodyPose) -> Float[Tensor, "*b j 3"]:
        """The posed joints alone, metres: what `pose` gives, at a hundredth of its cost."""
        return self.skeleton(pose)[0]

    def skeleton(self, pose: BodyPose) -> tuple[Float[Tensor, "*b j 3"], Float[Tensor, "*b j 3 4"]]:
        """The posed joints, metres, and the rigid map of each from the rest pose: those of `pose`, without vertices."""
        return self._skeleton(rotations_from_axis_angle(pose.rotations), pose)

    def subset(self, vertices: Int[Tensor, "n"]) -> "BodyModel":
        """The same body with some of its vertices only, in the given order, and the faces that they span."""
        new_index = torch.full((len(self.template),), -1, device=vertices.device)
        new_index[vertices] = torch.arange(len(vertices), device=vertices.device)
        whole = (new_index[self.faces] >= 0).all(1)
        return replace(
            self,
            template=self.template[vertices],
            shape_dirs=self.shape_dirs[vertices],
            pose_dirs=self.pose_dirs[:, vertices].contiguous(),
            weights=self.weights[vertices],
            faces=new_index[self.faces[whole]],
            parts=self.parts[whole],
            mirror=new_index[self.mirror[vertices]],
            uv_faces=None if self.uv_faces is None else self.uv_faces[whole],
            landmarks={name: int(new_index[index]) for name, index in self.landmarks.items() if new_index[index] >= 0},
        )

    def to(self, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "BodyModel":
        """The same body on another device, or in another floating-point precision."""
        fields = {
            name: value.to(device=device, dtype=dtype if value.is_floating_point() else None)
            for name, value in vars(self).items()
            if torch.is_tensor(value)
        }
        return replace(self, **fields)

    def _rest_joints(self, shape: Float[Tensor, "*b k"]) -> Float[Tensor, "*b j 3"]:
        dirs = self.joint_shape_dirs[..., : shape.shape[-1]]
        return self.joint_template + torch.einsum("jdk,...k->...jd", dirs, shape)

    def _skeleton(
        self, rotations: Float[Tensor, "*b j 3 3"], pose: BodyPose
    ) -> tuple[Float[Tensor, "*b j 3"], Float[Tensor, "*b j 3 4"]]:
        """Posed joints, and the map of each joint from the rest pose."""
        rest = self._rest_joints(pose.shape)
        orientations, positions = forward_kinematics(rotations, rest, self.parents)
        positions = positions + pose.translation[..., None, :]
        return positions, posed_from_rest(orientations, positions, rest)
