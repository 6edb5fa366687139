"""A dance of sixteen beats: side steps with the hips, circles of the hips under raised arms, pointing to the ceiling."""

import numpy as np
from jaxtyping import Bool

from assets.build.motions.curves import Clock, Curve, eased
from assets.build.motions.rig import Rig, steps
from avatars.motion import Motion
from avatars.motion.legs import SIDES

_BEAT = 0.5  # seconds
_BEATS = 16
_SIDE = 0.22  # metres of a side step
_STANCE = 0.07  # metres by which each foot stands farther out than at rest
_STEPS = {
    "left": ((1.0, -1.0), (2.0, 1.0), (5.0, -1.0), (6.0, 1.0)),
    "right": ((0.0, -1.0), (3.0, 1.0), (4.0, -1.0), (7.0, 1.0)),
}
"""Side steps by beat: to the right (-1) or back to the left. A step takes most of a beat."""


def dance(rig: Rig) -> Motion:
    """Eight seconds at 120 beats a minute."""
    clock = Clock(_BEAT * _BEATS, _BEAT)
    feet, standing = _feet(clock)
    given = {**feet, **_hips(clock), **_trunk(clock), **_arms(clock)}
    return rig.motion("dance", given, standing, clock)


def _feet(clock: Clock) -> tuple[dict[str, Curve], Bool[np.ndarray, "t 2"]]:
    beats = clock.phase * _BEATS
    found, standing = {}, []
    heels = {  # On the spot, the heel of the leg that is free goes up.
        "left": {7.9: 0.0, 8.5: 16.0, 9.5: 0.0, 10.5: 16.0, 11.5: 0.0, 12.6: 30.0, 13.6: 0.0, 14.6: 30.0, 15.6: 0.0},
        "right": {8.4: 0.0, 9.5: 16.0, 10.5: 0.0, 11.5: 16.0, 12.3: 0.0, 13.6: 22.0, 14.4: 0.0, 15.2: 22.0, 15.65: 0.0},
    }
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        place, lift, stands = np.full(len(beats), out * _STANCE), np.zeros(len(beats)), np.ones(len(beats), bool)
        for start, way in _STEPS[side]:
            share = (beats - start - 0.08) / 0.74
            place = place + way * _SIDE * eased(share)
            swings = (share > 0.0) & (share < 1.0)
            lift = np.where(swings, 0.06 * np.sin(np.pi * np.clip(share, 0.0, 1.0)) ** 2, lift)
            stands &= ~swings
        heel = clock.through({0.0: 0.0, **heels[side]}, soft=0.05)
        heel = np.where((beats < 7.85) | (heel < 0.05), 220.0 * lift, heel)
        found |= {
            f"{side} foot x": place, f"{side} foot lift": lift, f"{side} foot pitch": heel,
            f"{side} toe": np.where(stands, heel, 0.5 * heel), f"{side} foot yaw": np.full(len(beats), 12.0 * out),
        }  # fmt: skip
        standing.append(stands)
    return found, steps(*standing)


def _hips(clock: Clock) -> dict[str, Curve]:
    """The pelvis: over the foot that stands, down on each beat, circling in the third quarter."""
    s = _SIDE
    across = {
        0.0: 0.04, 0.5: -0.02, 1.0: -s - 0.02, 1.5: -s - 0.03, 2.0: -s + 0.02, 2.5: -0.7 * s, 3.0: 0.02, 3.5: 0.04,
        4.0: -0.02, 4.5: -0.3 * s, 5.0: -s - 0.02, 5.5: -s - 0.03, 6.0: -s + 0.02, 6.5: -0.7 * s, 7.0: 0.02, 7.6: 0.05,
        8.4: -0.06, 9.4: 0.06, 10.4: -0.06, 11.4: 0.06, 12.5: -0.075, 13.5: 0.075, 14.5: -0.075, 15.5: 0.07,
    }  # fmt: skip
    tilt = {
        0.0: 4.0, 1.2: -6.0, 2.0: 5.0, 3.2: 6.0, 4.0: -5.0, 5.2: -6.0, 6.0: 5.0, 7.4: 7.0,
        8.4: -8.0, 9.4: 8.0, 10.4: -8.0, 11.4: 8.0, 12.5: -9.0, 13.5: 9.0, 14.5: -9.0, 15.5: 8.0,
    }  # fmt: skip
    turned = {0.0: 0.0, 1.2: -10.0, 3.2: 10.0, 5.2: -10.0, 7.2: 10.0, 8.5: 0.0, 12.5: 12.0, 13.5: -8.0, 14.5: 12.0, 15.5: -6.0}
    depth = {0.0: 0.0, 7.8: 0.0, 8.9: 0.04, 9.9: -0.05, 10.9: 0.04, 11.9: -0.05, 12.6: 0.0}
    bounce = 0.02 * np.cos(2.0 * np.pi * clock.phase * _BEATS)
    low = clock.through({0.0: -0.056, 7.5: -0.056, 8.5: -0.068, 11.5: -0.068, 12.5: -0.06, 15.5: -0.056}, soft=0.1)
    return {
        "pelvis x": clock.through(across, soft=0.07),
        "pelvis y": low - bounce,
        "pelvis z": clock.through(depth, soft=0.09),
        "pelvis roll": clock.through(tilt, soft=0.06),
        "pelvis yaw": clock.through(turned, soft=0.07),
        "pelvis pitch": clock.through({0.0: 3.0, 8.9: -4.0, 9.9: 9.0, 10.9: -4.0, 11.9: 9.0, 12.9: 3.0}, soft=0.08),
    }


def _trunk(clock: Clock) -> dict[str, Curve]:
    """Against the hips, so that the head stays over the feet."""
    lean = {
        0.0: -5.0, 1.2: 8.0, 2.0: -6.0, 3.2: -8.0, 4.0: 6.0, 5.2: 8.0, 6.0: -6.0, 7.4: -9.0,
        8.4: 11.0, 9.4: -11.0, 10.4: 11.0, 11.4: -11.0, 12.5: 12.0, 13.5: -10.0, 14.5: 12.0, 15.5: -10.0,
    }  # fmt: skip
    turned = {0.0: 0.0, 1.2: 16.0, 3.2: -16.0, 5.2: 16.0, 7.2: -16.0, 8.5: 0.0, 12.5: -20.0, 13.6: 26.0, 14.5: -20.0, 15.6: 14.0}
    nod = 3.0 * np.cos(2.0 * np.pi * clock.phase * _BEATS)
    look = {0.0: 0.0, 7.5: 0.0, 12.5: -12.0, 13.6: 10.0, 14.5: -12.0, 15.6: 4.0}
    return {
        "spine roll": clock.through(lean, soft=0.06),
        "spine yaw": clock.through(turned, soft=0.07),
        "spine pitch": 2.0 + 0.8 * nod,
        "head pitch": nod + clock.through({0.0: 0.0, 11.8: 0.0, 12.5: -14.0, 13.6: 8.0, 14.5: -14.0, 15.6: 4.0}, soft=0.07),
        "head roll": clock.through({0.0: 2.0, 1.2: -4.0, 3.2: 4.0, 5.2: -4.0, 7.4: 4.0, 8.4: -6.0, 9.4: 6.0, 10.4: -6.0, 11.4: 6.0, 12.5: 0.0}, soft=0.08),
        "head yaw": clock.through(look, soft=0.07),
    }  # fmt: skip


def _arms(clock: Clock) -> dict[str, Curve]:
    """Bent and pumping beside the steps, overhead above the circles, then one to the ceiling and one at the hip."""
    keys = {
        "left arm swing": {0.0: 10.0, 1.2: 42.0, 2.1: 6.0, 3.2: -18.0, 4.1: 6.0, 5.2: 42.0, 6.1: 6.0, 7.2: -18.0, 8.4: 20.0, 11.6: 20.0, 12.6: -8.0, 15.5: -8.0},
        "right arm swing": {0.0: -6.0, 1.2: -18.0, 2.1: 6.0, 3.2: 42.0, 4.1: 6.0, 5.2: -18.0, 6.1: 6.0, 7.2: 42.0, 8.4: 20.0, 11.6: 20.0, 12.5: 12.0, 13.5: 38.0, 14.5: 12.0, 15.4: 30.0},
        "left arm out": {0.0: 26.0, 7.3: 26.0, 8.5: 146.0, 9.4: 132.0, 10.4: 150.0, 11.4: 132.0, 12.6: 44.0, 15.4: 44.0},
        "right arm out": {0.0: 26.0, 7.3: 26.0, 8.5: 132.0, 9.4: 150.0, 10.4: 132.0, 11.4: 150.0, 12.5: 140.0, 13.5: 18.0, 14.5: 140.0, 15.4: 24.0},
        "right arm across": {0.0: 0.0, 12.5: -8.0, 13.5: 38.0, 14.5: -8.0, 15.4: 16.0},
        "left elbow": {0.0: 84.0, 1.2: 98.0, 2.1: 76.0, 3.2: 88.0, 4.1: 76.0, 5.2: 98.0, 6.1: 76.0, 7.3: 86.0, 8.5: 52.0, 9.4: 74.0, 10.4: 46.0, 11.4: 74.0, 12.6: 100.0, 15.4: 100.0},
        "right elbow": {0.0: 84.0, 1.2: 88.0, 2.1: 76.0, 3.2: 98.0, 4.1: 76.0, 5.2: 88.0, 6.1: 76.0, 7.3: 96.0, 8.5: 74.0, 9.4: 46.0, 10.4: 74.0, 11.4: 46.0, 12.5: 10.0, 13.5: 34.0, 14.5: 10.0, 15.4: 56.0},
        "left arm twist": {0.0: -12.0, 7.3: -12.0, 8.6: 52.0, 11.4: 52.0, 12.6: -46.0, 15.3: -46.0},
        "right arm twist": {0.0: -12.0, 7.3: -12.0, 8.6: 52.0, 11.4: 52.0, 12.5: 20.0, 13.5: -20.0, 14.5: 20.0, 15.4: -12.0},
        "left shrug": {0.0: -4.0, 7.4: -4.0, 8.6: 14.0, 11.4: 14.0, 12.6: -4.0},
        "right shrug": {0.0: -4.0, 7.4: -4.0, 8.6: 14.0, 11.4: 14.0, 12.5: 14.0, 13.5: -4.0, 14.5: 14.0, 15.5: -4.0},
        "left hand": {0.0: 8.0, 8.4: -12.0, 9.4: 14.0, 10.4: -12.0, 11.4: 14.0, 12.6: 10.0},
        "right hand": {0.0: 8.0, 8.4: 14.0, 9.4: -12.0, 10.4: 14.0, 11.4: -12.0, 12.6: 0.0},
    }  # fmt: skip
    return {name: clock.through(given, soft=0.055) for name, given in keys.items()}
