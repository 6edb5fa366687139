"""Wide trouser legs and sleeves: a tube around one limb."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body.joints import JOINT_NAMES, belonging
from avatars.surface.garment.cloth import body_weights, smooth_step
from avatars.surface.garment.extent import vertical_range
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.growth import outside_growth
from avatars.surface.garment.loose import Loose, everywhere
from avatars.surface.garment.outline import Evidence
from avatars.surface.garment.photographed import Photographed, faces_of
from avatars.surface.garment.pixels import widened
from avatars.surface.garment.regions import limb_parts
from avatars.surface.garment.tube import Sections, body_sections, even_azimuths, surface_samples

_HANDS = ("left_wrist", "right_wrist", "left_hand", "right_hand")
# An arm of the T-pose points along x; these rotations let it hang down.
_HANGING = {
    "left": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "right": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


@dataclass(frozen=True)
class LimbConfig:
    """Where wide sleeves and trouser legs begin and end."""

    columns: int = 64
    """Azimuths."""
    above: float = 0.10
    """How far above the first loose pixel the cloth leaves the limb, metres."""
    reach: float = 0.25
    """How far from a limb's axis its cloth ends at the most, metres."""


def limb_piece(
    seen: Photographed,
    loose: Bool[np.ndarray, "h w"],
    *,
    side: str,
    limb: str,
    pixel: float,
    config: LimbConfig | None = None,
) -> Loose | None:
    """Loose cloth around one limb, ready to be fitted; None where the limb points at the camera.

    Args:
        seen: The photo.
        loose: Loose pixels beside the limb.
        side: "left" or "right".
        limb: "arm" or "leg".
        pixel: Metres that a pixel covers.
        config: Options.
    """
    config = config or LimbConfig()
    frame, parts = _frame(seen, side, limb), limb_parts(side, limb)
    if not frame.is_seen_aside(seen):
        return None
    weights = _weights(seen, parts)
    bare = seen.bare()
    grown = _sections(seen, frame, parts, config)
    top, hem = vertical_range(seen, loose, frame=frame, sections=grown, weights=weights)
    top = min(top + config.above, _highest(seen, frame, limb))
    height = frame.to_local(bare.double().numpy())[:, 1]
    share = torch.from_numpy(smooth_step((height - (top - 0.10)) / 0.08)).to(bare)
    share = torch.where(_vertices(seen, parts), share, 1.0)
    below = seen.wearing(bare + (seen.rest - bare) * share[:, None])
    solid = _sections(below, frame, parts, config)
    others = widened((seen.part > 0) & ~seen.shows(parts), 0.01, pixel)
    return Loose(
        kind="sleeve" if limb == "arm" else "leg",
        frame=frame,
        top=top,
        hem=hem,
        sections=solid,
        solid=solid,
        evidence=Evidence(seen.mask, below.shows(parts), others, below.part > 0, config.reach),
        obstacle=below.obstacle(parts),
        weights=weights,
        presence=everywhere,
        parts=parts,
        own_growth=outside_growth(seen, frame, top),
        covers=True,
    )


def _frame(seen: Photographed, side: str, limb: str) -> Frame:
    middle = JOINT_NAMES.index(f"{side}_elbow" if limb == "arm" else f"{side}_knee")
    turn = _HANGING[side] if limb == "arm" else np.eye(3)
    place = turn @ seen.joints[middle]
    return Frame(turn, (float(place[0]), float(place[2])), middle)


def _highest(seen: Photographed, frame: Frame, limb: str) -> float:
    """Where a sleeve or a trouser leg can begin: below the armpit, below the crotch; metres."""
    if limb == "arm":
        return float(frame.to_local(seen.joints[frame.joint - 2])[1]) - 0.06
    torso = np.unique(faces_of(seen.model, ("torso",)).numpy())
    return float(seen.bare()[torso, 1].min()) - 0.03


def _vertices(seen: Photographed, parts: tuple[str, ...]) -> Bool[Tensor, "v"]:
    chosen = torch.zeros(len(seen.rest), dtype=torch.bool)
    chosen[torch.unique(faces_of(seen.model, parts))] = True
    return chosen


def _faces(seen: Photographed, parts: tuple[str, ...]) -> Int[np.ndarray, "t 3"]:
    """Without feet and hands."""
    faces = faces_of(seen.model, parts, feet=False)
    hand = seen.model.weights[:, belonging(seen.model.joint_names, _HANDS)].sum(1) > 0.5
    return faces[~hand[faces].all(1)].numpy()


def _sections(seen: Photographed, frame: Frame, parts: tuple[str, ...], config: LimbConfig) -> Sections:
    place = frame.to_local(seen.rest.double().numpy())
    faces = _faces(seen, parts)
    height = place[np.unique(faces), 1]
    samples = surface_samples(place, faces, spacing=0.006)
    bottom, top = float(height.min()) + 0.01, float(height.max()) - 0.01
    return body_sections(samples, frame.axis, even_azimuths(config.columns), bottom=bottom, top=top).convex()


def _weights(
    seen: Photographed, parts: tuple[str, ...]
) -> Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n j"]]:
    """Those of the limb next to it, without the hand's and the foot's."""
    used = np.unique(_faces(seen, parts))
    vertices, own = seen.rest.double().numpy()[used], seen.model.weights.double().numpy()[used]

    def weights(points: Float[np.ndarray, "m n 3"]) -> Float[np.ndarray, "m n j"]:
        return body_weights(points, vertices, own)

    return weights
