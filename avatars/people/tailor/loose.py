"""Skirts and coats: fitted above the hips, free below."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.body import BodyModel
from avatars.people.noise import smoothstep
from avatars.people.sheet import Sheet
from avatars.people.tailor.drape import TRUNK, Drape, Fall, drape
from avatars.people.tailor.garment import Sewn
from avatars.people.tailor.hanging import Curtain, edge_path, hang, leg_weights
from avatars.people.tailor.regions import above, arm_share, below, places
from avatars.people.tailor.tight import ShirtCut, region_of, sunk

_HIPS = -0.25
"""Height at which skirts and tails come free of the body, metres; the crotch lies lower."""

_KNOWN_LEG, _SHIN = 0.03, -0.80
"""Legs stay up to so many metres above a hem, and below this height: there one may look under the hem."""

_CLOTH = 0.006
"""Thickness of hanging cloth, metres."""


_COAT_UPPER = ShirtCut(sleeve=0.655, ease=0.024, tighten=0.05, collar=0.084, wrinkles=0.004)


@dataclass(frozen=True)
class SkirtCut:
    """The cut of a skirt, metres.

    Attributes:
        waist: Height of the upper end.
        hem: Height of the lower end.
        ease: Room between it and the body.
        flare: How quickly it widens, per metre.
        folds: Depth of the folds at the hem.
        count: Folds around.
        seed: Places the folds.
    """

    waist: float = -0.04
    hem: float = -0.68
    ease: float = 0.005
    flare: float = 0.15
    folds: float = 0.03
    count: int = 9
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = np.minimum(below(model, self.waist), above(model, _HIPS))
        region = region_of(model, field)
        fall = Fall(self.ease, -self.flare, self.waist, self.hem, self.folds, self.count, self.seed)
        trunk = drape(model, TRUNK, arm_share(model) < 0.3, fall)
        carrier = region.moved(trunk.hang(region.points))
        covers = np.minimum(below(model, self.waist), above(model, max(self.hem + _KNOWN_LEG, _SHIN)))
        return Sewn(_with_tails(model, carrier, sunk(region), trunk, self.hem), covers)


@dataclass(frozen=True)
class CoatCut:
    """The cut of a coat, metres.

    Attributes:
        hem: Height of the lower end.
        upper: The cut above the hips; its own hem does not count.
        flare: How quickly the tails widen, per metre.
        folds: Depth of the folds at the hem.
        opening: Half of the width of the open front at the hem; 0 for a closed coat.
        seed: Places the folds.
    """

    hem: float = -0.72
    upper: ShirtCut = _COAT_UPPER
    flare: float = 0.08
    folds: float = 0.025
    opening: float = 0.0
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = np.minimum(self.upper.field(model, _HIPS), self._closed_front(model))
        region = region_of(model, field)
        fall = Fall(self.upper.ease, -self.flare, 0.05, self.hem, self.folds, 7, self.seed)
        trunk = drape(model, TRUNK, arm_share(model) < 0.3, fall)
        carrier = self.upper.settle(model, region, trunk)
        covers = field
        if not self.opening:
            covers = np.maximum(
                field, np.minimum(below(model, _HIPS + 0.05), above(model, max(self.hem + _KNOWN_LEG, _SHIN)))
            )
        return Sewn(_with_tails(model, carrier, sunk(region), trunk, self.hem), covers)

    def _closed_front(self, model: BodyModel) -> Float[np.ndarray, "v"]:
        """Positive beside the open front, which widens from the neck to the hips."""
        x, y, z = places(model).T
        if not self.opening:
            return np.ones(len(x))
        half = self.opening * (0.55 + 0.45 * smoothstep(0.2, _HIPS, y))
        return np.maximum(np.abs(x) - half, -3.0 * z)


def _with_tails(model: BodyModel, carrier: Sheet, skin: Sheet, trunk: Drape, hem: float) -> Sheet:
    """The carrier with cloth that hangs from its edge at the hips."""
    edge, closed = edge_path(carrier, np.abs(skin.binding @ above(model, _HIPS)) < 2e-3)
    curtain = Curtain(edge, closed, np.full(len(edge), hem), _CLOTH, trunk)
    return hang(model, carrier, skin, curtain, leg_weights)
