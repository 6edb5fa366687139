"""Colours of a limb on its unrolled grid, and how rows continue where the photo shows nothing.

Rows are rings around a limb, columns run along it. What the photo shows continues over what it hides by reflection at
the border between them, there and back, within its own ring. Rings keep their colours, so stripes go on around the
body, sleeves end where they end in front, cloth keeps its grain; and no border shows: a reflection is continuous.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

CELL = 0.0012
"""Length of a cell along a limb, metres."""

_CLOSED = 6
"""Cells up to which gaps between points are closed."""

_SPLAT = 0.35
"""Width of a point, cells: wider ones blur the grain of cloth that is copied."""

_AROUND = 12
"""Cells that are repeated beyond both ends of rings, for cubic splines."""


@dataclass(frozen=True)
class Grid:
    """Where points lie on an unrolled limb.

    Attributes:
        low: Length at the first row, metres.
        shape: Rows and columns.
    """

    low: float
    shape: tuple[int, int]

    @staticmethod
    def over(length: Float[np.ndarray, "n"], columns: int) -> "Grid":
        """A grid that holds all lengths."""
        low = float(length.min())
        return Grid(low, (int((float(length.max()) - low) / CELL) + 2, columns))

    def place(
        self, length: Float[np.ndarray, "n"], angle: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
        """Row and column of points, cell centres at +0.5; angle 0 is the middle column."""
        columns = self.shape[1]
        return (length - self.low) / CELL + 0.5, np.mod(angle / (2.0 * np.pi) + 0.5, 1.0) * columns

    def splat(
        self,
        row: Float[np.ndarray, "n"],
        column: Float[np.ndarray, "n"],
        values: Float[np.ndarray, "n c"],
        weight: Float[np.ndarray, "n"],
    ) -> tuple[Float[np.ndarray, "h w c"], Float[np.ndarray, "h w"]]:
        """Weighted means of values in the cells, and the weight found there; cells between points are closed."""
        height, width = self.shape
        cell = np.floor(row).astype(int).clip(0, height - 1) * width + np.floor(column).astype(int) % width
        total = np.bincount(cell, weight, height * width)
        sums = np.stack([np.bincount(cell, weight * v, height * width) for v in values.T], -1)
        hits = np.bincount(cell, (weight > 0.0).astype(np.float64), height * width)
        blur = [ring_blur(plane.reshape(height, width), _SPLAT) for plane in (total, hits, *sums.T)]
        known = blur[1] > 0.02
        mean = np.stack(blur[2:], -1) / np.maximum(blur[0], 1e-9)[..., None]
        weights = np.where(known, blur[0] / np.maximum(blur[1], 1e-9), 0.0)
        return _closed(np.where(known[..., None], mean, 0.0), known), _closed(weights[..., None], known)[..., 0]

    def sample(
        self, image: Float[np.ndarray, "h w c"], row: Float[np.ndarray, "n"], column: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n c"]:
        """Values at points, by cubic splines, around the ring."""
        planes = np.moveaxis(np.pad(image, ((0, 0), (_AROUND, _AROUND), (0, 0)), mode="wrap"), -1, 0)
        where = [row - 0.5, column - 0.5 + _AROUND]
        return np.stack([ndimage.map_coordinates(plane, where, order=3, mode="nearest") for plane in planes], -1)


def _closed(image: Float[np.ndarray, "h w c"], known: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w c"]:
    """Cells near known ones take the nearest one's value: points lie farther apart than cells in places."""
    rim = _CLOSED + 1
    around = np.pad(known, ((0, 0), (rim, rim)), mode="wrap")
    rows, columns = np.asarray(ndimage.distance_transform_edt(~around, return_distances=False, return_indices=True))[
        ..., rim : rim + known.shape[1]
    ]
    columns = columns - rim
    row, column = np.indices(known.shape)
    near = np.hypot(rows - row, columns - column) <= _CLOSED
    return np.where(near[..., None], image[rows, columns % known.shape[1]], image)


def ring_distance(mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Cells around the ring from each cell to the nearest of the mask; huge in rings that have none."""
    width = mask.shape[1]
    around = np.concatenate([mask] * 3, 1)
    distance = np.asarray(ndimage.distance_transform_edt(~around, sampling=(1e6, 1.0)))
    return distance[:, width : 2 * width]


def ring_blur(plane: Float[np.ndarray, "h w"], sigma: float | tuple[float, float]) -> Float[np.ndarray, "h w"]:
    """Gaussian means over cells, around the ring.

    Args:
        plane: Values.
        sigma: Width in cells, along the limb and around it.
    """
    rows, columns = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    along = ndimage.gaussian_filter1d(plane, rows, axis=0, mode="nearest")
    return ndimage.gaussian_filter1d(along, columns, axis=1, mode="wrap")


def smooth_mask(mask: Bool[np.ndarray, "h w"], sigma: tuple[float, float] = (10.0, 4.0)) -> Bool[np.ndarray, "h w"]:
    """The mask with a smooth border that lies inside the old one almost everywhere."""
    return mask & (ring_blur(mask.astype(np.float64), sigma) > 0.55)


def reflect_rows(
    image: Float[np.ndarray, "h w c"], allowed: Bool[np.ndarray, "h w"], *, least: int = 8, blend: float = 10.0
) -> tuple[Float[np.ndarray, "h w c"], Bool[np.ndarray, "h w"]]:
    """Rows continued by reflection, there and back, of the runs beside each gap; rings close.

    Args:
        image: Values.
        allowed: Cells that may be copied; they stay as they are.
        least: Shorter runs are not used, cells.
        blend: Cells over which the continuations from both sides pass into each other.

    Returns:
        Values, and which cells have one: rows without a run stay empty.
    """
    runs = _Runs.of(allowed, least)
    result, known = image.copy(), runs.allowed.copy()
    for row in np.flatnonzero(runs.allowed.any(1) & ~runs.allowed.all(1)).tolist():
        gap = np.flatnonzero(~runs.allowed[row])
        left, right, share = runs.sources(row, gap, blend)
        result[row, gap] = image[row, left] * (1.0 - share[:, None]) + image[row, right] * share[:, None]
        known[row, gap] = True
    return result, known


@dataclass(frozen=True)
class _Runs:
    """The allowed runs of each ring, for each cell the last allowed one before and after it and their runs' lengths."""

    allowed: Bool[np.ndarray, "h w"]

    @staticmethod
    def of(allowed: Bool[np.ndarray, "h w"], least: int) -> "_Runs":
        width = allowed.shape[1]
        if not allowed.any():
            return _Runs(allowed)
        padded = np.concatenate([allowed] * 3, 1)
        opened = ndimage.binary_opening(padded, np.ones((1, least)))
        return _Runs(opened[:, width : 2 * width])

    def sources(
        self, row: int, gap: Int[np.ndarray, "g"], blend: float
    ) -> tuple[Int[np.ndarray, "g"], Int[np.ndarray, "g"], Float[np.ndarray, "g"]]:
        """Columns that the gap's cells copy from the run before and from the run after, and the latter's share."""
        ring = self.allowed[row]
        before, length_before = _walk(ring, gap)
        after, length_after = _walk(ring[::-1], len(ring) - 1 - gap)
        left = (gap - before - there_and_back(before, length_before)) % len(ring)
        right = (gap + after + there_and_back(after, length_after)) % len(ring)
        share = np.clip(0.5 + (before - after) / (2.0 * blend), 0.0, 1.0)
        return left, right, share


def _walk(
    ring: Bool[np.ndarray, "w"], cells: Int[np.ndarray, "g"]
) -> tuple[Int[np.ndarray, "g"], Int[np.ndarray, "g"]]:
    """How far before each cell the last allowed one lies, around the ring, and how long its run is."""
    width = len(ring)
    place = np.arange(2 * width)
    twice = np.concatenate([ring, ring])
    last_allowed = np.maximum.accumulate(np.where(twice, place, -1))
    last_gap = np.maximum.accumulate(np.where(~twice, place, -1))
    at = cells + width
    end = last_allowed[at]
    return at - end, np.minimum(end - last_gap[end], width)


def there_and_back(distance: Int[np.ndarray, "g"], period: Int[np.ndarray, "g"]) -> Int[np.ndarray, "g"]:
    """Offset into a run after walking past its end.

    >>> there_and_back(np.arange(1, 8), np.full(7, 3)).tolist()
    [0, 1, 2, 2, 1, 0, 0]
    """
    step = np.mod(distance - 1, 2 * period)
    return np.where(step < period, step, 2 * period - 1 - step)


def reflect_columns(
    image: Float[np.ndarray, "h w c"], known: Bool[np.ndarray, "h"], reach: int
) -> tuple[Float[np.ndarray, "h w c"], Bool[np.ndarray, "h"]]:
    """Unknown rows as the reflection of the known ones beside them, up to `reach` rows away."""
    if not known.any():
        return image, known
    place = np.arange(len(known))
    below = np.maximum.accumulate(np.where(known, place, -1))
    above = np.minimum.accumulate(np.where(known, place, 10**9)[::-1])[::-1]
    use_below = (below >= 0) & ((above > 10**8) | (place - below <= above - place))
    edge = np.where(use_below, below, np.minimum(above, 10**8))
    away = np.abs(place - edge)
    mirrored = np.clip(np.where(use_below, 2 * edge - place + 1, 2 * edge - place - 1), 0, len(known) - 1)
    source = np.where(known[mirrored], mirrored, np.clip(edge, 0, len(known) - 1))
    take = ~known & (away <= reach)
    result = image.copy()
    result[take] = image[source[take]]
    return result, known | take
