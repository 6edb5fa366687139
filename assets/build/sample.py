"""Makes assets/sample/: a synthetic photo of a dressed person, whose body, mask and other views are known exactly.

    python -m assets.build.sample --wardrobe FOLDER

FOLDER holds `clothes/` and `hair/` of makehuman-assets (CC0), one folder a garment.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image
from scipy.spatial.transform import Rotation

import assets
from assets.build.anny_source import AnnyBodies, sample_bodies
from assets.build.figure import dress
from assets.build.studio import Studio, photograph
from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.body.smpl_file import JOINT_NAMES

SIZE = 1024
FOCAL = math.hypot(SIZE, SIZE)
"""Pixels: the field of view that body estimators assume where a photo tells nothing."""
DISTANCE = 2.95
SHAPE = (0.3, -0.7, -0.3, 0.7, 0.2, -0.1, 0.0, 0.0, 0.0, 0.0)
YAW, OTHER_YAW = 14.0, 124.0
SINK = 0.012
"""How far the lowest point of a sole gives way, metres: no foot stands on a single vertex."""

# Degrees, turns about x, y and z applied in this order from the right; weight on the right leg.
STANCE = {
    "left_hip": (-7, 8, 7), "right_hip": (-1, -4, -3), "left_knee": (12, 0, 0), "right_knee": (2, 0, 0),
    "left_ankle": (-6, 4, -4), "right_ankle": (-2, 0, 3), "spine1": (2, 2, 2), "spine3": (0, 3, 1), "neck": (2, 3, 0),
    "head": (8, 5, 2), "left_collar": (0, 0, -6), "right_collar": (0, 0, 7), "left_shoulder": (6, 4, -57),
    "right_shoulder": (2, -4, 61), "left_elbow": (0, -22, 0), "right_elbow": (0, 16, 0), "left_wrist": (18, 0, -3),
    "right_wrist": (8, 0, 6),
}  # fmt: skip


def stance(yaw: float, model: BodyModel) -> BodyPose:
    """The sample's pose, turned by `yaw` degrees towards the image's left, its middle on the camera's axis."""
    rotations = np.zeros((len(JOINT_NAMES), 3))
    for joint, degrees in STANCE.items():
        rotations[JOINT_NAMES.index(joint)] = Rotation.from_euler("xyz", degrees, degrees=True).as_rotvec()
    upright = Rotation.from_euler("xyz", (180.0, 0.0, 0.0), degrees=True)
    rotations[0] = (upright * Rotation.from_euler("xyz", (0.0, -yaw, -1.5), degrees=True)).as_rotvec()
    pose = BodyPose(torch.from_numpy(rotations).float(), torch.zeros(3), torch.tensor(SHAPE))
    vertices = model.pose(pose).vertices
    middle = 0.5 * (vertices.amin(0) + vertices.amax(0))
    target = torch.tensor([0.0, -0.01, DISTANCE])
    return BodyPose(pose.rotations, target - middle, pose.shape)


def make(bodies: AnnyBodies, wardrobe: Path, out: Path) -> None:
    """Write the photo, its mask and parameters, and the same for a second view."""
    figure = dress(bodies, wardrobe, suit="male_casualsuit04", shoes="shoes02", hair="short02")
    model = BodyModel.load()
    for seed, (name, yaw) in enumerate((("photo", YAW), ("other_view", OTHER_YAW))):
        pose = stance(yaw, model)
        floor = float(figure.model.pose(pose).vertices[:, 1].max()) - SINK
        studio = Studio(floor, 5.2, np.array([-1.9, -2.0, 0.2]), FOCAL, SIZE)
        image, mask = photograph(figure, pose, studio, seed=seed)
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(out / f"{name}.jpg", quality=93, subsampling=0)
        Image.fromarray(np.rint(255 * mask).astype(np.uint8)).save(out / f"{name}_mask.png", optimize=True)
        save_parameters(out / f"{name}_params.npz", BodyParameters(pose, FOCAL), model)
    facts = {
        "garments": ["male_casualsuit04", "shoes02", "short02"],
        "yaw_degrees": [YAW, OTHER_YAW],
        "focal_pixels": FOCAL,
    }
    (out / "sample.json").write_text(json.dumps(facts, indent=2) + "\n")


def main(wardrobe: Path) -> None:
    """Make the shipped sample.

    Args:
        wardrobe: Folder with `clothes/` and `hair/`.
    """
    make(sample_bodies(), wardrobe, assets.path("sample"))


if __name__ == "__main__":
    tyro.cli(main)
