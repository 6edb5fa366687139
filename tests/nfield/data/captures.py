"""Captures that tests write, change and read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from nfield.data.analytic import analytic_scene
from nfield.data.scenes import load_scene
from nfield.errors import DataError

WIDTH, HEIGHT = 24, 16
OPENGL = torch.tensor([1.0, -1.0, -1.0, 1.0])


def write_capture(folder: Path, *, count: int = 10, **entries: Any) -> Path:
    """An instant-ngp capture of the analytic scene before many colours; `entries` replace those at the top."""
    posed = analytic_scene(count, (HEIGHT, WIDTH), torch.Generator().manual_seed(0))
    matrix = posed.cameras.intrinsics[0]
    frames = []
    (folder / "images").mkdir(parents=True)
    for index, pose in enumerate(posed.cameras.world_from_camera):
        name = f"images/{index:04d}.png"
        Image.fromarray(over_checks(posed.image(index))).save(folder / name)
        frames.append({"file_path": name, "transform_matrix": (pose * OPENGL).tolist()})
    top = {
        "fl_x": matrix[0, 0].item(),
        "fl_y": matrix[1, 1].item(),
        "cx": WIDTH / 2,
        "cy": HEIGHT / 2,
        "w": WIDTH,
        "h": HEIGHT,
        "aabb_scale": 4,
        "frames": frames,
    }
    path = folder / "transforms.json"
    path.write_text(json.dumps({key: value for key, value in {**top, **entries}.items() if value is not None}))
    return path


def over_checks(image: Tensor) -> np.ndarray:
    """An image over a background of many colours, as bytes."""
    rows, columns = torch.meshgrid(torch.arange(image.shape[0]), torch.arange(image.shape[1]), indexing="ij")
    behind = torch.stack([rows % 3 / 3.0, columns % 4 / 4.0, (rows + columns) % 2 * 0.5], -1)
    pixels = image[..., :3] * image[..., 3:] + behind * (1.0 - image[..., 3:])
    return (pixels * 255.0).round().to(torch.uint8).numpy()


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def message_of(source: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_scene(source)
    message = str(caught.value)
    assert "\n" not in message
    return message
