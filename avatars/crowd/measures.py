"""What an image-text model knows about people that it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.crowd.captions import VIEWS, caption, right
from avatars.crowd.colors import COLOR_WORDS
from avatars.crowd.shards import Shard
from avatars.semantic.encoder import SemanticEncoder

_BACKGROUND = 0.75
"""Grey level behind everybody."""

_BATCH = 50
_EVERYTHING = ("top", "bottom", "outer", "bag", "hair", "shoes")


@dataclass(frozen=True)
class Knowledge:
    """Shares, 0 to 1.

    Attributes:
        text_to_image: Captions whose own picture is the most alike of all of the same view.
        same_person: People whose picture from the other side is the most alike of all.
        view: Pictures whose view is told by its words.
        top_color: Pictures that show a top whose colour (of stripes and checks: either) is told by its word, of eleven.
        bottom_color: The same of what is worn below.
        people: How many there were.
    """

    text_to_image: float
    same_person: float
    view: float
    top_color: float
    bottom_color: float
    people: int


def knowledge(encoder: SemanticEncoder, shards: Sequence[Shard], seed: int = 0) -> Knowledge:
    """Measures an encoder on whole pictures of people; one dye of each shard is looked at.

    Args:
        encoder: The model.
        shards: Each with whole pictures of all views; of builds whose dyes differ.
        seed: Chooses the pictures and the words of captions.
    """
    generator = np.random.default_rng(seed)
    by_view = {view: _Looks.of(encoder, shards, view, generator) for view in VIEWS}
    sides = (by_view["front"].vectors, by_view["back"].vectors)
    colors = [looks.told_colors(encoder, place) for looks in by_view.values() for place in ("top", "bottom")]
    return Knowledge(
        text_to_image=float(np.mean([looks.found(encoder, generator) for looks in by_view.values()])),
        same_person=0.5 * (_first(sides[0] @ sides[1].T) + _first(sides[1] @ sides[0].T)),
        view=float(np.mean([looks.told_view(encoder, name) for name, looks in by_view.items()])),
        top_color=float(np.mean(np.concatenate(colors[::2]))),
        bottom_color=float(np.mean(np.concatenate(colors[1::2]))),
        people=len(shards),
    )


@dataclass(frozen=True)
class _Looks:
    """A whole picture of everybody from one view, and what each shows."""

    vectors: Float[Tensor, "p e"]
    facts: tuple[dict[str, str], ...]

    @staticmethod
    def of(encoder: SemanticEncoder, shards: Sequence[Shard], view: str, generator: np.random.Generator) -> "_Looks":
        taken = [
            (shard, number % len(shard.facts), _whole(shard, view, generator)) for number, shard in enumerate(shards)
        ]
        pictures = torch.from_numpy(np.stack([_before_grey(shard.pictures[dye, at]) for shard, dye, at in taken]))
        facts = tuple(dict(shard.shown(dye, at)) for shard, dye, at in taken)
        with torch.no_grad():
            vectors = torch.cat([encoder.images(part) for part in pictures.split(_BATCH)])
        return _Looks(vectors, facts)

    def found(self, encoder: SemanticEncoder, generator: np.random.Generator) -> float:
        texts = [caption(facts, generator, _EVERYTHING).text for facts in self.facts]
        return _first(encoder.texts(texts) @ self.vectors.T)

    def told_view(self, encoder: SemanticEncoder, view: str) -> float:
        texts = encoder.texts([f"a person, {words[0]}" for words in VIEWS.values()])
        return float(((self.vectors @ texts.T).argmax(1) == list(VIEWS).index(view)).float().mean())

    def told_colors(self, encoder: SemanticEncoder, place: str) -> np.ndarray:
        """Whether the colour of a place is told, for each picture that shows it."""
        name = {"top": "top", "bottom": "bottoms"}[place]
        article = "a " if place == "top" else ""
        texts = encoder.texts([f"a person wearing {article}{color} {name}" for color in COLOR_WORDS])
        told = (self.vectors @ texts.T).argmax(1).tolist()
        known = [
            (COLOR_WORDS[index], right(facts, f"{place} color")) for index, facts in zip(told, self.facts, strict=True)
        ]
        return np.array([color in truth for color, truth in known if truth])


def _whole(shard: Shard, view: str, generator: np.random.Generator) -> int:
    """A whole picture of a view."""
    places = [place for place, at in enumerate(shard.viewpoints) if at.frame == "full" and at.view == view]
    return int(generator.choice(places))


def _before_grey(picture: np.ndarray) -> np.ndarray:
    color, alpha = picture[..., :3] / 255.0, picture[..., 3:] / 255.0
    return (color * alpha + _BACKGROUND * (1.0 - alpha)).transpose(2, 0, 1).astype(np.float32)


def _first(likeness: Float[Tensor, "p p"]) -> float:
    """The share of rows whose own column is the largest."""
    return float((likeness.argmax(1) == torch.arange(len(likeness))).float().mean())
