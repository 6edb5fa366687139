"""Colours all around a limb from those of its rings that the photo shows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.color import rgb2lab

from avatars.surface.unrolled import CELL, reflect_columns, reflect_rows, ring_blur, ring_distance, smooth_mask

_SPAN = 40
"""Rings whose colours are compared with those of a ring next to them."""


@dataclass(frozen=True)
class RingConfig:
    """How rings are completed."""

    confidence: float = 0.35
    """Cells of at least this confidence may be copied."""
    shade: float = 0.05
    """Width over which a ring's colours count as its shade, which continues apart from its detail, metres."""
    fading: float = 0.02
    """Distance behind the border at which light and shadow of the front have faded to a third, metres."""
    grain: float = 0.008
    """Width over which a ring's detail is averaged to tell folds and patterns from grain, metres."""
    folds: tuple[float, float] = (0.06, 0.1)
    """Usual contrast of that mean, sRGB, up to which it is the light on folds, which stays in front, and from which on
    it is a pattern, which goes on around the limb."""
    colors: tuple[float, float] = (0.015, 0.022)
    """The same of the detail's other colours than the cloth's own: light has none."""
    marks: float = 2.0
    """How many times as strong as usual the detail of plain cloth may be: a sharp crease that is copied, and its mirror
    image beside it, are seen at once."""
    print_blur: float = 0.003
    """Width over which colours are averaged before they are compared with their ring's, metres."""
    print_area: float = 0.0004
    """Smaller prints are not looked for, square metres."""
    button_area: float = 0.00006
    """The same for what differs as far as `print_distance` has it at most: buttons and badges on plain cloth."""
    print_margin: float = 0.008
    """Width of the rim around a print that is not copied either, metres."""
    print_factor: float = 2.5
    """How many times as far as usual from its ring's colour a print's colour lies."""
    print_distance: tuple[float, float] = (9.0, 25.0)
    """How far at least, and from where on always, CIELAB."""
    print_most: float = 0.75
    """Where more of a ring than this deviates, it is the ring's colour that is wrong."""
    pattern: float = 0.12
    """Where more of the flanks deviates, the cloth is patterned all over, which is no print."""
    pattern_distance: float = 7.0
    """The same where half of the cells lie farther from their ring's colour, both there and in the middle, CIELAB."""
    opening: tuple[float, float] = (0.4, 0.92)
    """Share of the way to the rim that the middle of an open jacket is wide, and from which on there is jacket."""
    hem: float = 0.15
    """How far along the limb from an opening a ring may lie that shows nothing else, metres."""
    placket: float = 0.12
    """Share of the way to the border that the middle of such cloth is wide: buttons and zips, which stay in front."""
    rim: float = 0.025
    """Width of the border of what is seen, where light falls off and tells nothing of patterns, metres."""
    reach: float = 0.05
    """How far along the limb colours continue where rings are not seen at all, metres."""


@dataclass(frozen=True)
class Rings:
    """A limb's unrolled colours.

    Attributes:
        color: sRGB in [0, 1].
        confidence: In the colours, in [0, 1].
        facing: Cells on the side that faces the camera, whether something hides them or not.
    """

    color: Float[np.ndarray, "h w 3"]
    confidence: Float[np.ndarray, "h w"]
    facing: Bool[np.ndarray, "h w"]


def unexplained(rings: Rings, config: RingConfig) -> Bool[np.ndarray, "h w"]:
    """Prints, openings of jackets, ties: what differs from the colour that its ring has at the sides.

    Of cloth that is patterned all over that is only the strip where it is buttoned.

    Each cell is compared with the weighted median of its ring, to which cells count the more the farther they lie from
    the middle of the front. The usual distance from it is that of the outer cells of the rings around.
    """
    seen = rings.confidence > config.confidence
    if not seen.any():
        return seen
    lab = rgb2lab(rings.color)
    known = _blur(seen.astype(np.float64), config.print_blur)
    smooth = np.stack([_blur(p * seen, config.print_blur) for p in np.moveaxis(lab, -1, 0)], -1)
    smooth /= np.maximum(known, 1e-6)[..., None]
    outer = outerness(rings.facing)
    median = _ring_medians(smooth, seen * (0.1 + outer))
    distance = np.linalg.norm(smooth - median[:, None], axis=-1)
    usual = _usual(distance, seen & (outer > 0.6))
    sure = seen & (distance > np.clip(config.print_factor * usual[:, None], *config.print_distance))
    share = sure.sum(1) / np.maximum(seen.sum(1), 1)
    sure &= (share < config.print_most)[:, None]
    inner = _inner(seen, config) & (outer < 0.9)
    flank, middle = inner & (outer > 0.5), inner & (outer <= 0.5)
    calm = min(float(np.median(distance[part])) if part.any() else 0.0 for part in (flank, middle))
    if _opened(sure, inner, outer, config):
        return _grown(sure | (seen & _only_inside(smooth, median, sure, config)[:, None]), config)
    if sure[flank].sum() > config.pattern * flank.sum() or calm > config.pattern_distance:
        return seen & (outer < config.placket)
    mask = sure | (seen & (distance > config.print_distance[0]))
    whole = np.asarray(ndimage.binary_propagation(sure, mask=mask))
    return _grown(whole, config) | _grown(sure & (distance > config.print_distance[1]), config, config.button_area)


def _opened(
    sure: Bool[np.ndarray, "h w"], inner: Bool[np.ndarray, "h w"], outer: Float[np.ndarray, "h w"], config: RingConfig
) -> bool:
    """Whether what deviates is what shows in a wide opening: most of the middle, next to nothing at the sides."""
    low, high = (np.quantile(outer[inner], 0.98) if inner.any() else 0.0) * np.array(config.opening)
    side, middle = inner & (outer > high), inner & (outer < low)
    if not side.any() or not middle.any():
        return False
    return bool(sure[side].mean() <= config.pattern and sure[middle].mean() > 0.5)


def _only_inside(
    smooth: Float[np.ndarray, "h w 3"],
    median: Float[np.ndarray, "h 3"],
    sure: Bool[np.ndarray, "h w"],
    config: RingConfig,
) -> Bool[np.ndarray, "h"]:
    """Rings next to an opening in which nothing but what shows in it is seen: arms hide the jacket beside it."""
    opened = np.flatnonzero(sure.any(1))
    near = opened[np.abs(np.arange(len(median))[:, None] - opened).argmin(1)]
    outside = np.median(median[opened], 0)
    strange = np.linalg.norm(median - outside, axis=-1) > config.print_distance[1]
    found = np.zeros(len(median), bool)
    for row in np.flatnonzero(strange & (np.abs(np.arange(len(median)) - near) * CELL < config.hem)):
        above = slice(max(0, near[row] - _SPAN), near[row] + _SPAN)
        shown = smooth[above][sure[above]]
        found[row] = np.linalg.norm(shown - median[row], axis=-1).min() < config.print_distance[0]
    return found


def _inner(seen: Bool[np.ndarray, "h w"], config: RingConfig) -> Bool[np.ndarray, "h w"]:
    """What is seen, without its rim, where light falls off."""
    return np.asarray(ndimage.binary_erosion(seen, iterations=round(config.rim / CELL)))


def outerness(facing: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """0 in the middle of each ring's side that faces the camera, 1 at its borders and beyond."""
    width = facing.shape[1]
    turn = np.exp(2j * np.pi * (np.arange(width) + 0.5) / width)
    direction = (facing * turn).sum(1)
    middle = ndimage.gaussian_filter1d(direction.real, 20.0) + 1j * ndimage.gaussian_filter1d(direction.imag, 20.0)
    half = np.maximum(facing.sum(1) / width * np.pi, 0.3)
    away = np.abs(np.angle(turn[None] / np.where(middle == 0.0, 1.0, middle)[:, None]))
    return np.clip(away / half[:, None], 0.0, 1.0)


def _ring_medians(values: Float[np.ndarray, "h w c"], weight: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h c"]:
    """Weighted median of each row, channel by channel."""
    order = values.argsort(1)
    ranked = np.take_along_axis(np.broadcast_to(weight[..., None], values.shape), order, 1).cumsum(1)
    middle = (ranked >= 0.5 * ranked[:, -1:]).argmax(1)
    return np.take_along_axis(np.take_along_axis(values, order, 1), middle[:, None], 1)[:, 0]


def _usual(distance: Float[np.ndarray, "h w"], where: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h"]:
    """The distance that three quarters of the outer cells keep, over 10 cm along the limb."""
    half = round(0.05 / CELL)
    result = np.full(len(distance), np.inf)
    whole = np.quantile(distance[where], 0.75) if where.any() else np.inf
    for row in range(len(distance)):
        part = slice(max(0, row - half), row + half + 1)
        values = distance[part][where[part]]
        result[row] = np.quantile(values, 0.75) if len(values) > 200 else whole
    return result


def _grown(odd: Bool[np.ndarray, "h w"], config: RingConfig, area: float | None = None) -> Bool[np.ndarray, "h w"]:
    """Pieces of an area or more, of a print's where it is left out, closed and with a rim."""
    area = config.print_area if area is None else area
    closed = ndimage.binary_closing(odd, iterations=max(1, round(0.004 / CELL)))
    label = np.zeros(odd.shape, np.int32)
    ndimage.label(closed, output=label)
    large = np.flatnonzero(np.bincount(label.ravel()) * CELL**2 > area)
    kept = np.isin(label, large[large > 0])
    return np.asarray(ndimage.binary_dilation(kept, iterations=round(config.print_margin / CELL)))


def complete_rings(
    rings: Rings, source: Bool[np.ndarray, "h w"], config: RingConfig, *, symmetric: bool
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h"]]:
    """Colours of whole rings.

    Shade and detail continue apart: the shade of a ring is its colours' mean over some centimetres, which closes the
    gaps in front first and is then reflected to the back as a whole; the detail is reflected at each gap.

    Args:
        rings: What the photo shows.
        source: Cells that may be copied.
        config: Options.
        symmetric: Whether left and right are the same limb: gaps then first take their mirror image's detail.

    Returns:
        Colours, and which rings have them.
    """
    source = smooth_mask(source)
    shade, shaded = ring_means(rings.color, source, config.shade)
    front = shaded & (rings.facing | source)
    shade, whole = reflect_rows(shade, front)
    shade = _evened(shade, front, _ring_medians(rings.color, source.astype(np.float64)), config)
    detail = np.where(source[..., None], rings.color - shade, 0.0)
    detail = _without_folds(detail, rings, source, config)
    allowed = source
    if symmetric:
        mirrored = source[:, ::-1] & ~source
        detail = np.where(mirrored[..., None], detail[:, ::-1], detail)
        allowed = source | mirrored
    detail, detailed = reflect_rows(detail, allowed)
    known = np.logical_and(whole.all(1), detailed.all(1))
    color = np.clip(shade + detail, 0.0, 1.0)
    return reflect_columns(color, known, round(config.reach / CELL))


def _without_folds(
    detail: Float[np.ndarray, "h w 3"], rings: Rings, source: Bool[np.ndarray, "h w"], config: RingConfig
) -> Float[np.ndarray, "h w 3"]:
    """The detail without light and shadow of folds, which are not a part of the cloth, nor creases; patterns stay."""
    coarse = _means(detail, source, config.grain)
    inner = _inner(source, config)
    bright = np.linalg.norm(coarse[inner], axis=-1) / 3.0**0.5
    kept = max(_share(bright, config.folds), _share(_colorfulness(detail, rings, source, config)[inner], config.colors))
    fine = detail - coarse * (1.0 - kept)
    strength = _means(np.square(fine).mean(-1, keepdims=True), source, config.print_blur) ** 0.5
    usual = _usual(strength[..., 0], source)[:, None, None]
    bound = np.minimum(config.marks * usual / np.maximum(strength, 1e-6), 1.0)
    return fine * (kept + (1.0 - kept) * bound)


def _colorfulness(
    detail: Float[np.ndarray, "h w 3"], rings: Rings, source: Bool[np.ndarray, "h w"], config: RingConfig
) -> Float[np.ndarray, "h w"]:
    """How far the detail leads away from the cloth's own colour: light only makes that darker or brighter."""
    fine = _means(detail, source, config.print_blur)
    own = rings.color / np.maximum(np.linalg.norm(rings.color, axis=-1, keepdims=True), 1e-6)
    return np.linalg.norm(fine - (fine * own).sum(-1, keepdims=True) * own, axis=-1)


def _share(values: Float[np.ndarray, "n"], limits: tuple[float, float]) -> float:
    """Where between two limits most of the values lie, 0 to 1."""
    usual = float(np.quantile(values, 0.75)) if len(values) else 0.0
    return float(np.clip((usual - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0))


def _means(
    values: Float[np.ndarray, "h w c"], source: Bool[np.ndarray, "h w"], metres: float
) -> Float[np.ndarray, "h w c"]:
    """Means over the neighbouring cells of the source; 0 beside it."""
    weight = np.maximum(_blur(source.astype(np.float64), metres), 1e-6)
    total = np.stack([_blur(plane * source, metres) for plane in np.moveaxis(values, -1, 0)], -1)
    return np.where(source[..., None], total / weight[..., None], 0.0)


def _evened(
    shade: Float[np.ndarray, "h w 3"],
    front: Bool[np.ndarray, "h w"],
    usual: Float[np.ndarray, "h 3"],
    config: RingConfig,
) -> Float[np.ndarray, "h w 3"]:
    """The shade behind fades into its ring's usual colour: light and shadow in front are not those behind."""
    share = np.exp(-ring_distance(front) * CELL / config.fading)[..., None]
    return np.where(front[..., None], shade, usual[:, None] + (shade - usual[:, None]) * share)


def ring_means(
    color: Float[np.ndarray, "h w 3"], source: Bool[np.ndarray, "h w"], metres: float
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Means over neighbouring columns of the cells that may be copied, and where there are any within reach."""
    sigma = metres / CELL
    weight = ndimage.gaussian_filter1d(source.astype(np.float64), sigma, axis=1, mode="wrap", truncate=6.0)
    total = ndimage.gaussian_filter1d(color * source[..., None], sigma, axis=1, mode="wrap", truncate=6.0)
    return total / np.maximum(weight, 1e-12)[..., None], weight > 1e-6


def _blur(plane: Float[np.ndarray, "h w"], metres: float) -> Float[np.ndarray, "h w"]:
    return ring_blur(plane, metres / CELL)
