"""Teaching one field what another has learned, at the same points, at ever deeper levels (PVD, sections 2 and 3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from distill.active import ActiveConfig, telling_points
from distill.levels import ClipRange, aligned, distance
from distill.looks import Look, Looks
from distill.poses import PoseConfig
from distill.schedule import Stage, schedule_named
from distill.teacher import Teacher, folded
from nfield.devices import device_of, uniform
from nfield.fields.base import Field
from nfield.kernels.points import sample_points
from nfield.rendering.renderer import composite
from nfield.training.ray_budget import RayBudget
from nfield.training.running_error import RunningError
from nfield.training.task import Moment
from nfield.types import FieldOutput, Latent, Level, RenderOutput, Samples

_SEEN_FROM_ALL = 0.05
"""Weight of points that a ray's light hardly reaches, beside their share of the pixel."""
_FADED = 1e-3
"""Share of its first weight from which on the feature is not compared any more."""


@dataclass(frozen=True)
class DistillConfig:
    """How a field is taught."""

    schedule: str = "progressive"
    """Stages: progressive (PVD's), joint (all levels at once, PVD-AL's) or rendered (colours of rays alone)."""
    samples: int = 1 << 16
    """Samples of a step, placed by the teacher; the number of rays follows from it."""
    elsewhere: float = 0.125
    """Further points, as a share of the samples, spread over the whole box: what the teacher's grid calls empty must
    be empty in the student, too, for the student is rendered by its own grid in the end."""
    density_elsewhere: float = 0.02
    """Weight of the log-density at those points."""
    poses: int = 256
    """Random cameras in use at a time."""
    renewal: int = 64
    """Steps after which they are drawn anew."""
    most_rays: int = 1 << 15
    """Rays of a step at most."""
    pose: PoseConfig = PoseConfig()  # noqa: RUF009 - frozen
    """Where the teacher is looked at from."""
    active: ActiveConfig = ActiveConfig()  # noqa: RUF009 - frozen
    """What of the hard is looked at again (PVD-AL); nothing by default."""


class DistillTask:
    """A student that learns from a teacher; no photos are involved.

    Args:
        teacher: The trained field, which is not changed.
        student: The field that learns, as the teacher's is asked: behind the same wrapper, if there is one.
        modules: What is saved: the student under the name "field", without a wrapper, and its own sampler.
        config: Options.
    """

    def __init__(
        self, teacher: Teacher, student: Field, modules: Mapping[str, nn.Module], config: DistillConfig
    ) -> None:
        self.teacher, self.student, self.config = teacher, student, config
        self._modules = modules
        self.levels = teacher.shown.field.levels & student.levels
        if teacher.shown.field.feature_dim != student.feature_dim:
            self.levels -= {Level.FEATURE}
        self.clip = ClipRange.of_step(teacher.grid.rule.step)
        self._schedule = schedule_named(config.schedule)
        self._budget = RayBudget(first=1024, most=config.most_rays)
        self._looks = Looks(teacher, poses=config.poses, renewal=config.renewal, pose=config.pose, active=config.active)
        self._error = RunningError()

    def modules(self) -> Mapping[str, nn.Module]:
        """The student and its sampler."""
        return self._modules

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The student's; those that are frozen get no gradient and stay as they are."""
        return self.student.param_groups()

    def stage(self, share: float) -> Stage:
        """The weights at a spent share of the budget; fields that share no feature start with the second stage."""
        stage = self._schedule.at(share)
        silent = stage.density == stage.color == stage.rendered == 0.0
        if silent and Level.FEATURE not in self.levels:
            return self._schedule.at(stage.until)
        return stage

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The distances at all levels that the stage compares."""
        stage = self.stage(moment.share)
        look = self._looks.draw(moment.step, self._budget.count, generator, device_of(self.student))
        rays, shown = look.rays, self.teacher.shown
        with torch.no_grad():
            samples = shown.renderer.sample(shown.field, rays, generator=generator)
            taught = shown.renderer.shade(shown.field, rays, samples)
            seen = composite(samples, taught)
            weight = seen.weights
        self._budget.learn(rays=len(rays), samples=len(samples), goal=float(self.config.samples))
        fade = self._schedule.fading**moment.step if moment.step and stage.rendered + stage.density > 0.0 else 1.0
        feature = stage.feature * fade if fade > _FADED and Level.FEATURE in self.levels else 0.0
        points, dirs = sample_points(rays, samples)
        latent = self.student.encode(points) if feature > 0.0 else None
        losses = {"elsewhere": self.config.density_elsewhere * self._elsewhere(len(samples), generator)}
        if latent is not None:
            losses["feature"] = feature * self._feature_distance(points, latent, taught, weight + _SEEN_FROM_ALL)
        if stage.density + stage.color + stage.rendered > 0.0:
            learned = self.student(points, dirs) if latent is None else self.student.answer(latent, dirs)
            told = weight + _SEEN_FROM_ALL
            if stage.rendered > 0.0:
                own = composite(samples, learned)
                losses["rendered"] = stage.rendered * self._rendered_distance(look, own, seen, generator)
                if self.config.active.points:
                    told = self._telling(samples, own, seen)
            losses |= self._point_losses(stage, learned, taught, told)
        return losses

    def measures(self) -> dict[str, float]:
        """PSNR of recent rays against the teacher's, once rays are compared, and rays of a step."""
        figures = {"rays": self._budget.rays}
        return figures if not self._error.known else {"psnr": self._error.psnr, **figures}

    def state(self) -> dict[str, float]:
        """Rays of a step and the running error."""
        return {"rays": self._budget.rays, "error": self._error.value}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""
        self._budget.rays, self._error.value = state["rays"], state["error"]

    def _feature_distance(
        self, points: Float[Tensor, "s 3"], latent: Latent, taught: FieldOutput, weight: Float[Tensor, "s"]
    ) -> Float[Tensor, ""]:
        with torch.no_grad():
            known = self.teacher.shown.field.encode(points).feature
        own = self.clip.of_student(self.student.log_density(latent))
        theirs = self.clip.of_teacher(taught.log_density)
        return distance(aligned(latent.feature, own), aligned(known, theirs), weight)

    def _point_losses(
        self, stage: Stage, learned: FieldOutput, taught: FieldOutput, weight: Float[Tensor, "s"]
    ) -> dict[str, Float[Tensor, ""]]:
        own = self.clip.of_student(learned.log_density)
        theirs = self.clip.of_teacher(folded(taught.log_density, taught.presence, floor=self.clip.low))
        losses = {}
        if stage.density > 0.0:
            losses["density"] = stage.density * distance(own, theirs, weight)
        if stage.color > 0.0:
            losses["color"] = stage.color * distance(learned.color, taught.color, weight)
        return losses

    def _rendered_distance(
        self, look: Look, own: RenderOutput, seen: RenderOutput, generator: torch.Generator
    ) -> Float[Tensor, ""]:
        background = uniform(len(look.rays), 3, generator=generator, device=own.color.device)
        color, wanted = (out.color + (1.0 - out.opacity)[:, None] * background for out in (own, seen))
        difference = color.detach() - wanted
        self._error.add(difference[: len(look.camera)].square().mean())  # Of fresh rays: the others are hard.
        self._looks.learn(look, difference.abs().sum(-1))
        return distance(color, wanted)

    @torch.no_grad()
    def _telling(self, samples: Samples, own: RenderOutput, seen: RenderOutput) -> Float[Tensor, "s"]:
        """1 for points that make a pixel, to the student or to the teacher, else 0."""
        either = [telling_points(samples, out.weights, out.opacity, self.config.active) for out in (own, seen)]
        return (either[0] | either[1]).to(own.weights)

    def _elsewhere(self, count: int, generator: torch.Generator) -> Float[Tensor, ""]:
        elsewhere = int(count * self.config.elsewhere)
        unit = uniform(elsewhere, 3, generator=generator, device=device_of(self.student))
        points = self.teacher.shown.box.world_from_unit(unit)
        own = self.clip.of_student(self.student.density_and_presence(points)[0])
        return distance(own, self.clip.of_teacher(self.teacher.log_density(points, floor=self.clip.low)))
