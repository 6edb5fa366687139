"""Pictures that splats are to look like: views of a teacher, rendered while there is time for it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.rendering.image import Image
from nfield.splats.similarity import Structure

Teacher = Callable[[Cameras, int], Image]
"""Renders one camera's view, over `background`."""


@dataclass(frozen=True)
class Goal:
    """What one camera should see.

    Attributes:
        color: sRGB times opacity.
        alpha: Opacity.
    """

    color: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]

    @staticmethod
    def of(image: Image, background: Float[Tensor, "3"]) -> "Goal":
        """Of a rendered view over a background."""
        behind = (1.0 - image.opacity)[..., None] * background
        return Goal((image.color - behind).clamp(0.0, 1.0), image.opacity)

    def over(self, background: Float[Tensor, "3"]) -> Structure:
        """Over another one, channels first."""
        return Structure.of((self.color + (1.0 - self.alpha)[..., None] * background).permute(2, 0, 1).contiguous())


@dataclass(frozen=True)
class Views:
    """Views in the order in which they are rendered; those that are there grow in number.

    Attributes:
        teacher: Renders them.
        background: Behind what it renders.
        cameras: All that may be rendered.
        goals: Those that were.
    """

    teacher: Teacher
    background: Float[Tensor, "3"]
    cameras: Cameras
    goals: list[Goal] = field(default_factory=list)

    @torch.no_grad()
    def render_next(self) -> None:
        """Renders one more, if there is one more."""
        if len(self.goals) < len(self.cameras):
            self.goals.append(Goal.of(self.teacher(self.cameras, len(self.goals)), self.background))


def interleaved(first: Cameras, second: Cameras, *, generator: torch.Generator) -> Cameras:
    """Cameras of two sets with images of one size, in turns; each set shuffled, and what one has more at the end."""
    orders = [torch.randperm(len(cameras), generator=generator) for cameras in (first, second)]
    rank = torch.cat([torch.arange(len(first)) * 2, torch.arange(len(second)) * 2 + 1]).argsort()
    intrinsics = torch.cat([first.intrinsics[orders[0]], second.intrinsics[orders[1]]])[rank]
    poses = torch.cat([first.world_from_camera[orders[0]], second.world_from_camera[orders[1]]])[rank]
    return Cameras(intrinsics, poses, first.size)
