"""The figures of one view, and what is made of those of many."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from jaxtyping import Float
from torch import Tensor

from avatars.benchmark.metrics import Chest, label_differences, likeness, print_on_back
from avatars.benchmark.truth_cache import CachedTruth
from avatars.benchmark.views import PHOTO_POSE, View
from avatars.defects import pin_holes, specks
from nfield.cameras import Cameras
from nfield.rendering.image import Image

_LIKENESS = ("psnr", "ssim", "iou", "flip", "sharpness", "edges")
_COUNTS = ("specks", "pin_holes")
FIGURES = (*_LIKENESS, *_COUNTS)
"""What is averaged over the views of a bin."""
UNSEEN_SIDES = ("side", "back")
"""Bins of the photo's pose that the photo hardly shows."""


@dataclass(frozen=True)
class ViewScore:
    """The figures of one view.

    Attributes:
        view: Which.
        figures: Of `FIGURES` by name; None where one cannot be told.
        true_counts: The truth's own, of `specks` and `pin_holes`; the latter counted inside of the avatar.
        labels: CIEDE2000 of each label's mean colour.
        chest: Pattern on the chest or back, ours and the truth's, where the view is straight from the front or behind.
    """

    view: View
    figures: Mapping[str, float | None]
    true_counts: Mapping[str, float]
    labels: Mapping[str, float]
    chest: tuple[Any, Any] | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without the patterns."""
        return {"view": self.view.name, "bin": self.view.bin, **self.figures, "labels": dict(self.labels)}


def score_view(view: View, image: Image, truth: CachedTruth, chest: Chest, cameras: Cameras, index: int) -> ViewScore:
    """Compares an avatar's picture with the truth's.

    Args:
        view: Which.
        image: The avatar's.
        truth: Of the person.
        chest: Where the true chest is.
        cameras: The truth's.
        index: Of the view's camera.
    """
    true = truth.view(view.name)
    alike = likeness(image.color, image.opacity, true.color, true.alpha)
    figures = {**asdict(alike), **_counts(image.opacity, true.alpha)}
    labels = label_differences(image.color, image.opacity, true.color, true.alpha, true.labels, truth.labels)
    patches = None
    if view.pose == PHOTO_POSE and view.elevation == 0.0 and view.azimuth in (0.0, 180.0):
        ours = chest.patch(image.color, image.opacity, cameras, index)
        patches = (ours, chest.patch(true.color, true.alpha, cameras, index))
    return ViewScore(view, figures, _counts(true.alpha, image.opacity), labels, patches)


def means(scores: Sequence[ViewScore], bins: Collection[str]) -> dict[str, float | int | None]:
    """Means over the views in some bins, of those that have a figure.

    The colour difference is the mean over the labels of `label_means`.
    """
    scores = [score for score in scores if score.view.bin in bins]
    found: dict[str, float | int | None] = {"views": len(scores)}
    for name in FIGURES:
        found[name] = _mean([value for score in scores if (value := score.figures[name]) is not None])
    found["color_difference"] = _mean(list(label_means(scores, bins).values()))
    for name in _COUNTS:
        found[f"true_{name}"] = _mean([score.true_counts[name] for score in scores])
    return found


def label_means(scores: Sequence[ViewScore], bins: Collection[str]) -> dict[str, float]:
    """CIEDE2000 of each label, the mean over the views in some bins that show it."""
    found: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score.view.bin in bins:
            for name, value in score.labels.items():
                found[name].append(value)
    return {name: round(fmean(values), 3) for name, values in sorted(found.items())}


def copied_print(scores: Sequence[ViewScore]) -> float | None:
    """How much of the true chest's pattern is on the back; None where no view is straight from the front and behind."""
    chests = {score.view.azimuth: score.chest for score in scores if score.chest is not None}
    if 0.0 not in chests or 180.0 not in chests:
        return None
    (_, front), (back, true_back) = chests[0.0], chests[180.0]
    return round(print_on_back(front, back, true_back), 4)


def _counts(opacity: Float[Tensor, "h w"], other: Float[Tensor, "h w"]) -> dict[str, float]:
    """Specks of a silhouette, and pin holes of it that lie inside of another one."""
    return {"specks": float(specks(opacity)), "pin_holes": float(pin_holes(opacity > 0.5, other > 0.5))}


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 4) if values else None
