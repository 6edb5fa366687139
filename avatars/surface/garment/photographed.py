"""A dressed body in a photo: what the camera sees of it, and where."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.joints import belonging
from avatars.body.parts import PART_NAMES
from avatars.body.skinning import transform
from avatars.surface.garment.regions import belongs
from avatars.surface.garment.settle import Obstacle
from avatars.surface.mesh import vertex_normals
from nfield.cameras import Cameras
from nfield.kernels.rasterize import Raster, rasterize

_FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")


@dataclass(frozen=True)
class Photographed:
    """A person in a photo, as the body explains it.

    Attributes:
        model: The body's constants.
        body: As the photo shows it, in the camera's world.
        rest: Dressed vertices in the T-pose, metres.
        joints: Of the shaped body in the T-pose, metres.
        camera: One camera.
        photo: sRGB, 0 to 255.
        mask: The person.
        posed: Dressed vertices as the photo shows them, metres.
        part: Part label of the body at each pixel, 0 where there is none.
    """

    model: BodyModel
    body: Body
    rest: Float[Tensor, "v 3"]
    joints: Float[np.ndarray, "j 3"]
    camera: Cameras
    photo: UInt8[np.ndarray, "h w 3"]
    mask: Bool[np.ndarray, "h w"]
    posed: Float[Tensor, "v 3"]
    part: Int[np.ndarray, "h w"]

    @classmethod
    def of(
        cls,
        model: BodyModel,
        body: Body,
        *,
        rest: Float[Tensor, "v 3"],
        camera: Cameras,
        photo: UInt8[Tensor, "h w 3"],
        mask: Bool[Tensor, "h w"],
    ) -> "Photographed":
        """Looks at the body once; the arguments are the attributes."""
        posed, part = _look(model, body, rest, camera)
        return cls(model, body, rest, _rest_joints(body), camera, photo.numpy(), mask.numpy(), posed, part)

    def wearing(self, rest: Float[Tensor, "v 3"]) -> "Photographed":
        """The same photo with another dressed body at rest, metres."""
        posed, part = _look(self.model, self.body, rest, self.camera)
        return replace(self, rest=rest, posed=posed, part=part)

    def bare(self) -> Float[Tensor, "v 3"]:
        """The shaped body at rest before it grew to the outline, metres."""
        affine = self.body.posed_from_rest.double()
        rest = torch.linalg.solve(affine[:, :, :3], (self.body.vertices.double() - affine[:, :, 3])[..., None])
        return rest[..., 0].to(self.rest)

    def project(self, points: Float[np.ndarray, "*b 3"]) -> tuple[Float[np.ndarray, "*b 2"], Float[np.ndarray, "*b"]]:
        """Column and row of points, and the metres that a pixel covers there."""
        flat = torch.from_numpy(points.reshape(-1, 3)).float()
        pixel, depth = self.camera.project(flat, 0)
        scale = depth / self.camera.intrinsics[0, 0, 0]
        return pixel.double().numpy().reshape(*points.shape[:-1], 2), scale.double().numpy().reshape(points.shape[:-1])

    def shows(self, parts: tuple[str, ...]) -> Bool[np.ndarray, "h w"]:
        """Pixels at which the camera sees these parts of the body."""
        return belongs(self.part, parts)

    def obstacle(self, parts: tuple[str, ...]) -> Obstacle:
        """Parts of the dressed body as the photo shows it, without the feet."""
        return obstacle_of(self.model, self.posed, vertex_normals(self.posed, self.model.faces), parts)

    def silhouette(self, parts: tuple[str, ...]) -> Bool[np.ndarray, "h w"]:
        """Pixels that these parts cover, whatever is in front of them."""
        return (seen_from(self.camera, self.posed, faces_of(self.model, parts)).face >= 0).numpy()


def obstacle_of(
    model: BodyModel, vertices: Float[Tensor, "v 3"], normals: Float[Tensor, "v 3"], parts: tuple[str, ...]
) -> Obstacle:
    """The vertices of parts of a posed body, without the feet, which come out of any hem."""
    used = torch.unique(faces_of(model, parts, feet=False))
    return Obstacle(vertices[used].double().numpy(), normals[used].double().numpy())


def seen_from(camera: Cameras, vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> Raster:
    """The z-buffer of a mesh in the world of a camera."""
    pose = camera.world_from_camera[0]
    return rasterize((vertices - pose[:3, 3]) @ pose[:3, :3], faces, camera.intrinsics[0], camera.size)


def faces_of(model: BodyModel, parts: tuple[str, ...], *, feet: bool = True) -> Int[Tensor, "t 3"]:
    """The faces of parts, with or without the feet."""
    wanted = torch.tensor([PART_NAMES.index(name) for name in parts])
    chosen = torch.isin(model.parts, wanted)
    if not feet:
        chosen &= ~(model.weights[:, belonging(model.joint_names, _FEET)].sum(1) > 0.5)[model.faces].all(1)
    return model.faces[chosen]


def _look(
    model: BodyModel, body: Body, rest: Float[Tensor, "v 3"], camera: Cameras
) -> tuple[Float[Tensor, "v 3"], Int[np.ndarray, "h w"]]:
    """Posed vertices and the part seen at each pixel."""
    posed = transform(body.posed_from_rest, rest)
    face = seen_from(camera, posed, model.faces).face
    return posed, torch.where(face >= 0, model.parts[face.clamp_min(0)], 0).numpy()


def _rest_joints(body: Body) -> Float[np.ndarray, "j 3"]:
    """The joints before posing: x of posed = R x + t."""
    turn, offset = body.joints_from_rest[:, :, :3].double(), body.joints_from_rest[:, :, 3].double()
    return (turn.transpose(1, 2) @ (body.joints.double() - offset)[..., None])[..., 0].numpy()
