"""A scene that is learned with its cameras and tones: what changes at first, and whether gradients are the twins'."""

from dataclasses import replace

import pytest
import torch

from nfield.data.analytic import analytic_scene
from nfield.data.base import PosedImages
from nfield.fields import HashConfig
from nfield.kernels import native_core
from nfield.training.radiance import RadianceConfig, RadianceTask
from nfield.training.scene import set_up
from nfield.training.task import Moment

FIELD = HashConfig(levels=2, log2_table_size=8, finest_resolution=32, hidden=32)
START = Moment(0, 0.0, 0.0)
EVERYTHING = RadianceConfig(refine_cameras=True, refine_exposure=True, distortion=0.01)


@pytest.fixture
def images(generator: torch.Generator) -> PosedImages:
    return replace(analytic_scene(6, (16, 16), generator), has_alpha=False)


def task_of(images: PosedImages, config: RadianceConfig) -> RadianceTask:
    return set_up(images, FIELD, radiance=config, generator=torch.Generator().manual_seed(5)).task


def losses_of(task: RadianceTask, moment: Moment = START) -> dict[str, torch.Tensor]:
    return task.losses(moment, torch.Generator().manual_seed(6))


def test_nothing_but_the_field_is_learned_unless_it_is_asked_for(images: PosedImages):
    task = task_of(images, RadianceConfig())
    assert set(task.modules()) == {"field", "sampler"}
    assert set(losses_of(task)) == {"color"}
    assert torch.equal(task.cameras.world_from_camera, images.cameras.world_from_camera)


def test_each_part_is_learned_alone(images: PosedImages):
    assert set(task_of(images, RadianceConfig(refine_cameras=True)).modules()) == {"field", "sampler", "poses"}
    assert set(task_of(images, RadianceConfig(refine_exposure=True)).modules()) == {"field", "sampler", "tones"}
    assert set(losses_of(task_of(images, RadianceConfig(distortion=0.1)))) == {"color", "distortion"}


def test_corrections_have_their_own_groups(images: PosedImages):
    groups = task_of(images, EVERYTHING).param_groups()
    assert {"poses", "tones"} < set(groups)
    assert [tuple(parameter.shape) for parameter in groups["poses"] + groups["tones"]] == [(6, 3)] * 4


def test_the_first_step_is_that_of_the_given_cameras(images: PosedImages):
    plain, refined = (losses_of(task_of(images, config)) for config in (RadianceConfig(), EVERYTHING))
    torch.testing.assert_close(refined["color"], plain["color"])


def test_the_distortion_grows_with_its_weight(images: PosedImages):
    one, ten = (losses_of(task_of(images, RadianceConfig(distortion=w)))["distortion"] for w in (0.1, 1.0))
    assert one.item() > 0.0
    torch.testing.assert_close(ten, 10.0 * one)


def test_gradients_of_corrections_are_those_of_the_twins(images: PosedImages, monkeypatch: pytest.MonkeyPatch):
    def grads() -> list[torch.Tensor]:
        task = task_of(images, replace(EVERYTHING, first_rays=60))
        generator = torch.Generator().manual_seed(7)
        leaves = [p for name in ("poses", "tones") for p in task.param_groups()[name]]
        for leaf in leaves:
            leaf.data = 0.01 * torch.randn(leaf.shape, generator=generator)
        return list(torch.autograd.grad(torch.stack(list(losses_of(task).values())).sum(), leaves))

    native = grads()
    monkeypatch.setattr(native_core, "core", lambda: None)
    for found, expected in zip(native, grads(), strict=True):
        assert expected.any()
        assert float((found - expected).norm()) < 1e-3 * float(expected.norm())


def test_cameras_that_may_be_wrong_do_not_carve(generator: torch.Generator):
    seen_through = analytic_scene(6, (64, 64), generator)
    plain, refined = (
        task_of(seen_through, RadianceConfig(refine_cameras=refine)).renderer.sampler.get_buffer("share").item()
        for refine in (False, True)
    )
    assert plain < refined == 1.0


def test_moved_cameras_are_the_tasks(images: PosedImages):
    task = task_of(images, RadianceConfig(refine_cameras=True))
    task.modules()["poses"].get_parameter("shifts").data[0] = 0.3
    shift = (task.cameras.origins - images.cameras.origins).norm(dim=-1)
    assert shift[0] > 2.0 * shift[1:].max() > 0.0
