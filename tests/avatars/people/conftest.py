"""Bodies, dressed people and a wardrobe of one tiny garment each, made once for all tests here."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.people.figure import BaseMesh
from avatars.people.subjects import SUBJECTS
from avatars.people.truth import Truth
from nfield.cameras import Cameras, look_at
from tests.avatars.people.garment_files import write_garment


@pytest.fixture(scope="session")
def model() -> BodyModel:
    return BodyModel.load()


@cache
def _truth(name: str) -> Truth:
    return Truth.of(next(subject for subject in SUBJECTS if subject.name == name))


@pytest.fixture(scope="session")
def truth_of() -> Callable[[str], Truth]:
    """The truth of a subject by name."""
    return _truth


@pytest.fixture(scope="session")
def around() -> Callable[..., Cameras]:
    """A camera that looks at the middle of points from an azimuth, counted from a direction about an upward axis."""

    def camera(
        points: torch.Tensor, azimuth: float, *, size: int, front: tuple[float, ...], up: tuple[float, ...]
    ) -> Cameras:
        middle, forward, above = 0.5 * (points.amin(0) + points.amax(0)), torch.tensor(front), torch.tensor(up)
        side = torch.linalg.cross(above, forward)
        angle = math.radians(azimuth)
        origin = middle + 3.0 * (math.cos(angle) * forward + math.sin(angle) * side)
        matrix = torch.tensor([[1.3 * size, 0.0, size / 2], [0.0, 1.3 * size, size / 2], [0.0, 0.0, 1.0]])
        return Cameras(matrix[None], look_at(origin[None], middle, above), (size, size))

    return camera


@pytest.fixture(scope="session")
def photo_side(around: Callable[..., Cameras]) -> Callable[..., Cameras]:
    """A camera around a truth in the photo's pose; azimuth 0 is where the photo's camera stands."""

    def camera(truth: Truth, azimuth: float, size: int) -> Cameras:
        points = truth.model.pose(truth.pose).vertices
        return around(points, azimuth, size=size, front=(0.0, 0.0, -1.0), up=(0.0, -1.0, 0.0))

    return camera


@pytest.fixture(scope="session")
def upright_side(around: Callable[..., Cameras]) -> Callable[..., Cameras]:
    """A camera around a body that stands upright in the canonical frame; azimuth 0 sees its front."""

    def camera(truth: Truth, pose: BodyPose, azimuth: float, size: int) -> Cameras:
        points = truth.model.pose(pose).vertices
        return around(points, azimuth, size=size, front=(0.0, 0.0, 1.0), up=(0.0, 1.0, 0.0))

    return camera


@pytest.fixture(scope="session")
def patch() -> tuple[np.ndarray, np.ndarray]:
    """Base vertices of a patch of chest, and its faces."""
    body, mesh = BodyModel.load(), BaseMesh.load()
    points, faces = body.template.numpy(), body.faces.numpy()
    chest = (np.abs(points[:, 0]) < 0.08) & (np.abs(points[:, 1] - 0.1) < 0.06) & (points[:, 2] > 0.05)
    used, corners = np.unique(faces[chest[faces].all(1)], return_inverse=True)
    return mesh.body[used], corners.reshape(-1, 3)


@pytest.fixture
def wardrobe(tmp_path: Path, patch: tuple[np.ndarray, np.ndarray]) -> Path:
    """Two suits, one pair of shoes and one head of hair, each a patch that floats beside the chest."""
    base, faces = patch
    for name in ("clothes/suit_b", "clothes/suit_a", "clothes/shoes01", "hair/short01"):
        write_garment(tmp_path / "wardrobe" / name, base, faces, offset=0.1)
    return tmp_path / "wardrobe"
