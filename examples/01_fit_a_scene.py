"""Fit a hash-grid radiance field to 40 views of a small scene and look at it from a new side.

Run: python examples/01_fit_a_scene.py [FOLDER]
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import torch

from nfield.data.analytic import analytic_scene
from nfield.fields import HashConfig
from nfield.metrics import psnr
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.evaluation import over
from nfield.training.loop import TrainConfig, train
from nfield.training.radiance import RadianceConfig
from nfield.training.scene import set_up


def main(folder: Path, steps: int = 150) -> float:
    """Trains for `steps`, writes view.png and returns the PSNR of that view in dB."""
    generator = torch.Generator().manual_seed(0)
    views = analytic_scene(41, (96, 96), generator)
    seen, held_out = views.subset(slice(0, 40)), views.subset(slice(40, 41))

    config = HashConfig(log2_table_size=14, finest_resolution=512, hidden=32)
    setup = set_up(seen, config, radiance=RadianceConfig(samples=1 << 16), generator=generator)
    train(setup.task, TrainConfig(minutes=None, steps=steps))

    field, renderer = setup.task.field, setup.task.renderer
    white = torch.ones(3)
    image = SceneRenderer(field, renderer, held_out.box, 0.0, (1.0, 1.0, 1.0)).image(held_out.cameras, 0)
    quality = psnr(image.color, over(held_out.image(0), white))
    folder.mkdir(parents=True, exist_ok=True)
    iio.imwrite(folder / "view.png", (image.color * 255.0).round().byte().numpy())
    return quality


if __name__ == "__main__":
    print(f"{main(Path(sys.argv[1] if len(sys.argv) > 1 else 'demo')):.1f} dB on a view that was held out")
