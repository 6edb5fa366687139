"""Completes a surface's texture by rules, limb by limb; a `avatars.surface.complete.Completion`.

In order of trust: what the photo shows; its continuation around the same ring of the limb; the rings next to it; the
same limb on the other side; a plain prior. Prints, openings and the face stay in front; the back of the head is hair.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.color import lab2rgb
from torch import Tensor

from avatars.surface.contact_shadows import with_contact_shadows
from avatars.surface.hair import Tones, hair_and_skin, no_hair
from avatars.surface.head import complete_head
from avatars.surface.limbs import LIMBS, NAMES, LimbShape, unrolled
from avatars.surface.neckline import bared, skin_tone
from avatars.surface.paint import PhotographedSurface
from avatars.surface.parametrise import TextureLayout
from avatars.surface.rings import RingConfig, Rings, complete_rings, unexplained
from avatars.surface.strays import without_strays
from avatars.surface.texels import Texels, photographed_texels
from avatars.surface.textured import Texture
from avatars.surface.unrolled import CELL, Grid
from avatars.surface.visibility import VisibilityConfig
from nfield.texture_atlas import SIZE, Atlas

_MEMBER = 0.02
_SURE_MEMBER = 0.4
"""Share of a texel's skin weights from which on it shows its limb's own colour."""
_FEWEST = 50
_EDGE = 0.02
"""Metres at the end of what is known of a limb whose colour the rest takes."""
_CROWN = 0.12
"""Metres at the top of the head that show what its hair looks like."""
_CONTINUED = 0.02
"""How much rings count that the photo does not show, against those of another limb that it does: where trunk and legs
pass into each other, a hem ends where it is seen."""
_SOFT = 0.004
"""Metres over which the end of what is shown is soft."""
_PRIORS = {"leg": (0.25, 0.26, 0.29), "foot": (0.16, 0.15, 0.15), "hand": (0.75, 0.58, 0.48)}
_ANY = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class TextureRules:
    """Completion by rules in texture space."""

    size: int = SIZE
    """Texels along the edge of the texture."""
    visibility: VisibilityConfig = field(default_factory=VisibilityConfig)
    """When the photo is trusted."""
    rings: RingConfig = field(default_factory=RingConfig)
    """How rings are completed."""

    def complete(self, shown: PhotographedSurface) -> Texture:
        """See `Completion.complete`."""
        return self.completed(shown).texture(shown.layout)

    def completed(self, shown: PhotographedSurface) -> "CompletedTexels":
        """Colours of all texels, and what they were made of; see `Completion.complete`."""
        atlas = Atlas.of(shown.layout, shown.surface.faces, size=self.size)
        texels = with_contact_shadows(without_strays(photographed_texels(shown, atlas, self.visibility)))
        return CompletedTexels(atlas, texels, complete_texels(texels, self.rings))


@dataclass(frozen=True)
class CompletedTexels:
    """Texels with colours everywhere.

    Attributes:
        atlas: Where they lie.
        texels: What the photo shows of them.
        color: sRGB in [0, 1].
    """

    atlas: Atlas
    texels: Texels
    color: Float[Tensor, "n 3"]

    def texture(self, layout: TextureLayout) -> Texture:
        """Their texture, whose visibility is the confidence in the photo."""
        values = torch.cat([self.color, self.texels.confidence[:, None]], -1)
        return Texture(layout, self.atlas.image(values))


@dataclass(frozen=True)
class _Limb:
    """A limb's texels on its grid.

    Attributes:
        shape: How it is unrolled.
        index: Its texels.
        grid: Its grid.
        row: Row of each texel.
        column: Column of each texel.
        color: Completed colours of the grid's cells.
        known: Rows that have them.
        shown: Rows of which the photo shows some, in [0, 1], with soft ends; the others only continue these.
    """

    shape: LimbShape
    index: Int[Tensor, "m"]
    grid: Grid
    row: Float[np.ndarray, "m"]
    column: Float[np.ndarray, "m"]
    color: Float[np.ndarray, "h w 3"]
    known: Bool[np.ndarray, "h"]
    shown: Float[np.ndarray, "h"]


def complete_texels(texels: Texels, config: RingConfig) -> Float[Tensor, "n 3"]:
    """Colours, sRGB, of all texels; those that the photo shows keep its colours as far as it is trusted.

    Args:
        texels: What the photo shows.
        config: How rings are completed.
    """
    limbs, tones = {}, _SkinAndHair(_skin(texels, config), _hair(texels, config))
    for number, shape in enumerate(LIMBS):
        index = (texels.member[:, number] > _MEMBER).nonzero()[:, 0]
        if len(index) >= _FEWEST:
            limbs[shape.name] = _completed(shape, index, texels.member[index, number], texels, tones, config)
    total, share = torch.zeros_like(texels.color), torch.zeros_like(texels.confidence)
    for number, shape in enumerate(LIMBS):
        if shape.name in limbs:
            limb = limbs[shape.name]
            member = texels.member[limb.index, number]
            if shape.name == "hair" and tones.hair is not None and "head" in limbs:
                limb = _with_strands(limb, limbs["head"])
            whole = _whole(limb, limbs.get(shape.mirror, limb), tones.skin)
            values = limb.grid.sample(whole, limb.row, limb.column)
            shown = np.interp(limb.row - 0.5, np.arange(len(limb.shown)), limb.shown)
            member = member * torch.from_numpy(_CONTINUED + shown).to(member)
            total[limb.index] += member[:, None] * torch.from_numpy(values).to(torch.float32)
            share[limb.index] += member
    filled = (total / share.clamp_min(1e-6)[:, None]).clamp(0.0, 1.0)
    return torch.lerp(filled, texels.color, texels.confidence[:, None])


@dataclass(frozen=True)
class _SkinAndHair:
    """Colours of the person.

    Attributes:
        skin: See `skin_tone`.
        hair: See `hair_and_skin`.
    """

    skin: Float[np.ndarray, "3"] | None
    hair: Tones | None


def _hair(texels: Texels, config: RingConfig) -> Tones | None:
    head = texels.member[:, NAMES.index("head")] > _MEMBER
    if not texels.face[head].any():
        return None
    seen = texels.confidence[head] > config.confidence
    regions = (texels.scalp[head].numpy(), texels.face[head].numpy(), seen.numpy())
    return hair_and_skin(texels.color[head].numpy(), regions)


def _skin(texels: Texels, config: RingConfig) -> Float[np.ndarray, "3"] | None:
    return skin_tone(texels.color.numpy(), texels.face.numpy(), (texels.confidence > config.confidence).numpy())


def _completed(
    shape: LimbShape,
    index: Int[Tensor, "m"],
    member: Float[Tensor, "m"],
    texels: Texels,
    tones: _SkinAndHair,
    config: RingConfig,
) -> _Limb:
    """A limb whose rings are completed as far as the photo shows some of each."""
    length, angle = unrolled(shape, texels.rest[index], member)
    grid = Grid.over(length.numpy(), shape.columns)
    row, column = grid.place(length.numpy(), angle.numpy())
    confidence, outer = texels.confidence[index].numpy(), ~texels.lining[index].numpy()
    color, _ = grid.splat(row, column, texels.color[index].numpy(), np.maximum(confidence, 1e-6) * outer)
    own = confidence * (member.numpy() > _SURE_MEMBER) * ~texels.shaded[index].numpy()
    flags = np.stack([own, texels.facing[index].numpy(), texels.face[index].numpy()], -1)
    means, _ = grid.splat(row, column, flags, outer.astype(np.float64))
    rings = Rings(color, means[..., 0], means[..., 1] > 0.5)
    source = rings.confidence > config.confidence
    if shape.has_prints:
        source &= ~unexplained(rings, config)
    if shape.name == "torso" and tones.skin is not None:
        source &= ~bared(rings, tones.skin, config)
    if shape.name == "hair" and tones.hair is not None:
        source &= ~no_hair(rings, tones.hair)
    if shape.name == "head" and flags[:, 2].any():
        chin = int(np.quantile(row[texels.face[index].numpy()], 0.2))
        color, known = complete_head(rings, source, means[..., 2] > 0.5, tones.hair, config, chin=chin)
    else:
        color, known = complete_rings(rings, source, config, symmetric=shape.symmetric)
    shown = ndimage.gaussian_filter1d(source.any(1).astype(np.float64), _SOFT / CELL)
    return _Limb(shape, index, grid, row, column, color, known, shown)


def _with_strands(hair: _Limb, head: _Limb) -> _Limb:
    """Hanging hair with the strands of the back of the head in the rings that the photo does not show."""
    if hair.known.all() or not head.known.any():
        return hair
    behind = np.median(head.color[head.known][-round(_CROWN / CELL) :], 0)
    place = (np.arange(hair.shape.columns) + 0.5) / hair.shape.columns * len(behind) - 0.5
    strands = np.stack([np.interp(place, np.arange(len(behind)), plane, period=len(behind)) for plane in behind.T], -1)
    color = hair.color.copy()
    color[~hair.known] = strands
    if hair.known.any():
        shade = _with_prior(hair.shape, hair.color.copy(), hair.known, None)
        color[~hair.known] = np.clip(shade + strands - strands.mean(0), 0.0, 1.0)[~hair.known]
    return replace(hair, color=color, known=np.ones_like(hair.known))


def _whole(limb: _Limb, counterpart: _Limb, skin: Float[np.ndarray, "3"] | None) -> Float[np.ndarray, "h w 3"]:
    """A limb's colours with those of its counterpart where it has none, then with a prior's."""
    color, known = limb.color.copy(), limb.known.copy()
    if counterpart is not limb:
        shift = round((limb.grid.low - counterpart.grid.low) / CELL)
        row = np.arange(len(known)) + shift
        there = (row >= 0) & (row < len(counterpart.known))
        row = row.clip(0, len(counterpart.known) - 1)
        take = ~known & there & counterpart.known[row]
        color[take] = counterpart.color[row[take]]
        known |= take
    return _with_prior(limb.shape, color, known, skin)


def _with_prior(
    shape: LimbShape,
    color: Float[np.ndarray, "h w 3"],
    known: Bool[np.ndarray, "h"],
    skin: Float[np.ndarray, "3"] | None,
) -> Float[np.ndarray, "h w 3"]:
    """Rings that nothing shows: bare or dressed as the limb is where it is last seen; else neutral, hands like skin.

    A hand is so all over.
    """
    if known.all():
        return color
    if not known.any():
        like_skin = shape.is_hand and skin is not None
        color[:] = lab2rgb(skin) if like_skin else _PRIORS.get(shape.name.split()[-1], _ANY)
        return color
    rows = np.flatnonzero(known)
    span = max(1, round(_EDGE / CELL))
    for row in np.flatnonzero(~known):
        edge = rows[np.abs(rows - row).argmin()]
        near = rows if shape.is_hand else rows[np.abs(rows - edge) <= span]
        color[row] = np.median(color[near].reshape(-1, 3), 0)
    return color
