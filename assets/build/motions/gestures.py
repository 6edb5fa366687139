"""What somebody does on the spot: standing, waving, squatting, turning around. Keys are in seconds."""

import numpy as np

from assets.build.motions.curves import Clock, closed, eased
from assets.build.motions.rig import Rig, always, steps
from avatars.motion import Motion
from avatars.motion.legs import LEGS, SIDES


def idle(rig: Rig) -> Motion:
    """Breathes, shifts the weight from one leg to the other, looks around."""
    clock = Clock(6.0)
    breath = clock.wave(1.0, cycles=2)
    given = {
        "pelvis x": clock.through({0.0: 0.022, 2.2: 0.026, 3.4: -0.022, 5.2: -0.026}, soft=0.3),
        "pelvis y": -0.014 + 0.0015 * breath,
        "pelvis roll": clock.through({0.0: 1.6, 2.2: 2.0, 3.4: -1.6, 5.2: -2.0}, soft=0.3),
        "pelvis yaw": clock.wave(1.5, peak=0.3),
        "spine roll": clock.through({0.0: -1.8, 2.2: -2.2, 3.4: 1.8, 5.2: 2.2}, soft=0.3),
        "spine pitch": 1.0 - 1.4 * breath,
        "head yaw": clock.through({0.0: 0.0, 1.0: 9.0, 2.4: 7.0, 3.6: -5.0, 5.0: -8.0}, soft=0.25),
        "head pitch": 1.0 + 0.8 * breath,
        "left foot x": 0.02, "right foot x": -0.02, "left foot yaw": 5.0, "right foot yaw": -5.0,
    }  # fmt: skip
    for side, late in zip(SIDES, (0.0, 0.04), strict=True):
        given |= {
            f"{side} arm out": 13.0 + clock.wave(1.2, cycles=2, peak=0.05 + late),
            f"{side} arm swing": 2.0 + clock.wave(2.0, peak=0.25 + late),
            f"{side} elbow": 18.0 + clock.wave(2.5, cycles=2, peak=0.1 + late),
            f"{side} shrug": -5.0 + 0.9 * breath,
            f"{side} forearm": 12.0,
        }
    return rig.motion("idle", given, always(clock), clock)


def wave(rig: Rig) -> Motion:
    """Raises the right hand, waves four times, lowers it."""
    clock = Clock(4.0)
    up = clock.through({0.0: 0.0, 0.15: 0.0, 0.75: 1.0, 2.95: 1.0, 3.6: 0.0}, soft=0.05)
    swing = up * closed(np.sin(2.0 * np.pi * (clock.phase[:-1] * 4.0 - 0.8) / 0.55))
    given = {
        "pelvis x": 0.02 * up, "pelvis roll": 1.5 * up, "pelvis y": -0.014 + clock.wave(0.002, cycles=2),
        "spine roll": -4.5 * up + 0.8 * swing, "spine yaw": 3.0 * up, "spine pitch": 1.0 + clock.wave(1.0, cycles=2),
        "head roll": 5.0 * up, "head yaw": -3.0 * up, "head pitch": -2.0 * up,
        "right arm out": 14.0 + 72.0 * up, "right arm swing": 16.0 * up * (1.0 - 0.6 * up),
        "right arm twist": 88.0 * up + 4.0 * swing, "right elbow": 14.0 + 78.0 * up + 22.0 * swing,
        "right forearm": -8.0 * up, "right wrist": -9.0 * swing, "right shrug": -5.0 + 12.0 * up,
        "left arm swing": -3.0 * up, "left elbow": 16.0 + 6.0 * up,
        "left foot x": 0.02, "right foot x": -0.02, "left foot yaw": 5.0, "right foot yaw": -5.0,
    }  # fmt: skip
    return rig.motion("wave", given, always(clock), clock)


def squat(rig: Rig) -> Motion:
    """Goes down until the thighs are nearly level, with the arms out in front, and comes up again."""
    clock = Clock(3.0)
    down = clock.through({0.0: 0.0, 0.2: 0.0, 1.25: 1.0, 1.55: 1.0, 2.65: 0.0}, soft=0.08)
    given = {
        "pelvis y": -0.012 - 0.37 * down, "pelvis z": -0.16 * down, "pelvis pitch": 38.0 * down,
        "spine pitch": 1.0 + 4.0 * down, "head pitch": -22.0 * down,
    }  # fmt: skip
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        given |= {
            f"{side} foot x": 0.075 * out, f"{side} foot yaw": 18.0 * out,
            f"{side} arm swing": 4.0 + 112.0 * down, f"{side} arm out": 13.0 - 6.0 * down,
            f"{side} elbow": 14.0 - 4.0 * down, f"{side} forearm": 10.0,
        }  # fmt: skip
    return rig.motion("squat", given, always(clock), clock)


_TURNS = 6
_STEP = 0.42


def turn(rig: Rig) -> Motion:
    """Steps around once on the spot, to the left, with the left foot first."""
    clock = Clock(2 * _TURNS * _STEP, _STEP)
    beats = clock.phase * 2 * _TURNS
    rest = rig.model.joint_template.double().numpy()
    given, standing, yaws = {}, [], []
    for side, (word, leg) in enumerate(zip(SIDES, LEGS, strict=True)):
        share = (beats - side) / 2.0
        within = share - np.floor(share)
        yaw = 360.0 / _TURNS * (np.floor(share) + eased((within - 0.06) / 0.38))
        angle, ankle = np.radians(yaw), rest[leg.ankle] - rest[0] * np.array([1.0, 0.0, 0.0])
        swings = (within > 0.06) & (within < 0.44)
        height = np.where(swings, np.sin(np.pi * (within - 0.06) / 0.38) ** 2, 0.0)
        given |= {
            f"{word} foot yaw": yaw, f"{word} foot lift": 0.055 * height, f"{word} foot pitch": 14.0 * height,
            f"{word} foot x": np.cos(angle) * ankle[0] + np.sin(angle) * ankle[2] - ankle[0],
            f"{word} foot z": np.cos(angle) * ankle[2] - np.sin(angle) * ankle[0] - ankle[2],
        }  # fmt: skip
        standing.append(~swings)
        yaws.append(yaw)
    heading = 0.5 * (yaws[0] + yaws[1])
    ahead = np.radians(heading)
    # Over the foot that stands: to the right while the left one swings.
    shift = -clock.wave(0.035, cycles=_TURNS, peak=0.25 / _TURNS)
    given |= {
        "pelvis yaw": heading, "pelvis x": np.cos(ahead) * shift, "pelvis z": -np.sin(ahead) * shift,
        "pelvis y": -0.022 - clock.wave(0.006, cycles=2 * _TURNS), "pelvis roll": -60.0 * shift,
        "spine yaw": 7.0 + clock.wave(4.0, cycles=_TURNS, peak=0.1), "spine roll": 50.0 * shift,
        "head yaw": 12.0,
        "left arm swing": clock.wave(-9.0, cycles=_TURNS, peak=0.3 / _TURNS),
        "right arm swing": clock.wave(9.0, cycles=_TURNS, peak=0.3 / _TURNS),
        "left arm out": 17.0, "right arm out": 19.0, "left elbow": 26.0, "right elbow": 30.0,
    }  # fmt: skip
    return rig.motion("turn", given, steps(*standing), clock)
