"""COLMAP models that tests write: by COLMAP's own writer where it can be had, else by a plain one for text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.analytic import analytic_scene
from tests.nfield.data.captures import over_checks

MODEL_PARAMETERS = {
    "SIMPLE_PINHOLE": [30.0, 12.5, 7.5],
    "PINHOLE": [30.0, 31.0, 12.5, 7.5],
    "SIMPLE_RADIAL": [30.0, 12.5, 7.5, 0.08],
    "RADIAL": [30.0, 12.5, 7.5, 0.08, -0.03],
    "OPENCV": [30.0, 31.0, 12.5, 7.5, 0.08, -0.03, 0.004, -0.003],
    "OPENCV_FISHEYE": [20.0, 21.0, 12.5, 7.5, 0.08, -0.03, 0.01, -0.004],
    "FULL_OPENCV": [30.0, 31.0, 12.5, 7.5, 0.08, -0.03, 0.004, -0.003, 0.02, 0.05, -0.01, 0.006],
    "SIMPLE_RADIAL_FISHEYE": [20.0, 12.5, 7.5, 0.08],
    "RADIAL_FISHEYE": [20.0, 12.5, 7.5, 0.08, -0.03],
    "THIN_PRISM_FISHEYE": [20.0, 21.0, 12.5, 7.5, 0.08, -0.03, 0.004, -0.003, 0.01, -0.004, 0.02, -0.01],
    "SIMPLE_FISHEYE": [20.0, 12.5, 7.5],
    "FISHEYE": [20.0, 21.0, 12.5, 7.5],
}
"""By the name of each camera model."""

WIDTH, HEIGHT = 24, 16


def write_pictures(folder: Path, count: int) -> torch.Tensor:
    """Pictures of the analytic scene, and world_from_camera of their cameras."""
    posed = analytic_scene(count, (HEIGHT, WIDTH), torch.Generator().manual_seed(0))
    (folder / "images").mkdir(parents=True)
    for index in range(count):
        Image.fromarray(over_checks(posed.image(index))).save(folder / "images" / f"view {index:02d}.png")
    return posed.cameras.world_from_camera


def write_colmap(
    folder: Path,
    *,
    count: int = 9,
    model: str = "PINHOLE",
    parameters: list[float] | None = None,
    points: np.ndarray | None = None,
    binary: bool = True,
) -> torch.Tensor:
    """A capture with a sparse model that pycolmap writes; world_from_camera of its pictures."""
    pycolmap: Any = pytest.importorskip("pycolmap")
    poses = write_pictures(folder, count)
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        camera_id=7, model=model, width=WIDTH, height=HEIGHT, params=parameters or MODEL_PARAMETERS[model]
    )
    reconstruction.add_camera_with_trivial_rig(camera)
    for index in reversed(range(count)):
        inverse = torch.linalg.inv(poses[index].double())[:3].numpy()
        image = pycolmap.Image(name=f"view {index:02d}.png", camera_id=7, image_id=index + 1)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(np.array([3.0, index]))] * (index % 3))
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(inverse))
    for point in np.zeros((0, 3)) if points is None else points:
        reconstruction.add_point3D(point, pycolmap.Track([]), np.array([9, 8, 7], np.uint8))
    sparse = folder / "sparse" / "0"
    sparse.mkdir(parents=True)
    (reconstruction.write_binary if binary else reconstruction.write_text)(str(sparse))
    return poses
