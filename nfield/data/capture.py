"""What a loader reads: pictures by path, with cameras, masks and splits, in the user's world. No picture is decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.data.region import Region
from nfield.lenses import Projection


@dataclass(frozen=True)
class Lens:
    """One camera's lens, in pixels of the picture size that its file declares.

    Attributes:
        focal: Horizontal and vertical focal length; pixels per radian for lenses that are not in perspective.
        center: Column and row of the principal point.
        size: Height and width that the numbers refer to.
        distortion: The first of `nfield.lenses.COEFFICIENTS`; those left out are 0.
        projection: What kind of lens it is.
    """

    focal: tuple[float, float]
    center: tuple[float, float]
    size: tuple[int, int]
    distortion: tuple[float, ...] = ()
    projection: Projection = Projection.PERSPECTIVE

    def matrix(self, size: tuple[int, int]) -> Float[Tensor, "3 3"]:
        """Intrinsics in pixels of a picture of another height and width."""
        across, down = size[1] / self.size[1], size[0] / self.size[0]
        return torch.tensor(
            [
                [self.focal[0] * across, 0.0, self.center[0] * across],
                [0.0, self.focal[1] * down, self.center[1] * down],
                [0.0, 0.0, 1.0],
            ]
        )


@dataclass(frozen=True)
class Shot:
    """A picture with its camera.

    Attributes:
        name: Of the picture, as its data set writes it.
        path: Its file, which exists.
        size: Height and width of the file's picture as it is used, turned where it is turned.
        lens: Its lens.
        world_from_camera: Rigid 4x4 transform in double precision, OpenCV camera axes, in the user's world and unit.
        mask: File whose black pixels are not to be used; None where all are.
        turned: Whether the picture is turned as its EXIF orientation says.
    """

    name: str
    path: Path
    size: tuple[int, int]
    lens: Lens
    world_from_camera: np.ndarray
    mask: Path | None = None
    turned: bool = False


@dataclass(frozen=True)
class Capture:
    """A data set before its pictures are decoded.

    Attributes:
        where: Its file or folder, for messages.
        shots: Its pictures, at least one.
        train: Which of them to train on.
        test: Which are held out; empty where nobody says, so that some of `train` are.
        missing: Pictures that it lists but does not hold.
        region: What its file states of the part of the world to cover, in the user's unit.
        points: Points on surfaces (n, 3), where it knows some, double precision.
        any_axes: Whether its format leaves open in which convention poses are written.
        notes: What a user should know of how it was read, a sentence each.
    """

    where: str
    shots: tuple[Shot, ...]
    train: tuple[int, ...]
    test: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    region: Region | None = None
    points: np.ndarray | None = None
    any_axes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def poses(self) -> np.ndarray:
        """world_from_camera (k, 4, 4) of all pictures, double precision."""
        return np.stack([shot.world_from_camera for shot in self.shots])
