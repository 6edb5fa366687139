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

import assets
from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.people.cloth_paint import ClothPaint, Folds, Grain, ShoePaint
from avatars.people.lighting import Light
from avatars.people.patterns import Bands, Emblem, LegSeam, Trim, WornThighs
from avatars.people.skin_paint import EyePaint, HairPaint, SkinPaint
from avatars.people.stances import STANCES, centered, stance_rotations
from avatars.people.studio import Studio, photograph
from avatars.people.wardrobe_outfit import WardrobeOutfit

SIZE = 1024
FOCAL = math.hypot(SIZE, SIZE)
"""Pixels: the field of view that body estimators assume where a photo tells nothing."""
DISTANCE = 2.95
SHAPE = (0.3, -0.7, -0.3, 0.7, 0.2, -0.1, 0.0, 0.0, 0.0, 0.0)
YAW, OTHER_YAW = 14.0, 124.0
SINK = 0.012
"""How far the lowest point of a sole gives way, metres: no foot stands on a single vertex."""

_CREAM, _RUST = (0.62, 0.55, 0.44), (0.48, 0.13, 0.055)
# A teal T-shirt with cream chest stripes all around, rust trims and an emblem on the left breast.
_SHIRT = ClothPaint(
    (0.035, 0.17, 0.20),
    (
        Bands(((0.045, 0.021), (-0.010, 0.010)), _CREAM),
        Trim(0.320, _RUST),
        Emblem((0.085, 0.125), 0.0290, _CREAM),
        Emblem((0.085, 0.125), 0.0205, _RUST),
    ),
    (Grain(0.0025, 0.06, 31), Grain(0.08, 0.05, 32)),
    Folds((0.10, 0.035, 0.10), 0.34, 33),
)
# Blue denim, worn lighter on the thighs, with seams along the legs.
_TROUSERS = ClothPaint(
    (0.040, 0.068, 0.135),
    (WornThighs((0.14, 0.20, 0.31)), LegSeam((0.35, 0.17, 0.05))),
    (Grain((0.0016, 0.02, 0.0016), 0.18, 41, tilted=True), Grain(0.05, 0.10, 42, octaves=2)),
    Folds((0.12, 0.05, 0.12), 0.24, 43),
)
_HEAD = (SkinPaint(), EyePaint(), HairPaint())


def stance(yaw: float, model: BodyModel) -> BodyPose:
    """The sample's pose, turned by `yaw` degrees towards the image's left, its middle on the camera's axis."""
    rotations = stance_rotations(STANCES["relaxed"], yaw=yaw)
    return centered(model, rotations, torch.tensor(SHAPE), torch.tensor([0.0, -0.01, DISTANCE]))


def make(wardrobe: Path, out: Path) -> None:
    """Write the photo, its mask and parameters, and the same for a second view."""
    model = BodyModel.load()
    figure = WardrobeOutfit(
        wardrobe, "male_casualsuit04", "shoes02", "short02", _SHIRT, _TROUSERS, ShoePaint(), _HEAD
    ).figure(model)
    for seed, (name, yaw) in enumerate((("photo", YAW), ("other_view", OTHER_YAW))):
        pose = stance(yaw, model)
        floor = float(figure.model.pose(pose).vertices[:, 1].max()) - SINK
        studio = Studio(floor, 5.2, Light((-1.9, -2.0, 0.2)), FOCAL, SIZE)
        image, picture = photograph(figure, pose, studio, seed=seed)
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(out / f"{name}.jpg", quality=93, subsampling=0)
        Image.fromarray(np.rint(255 * picture.alpha).astype(np.uint8)).save(out / f"{name}_mask.png", optimize=True)
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
    make(wardrobe, assets.path("sample"))


if __name__ == "__main__":
    tyro.cli(main)
