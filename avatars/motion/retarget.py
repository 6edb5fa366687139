"""From a foreign skeleton's motion to that of a body: by orientations in the world, relative to a common stance.

A bone of a foreign skeleton and one of ours are compared in a stance of the foreign one: its rest pose where that is a
person's, else the frame in which it stands straightest (in LaFAN1's rest pose all bones lie along one axis). There our
limbs are laid along its limbs; from there on they turn with them. So a rest pose with the arms down, or of another body
with other proportions, does not matter. The trunk, whose bones go where a program's author put them, is taken to be
upright in the stance, and feet to be flat on the ground.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body.model import BodyModel
from avatars.motion.legs import SIDES, turn_about, turn_between
from avatars.motion.recorded import upright_from_world, upward_axis

_LIMBS = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}
"""Bones of ours that are laid along foreign ones, from a joint to the next one."""
_ALONG = {"wrist": "elbow"}
"""What has no bone of its own continues that of another joint."""
_UPRIGHT = 0.7  # cosine of the angle between trunk and legs up to which a pose is a standing one
_Y = 1


@dataclass(frozen=True)
class ForeignMotion:
    """What a foreign skeleton does.

    Attributes:
        joints: Of SMPL's joints, those that it has, and their indices in it.
        turns: Orientation of each joint in each frame, in its world; the identity in its rest pose.
        places: Of each joint in each frame, in its world and unit.
        rest: Of each joint in its rest pose.
    """

    joints: Mapping[str, int]
    turns: Float[Tensor, "t j 3 3"]
    places: Float[Tensor, "t j 3"]
    rest: Float[Tensor, "j 3"]

    @property
    def leg_length(self) -> float:
        """Mean length of its legs from hip to ankle, along the bones, in its unit."""
        first = self.places[0]
        bones = [
            self.way(first, f"{side}_{start}", f"{side}_{_LIMBS[start]}") for side in SIDES for start in ("hip", "knee")
        ]
        return 0.5 * float(sum(bone.norm() for bone in bones))

    def upright(self) -> "ForeignMotion":
        """The same with the vertical axis of its world upwards."""
        upward = self._trunk(self.places) + self._legs(self.places).mean(1)
        standing = self._standing(self.rest[None])[0] > _UPRIGHT
        direction = self._trunk(self.rest[None]) if bool(standing) else torch.nn.functional.normalize(upward, dim=-1)
        turn = upright_from_world(*upward_axis(direction, otherwise=_Y)).to(self.places)
        return ForeignMotion(self.joints, turn @ self.turns @ turn.T, self.places @ turn.T, self.rest @ turn.T)

    def stance(self) -> tuple[Float[Tensor, "j 3 3"], Float[Tensor, "j 3"]]:
        """Orientations and places of the joints in a pose of a standing person: at rest, or in a frame."""
        if float(self._standing(self.rest[None])[0]) > _UPRIGHT:
            return torch.eye(3).to(self.turns).expand(self.turns.shape[1:]), self.rest
        frame = int((self._standing(self.places) + self._stretched(self.places)).argmax())
        return self.turns[frame], self.places[frame]

    def way(self, places: Float[Tensor, "*t j 3"], start: str, end: str) -> Float[Tensor, "*t 3"]:
        """From one joint to another."""
        return places[..., self.joints[end], :] - places[..., self.joints[start], :]

    def leftward(self, places: Float[Tensor, "j 3"]) -> Float[Tensor, "3"]:
        """From the right side to the left, across the ground."""
        across = self.way(places, "right_hip", "left_hip") + self.way(places, "right_shoulder", "left_shoulder")
        return torch.nn.functional.normalize(across * across.new_tensor([1.0, 0.0, 1.0]), dim=-1)

    def _trunk(self, places: Float[Tensor, "t j 3"]) -> Float[Tensor, "t 3"]:
        shoulders = 0.5 * (places[:, self.joints["left_shoulder"]] + places[:, self.joints["right_shoulder"]])
        return torch.nn.functional.normalize(shoulders - places[:, self.joints["pelvis"]], dim=-1)

    def _legs(self, places: Float[Tensor, "t j 3"]) -> Float[Tensor, "t 2 3"]:
        """Directions from each ankle to its hip."""
        legs = [self.way(places, f"{side}_ankle", f"{side}_hip") for side in SIDES]
        return torch.nn.functional.normalize(torch.stack(legs, 1), dim=-1)

    def _standing(self, places: Float[Tensor, "t j 3"]) -> Float[Tensor, "t"]:
        """Cosine of the angle between the trunk and the leg that is less in line with it."""
        return (self._legs(places) * self._trunk(places)[:, None]).sum(-1).amin(1)

    def _stretched(self, places: Float[Tensor, "t j 3"]) -> Float[Tensor, "t"]:
        """How straight the knees and elbows are, 1 for quite."""
        joints = ["knee", "elbow"] if "left_wrist" in self.joints and "right_wrist" in self.joints else ["knee"]
        before = {"knee": "hip", "elbow": "shoulder"}
        straight = [
            torch.cosine_similarity(
                self.way(places, f"{side}_{before[joint]}", f"{side}_{joint}"),
                self.way(places, f"{side}_{joint}", f"{side}_{_LIMBS[joint]}"),
                dim=-1,
            )
            for side in SIDES
            for joint in joints
        ]
        return torch.stack(straight).mean(0)


def retargeted(foreign: ForeignMotion, model: BodyModel) -> Float[Tensor, "t 24 3 3"]:
    """Rotations of our joints against their parents; of the root in the foreign world.

    Args:
        foreign: In an upright world.
        model: The body that shall move.
    """
    orientations, places = foreign.stance()
    left = foreign.leftward(places)
    heading = torch.stack(
        [left, left.new_tensor([0.0, 1.0, 0.0]), torch.linalg.cross(left, left.new_tensor([0.0, 1.0, 0.0]))], 1
    )
    ours = model.joint_template.to(places)
    world: list[Float[Tensor, "t 3 3"]] = []
    parents = model.parents[: len(JOINT_NAMES)]
    for name, parent in zip(JOINT_NAMES, parents, strict=True):
        if name not in foreign.joints:
            world.append(world[parent])
            continue
        joint = foreign.joints[name]
        moved = foreign.turns[:, joint] @ orientations[joint].T
        world.append(moved @ _laid(name, foreign, places, ours @ heading.T) @ heading)
    local = [world[0], *(world[parent].mT @ turn for parent, turn in zip(parents[1:], world[1:], strict=True))]
    return torch.stack(local, 1)


def _laid(
    name: str, foreign: ForeignMotion, places: Float[Tensor, "j 3"], ours: Float[Tensor, "k 3"]
) -> Float[Tensor, "3 3"]:
    """The turn that lays a bone of ours, in the T-pose of the same heading, along the foreign one in its stance."""
    side, _, part = name.rpartition("_")
    part = _ALONG.get(part, part)
    start = f"{side}_{part}"
    end = f"{side}_{_LIMBS.get(part, 'foot' if part in ('ankle', 'foot') else '')}"
    if side not in SIDES or not {start, end} <= foreign.joints.keys():
        return torch.eye(3).to(places)
    if part == "foot":
        start = f"{side}_ankle"
    theirs = foreign.way(places, start, end)
    own = ours[JOINT_NAMES.index(end)] - ours[JOINT_NAMES.index(start)]
    if end.endswith("foot"):
        return _turn_across(own, theirs)
    return turn_between(own, theirs)


def _turn_across(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The turn about the vertical from one direction over the ground to another."""
    angle = torch.atan2(end[0], end[2]) - torch.atan2(start[0], start[2])
    return turn_about(start.new_tensor([0.0, 1.0, 0.0]), angle)
