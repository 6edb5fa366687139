"""Completes the colours of a surface's texels, limb by limb, by rules."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from skimage.color import rgb2lab
from torch import Tensor

from avatars.surface.limbs import LIMBS, LimbShape, memberships, unrolled
from avatars.surface.rings import RingConfig, Rings, complete_rings, unexplained
from avatars.surface.unrolled import CELL, Grid, there_and_back

_TROUSERS, _SHOES = (0.25, 0.26, 0.29), (0.16, 0.15, 0.15)
_SKIN = (0.75, 0.58, 0.48)


@dataclass(frozen=True)
class Texels:
    """What is known of the texels of a surface.

    Attributes:
        rest: Where they lie at rest, metres.
        weights: Their skin weights.
        color: sRGB that the photo shows there, in [0, 1].
        confidence: In that colour, in [0, 1].
        facing: Whether they face the camera.
        face: Whether they belong to the face.
        scalp: Whether hair grows there where the person has any.
    """

    rest: Float[Tensor, "n 3"]
    weights: Float[Tensor, "n 24"]
    color: Float[Tensor, "n 3"]
    confidence: Float[Tensor, "n"]
    facing: Bool[Tensor, "n"]
    face: Bool[Tensor, "n"]
    scalp: Bool[Tensor, "n"]
    beside_hand: Bool[Tensor, "n"]


@dataclass(frozen=True)
class _Limb:
    """A limb's grid and what the photo shows on it."""

    shape: LimbShape
    grid: Grid
    row: Float[np.ndarray, "m"]
    column: Float[np.ndarray, "m"]
    rings: Rings


@dataclass(frozen=True)
class RingCompletion:
    """The rules: every ring of a limb continues around it; what no ring shows comes from the other side, then from a
    plain prior."""

    config: RingConfig = field(default_factory=RingConfig)

    def __call__(self, texels: Texels) -> Float[Tensor, "n 3"]:
        """sRGB of all texels; those that the photo shows keep their colours as far as it is trusted."""
        member = memberships(texels.weights)
        texels = _without_strayed_hands(texels, member, self.config)
        total = torch.zeros_like(texels.color)
        part = torch.zeros_like(texels.confidence)
        done: dict[str, tuple[_Limb, np.ndarray, np.ndarray]] = {}
        index = {}
        for number, shape in enumerate(LIMBS):
            mine = (member[:, number] > 0.02).nonzero()[:, 0]
            if len(mine) < 50:
                continue
            index[shape.name] = mine
            limb = _limb(shape, texels, mine, member[mine, number])
            source = (limb.rings.confidence > self.config.confidence) & ~_kept_in_place(limb, texels, mine, self.config)
            color, known = complete_rings(limb.rings, source, self.config, symmetric=shape.mirror == shape.name)
            if shape.name == "head":
                color, known = _hair_down(limb, color, known, source, texels.face[mine].numpy())
            done[shape.name] = (limb, color, known)
        for number, shape in enumerate(LIMBS):
            if shape.name not in done:
                continue
            limb, color, known = done[shape.name]
            color, known = _from_other_side(done, shape, color, known)
            color = _with_prior(shape, color, known)
            mine = index[shape.name]
            weight = member[mine, number]
            values = torch.from_numpy(limb.grid.sample(color, limb.row, limb.column)).float()
            total[mine] += weight[:, None] * values
            part[mine] += weight
        filled = total / part.clamp_min(1e-6)[:, None]
        return torch.lerp(filled, texels.color, texels.confidence[:, None])


def _without_strayed_hands(texels, member, config):
    """Skin on trunk and legs beside a hand is the photo's hand, which lies a little beside the fitted one; what is not
    skin on a hand is what lies behind it."""
    seen = texels.confidence > config.confidence
    face = seen & texels.face
    if face.sum() < 200:
        return texels
    lab = torch.from_numpy(rgb2lab(texels.color.numpy()[None])[0]).float()
    skin = lab[face].median(0).values
    away = (lab - skin).norm(dim=-1)
    confidence = texels.confidence.clone()
    limb = member.argmax(-1)
    for number, shape in enumerate(LIMBS):
        mine = limb == number
        if "hand" in shape.name:
            shown = mine & seen
            if shown.any() and (away[shown] < 22.0).float().mean() > 0.4:
                confidence[mine & (away > 30.0)] = 0.0
        elif "arm" not in shape.name and shape.name != "head":
            usual = mine & seen & ~texels.beside_hand
            if usual.sum() > 500:
                near = mine & texels.beside_hand
                band = ((texels.rest[:, 1] - texels.rest[near, 1].mean()).abs() < 0.25) if near.any() else mine
                own = lab[usual & band].median(0).values if (usual & band).sum() > 200 else lab[usual].median(0).values
                confidence[near & (away < (lab - own).norm(dim=-1)) & (away < 40.0)] = 0.0
    return replace(texels, confidence=confidence)


def _limb(shape: LimbShape, texels: Texels, mine: Tensor, member: Tensor) -> _Limb:
    length, angle = unrolled(shape, texels.rest[mine], member)
    grid = Grid.over(length.numpy(), shape.columns)
    row, column = grid.place(length.numpy(), angle.numpy())
    confidence, color = texels.confidence[mine].numpy(), texels.color[mine].numpy()
    weight = np.maximum(confidence, 1e-6)
    mean, _ = grid.splat(row, column, color, weight)
    trusted = confidence * (member.numpy() > 0.4)
    facing, _ = grid.splat(row, column, np.stack([texels.facing[mine].numpy(), trusted], -1), np.ones(len(row)))
    return _Limb(shape, grid, row, column, Rings(mean, facing[..., 1], facing[..., 0] > 0.5))


def _kept_in_place(limb: _Limb, texels: Texels, mine: Tensor, config: RingConfig) -> Bool[np.ndarray, "h w"]:
    """Cells that must not be copied elsewhere: prints, and the face."""
    if limb.shape.name == "head":
        return _not_hair(limb, texels, mine)
    if limb.shape.name == "torso":
        return unexplained(limb.rings, config)
    return np.zeros(limb.rings.facing.shape, bool)


def _not_hair(limb: _Limb, texels: Texels, mine: Tensor) -> Bool[np.ndarray, "h w"]:
    """On the head: whatever is not hair, where there is hair; else the face."""
    face, scalp = texels.face[mine].numpy(), texels.scalp[mine].numpy()
    seen = texels.confidence[mine].numpy() > config_confidence
    color = texels.color[mine].numpy()
    on_face, _ = limb.grid.splat(limb.row, limb.column, face[:, None].astype(float), np.ones(len(face)))
    if (seen & scalp).sum() < 200 or (seen & face).sum() < 200:
        return on_face[..., 0] > 0.5
    hair, skin = (rgb2lab(np.median(color[seen & where], 0)[None])[0] for where in (scalp, face))
    if np.linalg.norm(hair - skin) < 10.0:
        return on_face[..., 0] > 0.5
    below = np.arange(len(on_face)) < _chin(limb, face)
    lab = rgb2lab(limb.rings.color)
    no_hair = np.linalg.norm(lab - hair, axis=-1) > np.linalg.norm(lab - skin, axis=-1)
    return (no_hair | (on_face[..., 0] > 0.5)) & ~below[:, None]


def _chin(limb, face):
    """The row up to which hair grows at the back: a little above the chin."""
    return int(np.quantile(limb.row[face], 0.2))


def _hair_down(limb, color, known, source, face):
    """The back of the head below the rings that show hair is hair, too."""
    nape = _chin(limb, face)
    rows = np.flatnonzero(source.any(1) & (np.arange(len(known)) >= nape))
    if not len(rows):
        return color, known
    lowest = rows.min()
    color, known = color.copy(), known.copy()
    take = np.arange(nape, lowest)
    rows = rows[known[rows]]
    color[take] = color[rows[there_and_back(lowest - take, np.full(len(take), len(rows)))]]
    known[take] = True
    return color, known


config_confidence = 0.35


def _from_other_side(done, shape, color, known):
    if shape.mirror == shape.name or known.all() or shape.mirror not in done:
        return color, known
    other_limb, other, other_known = done[shape.mirror]
    limb = done[shape.name][0]
    rows = np.arange(len(known))
    place = np.rint((rows + 0.5) + (limb.grid.low - other_limb.grid.low) / CELL - 0.5).astype(int)
    inside = (place >= 0) & (place < len(other_known))
    take = ~known & inside & other_known[place.clip(0, len(other_known) - 1)]
    color = color.copy()
    color[take] = other[place[take]]
    return color, known | take


def _with_prior(shape, color, known):
    """Rings that nothing shows."""
    if known.all():
        return color
    color = color.copy()
    if not known.any():
        color[:] = {"leg": _TROUSERS, "foot": _SHOES, "hand": _SKIN}.get(shape.name.split()[-1], (0.5, 0.5, 0.5))
        return color
    place = np.flatnonzero(known)
    nearest = place[np.abs(np.arange(len(known))[:, None] - place[None]).argmin(1)]
    span = max(1, round(0.02 / CELL))
    for row in np.flatnonzero(~known):
        edge = nearest[row]
        part = color[max(0, edge - span) : edge + span + 1][known[max(0, edge - span) : edge + span + 1]]
        color[row] = np.median(part.reshape(-1, 3), 0)
    return color
