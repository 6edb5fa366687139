"""Along which rays a teacher is looked at: through random pixels of random cameras, and along those that are hard."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from distill.active import ActiveConfig, HardPoses, HardRays, joined_rays
from distill.poses import PoseConfig, poses_between
from distill.teacher import Teacher
from nfield.cameras import Cameras
from nfield.devices import on_device, on_host, uniform, whole_numbers
from nfield.types import Rays


@dataclass(frozen=True)
class Look:
    """The rays of a step.

    Attributes:
        rays: Fresh ones first, then those that come again.
        camera: Of each of the fresh ones.
        slots: Where in the pool the others were; None where there are none.
    """

    rays: Rays
    camera: Int[Tensor, "f"]
    slots: Int[Tensor, "h"] | None


class Looks:
    """Draws the rays of each step, and learns which of them were hard.

    Args:
        teacher: What is looked at.
        poses: How many cameras are in use at a time.
        renewal: Steps after which they are drawn anew.
        pose: Where they may be.
        active: What of the hard comes again.
    """

    def __init__(self, teacher: Teacher, *, poses: int, renewal: int, pose: PoseConfig, active: ActiveConfig) -> None:
        self._teacher, self._poses, self._renewal, self._pose, self._active = teacher, poses, renewal, pose, active
        self._hard_poses, self._hard_rays = HardPoses(active), HardRays(active)
        self._cameras: Cameras | None = None

    def draw(self, step: int, count: int, generator: torch.Generator, device: torch.device) -> Look:
        """The rays of a step.

        Args:
            step: Steps done.
            count: How many fresh ones.
            generator: On the device.
            device: Of the student.
        """
        if self._cameras is None or step % self._renewal == 0:
            self._cameras = self._renewed(generator, device)
        camera = whole_numbers(len(self._cameras), count, generator=generator, device=device)
        pixels = uniform(count, 2, generator=generator, device=device) * self._cameras.extents(camera)
        shown = self._teacher.shown
        fresh = self._cameras.rays(camera, pixels, box=shown.box, near=shown.near)
        again = self._hard_rays.drawn(count, generator) if self._active.rays else None
        if again is None:
            return Look(fresh, camera, None)
        rays, slots = again
        return Look(joined_rays(fresh, rays), camera, slots)

    def learn(self, look: Look, error: Float[Tensor, "r"]) -> None:
        """Takes in how wrong each ray of a step was.

        Args:
            look: From `draw`.
            error: Sum over sRGB of the absolute difference, of each ray.
        """
        if self._active.poses and self._cameras is not None:
            fresh = error[: len(look.camera)]
            self._hard_poses.learn(look.camera, fresh, count=len(self._cameras))
        if self._active.rays:
            self._hard_rays.learn(look.rays, error, look.slots)

    def _renewed(self, generator: torch.Generator, device: torch.device) -> Cameras:
        host = on_host(generator)
        drawn = on_device(poses_between(self._teacher.cameras, self._poses, self._pose, generator=host), device)
        if not self._active.poses or self._cameras is None:
            return drawn
        return self._hard_poses.among(drawn, self._cameras, host)
