"""Let the free body walk, and draw it as a film.

Run: python examples/05_play_a_motion.py [FOLDER] [MOTION]
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import torch

from avatars.body import BodyModel, BodyPose
from avatars.motion import grounded, open_motion
from nfield.cameras import Cameras, look_at
from nfield.kernels.rasterize import rasterize
from nfield.types import Box


def main(folder: Path, name: str = "walk", rate: float = 8.0) -> int:
    """Writes NAME.gif, `rate` pictures a second, and returns how many there are.

    `name` is that of a shipped motion, or a file: .bvh, AMASS .npz.
    """
    model, shape = BodyModel.load(), torch.zeros(10)
    motion = grounded(open_motion(name, model), model, shape).resampled(rate)
    box = Box.around(torch.cat([pose.joints for pose in bodies(model, motion.rotations, motion.travel)]), margin=0.2)
    middle, extent = 0.5 * (box.low + box.high), float(box.size.max())
    origin = middle + torch.tensor([0.9, 0.3, 1.8]) * extent
    view = look_at(origin[None], middle, torch.tensor([0.0, 1.0, 0.0]))
    camera = Cameras.pinhole(380.0, (240, 240), world_from_camera=view)

    pictures = []
    for body in bodies(model, motion.rotations, motion.travel):
        seen = (body.vertices - view[0, :3, 3]) @ view[0, :3, :3]
        raster = rasterize(seen, model.faces, camera.intrinsics[0], camera.size)
        shade = torch.where(raster.face >= 0, 1.5 - raster.depth / float((origin - middle).norm()), 1.0)
        pictures.append((shade.clamp(0.0, 1.0) * 255.0).round().byte().numpy())
    folder.mkdir(parents=True, exist_ok=True)
    iio.imwrite(folder / f"{Path(name).stem}.gif", pictures, duration=1000.0 / rate, loop=0)
    return len(pictures)


def bodies(model: BodyModel, rotations: torch.Tensor, travel: torch.Tensor) -> list:
    """The body in each frame."""
    shape = torch.zeros(10)
    return [model.pose(BodyPose(turns, way, shape)) for turns, way in zip(rotations, travel, strict=True)]


if __name__ == "__main__":
    words = dict(enumerate(sys.argv))
    print(f"{main(Path(words.get(1, 'demo')), words.get(2, 'walk'))} pictures")
