"""Who is told how far the search for poses is."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

_Item = TypeVar("_Item")


class Watch(Protocol):
    """Is told after each part of a step; may raise to stop, and what is done by then is kept."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """How far one step is.

        Args:
            step: What is done, in a few words.
            done: Parts that are.
            total: Parts that there are.
        """
        ...


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
