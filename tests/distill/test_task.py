"""Students of a teacher with a closed form, and of a hash field that shares its feature."""

from dataclasses import replace

import pytest
import torch

from distill.compare import compared, mean_psnr, telling_poses
from distill.inherit import inherit_decoders
from distill.poses import poses_between
from distill.task import DistillConfig, DistillTask
from distill.teacher import Teacher, folded
from nfield.fields import BuildContext, Field, HashConfig
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.training.loop import TrainConfig, train
from nfield.training.optim import OptimConfig
from nfield.training.task import Moment
from nfield.types import Level
from tests.distill.balls import BOX, EMPTY, GRID, SOLID, cameras, grid_of, teacher

SMALL = HashConfig(levels=6, log2_table_size=12, base_resolution=4, finest_resolution=64, hidden=32)
CONFIG = DistillConfig(samples=1 << 12, poses=32, most_rays=2048)
START = Moment(0, 0.0, 0.0)
END = Moment(500, 9.0, 0.9)


def student(generator: torch.Generator, config: HashConfig = SMALL) -> Field:
    return config.build(BuildContext(BOX, generator))


def task_of(known: Teacher, field: Field, config: DistillConfig = CONFIG) -> DistillTask:
    return DistillTask(known, field, {"field": field, "sampler": OccupancySampler(BOX, GRID)}, config)


def test_a_student_learns_balls_from_points_and_rays_alone(generator: torch.Generator):
    known, field = teacher(generator), student(generator)
    task = task_of(known, field)
    views = poses_between(known.cameras, 3, generator=generator)
    before = mean_psnr(known, field, views)
    train(task, TrainConfig(minutes=None, steps=250, optim=OptimConfig(rates={"table": 2e-2, "network": 5e-3})))
    assert mean_psnr(known, field, views) > max(23.0, before + 8.0)
    own = grid_of(field, generator)
    pairs = list(compared(known, field, own, views, names=["a", "b", "c"]))
    assert [pair.name for pair in pairs] == ["a", "b", "c"]
    # The student is as good by its own grid: it learned what is empty, too.
    assert sum(pair.psnr for pair in pairs) / 3 > mean_psnr(known, field, views) - 1.0
    assert 0.0 < own.occupied_share < 0.5


def test_the_teacher_gets_no_gradient(generator: torch.Generator):
    known = teacher(generator, student(generator))
    task = task_of(known, student(generator))
    for moment in (START, END):
        sum(task.losses(moment, generator).values()).backward()
    assert all(p.grad is None for p in known.shown.field.parameters())
    assert all(p.grad is not None for p in task.student.parameters())


def test_stages_compare_ever_deeper_levels(generator: torch.Generator):
    task = task_of(teacher(generator, student(generator)), student(generator))
    assert task.levels == frozenset(Level)
    points = Moment(60, 1.0, 0.08)
    assert task.losses(START, generator).keys() == {"elsewhere", "feature"}
    assert task.losses(points, generator).keys() == {"elsewhere", "feature", "density", "color"}
    assert task.losses(END, generator).keys() == {"elsewhere", "feature", "density", "color", "rendered"}
    assert "feature" not in task.losses(replace(END, step=2000), generator)


def test_fields_without_a_common_feature_begin_with_densities_and_colors(generator: torch.Generator):
    task = task_of(teacher(generator), student(generator))
    assert task.levels == {Level.DENSITY, Level.COLOR}
    assert task.losses(START, generator).keys() == {"elsewhere", "density", "color"}


def test_a_student_that_is_its_teacher_has_nothing_to_learn(generator: torch.Generator):
    field = student(generator)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    known = teacher(generator, field)
    losses = {name: loss.detach() for name, loss in task_of(known, field).losses(END, generator).items()}
    assert all(float(losses[name]) < 1e-4 for name in ("feature", "density", "color", "rendered"))


def test_what_the_grid_calls_empty_is_empty_to_the_student(generator: torch.Generator):
    known = teacher(generator)
    points = torch.tensor([[-0.35, 0.0, 0.0], [0.9, 0.9, 0.9], [3.0, 0.0, 0.0]])
    assert known.log_density(points, floor=-2.0).tolist() == [SOLID, -2.0, -2.0]
    known.grid.get_buffer("words").zero_()
    assert known.log_density(points, floor=-2.0).tolist() == [-2.0, -2.0, -2.0]
    assert EMPTY < -2.0


def test_presence_is_folded_into_the_density():
    found = folded(torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.0]), floor=-3.0)
    assert found.tolist() == pytest.approx([1.0 + torch.tensor(0.5).log().item(), -3.0])


def test_networks_of_equal_shapes_are_inherited(generator: torch.Generator):
    known, same, wider = (student(generator), student(generator), student(generator, replace(SMALL, hidden=64)))
    other_encoding = student(generator, replace(SMALL, levels=5))
    assert inherit_decoders(same, known) == ["density", "color"]
    assert all(
        torch.equal(value, known.decoders()["color"].state_dict()[name])
        for name, value in same.decoders()["color"].state_dict().items()
    )
    assert inherit_decoders(wider, known) == []
    assert inherit_decoders(other_encoding, known, freeze=True) == ["color"]
    frozen = {name for name, p in other_encoding.named_parameters() if not p.requires_grad}
    assert frozen == {"color_net.first", "color_net.middle", "color_net.last"}


def test_frozen_networks_stay_as_they_are(generator: torch.Generator):
    known = teacher(generator, student(generator))
    field = student(generator)
    inherit_decoders(field, known.shown.field, freeze=True)
    before = [p.clone() for p in field.decoders()["color"].parameters()]
    train(task_of(known, field, replace(CONFIG, schedule="joint")), TrainConfig(minutes=None, steps=3))
    assert all(torch.equal(a, b) for a, b in zip(before, field.decoders()["color"].parameters(), strict=True))


def test_cameras_that_see_nothing_tell_nothing(generator: torch.Generator):
    known = teacher(generator)
    away = cameras(generator)
    turned = away.world_from_camera.clone()
    turned[::2, :3, :3] *= torch.tensor([-1.0, 1.0, -1.0])  # every other camera looks backwards
    poses = telling_poses(replace(known, cameras=replace(away, world_from_camera=turned)), 4, generator=generator)
    assert len(poses) == 4
    assert all(float(known.shown.image(poses, index).opacity.mean()) > 0.02 for index in range(4))
