"""Measures of an encoder that knows everything, of one that knows nothing, and of one that mistakes sides."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from avatars.crowd.captions import VIEWS
from avatars.crowd.colors import COLOR_WORDS
from avatars.crowd.measures import knowledge
from avatars.crowd.shards import Shard
from avatars.crowd.snapshots import Viewpoint
from avatars.people.lighting import Light

PEOPLE = 11
AZIMUTHS = {"front": 0.0, "side": 90.0, "back": 180.0}


def person(number: int) -> Shard:
    """Whole pictures, whose red tells the person and whose green the view."""
    pictures = np.zeros((1, 3, 8, 8, 4), dtype=np.uint8)
    pictures[..., 3] = 255
    pictures[0, :, :, :, 0] = 20 * number
    pictures[0, :, :, :, 1] = np.array([0, 100, 200])[:, None, None]
    views = tuple(Viewpoint(azimuth, 0.0, 2.0, "full", Light((0.0, 0.0, 0.0))) for azimuth in AZIMUTHS.values())
    color = COLOR_WORDS[number]
    facts = {"top": "t-shirt", "top color": color, "bottom": "jeans", "bottom color": color, "shoes color": color}
    return Shard(pictures, np.zeros((3, 2, 2, 3)), views, ({"top": 0.5, "bottom": 0.5},) * 3, (facts,))


class Knowing:
    """Reads person and view off the pictures, and colour and view off the words.

    Args:
        confused: By how many people it is wrong about every picture.
    """

    def __init__(self, confused: int = 0) -> None:
        self.confused = confused

    def images(self, pictures: Tensor) -> Tensor:
        number = (pictures[:, 0, 0, 0] * 255 / 20).round().long()
        view = (pictures[:, 1, 0, 0] * 255 / 100).round().long()
        shifted = (number + self.confused * (view > 1)) % PEOPLE
        return self._at(shifted, view)

    def texts(self, texts: Sequence[str]) -> Tensor:
        colors = [next((index for index, word in enumerate(COLOR_WORDS) if word in text), -1) for text in texts]
        views = [next((i for i, words in enumerate(VIEWS.values()) if words[0] in text), -1) for text in texts]
        return self._at(torch.tensor(colors), torch.tensor(views))

    @staticmethod
    def _at(people: Tensor, views: Tensor) -> Tensor:
        place = torch.zeros(len(people), PEOPLE + 3)
        rows = torch.arange(len(people))
        place[rows[people >= 0], people[people >= 0]] = 1.0
        place[rows[views >= 0], PEOPLE + views[views >= 0]] = 0.5
        return torch.nn.functional.normalize(place, dim=-1)


class Ignorant(Knowing):
    """Sees the same in everything."""

    @staticmethod
    def _at(people: Tensor, views: Tensor) -> Tensor:
        return torch.ones(len(people), 1)


@pytest.fixture(scope="module")
def people():
    return [person(number) for number in range(PEOPLE)]


def test_whoever_knows_everything_is_always_right(people: list[Shard]):
    known = knowledge(Knowing(), people)
    assert (known.text_to_image, known.same_person, known.view) == (1.0, 1.0, 1.0)
    assert (known.top_color, known.bottom_color, known.people) == (1.0, 1.0, PEOPLE)


def test_whoever_knows_nothing_is_right_by_chance(people: list[Shard]):
    known = knowledge(Ignorant(), people)
    assert known.text_to_image == pytest.approx(1 / PEOPLE)
    assert known.view == pytest.approx(1 / 3)
    assert known.top_color == pytest.approx(1 / PEOPLE)


def test_whoever_takes_backs_for_other_people_finds_nobody(people: list[Shard]):
    known = knowledge(Knowing(confused=3), people)
    assert known.same_person == 0.0
    assert known.text_to_image == pytest.approx(2 / 3)
    assert known.view == 1.0
