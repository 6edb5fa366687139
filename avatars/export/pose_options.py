"""What formats ask that hold an avatar in one pose."""

from dataclasses import dataclass

from avatars.export.posed_mesh import PosedMesh
from avatars.export.texture_options import MAKING, TextureOptions
from avatars.posed.avatar import Avatar
from nfield.export import Tell


@dataclass(frozen=True)
class PoseOptions(TextureOptions):
    """Options of a mesh in a pose."""

    pose: str = "t-pose"
    """Name of a pose, or a file of body parameters (npz)."""

    def mesh(self, avatar: Avatar, tell: Tell) -> PosedMesh:
        """An avatar's mesh in the pose."""
        tell(MAKING)
        return PosedMesh.of(avatar, self.pose, self)
