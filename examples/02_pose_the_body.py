"""Pose the free body by name and draw its depth with the rasteriser.

Run: python examples/02_pose_the_body.py [FOLDER] [POSE]
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from nfield.kernels.rasterize import rasterize


def main(folder: Path, pose: str = "arms-up") -> float:
    """Writes POSE.png and returns the share of the image that the body covers."""
    model = BodyModel.load()
    body = model.pose(BodyPose(named_pose(pose), torch.zeros(3), torch.zeros(10)))

    # The body's frame has y upwards; a camera 4 m in front of it looks along -z with y downwards.
    camera = body.vertices * torch.tensor([-1.0, -1.0, -1.0]) + torch.tensor([0.0, 0.0, 4.0])
    camera[:, 0] *= -1.0
    intrinsics = torch.tensor([[640.0, 0.0, 192.0], [0.0, 640.0, 192.0], [0.0, 0.0, 1.0]])
    raster = rasterize(camera, model.faces, intrinsics, (384, 384))

    covered = raster.face >= 0
    near, far = raster.depth[covered].min(), raster.depth[covered].max()
    shade = torch.where(covered, 1.0 - 0.8 * (raster.depth - near) / (far - near), torch.zeros_like(raster.depth))
    folder.mkdir(parents=True, exist_ok=True)
    iio.imwrite(folder / f"{pose}.png", (shade * 255.0).round().byte().numpy())
    return float(covered.float().mean())


if __name__ == "__main__":
    print(
        f"the body covers {main(Path(sys.argv[1] if len(sys.argv) > 1 else 'demo'), *sys.argv[2:3]):.1%} of the image"
    )
