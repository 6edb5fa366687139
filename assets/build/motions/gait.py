"""Walking and running: a gait model. The left heel strikes at the beginning of the cycle, the right one at its middle.

Phases and angles follow textbooks of gait (Perry, Gait Analysis, 1992; Novacheck, The biomechanics of running, 1998).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from assets.build.motions.curves import Clock, Curve, eased
from assets.build.motions.rig import Rig, steps
from avatars.motion import Motion
from avatars.motion.legs import SIDES


@dataclass(frozen=True)
class Gait:
    """How somebody walks or runs; keys by the share of the cycle since the foot's own strike.

    Attributes:
        seconds: Of a cycle of two steps.
        stride: Metres of two steps.
        stance: Share of the cycle in which a foot stands.
        ahead: Metres from the pelvis to the ankle at the strike.
        pitch: Degrees by which the heel is lifted.
        toe: Degrees by which the toes are bent upwards.
        lift: Height of the swinging foot, metres.
        inwards: How far each foot is set towards the middle, metres.
    """

    seconds: float
    stride: float
    stance: float
    ahead: float
    pitch: Mapping[float, float]
    toe: Mapping[float, float]
    lift: Mapping[float, float]
    inwards: float

    @property
    def clock(self) -> Clock:
        """Beats are whole cycles; feet are quick, so there are more frames."""
        return Clock(self.seconds, self.seconds, 60.0)

    def feet(self) -> dict[str, Curve]:
        """Channels of both feet."""
        found = {}
        for side, (word, start) in enumerate(zip(SIDES, (0.0, 0.5), strict=True)):
            phase = self.clock.phase - start
            share, cycle = phase % 1.0, np.floor(phase)
            swung = eased((share - self.stance) / (1.0 - self.stance))
            found |= {
                f"{word} foot z": self.ahead + self.stride * (cycle + start + swung),
                f"{word} foot x": np.full(len(phase), self.inwards * (2.0 * side - 1.0)),
                f"{word} foot pitch": self._keyed(self.pitch, start),
                f"{word} toe": self._keyed(self.toe, start),
                f"{word} foot lift": self._keyed(self.lift, start),
            }
        return found

    def contacts(self) -> Bool[np.ndarray, "t 2"]:
        """Which feet stand."""
        shares = [(self.clock.phase - start + 1e-6) % 1.0 for start in (0.0, 0.5)]
        return steps(*(share < self.stance for share in shares))

    def _keyed(self, keys: Mapping[float, float], start: float) -> Curve:
        return self.clock.through({(share + start) % 1.0: value for share, value in keys.items()}, soft=0.012)


WALK = Gait(
    seconds=1.08, stride=1.14, stance=0.59, ahead=0.285,
    pitch={0.0: -16.0, 0.1: 0.0, 0.34: 0.0, 0.48: 15.0, 0.59: 37.0, 0.67: 52.0, 0.8: 18.0, 0.92: -14.0},
    toe={0.0: 8.0, 0.1: 0.0, 0.34: 0.0, 0.48: 15.0, 0.59: 35.0, 0.74: 8.0, 0.9: 12.0},
    lift={0.0: 0.0, 0.59: 0.0, 0.68: 0.015, 0.78: 0.045, 0.9: 0.04},
    inwards=0.03,
)  # fmt: skip

RUN = Gait(
    seconds=0.7, stride=1.66, stance=0.36, ahead=0.2,
    pitch={0.0: -6.0, 0.07: 0.0, 0.18: 0.0, 0.3: 26.0, 0.36: 36.0, 0.5: 76.0, 0.66: 58.0, 0.84: 8.0, 0.95: -10.0},
    toe={0.0: 5.0, 0.07: 0.0, 0.18: 0.0, 0.3: 26.0, 0.36: 31.0, 0.5: 4.0, 0.9: 8.0},
    lift={0.0: 0.0, 0.35: 0.0, 0.42: 0.035, 0.5: 0.17, 0.61: 0.29, 0.72: 0.22, 0.86: 0.1},
    inwards=0.055,
)  # fmt: skip


def walk(rig: Rig) -> Motion:
    """Two steps at 1.05 m/s."""
    clock = WALK.clock
    left = {"arm swing": clock.wave(-21.0, peak=0.02) - 1.0, "elbow": 24.0 - clock.wave(9.0, peak=0.06)}
    right = {"arm swing": clock.wave(21.0, peak=0.02) - 1.0, "elbow": 24.0 + clock.wave(9.0, peak=0.06)}
    given = {
        **WALK.feet(),
        # Highest when one leg stands upright, over the foot that stands.
        "pelvis y": -0.04 - clock.wave(0.019, cycles=2, peak=0.04),
        "pelvis x": clock.wave(0.021, peak=0.3),
        "pelvis z": clock.phase * WALK.stride + clock.wave(0.008, cycles=2, peak=0.15),
        "pelvis yaw": clock.wave(-5.5, peak=0.0),
        "pelvis roll": clock.wave(3.2, peak=0.2),
        "pelvis pitch": 2.0,
        "spine yaw": clock.wave(10.0, peak=0.02),
        "spine roll": clock.wave(-4.0, peak=0.2),
        "spine pitch": 1.0 + clock.wave(1.0, cycles=2, peak=0.1),
        "head yaw": clock.wave(-4.0, peak=0.03),
        "head pitch": -2.0,
        **_arms(left, right, out=15.0),
    }
    return rig.motion("walk", given, WALK.contacts(), clock)


def run(rig: Rig) -> Motion:
    """Two steps at 2.4 m/s, with flights between them."""
    clock = RUN.clock
    left = {"arm swing": clock.wave(-36.0, peak=0.0) - 8.0, "elbow": 88.0 - clock.wave(14.0, peak=0.0)}
    right = {"arm swing": clock.wave(36.0, peak=0.0) - 8.0, "elbow": 88.0 + clock.wave(14.0, peak=0.0)}
    given = {
        **RUN.feet(),
        # Lowest in the middle of a stance, highest in the middle of a flight.
        "pelvis y": -0.065 - clock.wave(0.034, cycles=2, peak=0.17),
        "pelvis x": clock.wave(0.012, peak=0.18),
        "pelvis z": clock.phase * RUN.stride,
        "pelvis yaw": clock.wave(-8.0, peak=0.0),
        "pelvis roll": clock.wave(3.5, peak=0.16),
        "pelvis pitch": 8.0,
        "spine yaw": clock.wave(17.0, peak=0.0),
        "spine roll": clock.wave(-4.0, peak=0.16),
        "spine pitch": 5.0,
        "head yaw": clock.wave(-8.0, peak=0.0),
        "head pitch": -9.0,
        **_arms(left, right, out=19.0),
        "left arm twist": -14.0,
        "right arm twist": -14.0,
    }
    return rig.motion("run", given, RUN.contacts(), clock)


def _arms(left: Mapping[str, Curve], right: Mapping[str, Curve], *, out: float) -> dict[str, Curve | float]:
    """Channels of both arms."""
    found: dict[str, Curve | float] = {f"left {name}": curve for name, curve in left.items()}
    found |= {f"right {name}": curve for name, curve in right.items()}
    return {**found, "left arm out": out, "right arm out": out}
