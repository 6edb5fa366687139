"""A conversion runs where its teacher is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.inherit import inherit
from distill.run import ConvertPlan, start_conversion
from distill.source import SceneSource
from distill.task import DistillConfig, DistillTask
from distill.teacher import Teacher
from nfield.data.analytic import analytic_scene
from nfield.data.base import Scene
from nfield.devices import CPU, device_of, on_device
from nfield.fields import BuildContext, DenseConfig, Field, FieldConfig, HashConfig
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import load_scene_run
from nfield.training.loop import TrainConfig, train
from nfield.training.radiance import RadianceConfig
from nfield.training.scene_run import ScenePlan, start_run
from tests.distill.balls import BOX, cameras

CONFIG = DistillConfig(samples=128, poses=8, most_rays=64)
HASH = HashConfig(levels=4, log2_table_size=10, base_resolution=4, finest_resolution=32, hidden=16)
GRID = OccupancyConfig(resolution=8, steps=16, coarse=1.0)


def known(device: torch.device) -> Teacher:
    generator = torch.Generator().manual_seed(0)
    field = HASH.build(BuildContext(BOX, generator)).to(device)
    grid = OccupancySampler(BOX, GRID).to(device)
    shown = SceneRenderer(field, Renderer(grid), BOX, 0.0, (1.0, 1.0, 1.0))
    return Teacher(shown, cameras(generator, size=8), grid)


def taught(config: FieldConfig, device: torch.device) -> tuple[Field, list[float]]:
    teacher = known(device)
    field = config.build(BuildContext(BOX, torch.Generator().manual_seed(1))).to(device)
    inherit(field, teacher)
    task = DistillTask(teacher, field, {"field": field}, CONFIG)
    losses: list[float] = []
    train(task, TrainConfig(minutes=None, steps=6), hooks=[lambda event: losses.append(sum(event.losses.values()))])
    return field, losses


@pytest.mark.usefixtures("no_core")
@pytest.mark.parametrize("config", [HASH, DenseConfig(resolution=6)])
def test_a_student_on_a_device_learns_what_it_learns_on_the_cpu(config: FieldConfig, device: torch.device):
    (here, losses), (there, also) = taught(config, CPU), taught(config, device)
    assert also == pytest.approx(losses, rel=1e-4)
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(2)) - 0.5
    expected, found = here(points, points), there(*on_device((points, points), device))
    assert torch.allclose(found.color.cpu(), expected.color, atol=1e-5)


@pytest.mark.usefixtures("no_core")
def test_a_conversion_puts_its_student_beside_the_teacher(
    tmp_path: Path, device: torch.device, generator: torch.Generator
):
    images = analytic_scene(3, (8, 8), generator)
    plan = ScenePlan("here", TrainConfig(minutes=None, steps=1), RadianceConfig(first_rays=4), (8, 8))
    begun = start_run(tmp_path / "teacher", plan, HASH, Scene(images, images))
    begun.save(train(begun.setup.task, plan.train).state)
    source = SceneSource(load_scene_run(tmp_path / "teacher", device=device))
    config = ConvertPlan("teacher", TrainConfig(minutes=None, steps=2), CONFIG)
    conversion = start_conversion(tmp_path / "student", config, replace(HASH, hidden=32), source)
    assert device_of(conversion.field) == device_of(conversion.sampler) == device
    drawn = conversion.task._looks.draw(0, 4, generator, device).rays
    assert drawn.origins.device == device
