"""Fitting pictures: weights, batches, and that the fit follows the picture."""

from pathlib import Path

import pytest
import torch

from nfield.encodings.rbf import BasesConfig
from nfield.fields.signal import Canvas, HashSignalConfig, RbfSignalConfig, SignalConfig
from nfield.pictures import task as image_module
from nfield.pictures.alpha import premultiplied, straight
from nfield.pictures.decoding import render_signal
from nfield.pictures.initialisation import gradient_weights, initialise_on_picture
from nfield.pictures.run import ImagePlan, measures, start_run
from nfield.pictures.task import ImageTask, image_optim, stratified
from nfield.training.loop import TrainConfig, train


def stripes(height: int, width: int, channels: int = 3) -> torch.Tensor:
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([0.5 + 0.4 * torch.sin(0.3 * (row + (c + 1) * column)) for c in range(channels)], -1)


def begun(picture: torch.Tensor, config: SignalConfig, steps: int):
    height, width, channels = picture.shape
    plan = ImagePlan("here", TrainConfig(None, steps, image_optim()), "kmeans", (height, width), channels)
    return start_run(Path(), plan, config, picture)


def test_weights_are_the_slope_of_a_ramp():
    ramp = (torch.arange(8.0) / 10.0).expand(6, 8)[..., None].expand(6, 8, 3)
    weights = gradient_weights(ramp).view(6, 8)
    assert torch.allclose(weights[:, 1:-1], torch.full((6, 6), 0.1 * 3**0.5))
    assert torch.allclose(weights[:, 0], torch.full((6,), 0.05 * 3**0.5))


def test_weights_are_zero_where_nothing_changes():
    assert not gradient_weights(torch.full((4, 5, 1), 0.3)).any()


@pytest.mark.parametrize("size", [(12, 9), (10, 7), (1, 4)])
def test_blocks_take_turns_without_repeating(size: tuple[int, int]):
    taken = torch.cat([stratified(size, 3, step=step, seed=1) for step in range(9)])
    assert sorted(taken.tolist()) == list(range(size[0] * size[1]))
    later = torch.cat([stratified(size, 3, step=step, seed=1) for step in range(9, 18)])
    assert sorted(later.tolist()) == list(range(size[0] * size[1]))
    assert size == (1, 4) or not torch.equal(taken, later)


def test_kernels_crowd_where_a_picture_changes_the_more_the_larger_the_exponent():
    column = torch.arange(64.0)
    ramps = torch.where(
        column < 32, 0.01 * column, 0.31 + (column - 31) * 0.1 % 0.3
    )  # nine times as steep at the right
    picture = ramps.expand(48, 64)[..., None]
    shares = []
    for exponent in (0.0, 0.5, 1.0):
        signal = RbfSignalConfig(BasesConfig(100, frequencies=(0.125, 64.0))).build(Canvas((48, 64), 1))
        generator = torch.Generator().manual_seed(0)
        initialise_on_picture(signal, picture, how="kmeans", exponent=exponent, generator=generator)
        assert signal.bases is not None
        shares.append(float((signal.bases.centers[:, 0] > 0.5).float().mean()))  # the picture is one unit wide
    assert shares[0] == pytest.approx(0.5, abs=0.06)
    assert shares[0] + 0.1 < shares[1] < shares[2] - 0.05


def test_straight_undoes_premultiplication(generator: torch.Generator):
    picture = torch.rand(5, 6, 4, generator=generator) * 0.9 + 0.1
    assert torch.allclose(straight(premultiplied(picture)), picture, atol=1e-6)
    assert torch.equal(premultiplied(picture[..., :3]), picture[..., :3])


@pytest.mark.parametrize("config", [RbfSignalConfig(), HashSignalConfig()])
def test_a_fit_follows_its_picture(config: SignalConfig):
    run = begun(stripes(24, 31), config, 150)
    train(run.task, run.plan.train)
    assert run.psnr() > 30.0
    assert run.psnr() == pytest.approx(measures(straight(run.task.decoded()), run.picture).psnr)
    assert torch.allclose(render_signal(run.task.signal, (24, 31)), straight(run.task.decoded()), atol=1e-5)
    assert render_signal(run.task.signal, (7, 50)).shape == (7, 50, 3)
    lower_right = render_signal(run.task.signal, (12, 31), window=(0.0, 0.5, 1.0, 1.0))
    assert torch.allclose(lower_right, straight(run.task.decoded())[12:], atol=1e-5)


def test_large_pictures_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_module, "BATCH", 100)
    run = begun(stripes(20, 30, 1), RbfSignalConfig(BasesConfig(40, frequencies=(0.125, 64.0))), 200)
    train(run.task, run.plan.train)
    assert run.psnr() > 25.0


@pytest.mark.parametrize(
    "picture",
    [torch.full((9, 14, 3), 0.25), torch.full((1, 1, 1), 0.5), stripes(2, 3, 4).clamp(0.0, 1.0), torch.zeros(1, 40, 3)],
)
def test_flat_and_tiny_pictures_are_fitted(picture: torch.Tensor):
    run = begun(picture, RbfSignalConfig(), 60)
    bases = run.task.signal.bases
    assert bases is not None
    assert bases.config.count <= picture.shape[0] * picture.shape[1]
    train(run.task, run.plan.train)
    assert run.psnr() > 20.0


def test_the_same_seed_makes_the_same_fit():
    runs = [begun(stripes(10, 12), RbfSignalConfig(), 5) for _ in range(2)]
    for run in runs:
        train(run.task, run.plan.train)
    assert torch.equal(runs[0].task.decoded(), runs[1].task.decoded())


def test_task_answers_as_tasks_do():
    task = begun(stripes(8, 8), HashSignalConfig(), 1).task
    assert isinstance(task, ImageTask)
    assert set(task.modules()) == {"field"}
    assert task.state() == {}
