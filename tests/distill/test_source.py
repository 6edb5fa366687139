"""What a scene brings to a conversion."""

from pathlib import Path

import torch

from distill.source import SceneSource
from nfield.data.analytic import analytic_scene
from nfield.data.base import Scene
from nfield.fields import HashConfig
from nfield.saved_scene import load_scene_run
from nfield.training.loop import TrainConfig, train
from nfield.training.radiance import RadianceConfig
from nfield.training.scene_run import ScenePlan, start_run

HASH = HashConfig(levels=4, log2_table_size=10, base_resolution=4, finest_resolution=32, hidden=16)


def test_a_students_grid_lies_within_its_teachers(tmp_path: Path, generator: torch.Generator):
    images = analytic_scene(3, (8, 8), generator)
    plan = ScenePlan("here", TrainConfig(minutes=None, steps=1), RadianceConfig(first_rays=4), (8, 8))
    begun = start_run(tmp_path, plan, HASH, Scene(images, images))
    begun.save(train(begun.setup.task, plan.train).state)
    saved = load_scene_run(tmp_path)
    grid = SceneSource(saved).teacher.grid
    grid.keep_cells(torch.rand(grid.occupied_cells().shape, generator=generator) < 0.5)
    bound = grid.occupied_cells()
    own = SceneSource(saved).sampler()
    own.rebuild(saved.shown.field, generator=generator, passes=1)
    assert bound.any()
    assert own.occupied_cells().any()
    assert not (own.occupied_cells() & ~bound).any()
