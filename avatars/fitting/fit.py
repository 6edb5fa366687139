"""One photo of a person to an avatar: dress and paint the body, teach the field its looks, then fit it to the photo."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from avatars.body import BodyModel
from avatars.fitting.task import AvatarConfig, AvatarTask, PhotoTarget
from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar, FigureConfig, PosedAvatar
from avatars.posed.ray_table import RayTable, RayTableConfig
from avatars.posed.rendered_field import RenderedField
from avatars.posed.shell_sampler import ShellSampler
from avatars.surface.complete import Completion
from avatars.surface.dress import DressConfig, dress
from avatars.surface.mesh import subdivide
from avatars.surface.paint import PhotographedSurface
from avatars.surface.vertex_rules import VertexRules
from avatars.surface.views import BodyViews, ViewsConfig, details_of, render_views
from nfield.errors import DataError
from nfield.fields.warped import WarpedField
from nfield.kernels.rasterize import rasterize
from nfield.metrics import intersection_over_union
from nfield.training.loop import Hook, TrainConfig, TrainResult, train
from nfield.training.optim import OptimConfig
from nfield.training.radiance import RadianceConfig, RadianceTask

_LEAST_OVERLAP = 0.2

Watch = Callable[[str], AbstractContextManager[Sequence[Hook]]]
"""Shows a stage's progress: entered around it with its name, it gives the training's hooks."""


@dataclass(frozen=True)
class FitConfig:
    """How an avatar is made."""

    figure: FigureConfig = dataclasses.field(default_factory=FigureConfig)
    """What it is made of."""
    dress: DressConfig = dataclasses.field(default_factory=DressConfig)
    """How the body grows to the outline."""
    completion: Completion = dataclasses.field(default_factory=VertexRules)
    """How it is painted, and how what the photo does not show."""
    views: ViewsConfig = dataclasses.field(default_factory=ViewsConfig)
    """From where the painted body is shown to the field."""
    first: RadianceConfig = dataclasses.field(default_factory=lambda: RadianceConfig(samples=1 << 16))
    """How the field learns the painted body."""
    photo: AvatarConfig = dataclasses.field(default_factory=AvatarConfig)
    """How it is fitted to the photo."""
    first_budget: TrainConfig = dataclasses.field(default_factory=lambda: TrainConfig(minutes=0.5))
    """Training time on the painted body."""
    photo_budget: TrainConfig = dataclasses.field(
        default_factory=lambda: TrainConfig(
            minutes=2.5,
            optim=OptimConfig(rates={"table": 2e-2, "network": 1e-3, "features": 2e-2}, warmup=30, final=0.05),
        )
    )
    """Training time on the photo."""
    seed: int = 0
    """Of everything random."""


@dataclass(frozen=True)
class FittedAvatar:
    """The result of a fit.

    Attributes:
        avatar: The avatar.
        posed: The same as the photo shows it.
        body_iou: Overlap of the undressed body with the mask, intersection over union.
        seconds: Time of each stage.
        interrupted: Whether somebody stopped the fit early.
        steps: Training steps done.
    """

    avatar: Avatar
    posed: PosedAvatar
    body_iou: float
    seconds: Mapping[str, float]
    interrupted: bool
    steps: int


def fit_avatar(model: BodyModel, person: PersonPhoto, config: FitConfig, *, watch: Watch) -> FittedAvatar:
    """The avatar of a person in one photo.

    Args:
        model: The body.
        person: The photo, the matte and the fitted body.
        config: Options.
        watch: Shows progress.

    Raises:
        DataError: The body does not lie where the mask is.
    """
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    body_iou = _checked_overlap(model, person)
    generator = torch.Generator().manual_seed(config.seed)
    with watch("painting"):
        avatar, views = _painted(model, person, config, generator)
    seconds["painting"] = time.perf_counter() - started

    first = RadianceTask(avatar.canonical.field, avatar.canonical.renderer, views.images, config.first)
    with watch("learning the body") as hooks:
        result = train(first, dataclasses.replace(config.first_budget, seed=config.seed), hooks=hooks)
    seconds["learning the body"] = result.state.seconds

    posed = avatar.posed(person.portrait.pose)
    posed.refresh(generator)
    steps, interrupted = result.state.step, result.interrupted
    if not interrupted:
        with watch("fitting the photo") as hooks:
            result = _fit_photo(avatar, posed, person, views, config, hooks)
        seconds["fitting the photo"] = result.state.seconds
        steps, interrupted = steps + result.state.step, result.interrupted
        posed.refresh(generator)
    return FittedAvatar(avatar, posed, body_iou, seconds, interrupted, steps)


def _checked_overlap(model: BodyModel, person: PersonPhoto) -> float:
    """Overlap of the body and the mask, intersection over union; an error where they have little in common."""
    camera = person.portrait.camera
    vertices = model.pose(person.portrait.pose).vertices
    cover = rasterize(vertices, model.faces, camera.intrinsics[0], camera.size).face >= 0
    overlap = intersection_over_union(cover, person.mask)
    if overlap < _LEAST_OVERLAP:
        raise DataError(
            f"the body covers only {100.0 * overlap:.0f} % of what it and the person mask cover together; "
            "check that mask and body parameters belong to this photo, or let both be found without giving them"
        )
    return overlap


def _painted(
    model: BodyModel, person: PersonPhoto, config: FitConfig, generator: torch.Generator
) -> tuple[Avatar, BodyViews]:
    """An avatar that has learned nothing yet, and pictures of its painted body."""
    portrait = person.portrait
    body = model.pose(portrait.pose)
    vertices = dress(model, body, portrait.pose.shape, person.mask, portrait.camera, config.dress)
    avatar = Avatar.start(model, vertices, portrait, config.figure, generator)
    surface = subdivide(model.faces, len(vertices))
    rest = surface.spread(vertices)
    posed = surface.spread(avatar.posed_body(portrait.pose)[0])
    shown = PhotographedSurface(model, surface, rest, posed, person.photo, person.mask, portrait.camera)
    appearance, details = config.completion.complete(shown), details_of(model, vertices)
    return avatar, render_views(rest, surface.faces, appearance, details=details, config=config.views)


def _fit_photo(
    avatar: Avatar,
    posed: PosedAvatar,
    person: PersonPhoto,
    views: BodyViews,
    config: FitConfig,
    hooks: Sequence[Hook],
) -> TrainResult:
    camera = person.portrait.camera
    target = PhotoTarget(camera, person.photo, person.alpha, posed.box, posed.ends(camera, 0))
    remembered = WarpedField(avatar.canonical.field, _ray_table(posed, target, config.photo.reach))
    shown = RenderedField(remembered, posed.rendered.renderer)
    task = AvatarTask(avatar.canonical, shown, target, views, config.photo)
    return train(task, dataclasses.replace(config.photo_budget, seed=config.seed + 1), hooks=hooks)


def _ray_table(posed: PosedAvatar, target: PhotoTarget, reach: int) -> RayTable:
    """The warp along the photo's rays."""
    field, sampler = posed.rendered.field, posed.rendered.renderer.sampler
    assert isinstance(field, WarpedField)
    assert isinstance(sampler, ShellSampler)
    pixel = target.pool(reach)
    rays, _ = target.rays(pixel)
    config = RayTableConfig()
    steps = sampler.reachable_steps(rays, config.step)
    return RayTable(field.warp, target.camera, rays, pixel, steps, config)
