"""What the mask holds beyond the dressed body, and whether it is a skirt, an open coat, or hair.

A piece counts where it reaches far from the body and is not small. Cloth around the legs is a hull where the legs
themselves have its colour (a skirt, a closed coat), and a sheet where they do not (the tails of an open coat over
trousers).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.spatial import KDTree

from avatars.body.parts import PART_NAMES
from avatars.body.skinning import transform
from avatars.surface.garment.photographed import Photographed, seen_from

_HEAD = ("head", "neck")
_LEGS = ("left thigh", "right thigh", "left leg", "right leg")
_CLOTHED = ("torso", *_LEGS)
_MOST_COLOURS = 3000


@dataclass(frozen=True)
class ExcessConfig:
    """What counts as loose."""

    reach: float = 0.02
    """A piece reaches at least this far from the dressed body, metres."""
    area: float = 0.004
    """Its least area, square metres."""
    hair_reach: float = 0.045
    """Long hair reaches at least this far from the bare face and neck, metres."""
    hair_area: float = 0.002
    """Its least area beside them, square metres."""
    sleeve_reach: float = 0.015
    """A loose sleeve reaches at least this far from the arm, metres."""
    sleeve_area: float = 0.001
    """Its least area, square metres."""
    same_colour: float = 12.0
    """Colours closer than this are alike, of 255."""
    hull: float = 0.5
    """From this share of the legs' pixels in the cloth's colour on, it goes around the legs."""
    beside: float = 0.25
    """How far from a piece the legs' colours are compared, metres."""
    gap: float = 0.15
    """A hull leaves less than this share of the pixels between the legs to the background."""


@dataclass(frozen=True)
class Excess:
    """Pixels of the mask that the dressed body does not explain.

    Attributes:
        cloth: Those that hang from trunk and legs.
        hair: Those that belong to the head.
        sleeves: Those of the left and the right arm.
        pixel: Metres that a pixel covers at the body.
    """

    cloth: Bool[np.ndarray, "h w"]
    hair: Bool[np.ndarray, "h w"]
    sleeves: tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]
    pixel: float


def find_excess(seen: Photographed, config: ExcessConfig | None = None) -> Excess:
    """The loose pieces of a mask, by what of the body is next to them."""
    config = config or ExcessConfig()
    pixel = float(seen.project(seen.posed.double().numpy())[1].mean())
    cover = seen.part > 0
    distance, nearest = _nearest_part(seen.part)
    label, count = ndimage.label(ndimage.binary_opening(seen.mask & ~cover))
    cloth, hair, arms = np.zeros_like(cover), np.zeros_like(cover), np.zeros_like(cover)
    for index, box in enumerate(ndimage.find_objects(label, count)):
        piece = label[box] == index + 1
        reach, area = distance[box][piece].max() * pixel, _area(piece, pixel)
        of_head, of_cloth = _shares(nearest[box], piece)
        if reach >= config.reach and area >= config.area:
            cloth[box] |= piece & of_cloth
            hair[box] |= piece & of_head
        if reach >= config.sleeve_reach and not (of_head | of_cloth).any():
            arms[box] |= piece
    left, right = (arms & _of(nearest, side_parts(side, "arm")) for side in ("left", "right"))
    sleeves = tuple(arm if _area(arm, pixel) > config.sleeve_area else np.zeros_like(arm) for arm in (left, right))
    return Excess(cloth, hair | _beside_bare_neck(seen, config, pixel), sleeves, pixel)


def side_parts(side: str, limb: str) -> tuple[str, str]:
    """The two parts of an arm or a leg."""
    return {"arm": (f"{side} arm", f"{side} hand"), "leg": (f"{side} thigh", f"{side} leg")}[limb]


def trouser_legs(seen: Photographed, excess: Excess) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Loose pixels beside the left and the right leg."""
    _, nearest = _nearest_part(seen.part)
    left, right = (excess.cloth & _of(nearest, side_parts(side, "leg")) for side in ("left", "right"))
    return left, right


def _beside_bare_neck(seen: Photographed, config: ExcessConfig, pixel: float) -> Bool[np.ndarray, "h w"]:
    """What stands off face and neck before they grew: a neck that grew into long hair does not explain it."""
    bare = seen.bare()
    posed = transform(seen.body.posed_from_rest, bare)
    raster = seen_from(seen.camera, posed, seen.model.faces)
    height = raster.interpolate(bare[:, 1:2], seen.model.faces)[..., 0].numpy()
    part = np.where(raster.face.numpy() >= 0, seen.model.parts[raster.face.clamp_min(0)].numpy(), 0)
    distance, index = ndimage.distance_transform_edt(part == 0, return_indices=True)
    at = (index[0], index[1])
    eyes = float(bare[[seen.model.landmarks["leye"], seen.model.landmarks["reye"]], 1].mean())
    label, count = ndimage.label(seen.mask & (part == 0) & _of(part[at], _HEAD) & (height[at] < eyes))
    hair = np.zeros_like(seen.mask)
    for index, box in enumerate(ndimage.find_objects(label, count)):
        piece = label[box] == index + 1
        if np.asarray(distance)[box][piece].max() * pixel > config.hair_reach and _area(piece, pixel) > config.hair_area:
            hair[box] |= piece
    return hair


def _area(piece: Bool[np.ndarray, "h w"], pixel: float) -> float:
    return float(piece.sum()) * pixel**2


def _of(part: Int[np.ndarray, "h w"], names: tuple[str, ...]) -> Bool[np.ndarray, "h w"]:
    return np.isin(part, [PART_NAMES.index(name) for name in names])


def _nearest_part(part: Int[np.ndarray, "h w"]) -> tuple[Float[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
    """Pixels to the body, and the part that is next."""
    distance, index = ndimage.distance_transform_edt(part == 0, return_indices=True)
    return np.asarray(distance), part[index[0], index[1]]


def _shares(nearest: Int[np.ndarray, "h w"], piece: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a piece are the head's and which hang from trunk and legs; neither where it is a sleeve's."""
    head, legs, trunk = _of(nearest, _HEAD), _of(nearest, _LEGS), _of(nearest, _CLOTHED)
    of = {name: (group & piece).sum() / piece.sum() for name, group in (("head", head), ("legs", legs), ("trunk", trunk))}
    everything, nothing = np.ones_like(piece), np.zeros_like(piece)
    if of["head"] > 0.2 and of["legs"] > 0.2:
        return head, ~head
    if of["head"] > 0.2:
        return everything, nothing
    return (nothing, everything) if of["trunk"] > 0.3 else (nothing, nothing)


def cloth_kind(seen: Photographed, excess: Excess, config: ExcessConfig | None = None) -> str:
    """How loose cloth lies around the legs: "hull" around both, "sheet" open in front, or "legs" around each.

    It goes around them where between its edges they have its colour. Asked is the middle half of what the photo shows in
    each row; to the sides an open coat covers the legs, too. Where the background shows between them, it is trousers.
    """
    config = config or ExcessConfig()
    rows = excess.cloth.any(1)
    near = ndimage.distance_transform_edt(~excess.cloth) * excess.pixel < config.beside
    zone = seen.shows(_LEGS) & seen.mask & rows[:, None] & near & _middle_half(seen.silhouette(_LEGS))
    if zone.sum() < 50:
        return "hull"
    smooth = ndimage.gaussian_filter(seen.photo.astype(np.float64), (2.0, 2.0, 0.0))
    distance, _ = KDTree(_thinned(smooth[excess.cloth])).query(_thinned(smooth[zone]))
    if float((np.asarray(distance) < config.same_colour).mean()) <= config.hull:
        return "sheet"
    return "legs" if _parted(seen, rows, config) else "hull"


def _parted(seen: Photographed, rows: Bool[np.ndarray, "h"], config: ExcessConfig) -> bool:
    """Whether background shows between the legs where the cloth is: wide trousers, no skirt."""
    left, right = seen.silhouette(("left thigh", "left leg")), seen.silhouette(("right thigh", "right leg"))
    between = _between(left, right) | _between(right, left)
    between &= ~left & ~right & rows[:, None] & (seen.part == 0)
    open_rows = between.sum(1) > 0
    if not open_rows.any():
        return False
    return bool((between & ~seen.mask).sum() > config.gap * between.sum())


def _between(first: Bool[np.ndarray, "h w"], second: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that have the first to the left and the second to the right in their row."""
    return np.maximum.accumulate(first, axis=1) & np.maximum.accumulate(second[:, ::-1], axis=1)[:, ::-1]


def _middle_half(pixels: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The middle half of each row's span."""
    width = pixels.shape[1]
    first = np.argmax(pixels, axis=1)[:, None]
    last = width - 1 - np.argmax(pixels[:, ::-1], axis=1)[:, None]
    column = np.arange(width)
    return (np.abs(column - 0.5 * (first + last)) <= 0.25 * (last - first)) & pixels.any(1)[:, None]


def _thinned(colours: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
    return colours[:: max(1, len(colours) // _MOST_COLOURS)]
