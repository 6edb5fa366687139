"""JSON documents with one thing wrong, drawn with a seed: values of other types, missing and unknown entries."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from nfield.errors import NFieldError

_WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 1.5, -0.25, 10**30, float("nan"), float("inf"), "", "text", "7",
    [], [1, 2], ["a"], [[]], [None], {}, {"a": 1}, {"": None}, {"tensor": "nothing"},
)  # fmt: skip


def mutated(document: Any, *, count: int, seed: int) -> Iterator[tuple[str, Any]]:
    """What was changed, and a document in which that is wrong."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = copy.deepcopy(document)
        yield _mutate(changed, chance)


def _mutate(document: Any, chance: random.Random) -> tuple[str, Any]:
    places = list(_places(document, ()))
    path = chance.choice(places)
    if not path:
        value = chance.choice(_WRONG)
        return f"everything is {value!r}", value
    holder, last = _at(document, path[:-1]), path[-1]
    how = chance.choice(("replace", "replace", "replace", "remove", "wrap", "add"))
    if how == "remove":
        del holder[last]
        return f"{path} is missing", document
    if how == "wrap":
        holder[last] = [holder[last]]
        return f"{path} is in a list", document
    if how == "add" and isinstance(holder, dict):
        holder["unheard of"] = chance.choice(_WRONG)
        return f"{path[:-1]} has one entry more", document
    holder[last] = chance.choice(_WRONG)
    return f"{path} is {holder[last]!r}", document


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Of every value; of long lists only the first entries."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value[:4]) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from _places(entry, (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def check_refusals(document: Any, read: Callable[[Any], object], *, count: int, seed: int, named: str) -> None:
    """Lets mutations of a document be read: each is taken, or refused in a line that names its file.

    Args:
        document: That is right.
        read: Writes a document into its file and reads it.
        count: How many mutations.
        seed: Which.
        named: What a refusal has to hold.
    """
    read(document)
    refused = 0
    for what, wrong in mutated(document, count=count, seed=seed):
        try:
            read(wrong)
        except NFieldError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error
        else:
            continue
        refused += 1
        assert "\n" not in message, what
        assert named in message, f"{what}: {message}"
    assert refused > count / 4
