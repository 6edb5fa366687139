"""Which part of a person is compared from which side, and with what: ELICIT's tables, as data.

Parts are those of `avatars.body.parts`; "full" is all of them. A head from behind must not be compared with the face in
the photo: it is compared with the avatar's own head from the side (self-reference; ELICIT, section "view direction").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch

from avatars.body.parts import PART_NAMES
from avatars.semantic.directions import Direction, SidedPart

FULL = "full"
PARTS: tuple[str, ...] = (FULL, *PART_NAMES[1:])
"""Names of what can be looked at."""

_SIDES = (Direction.FRONT, Direction.LEFT, Direction.RIGHT, Direction.BACK)
_LIMBS = ("arm", "hand", "thigh", "leg")
_FACING = (Direction.LEFT, Direction.RIGHT)


def _elicit_table() -> dict[str, tuple[float, tuple[float, ...]]]:
    """Probability of each part, and of its sides in the order of `_SIDES`."""
    left = {f"left {limb}": (0.05, (0.2, 0.6, 0.0, 0.2)) for limb in _LIMBS}
    right = {f"right {limb}": (0.05, (0.2, 0.0, 0.6, 0.2)) for limb in _LIMBS}
    trunk = {
        FULL: (0.10, (0.35, 0.30, 0.30, 0.05)),
        "head": (0.30, (0.70, 0.05, 0.05, 0.20)),
        "torso": (0.20, (0.25, 0.25, 0.25, 0.25)),
    }
    return trunk | left | right


def _self_references() -> Mapping[SidedPart, tuple[Direction, ...]]:
    legs = [f"{side} {limb}" for side in ("left", "right") for limb in ("thigh", "leg")]
    behind: dict[SidedPart, tuple[Direction, ...]] = {
        SidedPart(part, Direction.BACK): _FACING for part in ("head", "torso", FULL, *legs)
    }
    return behind | {SidedPart("head", side): (Direction.FRONT,) for side in _FACING}


@dataclass(frozen=True)
class PartSampling:
    """How often each part is compared from each side, and when with the avatar's own picture."""

    table: Mapping[str, tuple[float, tuple[float, ...]]] = field(
        default_factory=lambda: MappingProxyType(_elicit_table()), hash=False
    )
    """Probability of each part, and of front, left, right and back for it."""
    self_references: Mapping[SidedPart, tuple[Direction, ...]] = field(
        default_factory=lambda: MappingProxyType(dict(_self_references())), hash=False
    )
    """From where the avatar's own picture is taken that a part is compared with; else it is compared with the photo."""

    def draw(self, generator: torch.Generator) -> SidedPart:
        """A random part and side."""
        parts = tuple(self.table)
        part = parts[_drawn([self.table[name][0] for name in parts], generator)]
        return SidedPart(part, _SIDES[_drawn(self.table[part][1], generator)])


def _drawn(probabilities: Sequence[float], generator: torch.Generator) -> int:
    return int(torch.multinomial(torch.tensor(probabilities), 1, generator=generator))
