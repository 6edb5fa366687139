"""Fit adaptive radial basis functions (NeuRBF) to a picture and look at it from twice as close.

Run: python examples/03_fit_a_picture.py [FOLDER]
"""

import sys
from pathlib import Path

import skimage.data

from nfield.data.picture import Picture
from nfield.data.picture_files import write_png_of
from nfield.fields.signal import RbfSignalConfig
from nfield.pictures.decoding import render_signal
from nfield.pictures.run import ImagePlan, made_smaller, start_run
from nfield.pictures.task import image_optim
from nfield.training.loop import TrainConfig, train


def picture(size: int) -> Picture:
    """An astronaut, `size` pixels high and wide."""
    return made_smaller(Picture(skimage.data.astronaut()), (size, size))


def main(folder: Path, steps: int = 200) -> float:
    """Trains for `steps`, writes closer.png and returns the PSNR at the picture's own size in dB."""
    shown = picture(96)
    budget = TrainConfig(minutes=None, steps=steps, optim=image_optim())
    plan = ImagePlan("astronaut", budget, "kmeans", (96, 96), channels=3)
    run = start_run(folder, plan, RbfSignalConfig(), shown)
    train(run.task, budget)

    closer = render_signal(run.task.signal, (192, 192), fitted=shown.size)
    write_png_of(folder / "closer.png", closer.eight_bits())
    return run.psnr()


if __name__ == "__main__":
    print(f"{main(Path(sys.argv[1] if len(sys.argv) > 1 else 'demo')):.1f} dB")
