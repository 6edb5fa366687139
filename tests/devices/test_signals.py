"""Fields of pictures and of signed distances learn and answer on a device as on the CPU."""

from pathlib import Path

import pytest
import torch

from nfield.checkpoint import load_checkpoint
from nfield.data.picture import Picture
from nfield.devices import CPU, device_of
from nfield.encodings.rbf import BasesConfig
from nfield.fields.distance import RbfDistanceConfig
from nfield.fields.signal import HashSignalConfig, RbfSignalConfig, SignalConfig
from nfield.pictures import run as pictures
from nfield.pictures import task as picture_task
from nfield.pictures.decoding import render_signal
from nfield.pictures.task import image_optim
from nfield.shapes import run as shapes
from nfield.shapes.surface import zero_set
from nfield.shapes.task import Sampling, distance_optim, distances
from nfield.training.loop import TrainConfig, train
from tests.nfield.pictures.test_task import stripes
from tests.nfield.shapes.solids import ball_mesh
from tests.nfield.shapes.test_signed_distance import known

RBF = RbfSignalConfig(bases=BasesConfig(20, frequencies=(1.0, 8.0)), log2_table_size=8)
HASH = HashSignalConfig(levels=3, log2_table_size=8, finest_resolution=16)
SIZE = (20, 24)


def picture_run(folder: Path, config: SignalConfig, device: torch.device) -> pictures.ImageRun:
    """A few steps on stripes, saved."""
    picture = Picture.of(stripes(*SIZE))
    plan = pictures.ImagePlan("here", TrainConfig(None, 4, image_optim()), "kmeans", SIZE, 3)
    begun = pictures.start_run(folder, plan, config, picture, device=device)
    begun.save(train(begun.task, plan.train).state)
    return begun


@pytest.mark.usefixtures("no_core")
@pytest.mark.parametrize("batch", [1 << 14, 64])
@pytest.mark.parametrize("config", [RBF, HASH])
def test_a_picture_is_fitted_on_a_device_as_on_the_cpu(
    config: SignalConfig, batch: int, device: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(picture_task, "batch_pixels", lambda size: batch)  # all pixels, and some of them
    here, there = (picture_run(tmp_path / str(where), config, where) for where in (CPU, device))
    assert device_of(there.task.signal) == device
    assert torch.allclose(there.task.decoded(0, 20), here.task.decoded(0, 20), atol=1e-4)
    assert there.psnr() == pytest.approx(here.psnr(), abs=1e-2)
    assert there.task.measures()["psnr"] == pytest.approx(here.task.measures()["psnr"], abs=1e-2)
    saved = pictures.load_image_run(tmp_path / str(device), device=device)
    assert (render_signal(saved.signal, SIZE, fitted=SIZE).stored == there.decoded().stored).all()


@pytest.mark.usefixtures("device")
def test_a_picture_goes_on_on_another_device_and_is_drawn(device: torch.device, tmp_path: Path):
    begun = picture_run(tmp_path, RBF, CPU)
    saved = load_checkpoint(tmp_path)
    again = pictures.continue_run(tmp_path, begun.plan, saved, begun.picture, device=device)
    assert again.state is not None
    again.finish(again.state)
    assert (tmp_path / "kernels.png").is_file()


@pytest.mark.usefixtures("no_core")
def test_distances_are_fitted_on_a_device_as_on_the_cpu(device: torch.device, tmp_path: Path):
    bases = BasesConfig(30, features=16, neighbours=8, kernel="tent", frequencies=(1.0, 8.0))
    config = RbfDistanceConfig(bases, levels=3, log2_table_size=8, finest_resolution=16)
    truth, sampling = known(ball_mesh()), Sampling(batch=256, pool=512, passes=2)
    found = []
    for where in (CPU, device):
        plan = shapes.ShapePlan("here", TrainConfig(None, 6, distance_optim()), "kmeans", sampling, truth.mesh.world)
        begun = shapes.start_run(tmp_path / str(where), plan, config, truth, device=where)
        begun.save(train(begun.task, plan.train).state)
        assert device_of(begun.task.signal) == where
        found.append(distances(begun.task.signal, torch.rand(50, 3, generator=torch.Generator().manual_seed(0))))
    assert torch.allclose(found[1], found[0], atol=1e-4)
    saved = shapes.load_shape_run(tmp_path / str(device), device=device)
    assert len(zero_set(saved.signal, 16).faces) > 0
