"""transforms.json, wrong in three hundred ways: each is taken, or refused in a line that names the file."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from nfield.data.analytic import write_synthetic
from nfield.data.scenes import load_scene
from tests.mutations import check_refusals

COUNT = 300
NAME = "transforms.json"
LENS = {
    "fl_x": 20.0, "fl_y": 20.0, "cx": 6.0, "cy": 6.0, "w": 12, "h": 12, "k1": 0.01, "k2": 0.0, "p1": 0.0, "p2": 0.0,
    "camera_angle_x": 0.6, "aabb_scale": 2, "camera_model": "OPENCV",
}  # fmt: skip


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=3, n_test=1, size=(12, 12))
    train = tmp_path / "transforms_train.json"
    found = json.loads(train.read_text())
    for path in tmp_path.glob("transforms_*.json"):
        path.unlink()
    return found


@pytest.mark.parametrize("lens", [{}, LENS])
def test_each_is_taken_or_refused_in_a_line(content: dict[str, Any], lens: dict[str, Any], tmp_path: Path):
    def read(document: Any) -> None:
        (tmp_path / NAME).write_text(json.dumps(document))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_scene(tmp_path)

    check_refusals({**content, **lens}, read, count=COUNT, seed=8, named=str(tmp_path))
