"""A field that waits for the places of its parts gets them once, in the course of its training."""

from pathlib import Path

import pytest
import torch

from nfield.checkpoint import load_checkpoint
from nfield.cli import main
from nfield.data.analytic import analytic_scene
from nfield.encodings.rbf import BasesConfig
from nfield.fields import HashConfig, RbfConfig, RbfField
from nfield.training.radiance import RadianceConfig
from nfield.training.scene import set_up
from nfield.training.task import Moment

OPTIONS = ["--field", "rbf", "--samples", "2048", "--rbf.grid.levels", "4", "--rbf.grid.log2-table-size", "10"]
OPTIONS += ["--rbf.grid.finest-resolution", "32", "--rbf.grid.hidden", "32", "--rbf.bases.count", "60"]


def test_the_task_places_once_after_its_share_of_the_budget(generator: torch.Generator):
    config = RbfConfig(HashConfig(levels=2, log2_table_size=8, finest_resolution=32), BasesConfig(40, normalize=False))
    radiance = RadianceConfig(first_samples=1024, samples=1024, place_at=0.3)
    setup = set_up(analytic_scene(6, (16, 16), generator), config, radiance=radiance, generator=generator)
    field, seen = setup.task.field, []
    assert isinstance(field, RbfField)
    for step in range(6):
        setup.task.losses(Moment(step, 0.1 * step, step / 6), generator)
        seen.append((field.initialised, field.bases.centers.clone()))
    assert [placed for placed, _ in seen] == [False, False, True, True, True, True]
    assert torch.equal(seen[2][1], seen[5][1])


@pytest.mark.parametrize("stopped_at", [1, 4])
def test_places_survive_stopping(stopped_at: int, scene: Path, tmp_path: Path):
    words = ["train", str(scene), "--out", str(tmp_path), *OPTIONS]
    assert main([*words, "--steps", str(stopped_at)]) == 0
    before = load_checkpoint(tmp_path)
    assert main([*words, "--resume", "--steps", "12"]) == 0
    after = load_checkpoint(tmp_path)
    assert bool(before.tensors["field.bases.placed"]) == (stopped_at > 1)
    assert bool(after.tensors["field.bases.placed"])
    if stopped_at > 1:
        assert torch.equal(before.tensors["field.bases.centers"], after.tensors["field.bases.centers"])
    assert main(["eval", str(tmp_path)]) == 0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nfield.data.analytic import write_synthetic

    folder = tmp_path_factory.mktemp("scene")
    write_synthetic(folder, generator=torch.Generator().manual_seed(0), n_train=6, n_test=1, size=(16, 20))
    return folder
