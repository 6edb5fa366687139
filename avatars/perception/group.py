"""All persons of a photo, numbered from left to right, and the choice of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.perception.crops import Crop
from avatars.perception.landmarks import LANDMARK_NAMES, Landmarks
from avatars.perception.matte import PixelBox
from nfield.errors import OptionError

_TORSO = [LANDMARK_NAMES.index(f"{side}_{part}") for part in ("shoulder", "hip") for side in ("left", "right")]
_CORE = [*range(11), *_TORSO]
_SEEN = 0.5
_SAME_BODY = 0.06
_FEWEST_SHARED = 3
_NESTED = 0.6


@dataclass(frozen=True)
class FoundPerson:
    """One of the persons in a photo.

    Attributes:
        box: The pixels around the rough outline, inside the photo.
        score: The detector's confidence in (0, 1).
        area: Pixels of the photo that the rough outline covers, times the mean visibility of the landmarks: how much
            of the person the photo shows.
        landmarks: What the landmark net read.
    """

    box: PixelBox
    score: float
    area: float
    landmarks: Landmarks

    @property
    def column(self) -> float:
        """Middle of the torso, pixels from the left."""
        return float(self.landmarks.points[_TORSO, 0].mean())


@dataclass(frozen=True)
class Choice:
    """One person of a photo, and those beside it.

    Attributes:
        person: The chosen one.
        number: Its number, 1 for the leftmost.
        others: All others, from left to right.
        why: Why this one, in words.
    """

    person: FoundPerson
    number: int
    others: tuple[FoundPerson, ...]
    why: str

    def in_words(self) -> str:
        """Who was taken and where the others are; empty where the photo shows one person."""
        if not self.others:
            return ""
        numbers = [number for number in range(1, len(self.others) + 2) if number != self.number]
        rest = ", ".join(
            f"number {number} at columns {other.box.left} to {other.box.right}"
            for number, other in zip(numbers, self.others, strict=True)
        )
        return (
            f"the photo shows {len(self.others) + 1} persons, numbered from left to right: number {self.number} "
            f"is taken, {self.why}, at columns {self.person.box.left} to {self.person.box.right}; not taken: {rest}"
        )


@dataclass(frozen=True)
class Group:
    """The persons of a photo.

    Attributes:
        persons: From left to right; at least one.
    """

    persons: tuple[FoundPerson, ...]

    def choose(self, number: int | None = None, *, within: Float[Tensor, "h w"] | None = None) -> Choice:
        """The person of a number; without one the largest, or whom a mask covers most.

        Args:
            number: 1 for the leftmost.
            within: A mask in [0, 1] of the person who is meant.

        Raises:
            OptionError: Where there is no person of that number.
        """
        count = len(self.persons)
        if number is None:
            sizes = [person.area if within is None else covered(person, within) for person in self.persons]
            index = max(range(count), key=lambda i: sizes[i])
            why = "the largest" if within is None else "whom the mask covers most"
        elif 1 <= number <= count:
            index, why = number - 1, "as asked"
        else:
            raise OptionError(f"person {number}: {_count_in_words(count)}")
        others = self.persons[:index] + self.persons[index + 1 :]
        return Choice(self.persons[index], index + 1, others, why)


def _count_in_words(count: int) -> str:
    if count == 1:
        return "the photo shows one person; leave the number out"
    return f"the photo shows {count} persons; give a number from 1 (leftmost) to {count} (rightmost)"


def found_person(score: float, landmarks: Landmarks, size: tuple[int, int]) -> FoundPerson:
    """Box and area of a person from its rough mask, inside a photo of (height, width) `size`."""
    points = _mask_points(landmarks)
    limit = points.new_tensor([size[1], size[0]])
    inside = points[((points >= 0) & (points < limit)).all(1)]
    area = len(inside) * _pitch(landmarks) ** 2 * float(landmarks.visibility.mean())
    return FoundPerson(_box(inside if len(inside) else landmarks.points, size), score, area, landmarks)


def covered(person: FoundPerson, mask: Float[Tensor, "h w"]) -> float:
    """How many pixels of a person's rough mask lie in a mask of the photo, times the mean visibility."""
    landmarks = person.landmarks
    columns, rows = _mask_points(landmarks).round().long().unbind(-1)
    height, width = mask.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    count = float((mask[rows[inside], columns[inside]] > _SEEN).sum())
    return count * _pitch(landmarks) ** 2 * float(landmarks.visibility.mean())


def in_order(candidates: Sequence[FoundPerson]) -> tuple[FoundPerson, ...]:
    """From left to right, each body once; legs that were taken for a small person of their own are dropped, too.

    Args:
        candidates: The best reading of a body before the worse ones.
    """
    kept: list[FoundPerson] = []
    for candidate in candidates:
        known = [other.landmarks for other in kept]
        twice = any(same_body(candidate.landmarks, other) for other in known)
        if not twice and claimed(candidate.landmarks, known) < _NESTED:
            kept.append(candidate)
    return tuple(sorted(kept, key=lambda person: person.column))


def same_body(first: Landmarks, second: Landmarks) -> bool:
    """Whether two readings mean one body: face, shoulders and hips that both see lie at the same places."""
    shared = [i for i in _CORE if min(first.visibility[i], second.visibility[i]) > _SEEN]
    if len(shared) < _FEWEST_SHARED:
        shared = _CORE
    away = (first.points[shared] - second.points[shared]).norm(dim=1).median()
    return float(away) < _SAME_BODY * min(first.crop.size, second.crop.size)


def claimed(person: Landmarks, others: Sequence[Landmarks]) -> float:
    """How much of a person's rough mask lies in the rough masks of others, in [0, 1]."""
    points = _mask_points(person)
    if not len(points) or not others:
        return 0.0
    inside = torch.stack([_in_mask(points, other) for other in others])
    return float(inside.any(0).float().mean())


def _pitch(person: Landmarks) -> float:
    """Pixels of the photo per pixel of the rough mask."""
    return person.crop.size / person.crop.resolution


def _in_mask(points: Float[Tensor, "n 2"], person: Landmarks) -> Bool[Tensor, "n"]:
    last = person.crop.resolution - 1
    columns, rows = person.crop.crop_from_image(points).round().long().unbind(-1)
    in_crop = (torch.minimum(columns, rows) >= 0) & (torch.maximum(columns, rows) <= last)
    return in_crop & (person.mask[rows.clamp(0, last), columns.clamp(0, last)] > _SEEN)


def _mask_points(person: Landmarks) -> Float[Tensor, "n 2"]:
    """Points of the photo that the pixels of a rough mask lie at."""
    return person.crop.image_from_crop(torch.nonzero(person.mask > _SEEN).flip(1).float())


def in_window(crop: Crop, box: PixelBox, scale: float) -> Crop:
    """The same square, seen from a part of the photo that is resized by `scale`."""
    column, row = (
        (value + 0.5 - start) * scale - 0.5 for value, start in zip(crop.center, (box.left, box.top), strict=True)
    )
    return Crop((column, row), crop.size * scale, crop.angle, crop.resolution)


def _box(points: Float[Tensor, "n 2"], size: tuple[int, int]) -> PixelBox:
    height, width = size
    left, top = points.amin(0).floor().int().tolist()
    right, bottom = (points.amax(0).ceil().int() + 1).tolist()
    left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
    return PixelBox(left, top, max(left + 1, min(right, width)), max(top + 1, min(bottom, height)))
