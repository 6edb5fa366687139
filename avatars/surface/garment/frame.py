"""Where a tube's axis lies in the T-pose: upright through the trunk, the head or a leg, or along an arm."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.surface.garment.photographed import Photographed

_LEAST_ACROSS = 0.35


@dataclass(frozen=True)
class Frame:
    """Axes in which a part of the body hangs down from its joint.

    Attributes:
        local_from_rest: Rotation from the T-pose; the part points along -y.
        axis: x and z of the axis in that frame, metres.
        joint: The joint whose turn the part follows in the photo.
    """

    local_from_rest: Float[np.ndarray, "3 3"]
    axis: tuple[float, float]
    joint: int

    @classmethod
    def upright(cls, axis: tuple[float, float], joint: int) -> "Frame":
        """The T-pose's own axes."""
        return cls(np.eye(3), axis, joint)

    def to_rest(self, points: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
        """From this frame to the T-pose's."""
        return points @ self.local_from_rest

    def to_local(self, points: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 3"]:
        """From the T-pose's frame to this one."""
        return points @ self.local_from_rest.T

    def across(self, seen: Photographed) -> Float[np.ndarray, "2"]:
        """Where the photo sees the part's side, its right if it stands upright: x and z of a unit vector.

        Where the part points at the camera there is none; x is taken then.
        """
        flat = self._across(seen)
        length = float(np.linalg.norm(flat))
        return flat / length if length > _LEAST_ACROSS else np.array([1.0, 0.0])

    def is_seen_aside(self, seen: Photographed) -> bool:
        """Whether the photo shows the part from the side, not along its length."""
        return float(np.linalg.norm(self._across(seen))) > _LEAST_ACROSS

    def _across(self, seen: Photographed) -> Float[np.ndarray, "2"]:
        turn = seen.body.joints_from_rest[self.joint, :, :3].double().numpy()
        along = turn @ self.to_rest(np.array([0.0, -1.0, 0.0]))
        view = (seen.body.joints[self.joint] - seen.camera.origins[0]).double().numpy()
        across = self.to_local(turn.T @ np.cross(along, view / np.linalg.norm(view)))
        return across[[0, 2]]
