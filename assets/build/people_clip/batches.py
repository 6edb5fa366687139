"""Batches of two pictures of each of many people, drawn from what has been made so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.crowd.captions import QUESTIONS, Caption, answers, caption, right
from avatars.crowd.person import Facts
from avatars.crowd.shards import Shard
from avatars.crowd.snapshots import PLACE
from avatars.semantic.photo_meaning import BACKGROUNDS

_BLURRED, _GRAINY, _KNOWN = 0.2, 0.2, 0.7
"""Shares of pictures that are blurred as a field's are, that have grain, and whose background is one of guidance's."""

_ASKED = 4
"""Facts beside the view that a batch is asked for."""

COARSE = 8
"""Pixels along the edge of the squares whose places on the body the model learns to tell."""

_MOVED = 7
"""Pixels, at most, by which pictures are moved."""


@dataclass(frozen=True)
class Batch:
    """Two pictures of each person: those of the first half of the rows and of the second are of the same people.

    Attributes:
        pictures: sRGB in [0, 1].
        captions: One of each picture of the first half.
        people: All that is known of whom each picture shows, with its "view".
        shown: What of that each picture shows.
        answers: A caption for each value of some facts.
        places: Where on the body at rest what is seen lies, metres, times coverage; and the coverage.
    """

    pictures: Float[Tensor, "b 3 s s"]
    captions: tuple[Caption, ...]
    people: tuple[Facts, ...]
    shown: tuple[Facts, ...]
    answers: Mapping[str, tuple[str, ...]]
    places: Float[Tensor, "b 4 p p"]

    def truth(self, name: str) -> Bool[Tensor, "b k"]:
        """Which of a fact's values in `QUESTIONS` are right about each picture; none where it does not show it."""
        true = [right(facts, name) for facts in self.shown]
        return torch.tensor([[value in values for value in QUESTIONS[name]] for values in true])

    def contradicted(self) -> Bool[Tensor, "b b"]:
        """Whether the caption of a column is wrong about the picture, of the first half, of a row."""
        first = self.people[: len(self.captions)]
        return torch.tensor([[not text.fits(facts) for text in self.captions] for facts in first])


class Feed:
    """Draws batches from a folder of shards, of which a pool lies in memory and is renewed little by little.

    Args:
        folder: Where shards are; more may come.
        seed: Of everything random.
        pool: Pairs of shards in memory.
    """

    def __init__(self, folder: Path, seed: int, pool: int = 96) -> None:
        self._folder, self._limit = folder, pool
        self._generator = np.random.default_rng(seed)
        self._pool: list[tuple[Shard, Shard]] = []

    def batch(self, pairs: int) -> Batch:
        """Two pictures of everybody in some pairs of builds: the same dyes on both, many dyes on each."""
        self._renew(pairs)
        chosen = self._generator.choice(len(self._pool), pairs, replace=False)
        halves: tuple[list, list] = ([], [])
        for shard in (shard for index in chosen for shard in self._pool[index]):
            for dye in range(len(shard.facts)):
                for half, place in zip(halves, self._two(shard), strict=True):
                    half.append((shard, dye, place))
        return self._of([*halves[0], *halves[1]])

    def _of(self, taken: Sequence[tuple[Shard, int, int]]) -> Batch:
        generator = self._generator
        looks = [Look.of(shard, dye, place).varied(generator) for shard, dye, place in taken]
        pictures = [look.in_front(generator) for look in looks]
        shown = tuple(shard.shown(dye, place) for shard, dye, place in taken)
        captions = tuple(caption(facts, generator) for facts in shown[: len(shown) // 2])
        people = [{**shard.facts[dye], "view": shard.viewpoints[place].view} for shard, dye, place in taken]
        stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        asked = {name: answers(name, generator) for name in self._asked(shown)}
        places = torch.from_numpy(np.stack([look.coarse() for look in looks]))
        return Batch(stacked, captions, tuple(people), shown, asked, places)

    def _asked(self, shown: Sequence[Facts]) -> list[str]:
        """The view, and some other facts that are shown."""
        seen = [name for name in QUESTIONS if name != "view" and any(name in facts for facts in shown)]
        return ["view", *self._generator.permutation(seen)[:_ASKED].tolist()]

    def _two(self, shard: Shard) -> tuple[int, int]:
        """Two pictures of the same frame."""
        frames = [view.frame for view in shard.viewpoints]
        frame = frames[int(self._generator.integers(len(frames)))]
        places = [place for place, name in enumerate(frames) if name == frame]
        first, second = self._generator.permutation(places)[:2]
        return int(first), int(second)

    def _renew(self, fewest: int) -> None:
        """One more pair of shards in memory, in the place of another where the pool is full."""
        pairs = whole_pairs(self._folder)
        while len(self._pool) < min(fewest, len(pairs)):
            self._pool.append(_loaded(pairs[len(self._pool)]))
        fresh = _loaded(pairs[int(self._generator.integers(len(pairs)))])
        if len(self._pool) < self._limit:
            self._pool.append(fresh)
        else:
            self._pool[int(self._generator.integers(self._limit))] = fresh


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"{number:06d}.npz"


def whole_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Pairs of shards, which share their dyes, of which both are there."""
    there = {path.name: path for path in folder.glob("*.npz")}
    evens = sorted(int(Path(name).stem) for name in there if int(Path(name).stem) % 2 == 0)
    pairs = [(shard_path(folder, number), shard_path(folder, number + 1)) for number in evens]
    return [pair for pair in pairs if pair[1].name in there]


def _loaded(pair: tuple[Path, Path]) -> tuple[Shard, Shard]:
    return Shard.load(pair[0]), Shard.load(pair[1])


@dataclass(frozen=True)
class Look:
    """One picture of somebody.

    Attributes:
        picture: sRGB and alpha in [0, 1], colours not multiplied by it.
        places: Where on the body at rest each pixel lies, metres, times coverage.
    """

    picture: Float[np.ndarray, "s s 4"]
    places: Float[np.ndarray, "s s 3"]

    @staticmethod
    def of(shard: Shard, dye: int, place: int) -> "Look":
        """A picture of a shard."""
        places = shard.places[place].astype(np.float32).repeat(PLACE, 0).repeat(PLACE, 1)
        return Look(shard.pictures[dye, place].astype(np.float32) / 255.0, places)

    def varied(self, generator: np.random.Generator) -> "Look":
        """Moved, and turned around half of the time."""
        picture, places = self.picture, self.places
        if generator.random() < 0.5:
            picture, places = picture[:, ::-1], places[:, ::-1] * np.array([-1.0, 1.0, 1.0], dtype=np.float32)
        down, right = generator.integers(-_MOVED, _MOVED + 1, 2).tolist()
        return Look(_moved(picture, down, right), _moved(places, down, right))

    def in_front(self, generator: np.random.Generator) -> Float[np.ndarray, "s s 3"]:
        """Before a random background, somewhat brighter or darker, blurred or grainy at times."""
        alpha = self.picture[..., 3:]
        color = self.picture[..., :3] ** generator.uniform(0.85, 1.15) * alpha + _background(generator) * (1.0 - alpha)
        if generator.random() < _BLURRED:
            color = _blurred(color, 2)
        if generator.random() < _GRAINY:
            color = color + generator.normal(0.0, generator.uniform(0.0, 0.03), color.shape)
        return color.clip(0.0, 1.0).astype(np.float32)

    def coarse(self) -> Float[np.ndarray, "4 p p"]:
        """Places and coverage, means over squares of `COARSE` pixels."""
        whole = np.concatenate([self.places, self.picture[..., 3:]], -1)
        cells = len(whole) // COARSE
        return whole.reshape(cells, COARSE, cells, COARSE, 4).mean((1, 3)).transpose(2, 0, 1).astype(np.float32)


def _moved(picture: Float[np.ndarray, "s s c"], down: int, right: int) -> Float[np.ndarray, "s s c"]:
    """Nothing is where it came from."""
    padded = np.pad(picture, ((_MOVED, _MOVED), (_MOVED, _MOVED), (0, 0)))
    size = picture.shape[0]
    return padded[_MOVED - down : _MOVED - down + size, _MOVED - right : _MOVED - right + size]


def _background(generator: np.random.Generator) -> Float[np.ndarray, "3"]:
    """A colour that guidance puts behind people, or any."""
    if generator.random() < _KNOWN:
        return np.array(BACKGROUNDS[int(generator.integers(len(BACKGROUNDS)))], dtype=np.float32)
    return generator.random(3).astype(np.float32)


def _blurred(picture: Float[np.ndarray, "s s 3"], factor: int) -> Float[np.ndarray, "s s 3"]:
    planes = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    small = torch.nn.functional.avg_pool2d(planes, factor)
    size = picture.shape[:2]
    return torch.nn.functional.interpolate(small, size, mode="bilinear")[0].permute(1, 2, 0).numpy()
