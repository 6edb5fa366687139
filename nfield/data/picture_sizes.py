"""To which sizes the pictures of a capture are made smaller."""

from collections.abc import Sequence

from nfield.errors import DataError

_LONGEST_EDGE = 800
"""Pixels along the longer edge at most, where nobody asks for a size."""


def reduced_sizes(
    sizes: Sequence[tuple[int, int]], *, size: tuple[int, int] | None, downscale: int | None, where: str
) -> list[tuple[int, int]]:
    """Height and width of each picture; all are made smaller by one factor.

    Args:
        sizes: Those of the files.
        size: Wanted of the largest picture; of all where they have one size.
        downscale: Where there is no `size`: the factor. None takes the smallest whole number that leaves at most 800
            pixels along the longer edge.
        where: The capture, for messages.
    """
    largest = max(sizes, key=max)
    wanted = _divided(largest, downscale) if size is None else size
    if len(set(sizes)) == 1:
        _require_smaller(wanted, largest, where)
        return [wanted] * len(sizes)
    # The factor of the longer edges: the sizes of a run are found again from that of its largest picture.
    factor = max(wanted) / max(largest)
    _require_smaller((max(wanted), max(wanted)), (max(largest), max(largest)), where)
    return [(max(1, round(height * factor)), max(1, round(width * factor))) for height, width in sizes]


def _divided(size: tuple[int, int], downscale: int | None) -> tuple[int, int]:
    factor = -(-max(size) // _LONGEST_EDGE) if downscale is None else downscale
    if factor < 1:
        raise DataError(f"downscale is {factor}, expected a whole number of at least 1; 1 keeps the images")
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def _require_smaller(size: tuple[int, int], largest: tuple[int, int], where: str) -> None:
    if size[0] > largest[0] or size[1] > largest[1] or min(size) < 1:
        raise DataError(
            f"{where}: asked for images of {size[1]}x{size[0]}, expected a size from 1x1 to that of the files, "
            f"{largest[1]}x{largest[0]}; ask for a smaller one"
        )
