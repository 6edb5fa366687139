"""A rig as animators use it: the pelvis and the feet have places, the legs follow; trunk and arms have angles.

Angles are in degrees, lengths in metres. Of sides, a number means the same for both: what is outwards is outwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from assets.build.motions.curves import Clock, Curve
from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.motion import Motion, grounded
from avatars.motion.legs import LEGS, SIDES, reach

STAND: Mapping[str, float] = {
    "pelvis x": 0.0, "pelvis y": -0.012, "pelvis z": 0.0, "pelvis yaw": 0.0, "pelvis pitch": 0.0, "pelvis roll": 0.0,
    "spine yaw": 0.0, "spine pitch": 0.0, "spine roll": 0.0, "head yaw": 0.0, "head pitch": 0.0, "head roll": 0.0,
}  # fmt: skip
"""Pitch leans forwards, yaw turns to the left, roll leans to the right. `spine` and `head` are sums over their joints."""

SIDE: Mapping[str, float] = {
    "foot x": 0.0, "foot z": 0.0, "foot lift": 0.0, "foot pitch": 0.0, "foot yaw": 0.0, "toe": 0.0,
    "arm swing": 0.0, "arm out": 14.0, "arm across": 0.0, "arm twist": 0.0, "elbow": 14.0, "forearm": 0.0,
    "wrist": 0.0, "hand": 0.0, "shrug": -5.0,
}  # fmt: skip
"""Of one side, with `left ` or `right ` before the name. Places of feet are against their rest (x to the left of both);
a foot's pitch lifts the heel, its yaw turns to the left; `arm out` is 0 hanging and 90 sideways; `arm twist` turns the
bent forearm outwards; `wrist` bends sideways, `hand` towards the palm."""

_SPINE = ("spine1", "spine2", "spine3")
_HEEL = 0.045  # metres from the ankle back to where a heel touches the ground
_CROUCHED = 30.0  # degrees: legs begin bent, so that it is clear to which side


def channels(clock: Clock, given: Mapping[str, Curve | float]) -> dict[str, Curve]:
    """All channels; what is not given stands."""
    rest = {**STAND, **{f"{side} {name}": value for side in SIDES for name, value in SIDE.items()}}
    unknown = set(given) - set(rest)
    assert not unknown, f"no channels: {sorted(unknown)}"
    return {name: np.broadcast_to(np.asarray(given.get(name, value), float), clock.count) for name, value in rest.items()}


@dataclass(frozen=True)
class Rig:
    """The shipped body, mean shape.

    Attributes:
        model: The body.
    """

    model: BodyModel

    def motion(
        self, name: str, given: Mapping[str, Curve | float], contacts: Bool[np.ndarray, "t 2"], clock: Clock
    ) -> Motion:
        """The motion of given channels; feet that touch the ground stand on it, and do not slide.

        Args:
            name: Of the motion.
            given: Some of the channels.
            contacts: Which feet touch the ground.
            clock: Its time.
        """
        value = channels(clock, given)
        turns = _trunk(value) | _arms(value)
        travel = np.stack([value[f"pelvis {axis}"] for axis in "xyz"], 1)
        for side in (0, 1):
            turns |= self._leg(side, value, travel)
        rotations = np.stack([turns.get(joint, np.zeros((clock.count, 3))) for joint in JOINT_NAMES], 1)
        stands = Motion(
            torch.from_numpy(rotations).float(), torch.from_numpy(travel).float(), (clock.count - 1) / clock.seconds,
            name, loops=True, contacts=torch.from_numpy(contacts),
        )  # fmt: skip
        return grounded(stands, self.model, torch.zeros(self.model.shape_dirs.shape[-1]))

    def _leg(self, side: int, value: Mapping[str, Curve], travel: Float[np.ndarray, "t 3"]) -> dict[str, np.ndarray]:
        """Rotations of hip, knee, ankle and toes that put the foot where it shall be."""
        leg, word = LEGS[side], SIDES[side]
        rest = self.model.joint_template.double()
        yaw = 0.5 * (value["pelvis yaw"] + value[f"{word} foot yaw"])
        pelvis = _pelvis(value)
        thigh = _turn("yx", np.stack([yaw, np.full_like(yaw, -_CROUCHED)], 1))
        shin = thigh * _turn("x", np.full_like(yaw, 2.0 * _CROUCHED))
        hip = rest[0].numpy() + travel + pelvis.apply((rest[leg.hip] - rest[0]).numpy())
        knee = hip + thigh.apply((rest[leg.knee] - rest[leg.hip]).numpy())
        ankle = knee + shin.apply((rest[leg.ankle] - rest[leg.knee]).numpy())
        places = [torch.from_numpy(place) for place in (hip, knee, ankle, self._ankle(side, value))]
        turned = reach(*places, torch.from_numpy(shin.as_matrix()[:, :, 0].copy()))
        thigh, shin = (Rotation.from_matrix(turn.numpy()) * start for turn, start in zip(turned, (thigh, shin), strict=True))
        return {
            f"{word}_hip": (pelvis.inv() * thigh).as_rotvec(),
            f"{word}_knee": (thigh.inv() * shin).as_rotvec(),
            f"{word}_ankle": (shin.inv() * _foot(word, value)).as_rotvec(),
            f"{word}_foot": _turn("x", -value[f"{word} toe"]).as_rotvec(),
        }

    def _ankle(self, side: int, value: Mapping[str, Curve]) -> Float[np.ndarray, "t 3"]:
        """Where the ankle is when the foot turns about its ball, or about its heel."""
        leg, word = LEGS[side], SIDES[side]
        rest, ground = self.model.joint_template.double().numpy(), float(self.model.template[:, 1].min())
        ankle, ball = rest[leg.ankle], rest[leg.foot]
        to_ball = np.array([ball[0], ground, ball[2]]) - ankle
        to_heel = np.array([0.0, ground - ankle[1], -_HEEL])
        pivot = np.where((value[f"{word} foot pitch"] > 0.0)[:, None], to_ball, to_heel)
        place = np.stack([value[f"{word} foot {name}"] for name in ("x", "lift", "z")], 1)
        heading = _turn("y", value[f"{word} foot yaw"])
        return ankle + place + heading.apply(pivot) - _foot(word, value).apply(pivot)


def _foot(word: str, value: Mapping[str, Curve]) -> Rotation:
    return _turn("yx", np.stack([value[f"{word} foot yaw"], value[f"{word} foot pitch"]], 1))


def _pelvis(value: Mapping[str, Curve]) -> Rotation:
    return _turn("yxz", np.stack([value[f"pelvis {name}"] for name in ("yaw", "pitch", "roll")], 1))


def _trunk(value: Mapping[str, Curve]) -> dict[str, np.ndarray]:
    spine, head = (
        np.stack([value[f"{part} {name}"] for name in ("yaw", "pitch", "roll")], 1) for part in ("spine", "head")
    )
    parts = {name: _turn("yxz", spine / len(_SPINE)).as_rotvec() for name in _SPINE}
    parts |= {name: _turn("yxz", head / 2.0).as_rotvec() for name in ("neck", "head")}
    return {"pelvis": _pelvis(value).as_rotvec(), **parts}


def _arms(value: Mapping[str, Curve]) -> dict[str, np.ndarray]:
    """Rotations of both arms: made for the left one, mirrored for the right one."""
    found = {}
    for word, mirror in zip(SIDES, ((1.0, 1.0, 1.0), (1.0, -1.0, -1.0)), strict=True):
        arm = {name: value[f"{word} {name}"] for name in SIDE}
        raised = np.stack([-arm["arm across"], -arm["arm swing"], arm["arm out"] - 90.0, -arm["arm twist"]], 1)
        made = {
            "collar": _turn("z", arm["shrug"]),
            # The collar's own angle is not the arm's.
            "shoulder": _turn("z", -arm["shrug"]) * _intrinsic("yxzx", raised),
            "elbow": _turn("yx", np.stack([-arm["elbow"], -arm["forearm"]], 1)),
            "wrist": _turn("yz", np.stack([arm["wrist"], -arm["hand"]], 1)),
        }
        found |= {f"{word}_{name}": turn.as_rotvec() * np.array(mirror) for name, turn in made.items()}
    return found


def _intrinsic(axes: str, degrees: Float[np.ndarray, "t n"]) -> Rotation:
    """Turns about any number of axes, the first one outermost."""
    turned = _turn(axes[0], degrees[:, 0])
    for index, axis in enumerate(axes[1:], start=1):
        turned = turned * _turn(axis, degrees[:, index])
    return turned


def _turn(axes: str, degrees: Float[np.ndarray, "..."]) -> Rotation:
    """Turns about up to three axes, the first one outermost."""
    return Rotation.from_euler(axes.upper(), degrees.reshape(-1, len(axes)), degrees=True)


def steps(*sides: Bool[np.ndarray, "t"]) -> Bool[np.ndarray, "t 2"]:
    """Contacts of the left and the right foot."""
    return np.stack(sides, 1)


def always(clock: Clock) -> Bool[np.ndarray, "t 2"]:
    """Both feet stand all the time."""
    return np.ones((clock.count, 2), bool)
