"""Which pictures are compared with which."""

from collections.abc import Sequence
from itertools import combinations

MOST_EXHAUSTIVE = 80
"""Pictures of which all pairs are compared; of more, that would take hours."""
_NEIGHBOURS = 10
_MORE_NEIGHBOURS = 25
"""Of photos, whose order says less than that of a video's frames."""


def all_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Every picture with every other.

    >>> all_pairs(["a", "b", "c"])
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    return list(combinations(names, 2))


def neighbours(names: Sequence[str], reach: int = _NEIGHBOURS) -> list[tuple[str, str]]:
    """Each picture with those that follow it, and with those 16, 32, 64... further on; the first follows the last.

    Whoever walks around something comes back to where they began.

    Args:
        names: In the order in which they were taken.
        reach: How many follow directly.
    """
    count = len(names)
    steps = [*range(1, reach + 1), *(1 << power for power in range(4, count.bit_length()))]
    found = {
        (min(index, other), max(index, other))
        for step in steps
        for index in range(count)
        if (other := (index + step) % count) != index
    }
    return [(names[one], names[other]) for one, other in sorted(found)]


def pairs_of_photos(names: Sequence[str]) -> list[tuple[str, str]]:
    """All of some photos; of many, those that follow each other by name."""
    return all_pairs(names) if len(names) <= MOST_EXHAUSTIVE else neighbours(names, _MORE_NEIGHBOURS)
