"""An avatar is fitted and rendered on a device, while its body stays on the CPU."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avatars.body import BodyModel
from avatars.export.bake import BakeConfig, bake
from avatars.export.outline_views import OutlineViewsConfig, outline_views
from avatars.fitting.fit import FitBudget, fit_stages
from avatars.fitting.rendering import StepRenderings
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import default_stages, picture_stages
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import FitStep
from avatars.fitting.watcher import Silent
from avatars.pipeline import prepare
from avatars.posed.avatar import Avatar
from avatars.posed.run import KIND, load_avatar, save_avatar
from distill.task import DistillConfig, DistillTask
from nfield.checkpoint import Checkpoint
from nfield.cli.convert_avatar import AvatarSource
from nfield.devices import CPU, device_of
from nfield.fields import BuildContext
from nfield.training.loop import TrainConfig, train
from nfield.training.task import Moment
from tests.avatars.fitting.small_fit import SMALL, small_painted, small_person
from tests.avatars.semantic.encoders import MeanColor, MeanColorSource
from tests.distill.balls import BOX


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def fitted(model: BodyModel, device: torch.device):
    body = small_painted(model)
    subject = prepare(body, small_person(model), SMALL, generator=torch.Generator().manual_seed(0), device=device)
    stages = [replace(stage, budget=replace(stage.budget, steps_per_minute=1.0)) for stage in default_stages()]
    budget = FitBudget(minutes=None, steps=2)
    return fit_stages(subject, stages, budget, generator=torch.Generator().manual_seed(0), watcher=Silent())


@pytest.mark.usefixtures("device")
def test_a_fit_on_a_device_is_that_on_the_cpu(model: BodyModel, device: torch.device, tmp_path: Path):
    here, there = fitted(model, CPU), fitted(model, device)
    camera = here.avatar.portrait.camera
    expected, found = here.posed.image(camera, 0).color, there.posed.image(camera, 0).color
    assert torch.allclose(found, expected, atol=2e-3)  # the native core against the twin of the device
    save_avatar(tmp_path, there.avatar, step=4, seconds=1.0)
    loaded, moved = load_avatar(tmp_path), load_avatar(tmp_path, device=device)
    assert moved.device == there.avatar.device == device_of(moved.canonical.field) == device
    points = there.avatar.vertices[::500]
    here, again, trained = (answered(avatar, points) for avatar in (loaded, moved, there.avatar))
    assert torch.equal(again, trained)
    assert torch.allclose(here, trained, atol=1e-4)


def test_meaning_is_compared_beside_the_photo_and_learned_on_the_device(model: BodyModel, device: torch.device):
    subject = on(model, device)
    term = SemanticTerm("meaning", MeanColorSource(MeanColor()), poses=("t-pose",), size=16)
    step = FitStep(0, 0.0, torch.Generator().manual_seed(0), subject, StepRenderings({}, torch.Generator()))
    loss = term.loss(step)
    loss.backward()
    assert loss.device == CPU
    gradients = [weight.grad for group in subject.avatar.canonical.field.param_groups().values() for weight in group]
    assert all(gradient is not None and gradient.device == device for gradient in gradients)


def test_an_exports_colours_and_outlines_come_back_from_the_device(model: BodyModel, device: torch.device):
    subject = on(model, device)
    rest = subject.avatar.upright(torch.zeros(24, 3), generator=torch.Generator().manual_seed(0))
    normals = torch.nn.functional.normalize(rest.vertices, dim=-1)
    assert bake(rest.rendered, rest.vertices[:50], normals[:50], BakeConfig()).device == CPU
    views = outline_views(rest, OutlineViewsConfig(rings=((0.0, 2),), size=24))
    assert all(view.opacity.device == CPU for view in views)


def test_the_method_of_pictures_learns_on_the_device(model: BodyModel, device: torch.device):
    subject, generator = on(model, device), torch.Generator().manual_seed(0)
    for stage in picture_stages():
        losses = stage.task(subject).losses(Moment(1, 0.5, 0.1), generator)
        sum(losses.values(), torch.zeros((), device=device)).backward()


def test_an_avatar_is_converted_on_its_device(model: BodyModel, device: torch.device):
    source = AvatarSource(on(model, device).avatar, Checkpoint(KIND, SMALL.figure.field, BOX, {}, step=0, seconds=0.0))
    student = source.learning(SMALL.figure.field.build(BuildContext(source.box)))
    modules = {"field": student, "sampler": source.sampler()}
    config = DistillConfig(samples=64, poses=4, most_rays=32)
    task = DistillTask(source.teacher, source.wrapped(student), modules, config)
    assert train(task, TrainConfig(minutes=None, steps=2)).state.step == 2


def on(model: BodyModel, device: torch.device) -> FitSubject:
    """An avatar on a device that has learned nothing."""
    generator = torch.Generator().manual_seed(0)
    return prepare(small_painted(model), small_person(model), SMALL, generator=generator, device=device)


def answered(avatar: Avatar, points: torch.Tensor) -> torch.Tensor:
    """Colours of the canonical field."""
    there = points.to(avatar.device)
    return avatar.canonical.field(there, there).color.cpu()
