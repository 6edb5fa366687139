"""Distil a hash-grid field into planes and lines (TensoRF VM) without any photo (PVD).

Run: python examples/04_convert_a_field.py
"""

import torch

from distill.compare import mean_psnr
from distill.poses import poses_between
from distill.task import DistillConfig, DistillTask
from distill.teacher import Teacher
from nfield.data.analytic import analytic_scene
from nfield.fields import BuildContext, HashConfig, VmConfig
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.loop import TrainConfig, train
from nfield.training.optim import OptimConfig
from nfield.training.radiance import RadianceConfig
from nfield.training.scene import set_up


def taught(steps: int, generator: torch.Generator) -> Teacher:
    """A field that has learned a small scene from 40 views."""
    views = analytic_scene(40, (64, 64), generator)
    config = HashConfig(log2_table_size=13, finest_resolution=256, hidden=32)
    setup = set_up(views, config, radiance=RadianceConfig(samples=1 << 15), generator=generator)
    train(setup.task, TrainConfig(minutes=None, steps=steps))
    sampler = setup.task.renderer.sampler
    assert isinstance(sampler, OccupancySampler)
    shown = SceneRenderer(setup.task.field, setup.task.renderer, views.box, 0.0, (1.0, 1.0, 1.0))
    return Teacher(shown, views.cameras, sampler)


def main(steps: int = 150) -> tuple[float, float]:
    """PSNR of the student against its teacher in new views, before and after `steps`, in dB."""
    generator = torch.Generator().manual_seed(0)
    teacher = taught(100, generator)
    config = VmConfig(resolution=64)
    student = config.build(BuildContext(teacher.shown.box, generator))
    views = poses_between(teacher.cameras, 3, generator=generator)
    before = mean_psnr(teacher, student, views)

    own = OccupancySampler(teacher.grid.inner, teacher.grid.config)
    task = DistillTask(teacher, student, {"field": student, "sampler": own}, DistillConfig(samples=1 << 14))
    train(task, TrainConfig(minutes=None, steps=steps, optim=OptimConfig(rates=config.learning().rates)))
    return before, mean_psnr(teacher, student, views)


if __name__ == "__main__":
    print("{:.1f} dB to the teacher before, {:.1f} dB after".format(*main()))
