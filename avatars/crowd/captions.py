"""Captions with paraphrases, and which facts each of them claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from avatars.crowd.colors import COLOR_WORDS
from avatars.crowd.garments import BAGS, BOTTOMS, CLOTHS, OUTERS, TOPS, Kind
from avatars.crowd.hair import HAIR_COLORS, STYLES
from avatars.crowd.person import Facts

VIEWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "front": ("seen from the front", "front view", "facing the camera"),
        "side": ("seen from the side", "side view", "in profile"),
        "back": ("seen from behind", "back view", "seen from the back"),
    }
)
"""Words for each view, the first of each those of `avatars.semantic.directions`."""

_KINDS: Mapping[str, tuple[Kind, ...]] = {"top": TOPS, "bottom": BOTTOMS, "outer": OUTERS, "bag": BAGS}
_GARMENTS: Mapping[str, tuple[str, ...]] = {kind.name: kind.words for kinds in _KINDS.values() for kind in kinds}
_HAIR: Mapping[str, tuple[str, ...]] = {style.words[0]: style.words for style in STYLES}
_ANY: Mapping[str, str] = {"top": "top", "bottom": "bottoms"}
"""What a garment may be called whose kind does not matter."""

_PLACES = ("outer", "top", "bottom", "bag")
_WEARING = ("wearing", "in", "dressed in")
_UNNAMED = 0.15
"""Share of garments whose kind is not said."""

_BEGINNINGS = ("", "", "a photo of ", "a picture of ")
_PLURALS = ("trousers", "pants", "jeans", "shorts", "bottoms", "shoes")


QUESTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "view": tuple(VIEWS),
        "who": ("woman", "man"),
        "hair": tuple(dict.fromkeys(style.words[0] for style in STYLES)),
        "hair color": tuple(HAIR_COLORS),
        "shoes color": COLOR_WORDS,
        **{place: tuple(kind.name for kind in kinds) for place, kinds in _KINDS.items()},
        **{f"{place} color": COLOR_WORDS for place in _KINDS},
    }
)
"""Facts of which captions tell one value from the others, and these values."""


def answers(name: str, generator: np.random.Generator) -> tuple[str, ...]:
    """A caption for each value of a fact, alike in all else.

    Args:
        name: Of `QUESTIONS`.
        generator: Chooses the words.

    >>> answers("who", np.random.default_rng(0))
    ('a woman', 'a man')
    """
    values, words = QUESTIONS[name], _Said({}, generator)
    place = name.split()[0]
    if name == "who":
        return tuple(f"a {value}" for value in values)
    if name == "view":
        return tuple(f"a person, {words.word(VIEWS[value])}" for value in values)
    if place == "hair":
        said = [value if name == "hair color" else words.word(_HAIR[value]) for value in values]
        return tuple(f"a person with {value} hair" for value in said)
    wearing = words.word(_WEARING)
    if not name.endswith(" color"):
        nouns = [words.word(_GARMENTS[value]) for value in values]
        return tuple(f"a person {wearing} {_article(noun)}{noun}" for noun in nouns)
    noun = "shoes" if place == "shoes" else words.word([words.word(kind.words) for kind in _KINDS[place]])
    if place in _ANY and generator.random() < 0.5:
        noun = _ANY[place]
    return tuple(f"a person {wearing} {_article(noun, value)}{value} {noun}" for value in values)


def _article(noun: str, before: str = "") -> str:
    """Of a garment; none of those that are plural."""
    if noun.split()[-1] in _PLURALS:
        return ""
    return "an " if (before or noun)[0] in "aeiou" else "a "


def right(facts: Facts, name: str) -> frozenset[str]:
    """The values of a fact that nobody can call wrong: of cloth in two colours alike, either is its colour.

    >>> sorted(right({"top color": "red", "top cloth": "striped", "top second color": "blue"}, "top color"))
    ['blue', 'red']
    >>> right({}, "top color")
    frozenset()
    """
    place, colors = name.split()[0], ("color", "second color")
    cloth = CLOTHS.get(facts.get(f"{place} cloth", ""))
    names = (
        [f"{place} {kind}" for kind in colors] if cloth and cloth.even and name[len(place) + 1 :] in colors else [name]
    )
    return frozenset(facts[one] for one in names if one in facts)


@dataclass(frozen=True)
class Caption:
    """A text and what it claims.

    Attributes:
        text: In English.
        claims: Facts, and "view".
    """

    text: str
    claims: Facts

    def fits(self, facts: Facts) -> bool:
        """Whether all that it claims is right by some facts."""
        return all(value in right(facts, name) for name, value in self.claims.items())


def caption(facts: Facts, generator: np.random.Generator, told: Sequence[str] | None = None) -> Caption:
    """A caption of what a picture shows.

    Args:
        facts: What it shows, with its "view"; a place ("top") without its colour is not spoken of.
        generator: Chooses what is said, and the words.
        told: Names of places and of "hair", "shoes", "view" that are spoken of. None: random ones.
    """
    said = _Said(facts, generator)
    able = [place for place in (*_PLACES, "hair", "shoes", "view") if said.can(place)]
    told = _some(able, generator) if told is None else [place for place in able if place in told]
    clothes = [said.garment(place) for place in _PLACES if place in told]
    if "shoes" in told:
        clothes.append(f"{said.fact('shoes color')} shoes")
    text = said.word(_BEGINNINGS) + said.who()
    if clothes:
        text += f" {said.word(_WEARING)} {_listed(clothes)}"
    if "hair" in told:
        text += f"{',' if clothes else ''} with {said.hair()}"
    if "view" in told:
        text += f", {said.word(VIEWS[said.fact('view')])}"
    return Caption(text, MappingProxyType(dict(said.claims)))


class _Said:
    """Words for facts; remembers which facts were used."""

    def __init__(self, facts: Facts, generator: np.random.Generator) -> None:
        self._facts, self._generator = facts, generator
        self.claims: dict[str, str] = {}

    def can(self, place: str) -> bool:
        """Whether there is something to say about a place."""
        return f"{place} color" in self._facts or (place in self._facts and place in ("hair", "view"))

    def fact(self, name: str) -> str:
        """A fact, which is now claimed."""
        self.claims[name] = self._facts[name]
        return self._facts[name]

    def word(self, words: Sequence[str]) -> str:
        """One of several words."""
        return words[int(self._generator.integers(len(words)))]

    def who(self) -> str:
        """A person, a man or a woman."""
        if "who" not in self._facts or self._generator.random() < 0.5:
            return "a person"
        return f"a {self.fact('who')}"

    def hair(self) -> str:
        """The style, with its colour where there is one."""
        style = self.word(_HAIR[self.fact("hair")])
        color = f" {self.fact('hair color')}" if "hair color" in self._facts else ""
        return f"{style}{color} hair"

    def garment(self, place: str) -> str:
        """A garment with its colour, cloth and pattern, and its article."""
        before, after = self.fact(f"{place} color"), ""
        if place in _ANY and self._generator.random() < _UNNAMED:
            noun = _ANY[place]
        else:
            noun = self.word(_GARMENTS[self.fact(place)])
        cloth = self._facts.get(f"{place} cloth", "plain")
        words = CLOTHS[cloth].words
        if words and self._generator.random() < 0.7:
            self.fact(f"{place} cloth")
            if CLOTHS[cloth].front:
                after = f" with {self.word(words)}"
            elif f"{place} second color" in self._facts and self._generator.random() < 0.5:
                before = f"{before} and {self.fact(f'{place} second color')} {self.word(words)}"
            else:
                before = f"{before} {self.word(words)}"
        return f"{_article(noun, before)}{before} {noun}{after}"


def _some(able: Sequence[str], generator: np.random.Generator) -> list[str]:
    """Some of several places, at least one of those there are."""
    if not able:
        return []
    count = 1 + int(generator.integers(len(able)))
    chosen = set(generator.permutation(len(able))[:count].tolist())
    return [place for index, place in enumerate(able) if index in chosen]


def _listed(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
