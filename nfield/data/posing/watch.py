"""Who is told how far the search for poses is."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


Watch = Callable[[str, int, int], None]
"""Is told of a step in a few words, of its parts that are done, and of how many there are; may raise to stop."""


def unwatched(step: str, done: int, total: int) -> None:
    """A `Watch` that tells nobody."""


def in_parts(items: Sequence[_Item], size: int, *, step: str, watch: Watch) -> Iterator[Sequence[_Item]]:
    """A sequence part by part, after each of which somebody is told.

    Args:
        items: The whole.
        size: Of a part, at least 1.
        step: What is done with the parts.
        watch: Is told, of items.
    """
    watch(step, 0, len(items))
    for start in range(0, len(items), size):
        part = items[start : start + size]
        yield part
        watch(step, start + len(part), len(items))
