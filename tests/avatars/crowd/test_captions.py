"""Captions say only what is true, and claim what they say."""

import itertools

import numpy as np
import pytest

from avatars.crowd.captions import QUESTIONS, VIEWS, answers, caption
from avatars.crowd.person import Split, drawn_build, drawn_dye
from avatars.semantic.directions import Direction

FACTS = {
    "who": "woman", "hair": "long", "hair color": "black", "skin": "pale", "top": "t-shirt", "top color": "red",
    "top cloth": "striped", "top second color": "white", "bottom": "jeans", "bottom color": "blue",
    "bottom cloth": "denim", "shoes color": "brown", "view": "back",
}  # fmt: skip


def texts(told: tuple[str, ...] | None, count: int = 60) -> list[str]:
    return [caption(FACTS, np.random.default_rng(seed), told).text for seed in range(count)]


def test_a_whole_caption_names_all_that_it_is_asked_to():
    for text in texts(("top", "bottom", "hair", "shoes", "view")):
        for word in ("red", "blue", "brown shoes", "long black hair"):
            assert word in text
        assert any(text.endswith(words) for words in VIEWS["back"])


def test_captions_are_paraphrased():
    assert len(set(texts(("top", "bottom")))) > 15


def test_what_is_claimed_is_what_is_said():
    for seed in range(60):
        told = caption(FACTS, np.random.default_rng(seed))
        assert told.fits(FACTS)
        for name, word in (("top color", "red"), ("hair color", "black"), ("shoes color", "brown")):
            assert (name in told.claims) == (word in told.text.replace("bored", ""))
            assert not told.fits({**FACTS, name: "green"}) or name not in told.claims


def test_articles_fit_their_words():
    for seed in range(200):
        build = drawn_build(Split.TRAINING, seed)
        text = caption(drawn_dye(Split.TRAINING, build, seed).facts, np.random.default_rng(seed)).text
        words = text.replace(",", "").split()
        for article, following in itertools.pairwise(words):
            if article in ("a", "an"):
                assert (following[0] in "aeiou") == (article == "an"), text


@pytest.mark.parametrize("direction", list(Direction))
def test_views_have_the_words_that_guidance_asks_with(direction: Direction):
    assert direction.words in {words[0] for words in VIEWS.values()}


def test_nothing_is_said_of_what_is_not_known():
    facts = {"top": "t-shirt", "top color": "red", "top cloth": "plain"}
    for seed in range(30):
        told = caption(facts, np.random.default_rng(seed))
        assert set(told.claims) <= set(facts)
        assert "hair" not in told.text
        assert "seen" not in told.text


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_differ_in_the_value_alone(name: str):
    texts = answers(name, np.random.default_rng(3))
    assert len(set(texts)) == len(QUESTIONS[name])
    if name.endswith(" color"):
        said = [
            text.replace(value, "?").replace(" an ", " a ") for text, value in zip(texts, QUESTIONS[name], strict=True)
        ]
        assert len(set(said)) == 1
    assert len({answers(name, np.random.default_rng(seed)) for seed in range(30)}) > 1 or name in ("who", "hair color")
