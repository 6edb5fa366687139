"""Hair and hats that stand off the head: a curtain around it, open before the face, that rests behind the shoulders."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from avatars.body.joints import JOINT_NAMES
from avatars.surface.garment.cloth import hair_weights, smooth_step
from avatars.surface.garment.excess import Excess
from avatars.surface.garment.extent import vertical_range
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.loose import Loose
from avatars.surface.garment.outline import Evidence
from avatars.surface.garment.photographed import Photographed, faces_of
from avatars.surface.garment.pixels import widened
from avatars.surface.garment.regions import ARMS, HEAD, UPPER
from avatars.surface.garment.tube import Sections, Tube, body_sections, even_azimuths, surface_samples

_HEAD_JOINT = JOINT_NAMES.index("head")


@dataclass(frozen=True)
class HairConfig:
    """Where hair begins, opens and ends."""

    columns: int = 96
    """Azimuths."""
    above: float = 0.03
    """How far above the first loose pixel it leaves the head, metres."""
    crown: float = 0.05
    """Loose pixels closer than this to the top of the head, or above, make it a whole cap, metres."""
    face: float = 1.15
    """Half the angle that is free in front below the forehead, radians."""
    back: float = 1.6
    """From this azimuth on it lies on the back; before, it ends at the shoulders, radians."""
    behind: float = 0.10
    """How far below the shoulders it ends where they hide its end, metres."""
    wider: float = 0.02
    """How much farther to a side it may lie on the back than the photo shows it beside the neck, metres."""


def hair_piece(seen: Photographed, excess: Excess, config: HairConfig | None = None) -> Loose:
    """Loose hair, ready to be fitted.

    Args:
        seen: The photo.
        excess: What is loose in it.
        config: Options.
    """
    config = config or HairConfig()
    axis, crown = _axis(seen)
    frame = Frame.upright(axis, _HEAD_JOINT)
    shoulders = float(seen.joints[[16, 17], 1].mean())

    def weights(points: Float[np.ndarray, "m n 3"]) -> Float[np.ndarray, "m n j"]:
        return hair_weights(points, seen.joints)

    head = _sections(seen, HEAD, axis, crown + 0.4, config)
    padded = replace(head, radii=np.maximum(head.radii, 0.04))
    top, hem = vertical_range(seen, excess.hair, frame=frame, sections=padded, weights=weights)
    whole = top > crown - config.crown
    top += 0.01 if whole else config.above
    if hem < shoulders + 0.12:
        hem = min(hem, shoulders - config.behind)
    bare = seen.bare()
    below = seen.wearing(bare + (seen.rest - bare) * _grown_share(bare, top, shoulders)[:, None])
    head, upper = (_sections(below, parts, axis, crown + 0.4, config) for parts in (HEAD, UPPER))
    wide = _half_width(seen, excess)
    behind = (np.abs(head.azimuths) > config.back) & (np.abs(upper.radii * np.sin(upper.azimuths)) < wide - 0.01)
    return Loose(
        kind="hair",
        frame=frame,
        top=top,
        hem=hem,
        sections=head,
        solid=replace(head, radii=np.where(behind, np.maximum(head.radii, upper.radii), head.radii)),
        evidence=_evidence(below, excess),
        obstacle=below.obstacle(UPPER),
        weights=weights,
        presence=_Curtain(upper, _forehead(seen, crown), shoulders + 0.03, wide, config).present,
        parts=UPPER,
        own_growth=lambda _tube: _grown_share(bare, top, shoulders).double().numpy(),
        covers=False,
        led=False,
        closed_top=whole,
    )


def _grown_share(rest: Float[torch.Tensor, "v 3"], top: float, shoulders: float) -> Float[torch.Tensor, "v"]:
    """0 between hair's upper edge and the shoulders, 1 elsewhere: what grew there grew to the hair's outline."""
    height = rest[:, 1].double().numpy()
    above, below = smooth_step((height - (top - 0.06)) / 0.05), smooth_step((shoulders - 0.02 - height) / 0.08)
    return torch.from_numpy(np.maximum(above, below)).to(rest)


@dataclass(frozen=True)
class _Curtain:
    """Where hair is: not before the face nor in the shoulders, and behind them no wider than it is seen beside them."""

    upper: Sections
    forehead: float
    shoulders: float
    half_width: float
    config: HairConfig

    def present(self, tube: Tube) -> Bool[np.ndarray, "m n"]:
        azimuth = np.abs(tube.azimuths)
        beside_face = (azimuth > self.config.face) | (tube.heights > self.forehead)
        narrow = np.abs(tube.radii * np.sin(tube.azimuths)) < self.half_width + self.config.wider
        behind = ((azimuth > self.config.back) & narrow) | (tube.heights > self.shoulders)
        return beside_face & behind & (tube.radii > self.upper.at(tube.heights) + 0.003)


def _half_width(seen: Photographed, excess: Excess) -> float:
    """How far loose hair reaches sideways from the middle of the head, metres."""
    used = np.unique(faces_of(seen.model, ("head",)).numpy())
    middle = seen.project(seen.posed.double().numpy()[used])[0].mean(0)
    return float(np.quantile(np.abs(excess.hair.nonzero()[1] - middle[0]), 0.95)) * excess.pixel


def _axis(seen: Photographed) -> tuple[tuple[float, float], float]:
    """The middle of the head, its x and z, and the height of its top, metres."""
    used = np.unique(faces_of(seen.model, ("head",)).numpy())
    head = seen.rest.double().numpy()[used]
    middle = 0.5 * (head.min(0) + head.max(0))
    return (float(middle[0]), float(middle[2])), float(head[:, 1].max())


def _forehead(seen: Photographed, crown: float) -> float:
    """Height of the hairline, metres."""
    eyes = seen.rest[seen.model.vertices_at(("leye", "reye")), 1].mean()
    return float(eyes + 0.45 * (crown - eyes))


def _sections(
    seen: Photographed, parts: tuple[str, ...], axis: tuple[float, float], top: float, config: HairConfig
) -> Sections:
    """How far parts of the body reach from the head's axis; nothing above the head."""
    samples = surface_samples(seen.rest.double().numpy(), faces_of(seen.model, parts).numpy(), spacing=0.006)
    bottom = float(seen.joints[0, 1])
    return body_sections(samples, axis, even_azimuths(config.columns), bottom=bottom, top=top).convex()


def _evidence(seen: Photographed, excess: Excess) -> Evidence:
    others = widened(seen.shows((*ARMS, "torso")), 0.015, excess.pixel)
    return Evidence(seen.mask, seen.shows(HEAD), others, seen.part > 0)
