"""Finds persons: BlazePose's detector (Bazarevsky et al. 2020, arXiv:2006.10204) on the photo and on tiles of it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.perception.crops import Crop, tiles
from avatars.perception.graph import Graph

RESOLUTION = 224
MINIMUM_SCORE = 0.5
SURE_SCORE = 0.75
_OVERLAP = 0.3
_LAYERS = ((8, 2), (16, 2), (32, 6))
_WHOLE, _HALF, _THIRD = 1.0, 1 / 1.8, 1 / 3
_SAME_PLACE, _SAME_SIZE = 0.15, 1.4


@dataclass(frozen=True)
class Detection:
    """A person that the detector saw.

    Attributes:
        score: Its confidence in (0, 1).
        hips: Middle of the hips, (column, row) in pixels.
        rim: A point on the circle around `hips` that holds the whole person, in the direction of the head.
    """

    score: float
    hips: Float[Tensor, "2"]
    rim: Float[Tensor, "2"]


class PersonDetector:
    """The detector net and its anchors."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._anchors = anchors()

    def detect(self, image: Float[Tensor, "1 3 h w"]) -> list[Detection]:
        """Persons in a photo of range [0, 255], best first, each once.

        The net sees 224 pixels and overlooks persons below about half the frame's height, so half-overlapping tiles
        are searched too: large ones always, for a group may hold smaller persons, small ones where no score is sure.
        """
        found: list[Detection] = []
        for fraction in (_WHOLE, _HALF, _THIRD):
            if fraction == _THIRD and any(detection.score > SURE_SCORE for detection in found):
                break
            for tile in tiles((image.shape[2], image.shape[3]), fraction, RESOLUTION):
                found += self._detect_in(image, tile)
        return once(sorted(found, key=lambda detection: -detection.score))

    def _detect_in(self, image: Float[Tensor, "1 3 h w"], tile: Crop) -> list[Detection]:
        pixels = tile.cut(image, outside="zeros").round() / 127.5 - 1
        raw, logits = self._graph(pixels.permute(0, 2, 3, 1))
        scores = logits[0, :, 0].sigmoid()
        kept = scores >= MINIMUM_SCORE
        boxes, points = decode(raw[0][kept], self._anchors[kept])
        found = []
        for score, merged in merge(boxes, points, scores[kept], overlap=_OVERLAP):
            on_image = tile.image_from_crop(merged * RESOLUTION)
            found.append(Detection(score, on_image[0], on_image[1]))
        return found


def once(detections: list[Detection]) -> list[Detection]:
    """Without those that an earlier one sees at the same place in the same size, as overlapping tiles do."""
    kept: list[Detection] = []
    for detection in detections:
        if not any(_same(detection, other) for other in kept):
            kept.append(detection)
    return kept


def _same(first: Detection, second: Detection) -> bool:
    radii = [float((detection.rim - detection.hips).norm()) for detection in (first, second)]
    away = float((first.hips - second.hips).norm())
    return away < _SAME_PLACE * min(radii) and max(radii) < _SAME_SIZE * min(radii)


def anchors() -> Float[Tensor, "n 2"]:
    """Centres of the detector's cells in [0, 1]^2, in the order of its outputs: 2 or 6 for each cell of a layer."""
    layers = []
    for stride, repeats in _LAYERS:
        cells = math.ceil(RESOLUTION / stride)
        centers = (torch.arange(cells) + 0.5) / cells
        rows, columns = torch.meshgrid(centers, centers, indexing="ij")
        layers.append(torch.stack([columns, rows], -1).reshape(-1, 2).repeat_interleave(repeats, 0))
    return torch.cat(layers)


def decode(
    raw: Float[Tensor, "n 12"], centers: Float[Tensor, "n 2"]
) -> tuple[Float[Tensor, "n 4"], Float[Tensor, "n 4 2"]]:
    """Boxes (left, top, right, bottom) and four key points in [0, 1] of the tile, from pixel offsets to the anchors."""
    offsets = (raw / RESOLUTION).reshape(-1, 6, 2)
    middle, half = offsets[:, 0] + centers, offsets[:, 1] / 2
    return torch.cat([middle - half, middle + half], 1), offsets[:, 2:] + centers[:, None]


def merge(
    boxes: Float[Tensor, "n 4"], points: Float[Tensor, "n 4 2"], scores: Float[Tensor, "n"], *, overlap: float
) -> list[tuple[float, Float[Tensor, "4 2"]]]:
    """Weighted non-maximum suppression: each best box takes the score-weighted mean points of all that overlap it.

    Args:
        boxes: Left, top, right, bottom.
        points: Key points of each box.
        scores: Confidence of each box.
        overlap: Intersection over union beyond which two boxes mean the same person.
    """
    merged, left = [], scores.argsort(descending=True, stable=True)
    while len(left):
        same = intersection_over_union(boxes[left[0]], boxes[left]) > overlap
        same[0] = True
        group = left[same]
        weights = scores[group] / scores[group].sum()
        merged.append((float(scores[left[0]]), (weights[:, None, None] * points[group]).sum(0)))
        left = left[~same]
    return merged


def intersection_over_union(box: Float[Tensor, "4"], others: Float[Tensor, "n 4"]) -> Float[Tensor, "n"]:
    """Overlap of a box with each of several."""
    edges = torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2])
    shared = edges.clamp_min(0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    return shared / ((box[2:] - box[:2]).prod() + areas - shared).clamp_min(1e-9)
