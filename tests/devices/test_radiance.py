"""Fields of every backend are trained, rendered, saved and gone on with on a device as on the CPU."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nfield.checkpoint import load_checkpoint
from nfield.data.analytic import analytic_scene
from nfield.data.base import PosedImages, Scene
from nfield.data.picture_stack import PictureStack
from nfield.devices import CPU, device_of, generator_on, on_device, on_host
from nfield.encodings.rbf import BasesConfig
from nfield.fields import (
    BACKENDS,
    BuildContext,
    CpConfig,
    DenseConfig,
    FieldConfig,
    HashConfig,
    MlpConfig,
    RbfConfig,
    VmConfig,
)
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import load_scene_run
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.radiance import RadianceConfig, RadianceTask
from nfield.training.scene_run import ScenePlan, continue_run, start_run
from nfield.types import Box, Rays

GRID = HashConfig(levels=4, log2_table_size=10, finest_resolution=32, hidden=16)
SMALL: dict[str, FieldConfig] = {
    "hash": GRID,
    "rbf": RbfConfig(grid=GRID, bases=BasesConfig(count=64, features=8)),
    "vm": VmConfig(resolution=12, density_components=2, appearance_components=2, hidden=16),
    "cp": CpConfig(resolution=12, density_components=4, appearance_components=6, hidden=16),
    "dense": DenseConfig(resolution=8),
    "mlp": MlpConfig(depth=2, width=16, encoded=8, hidden=16),
}
RADIANCE = RadianceConfig(samples=256, first_samples=256, first_rays=24, place_at=0.4, sparsity=1e-4)
STEPS = TrainConfig(minutes=None, steps=5)


def scene(generator: torch.Generator) -> PosedImages:
    return analytic_scene(3, (12, 12), generator)


def trained(images: PosedImages, name: str, device: torch.device) -> tuple[TrainResult, torch.Tensor, list[float]]:
    """The end of a short training, a picture after it, and the losses of its steps."""
    sampler = OccupancySampler(images.inner, OccupancyConfig(resolution=8, steps=16, interval=2, warmup=2))
    field = SMALL[name].build(BuildContext(images.box, torch.Generator().manual_seed(1))).to(device)
    task = RadianceTask(field, Renderer(sampler).to(device), images, RADIANCE)
    losses: list[float] = []
    result = train(task, STEPS, hooks=[lambda event: losses.append(sum(event.losses.values()))])
    assert field.initialised
    shown = SceneRenderer(field, task.renderer, images.box, 0.0, (0.0, 0.5, 0.0))
    return result, shown.image(images.cameras, 1).color, losses


@pytest.mark.usefixtures("no_core")
@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_training_on_a_device_is_that_on_the_cpu(name: str, device: torch.device, generator: torch.Generator):
    images = scene(generator)
    result, picture, losses = trained(images, name, CPU)
    elsewhere, same_picture, same_losses = trained(images, name, device)
    assert all(moment.device == device for moment in elsewhere.state.moments.values())
    assert same_losses == pytest.approx(losses, rel=1e-5)
    assert same_picture.device == CPU
    assert torch.allclose(same_picture, picture, atol=1e-5)
    assert elsewhere.state.numbers == pytest.approx(result.state.numbers, rel=1e-5)


def test_every_backend_is_among_them():
    assert set(SMALL) == set(BACKENDS)


@pytest.mark.usefixtures("no_core")
def test_pictures_of_several_sizes_with_masks_are_drawn_on_the_device(device: torch.device, generator: torch.Generator):
    first = torch.tensor([0, 12])
    pixels = torch.randint(256, (12 + 20, 4), generator=generator, dtype=torch.uint8)
    used = torch.ones(32, dtype=torch.bool)
    used[5] = False
    stack = PictureStack(pixels, first, torch.tensor([[3, 4], [4, 5]]), used, ~used)
    images = replace(scene(generator), pictures=stack, names=("a", "b"), backdrop=(1.0, 1.0, 1.0))
    images = replace(images, cameras=images.cameras[:2])
    sampler = OccupancySampler(images.inner, OccupancyConfig(resolution=8, steps=16, interval=2, warmup=2))
    field = GRID.build(BuildContext(images.box)).to(device)
    task = RadianceTask(field, Renderer(sampler).to(device), images, RADIANCE)
    assert train(task, STEPS).state.step == 5


@pytest.mark.usefixtures("no_core")
def test_a_run_goes_on_on_another_device(tmp_path: Path, device: torch.device, generator: torch.Generator):
    images = scene(generator)
    plan = ScenePlan("here", STEPS, RADIANCE, (12, 12))
    begun = start_run(tmp_path, plan, GRID, Scene(images, images), device=device)
    object.__setattr__(begun.setup.task.renderer.sampler, "config", OccupancyConfig(resolution=128, steps=16))
    begun.save(train(begun.setup.task, STEPS).state)
    saved, moved = load_scene_run(tmp_path), load_scene_run(tmp_path, device=device)
    assert device_of(saved.shown.field) == CPU
    assert device_of(moved.shown.field) == device
    rays = saved.cameras.image_rays(0, box=saved.shown.box)
    there = on_device(rays, device)
    seen, also = (one.shown.field(r.origins + r.dirs, r.dirs) for one, r in ((saved, rays), (moved, there)))
    assert torch.allclose(also.color.cpu(), seen.color, atol=1e-6)
    offloaded = load_scene_run(tmp_path).offloaded(device).shown
    assert torch.equal(offloaded.field(rays.origins + rays.dirs, rays.dirs).color, also.color.cpu())
    goes_on = continue_run(tmp_path, plan, load_checkpoint(tmp_path), Scene(images, images), device=CPU)
    assert goes_on.state is not None
    assert goes_on.state.step == 5


def test_records_move_as_a_whole(device: torch.device):
    rays = Rays(torch.zeros(2, 3), torch.ones(2, 3), torch.zeros(2), torch.ones(2))
    moved = on_device((rays, [Box.cube(1.0)], "name", 3), device)
    assert moved[0].far.device == moved[1][0].low.device == device
    assert moved[2:] == ("name", 3)
    assert on_device(rays, CPU) is rays


def test_draws_for_the_cpu_stay_there(device: torch.device):
    generator = generator_on(device, 3)
    assert on_host(generator).device == CPU
    assert on_host(None) is None
