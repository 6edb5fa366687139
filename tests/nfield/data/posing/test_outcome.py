"""What is said of searches that failed, or half failed."""

from pathlib import Path

import pytest

from nfield.data.posing.outcome import notes_on, require_features, require_registered
from nfield.data.posing.registration import Features
from nfield.errors import DataError

_WHERE = Path("shots")


def _names(count: int) -> list[str]:
    return [f"{index}.jpg" for index in range(count)]


def test_pictures_that_show_nothing_are_refused():
    features = Features(dict.fromkeys(_names(5), 3), 0)
    with pytest.raises(DataError, match=r"shots: 5 of its 5 pictures .* \(3 features each.* none was registered"):
        require_features(features, where=_WHERE)
    require_features(Features(dict.fromkeys(_names(3), 900), 0), where=_WHERE)


@pytest.mark.parametrize(("models", "said"), [([], "0 of its 10"), ([["0.jpg", "1.jpg"]], "2 of its 10")])
def test_what_was_not_registered_says_how_many_were_and_what_helps(models: list[list[str]], said: str):
    features = Features(dict.fromkeys(_names(10), 900), 4)
    with pytest.raises(DataError, match=rf"{said} pictures could be registered \(4 of 45 pairs.* overlap.* texture"):
        require_registered(models, features, where=_WHERE)


def test_all_registered_is_one_sentence():
    assert notes_on([_names(4)], _names(4), where=_WHERE) == ("shots: all 4 pictures were registered",)


def test_pictures_that_are_left_out_are_named():
    (note,) = notes_on([_names(9)], _names(12), where=_WHERE)
    assert note == "shots: 9 of 12 pictures were registered; left out: 9.jpg, 10.jpg, 11.jpg"
    (note,) = notes_on([_names(20)], _names(30), where=_WHERE)
    assert note.endswith("27.jpg and 2 more")


def test_other_models_and_a_half_that_is_lost_are_said():
    names = _names(12)
    first, second, third = notes_on([names[:6], names[5:10]], names, where=_WHERE)
    assert "6 of 12" in first
    assert second.startswith("shots: 4 of those are registered with each other, but not with the rest (6.jpg, ")
    assert "only half of the pictures or less" in third
    assert "overlap" in third
