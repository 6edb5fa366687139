"""An avatar's field answers on a device, while its body, its warp and its rays stay on the CPU."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avatars.body import BodyModel
from avatars.fitting.fit import FitBudget, fit_stages
from avatars.fitting.stages import default_stages
from avatars.fitting.watcher import Silent
from avatars.pipeline import prepare
from avatars.posed.run import load_avatar, save_avatar
from nfield.devices import CPU
from nfield.fields.offloaded import OffloadedField
from nfield.fields.unlit import UnlitField
from tests.avatars.fitting.small_fit import SMALL, small_painted, small_person


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
    field = moved.canonical.field
    assert isinstance(field, UnlitField)
    assert isinstance(field.inner, OffloadedField)
    points = there.avatar.vertices[::500]
    answers = [avatar.canonical.field(points, points) for avatar in (loaded, moved, there.avatar)]
    assert torch.equal(answers[1].color, answers[2].color)
    assert torch.allclose(answers[0].color, answers[2].color, atol=1e-4)
