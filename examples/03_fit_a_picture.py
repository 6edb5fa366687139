"""Fit adaptive radial basis functions (NeuRBF) to a picture and look at it from twice as close.

Run: python examples/03_fit_a_picture.py [FOLDER]
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import skimage.data
import torch
from torch import Tensor

from nfield.fields.signal import RbfSignalConfig
from nfield.metrics import psnr
from nfield.pictures.decoding import render_signal
from nfield.pictures.run import ImagePlan, start_run
from nfield.pictures.task import image_optim
from nfield.training.loop import TrainConfig, train


def picture(size: int) -> Tensor:
    """An astronaut, `size` pixels high and wide, sRGB in [0, 1]."""
    whole = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)[None] / 255.0
    return torch.nn.functional.interpolate(whole, (size, size), mode="area")[0].permute(1, 2, 0)


def main(folder: Path, steps: int = 200) -> float:
    """Trains for `steps`, writes closer.png and returns the PSNR at the picture's own size in dB."""
    shown = picture(96)
    budget = TrainConfig(minutes=None, steps=steps, optim=image_optim())
    plan = ImagePlan("astronaut", budget, "kmeans", (96, 96), channels=3)
    run = start_run(folder, plan, RbfSignalConfig(), shown)
    train(run.task, budget)

    quality = psnr(run.task.decoded(), shown)
    closer = render_signal(run.task.signal, (192, 192))
    folder.mkdir(parents=True, exist_ok=True)
    iio.imwrite(folder / "closer.png", (closer * 255.0).round().byte().numpy())
    return quality


if __name__ == "__main__":
    print(f"{main(Path(sys.argv[1] if len(sys.argv) > 1 else 'demo')):.1f} dB")
