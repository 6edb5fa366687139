"""Shirts, trousers and shorts: the body's own surface, moved outwards, hung from its wide places, with clean hems."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.body import BodyModel
from avatars.people.noise import noise, smoothstep
from avatars.people.sheet import Sheet, closed_with, cut, refined, relaxed, smoothed
from avatars.people.tailor.drape import ARM, LEG, TRUNK, Drape, Fall, drape
from avatars.people.tailor.garment import Sewn
from avatars.people.tailor.regions import above, arm_share, below, below_collar, places, within

_SINK = 0.004
"""Metres by which hems reach into the skin: no light comes between."""

_EDGE = 0.02
"""Longest edge of cloth, metres."""

_SMOOTHING = 0.03
"""Metres over which the distance from the skin is smoothed."""

_ROUNDS = 6
"""How far the motion of cloth is blurred, in edges."""

_WRINKLES = (0.09, 0.05, 0.09)
_SHOULDER, _WAIST, _CROTCH = 0.17, 0.02, -0.36


@dataclass(frozen=True)
class ShirtCut:
    """The cut of a shirt, metres.

    Attributes:
        hem: Height of its lower end.
        sleeve: Distance of the sleeves' ends from the middle of the body.
        ease: Room between it and the body.
        tighten: How quickly it comes in below the chest, per metre.
        collar: Radius of the neckline.
        wrinkles: Depth of its wrinkles.
        seed: Places the wrinkles.
    """

    hem: float = -0.26
    sleeve: float = 0.34
    ease: float = 0.012
    tighten: float = 0.10
    collar: float = 0.078
    wrinkles: float = 0.003
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = self.field(model, self.hem)
        region = region_of(model, field)
        fall = Fall(self.ease, self.tighten, _SHOULDER, self.hem)
        trunk = drape(model, TRUNK, arm_share(model) < 0.3, fall)
        return Sewn(closed_with(self.settle(model, region, trunk), sunk(region), region.rim()), field)

    def field(self, model: BodyModel, hem: float) -> Float[np.ndarray, "v"]:
        """How far inside a shirt with its lower end at `hem` each vertex of the body is, metres."""
        return np.minimum.reduce([above(model, hem), within(model, self.sleeve), below_collar(model, self.collar)])

    def settle(self, model: BodyModel, region: Sheet, trunk: Drape) -> Sheet:
        """The cloth over a region of the skin that hangs around the trunk as given."""
        share = region.binding @ arm_share(model)
        sleeve = Fall(self.ease, 0.25 * self.tighten, -0.22, -self.sleeve)
        arm = drape(model, ARM, (arm_share(model) > 0.5) & (within(model, 0.2) < 0), sleeve)
        points = lifted(region, self.ease)
        on_trunk = smoothstep(0.6, 0.1, share) * smoothstep(_SHOULDER, _SHOULDER - 0.09, points[:, 1])
        on_arm = smoothstep(0.22, 0.29, np.abs(points[:, 0])) * (share > 0.5)
        points = points + on_trunk[:, None] * (trunk.hang(region.points) - points)
        points = points + on_arm[:, None] * (arm.hang(region.points) - points)
        return wrinkled(region.moved(points), self.wrinkles, self.seed)


@dataclass(frozen=True)
class TrousersCut:
    """The cut of trousers, metres.

    Attributes:
        waist: Height of the upper end.
        hem: Height of the lower end.
        ease: Room between them and the body.
        tighten: How quickly the legs come in below the thighs, per metre; negative flares.
        wrinkles: Depth of their wrinkles.
        seed: Places the wrinkles.
    """

    waist: float = -0.02
    hem: float = -1.08
    ease: float = 0.009
    tighten: float = 0.10
    wrinkles: float = 0.0025
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = np.minimum(below(model, self.waist), above(model, self.hem))
        region = region_of(model, field)
        share = arm_share(model)
        trunk = drape(model, TRUNK, share < 0.3, Fall(self.ease, 1.0, _WAIST, _CROTCH))
        legs = places(model)[:, 1] < _CROTCH
        leg = drape(model, LEG, legs, Fall(self.ease, self.tighten, _CROTCH - 0.04, self.hem))
        points = lifted(region, self.ease)
        y = region.points[:, 1]
        on_trunk = smoothstep(_CROTCH + 0.03, _CROTCH + 0.10, y)
        on_leg = smoothstep(_CROTCH - 0.04, _CROTCH - 0.14, y)
        points = points + on_trunk[:, None] * (trunk.hang(region.points) - points)
        points = points + on_leg[:, None] * (leg.hang(region.points) - points)
        cloth = wrinkled(region.moved(points), self.wrinkles, self.seed)
        return Sewn(closed_with(cloth, sunk(region), region.rim()), field)


def region_of(model: BodyModel, field: Float[np.ndarray, "v"]) -> Sheet:
    """The body's skin where `field` is positive, finely enough meshed for cloth."""
    whole, carry = cut(Sheet.of_body(model), field)
    return refined(whole.part((carry @ field)[whole.faces].mean(1) > 0), _EDGE)


def lifted(region: Sheet, distance: float | Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
    """Points off a region of the skin, their offsets smoothed; metres."""
    offsets = np.reshape(distance, (-1, 1)) * region.normals()
    return region.points + smoothed(region, offsets, _SMOOTHING)


def wrinkled(cloth: Sheet, depth: float, seed: int) -> Sheet:
    """Cloth with wrinkles of some depth, metres, which moves more smoothly than skin does."""
    bulge = depth * noise(cloth.points, _WRINKLES, seed=500 + seed, octaves=2)
    return relaxed(cloth.moved(cloth.points + bulge[:, None] * cloth.normals()), _ROUNDS)


def sunk(region: Sheet) -> Sheet:
    """A region of the skin a little inside the skin: hems end there."""
    return region.moved(region.points - _SINK * region.normals())
