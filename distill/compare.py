"""A student beside its teacher, from the same cameras."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from distill.poses import poses_between
from distill.teacher import Teacher
from nfield.cameras import Cameras
from nfield.fields.base import Field
from nfield.metrics import psnr, ssim
from nfield.rendering.image import Image
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.base import Sampler
from nfield.rendering.scene_renderer import SceneRenderer

_CANDIDATES = 4
_GLANCE = 24
"""Rows of the small pictures by which cameras are judged."""
_OPAQUE = 0.5
"""Opacity from which on a pixel has a depth."""
_SOMETHING = 0.05
"""Share of such a picture that has to be covered."""


@dataclass(frozen=True)
class Pair:
    """A view of both, sRGB in [0, 1] over the same background.

    Attributes:
        name: Of the view.
        teacher: What the teacher shows.
        student: What the student shows, by its own grid.
        photo: What was photographed there, if anything was.
        inherited_grid: What the student shows by the teacher's grid.
        depth_error: Mean difference of their depths where both are opaque, metres; None where that is nowhere.
        teacher_seconds: Time of the teacher's rendering.
        student_seconds: Time of the student's.
    """

    name: str
    teacher: Float[Tensor, "h w 3"]
    student: Float[Tensor, "h w 3"]
    photo: Float[Tensor, "h w 3"] | None
    inherited_grid: Float[Tensor, "h w 3"]
    depth_error: float | None
    teacher_seconds: float
    student_seconds: float

    @property
    def psnr(self) -> float:
        """Student against teacher, decibels."""
        return psnr(self.student, self.teacher)

    @property
    def ssim(self) -> float:
        """Student against teacher."""
        return ssim(self.student, self.teacher)


def compared(
    teacher: Teacher,
    student: Field,
    sampler: Sampler,
    cameras: Cameras,
    *,
    names: Sequence[str],
    photos: Sequence[Float[Tensor, "h w 3"]] | None = None,
) -> Iterator[Pair]:
    """Views of both, one after the other.

    Args:
        teacher: The teacher.
        student: The student.
        sampler: The student's own.
        cameras: From where.
        names: Of the views.
        photos: What was photographed there, over the teacher's background.
    """
    own = replace(teacher.shown, field=student, renderer=Renderer(sampler))
    lent = replace(teacher.shown, field=student)
    for index in range(len(cameras)):
        start = time.perf_counter()
        taught = teacher.shown.image(cameras, index)
        middle = time.perf_counter()
        learned = own.image(cameras, index)
        end = time.perf_counter()
        photo = None if photos is None else photos[index]
        by_teachers = lent.image(cameras, index).color
        apart = depth_error(learned, taught)
        spent = middle - start, end - middle
        yield Pair(names[index], taught.color, learned.color, photo, by_teachers, apart, *spent)


def depth_error(one: Image, other: Image) -> float | None:
    """Mean difference of the depths of two views where both are opaque, metres; None where that is nowhere.

    Args:
        one: A view.
        other: From the same camera.
    """
    both = torch.minimum(one.opacity, other.opacity) > _OPAQUE
    if not both.any():
        return None
    first, second = (view.depth[both] / view.opacity[both] for view in (one, other))
    return float((first - second).abs().mean())


def telling_poses(teacher: Teacher, count: int, *, generator: torch.Generator) -> Cameras:
    """Random cameras between the teacher's from which it shows something.

    From elsewhere both show the same background, and a mean of decibels would be mostly of these views.

    Args:
        teacher: What is looked at.
        count: How many cameras.
        generator: Draws them.
    """
    drawn = poses_between(teacher.cameras, _CANDIDATES * count, generator=generator)
    height, width = drawn.size
    small = drawn.resized((_GLANCE, max(1, round(_GLANCE * width / height))))
    shown = torch.tensor([float(teacher.shown.image(small, index).opacity.mean()) for index in range(len(drawn))])
    telling = shown.argsort(descending=True)[: max(count, int((shown > _SOMETHING).sum()))]
    return drawn[telling.sort().values[:count]]


class Nearness:
    """The mean PSNR of a student that is still learning against its teacher, decibels.

    Args:
        shown: Renders the student.
        cameras: From where.
        wanted: What the teacher shows from each.
    """

    def __init__(self, shown: SceneRenderer, cameras: Cameras, wanted: Sequence[Float[Tensor, "h w 3"]]) -> None:
        self._shown, self._cameras, self._wanted = shown, cameras, wanted

    @staticmethod
    def of(teacher: Teacher, student: Field, cameras: Cameras) -> "Nearness":
        """To a field, by the teacher's samples; the teacher's pictures are rendered once.

        Args:
            teacher: The teacher.
            student: The student.
            cameras: From where.
        """
        wanted = [teacher.shown.image(cameras, index).color for index in range(len(cameras))]
        return Nearness(replace(teacher.shown, field=student), cameras, wanted)

    @torch.no_grad()
    def __call__(self) -> float:
        """As it is now."""
        found = [self._shown.image(self._cameras, index).color for index in range(len(self._wanted))]
        return sum(psnr(own, theirs) for own, theirs in zip(found, self._wanted, strict=True)) / len(found)


def mean_psnr(teacher: Teacher, student: Field, cameras: Cameras) -> float:
    """`Nearness` as it is now, for somebody who asks once."""
    return Nearness.of(teacher, student, cameras)()
