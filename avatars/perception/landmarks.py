"""33 body landmarks in the photo and in metres, with a rough mask: BlazePose GHUM "full" on an upright person crop.

Bazarevsky et al. 2020, arXiv:2006.10204; Grishchenko et al. 2022, arXiv:2206.11678.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.perception.crops import Crop, person_crop
from avatars.perception.graph import Graph

RESOLUTION = 256
LANDMARK_NAMES: tuple[str, ...] = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
_BODY = len(LANDMARK_NAMES)
_ALL = 39
_HEATMAP = 64
_WINDOW = 3
_PEAK = 0.5


@dataclass(frozen=True)
class Landmarks:
    """What the landmark net read from one crop.

    Attributes:
        crop: Where it looked.
        flag: Confidence in (0, 1) that the crop holds a person.
        points: (column, row) in pixels of the photo, the centre of the first pixel at (0, 0).
        visibility: How likely each landmark is in the picture and not hidden.
        world: Metres about the middle of the hips: +x right, +y down, +z away from the camera.
        mask: Probability over the crop that a pixel shows the person.
        next_crop: The crop that these landmarks suggest.
    """

    crop: Crop
    flag: float
    points: Float[Tensor, "33 2"]
    visibility: Float[Tensor, "33"]
    world: Float[Tensor, "33 3"]
    mask: Float[Tensor, "256 256"]
    next_crop: Crop


class LandmarkNet:
    """The landmark net."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __call__(self, image: Float[Tensor, "1 3 h w"], crop: Crop) -> Landmarks:
        """Landmarks of the person in a crop of a photo of range [0, 255]."""
        pixels = crop.cut(image, outside="border").round() / 255
        raw, flag, mask, heatmap, world = self._graph(pixels.permute(0, 2, 3, 1))
        rows = raw.reshape(_ALL, 5)
        points = refine(rows[:, :2] / RESOLUTION, heatmap[0].sigmoid()) * RESOLUTION
        on_image = crop.image_from_crop(points)
        return Landmarks(
            crop=crop,
            flag=float(flag),
            points=on_image[:_BODY],
            visibility=rows[:_BODY, 3].sigmoid(),
            world=turn(world.reshape(_ALL, 3)[:_BODY], crop),
            mask=mask[0, :, :, 0].sigmoid(),
            next_crop=person_crop(on_image[_BODY], on_image[_BODY + 1], RESOLUTION),
        )


def refine(points: Float[Tensor, "k 2"], heatmap: Float[Tensor, "64 64 k"]) -> Float[Tensor, "k 2"]:
    """Moves points in [0, 1]^2 to the centre of mass of their heat map in a 7x7 window, where that has a clear peak."""
    refined = points.clone()
    for index, (column, row) in enumerate((points * _HEATMAP).int().tolist()):
        if not (0 <= column < _HEATMAP and 0 <= row < _HEATMAP):
            continue
        top, left = max(0, row - _WINDOW), max(0, column - _WINDOW)
        window = heatmap[top : row + _WINDOW + 1, left : column + _WINDOW + 1, index]
        if window.max() < _PEAK:
            continue
        rows = torch.arange(top, top + window.shape[0]).float()
        columns = torch.arange(left, left + window.shape[1]).float()
        mass = window.sum()
        refined[index] = torch.stack([window.sum(0) @ columns, window.sum(1) @ rows]) / mass / _HEATMAP
    return refined


def turn(world: Float[Tensor, "k 3"], crop: Crop) -> Float[Tensor, "k 3"]:
    """World points of an upright crop, turned about the view axis to the photo's upright."""
    return torch.cat([world[:, :2] @ crop.rotation.T.to(world), world[:, 2:]], 1)
