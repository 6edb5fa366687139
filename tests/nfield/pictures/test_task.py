"""Fitting pictures: weights, batches, and that the fit follows the picture."""

from pathlib import Path

import pytest
import torch

from nfield.data.picture import Picture
from nfield.encodings.initial_centers import CentersRule
from nfield.encodings.rbf import BasesConfig
from nfield.fields.signal import Canvas, HashSignalConfig, RbfSignalConfig, SignalConfig
from nfield.pictures import task as task_module
from nfield.pictures.alpha import premultiplied, straight
from nfield.pictures.decoding import render_signal
from nfield.pictures.initialisation import gradient_weights, initialise_on_picture
from nfield.pictures.measures import measures
from nfield.pictures.run import ImagePlan, ImageRun, start_run
from nfield.pictures.task import ImageTask, image_optim, stratified
from nfield.training.loop import TrainConfig, train


def stripes(height: int, width: int, channels: int = 3) -> torch.Tensor:
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([0.5 + 0.4 * torch.sin(0.3 * (row + (c + 1) * column)) for c in range(channels)], -1)


def begun(picture: torch.Tensor, config: SignalConfig, steps: int):
    height, width, channels = picture.shape
    plan = ImagePlan("here", TrainConfig(None, steps, image_optim()), "kmeans", (height, width), channels)
    return start_run(Path(), plan, config, Picture.of(picture))


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
        initialise_on_picture(signal, Picture.of(picture), how="kmeans", exponent=exponent, generator=generator)
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
    assert run.psnr() == pytest.approx(measures(run.decoded(), run.picture).psnr, abs=1e-3)
    decoded = run.decoded().whole()
    assert torch.allclose(shown(run, (24, 31)), decoded, atol=3e-5)
    assert torch.allclose(shown(run, (12, 31), window=(0.0, 0.5, 1.0, 1.0)), decoded[12:], atol=3e-5)


def shown(run: ImageRun, size: tuple[int, int], **options: tuple[float, float, float, float]) -> torch.Tensor:
    return render_signal(run.task.signal, size, fitted=run.plan.size, **options).whole()


def test_smaller_pictures_are_means_of_what_was_fitted_and_larger_ones_lie_between():
    run = begun(stripes(24, 36), HashSignalConfig(), 60)
    train(run.task, run.plan.train)
    decoded = run.decoded().whole()
    means = decoded.view(8, 3, 9, 4, 3).mean((1, 3))
    assert torch.allclose(shown(run, (8, 9)), means, atol=3e-5)
    assert torch.allclose(shown(run, (4, 9), window=(0.0, 0.5, 1.0, 1.0)), means[4:], atol=3e-5)
    flat = shown(run, (8, 72))  # smaller along one edge, larger along the other
    assert torch.allclose(flat, shown(run, (24, 72)).view(8, 3, 72, 3).mean(1), atol=3e-5)
    assert torch.allclose(shown(run, (72, 108))[1::3, 1::3], decoded, atol=3e-5)


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_parts_of_large_pictures_are_what_the_whole_is(kept: int, monkeypatch: pytest.MonkeyPatch):
    """In blocks, with clusters of drawn points, with neighbours that are found again: still the same field."""
    picture = stripes(40, 60)
    monkeypatch.setattr(task_module, "BATCH", 300)
    monkeypatch.setattr(task_module, "KEPT", kept)
    monkeypatch.setattr("nfield.pictures.initialisation._CLUSTERED_WHOLE", 1000)
    monkeypatch.setattr("nfield.pictures.initialisation._POINTS_PER_KERNEL", 5)
    monkeypatch.setattr("nfield.pictures.bands._BAND", 500)
    large = begun(picture, RbfSignalConfig(BasesConfig(200, frequencies=(0.125, 64.0))), 150)
    train(large.task, large.plan.train)
    bases = large.task.signal.bases
    assert bases is not None
    assert len(bases.centers.unique(dim=0)) == 200
    assert bool((bases.centers >= 0.0).all())
    assert bool((bases.centers <= bases.extent).all())
    assert large.psnr() > 25.0
    every = torch.arange(40 * 60)
    free = large.task.signal(large.plan.canvas.pixel_centers(every)).view(40, 60, 3)
    assert torch.allclose(large.task.decoded(7, 21), free[7:21], atol=1e-5)
    assert large.task.error_at(600) == pytest.approx(large.task.error_at(1 << 20), rel=0.3)


@pytest.mark.parametrize("how", ["kmeans", "weighted", "random", "lattice"])
def test_points_that_are_drawn_make_the_clusters_of_all(how: CentersRule, monkeypatch: pytest.MonkeyPatch):
    column = torch.arange(120.0)
    picture = Picture.of(torch.where(column < 60, 0.5, column % 2)[None, :, None].expand(80, 120, 1))
    found = []
    for most in (1 << 22, 100):
        monkeypatch.setattr("nfield.pictures.initialisation._CLUSTERED_WHOLE", most)
        signal = RbfSignalConfig(BasesConfig(60, frequencies=(0.125, 64.0))).build(Canvas((80, 120), 1))
        initialise_on_picture(signal, picture, how=how, generator=torch.Generator().manual_seed(0))
        assert signal.bases is not None
        found.append(float((signal.bases.centers[:, 0] * 64.0 > 58.0).float().mean()))
    expected = 1.0 if how in ("kmeans", "weighted") else 0.5
    assert found == pytest.approx([expected, expected], abs=0.12)


def test_large_pictures_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(task_module, "BATCH", 100)
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
    assert (runs[0].decoded().stored == runs[1].decoded().stored).all()


def test_task_answers_as_tasks_do():
    task = begun(stripes(8, 8), HashSignalConfig(), 1).task
    assert isinstance(task, ImageTask)
    assert set(task.modules()) == {"field"}
    assert task.state() == {}
