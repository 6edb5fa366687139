"""A motion: poses and places of a body at equal steps of time, and what it does between and after them."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation
from torch import Tensor

from avatars.body.joints import COMMON, JOINT_NAMES, JOINTS_BY_COUNT
from avatars.body.model import BodyModel
from avatars.body.named_rotations import expand_rotations

_STANDS = 0.01  # metres within which a cycle ends where it began
_PATH = 0.5  # seconds: what moves slower than this is the path of a recorded walk, what moves faster is its sway


@dataclass(frozen=True)
class Posture:
    """A body at one moment.

    Attributes:
        rotations: Axis-angle of each joint against its parent, radians; the first is the global orientation.
        travel: Displacement of the pelvis from its rest place, metres.
    """

    rotations: Float[Tensor, "j 3"]
    travel: Float[Tensor, "3"]


@dataclass(frozen=True)
class Motion:
    """Poses over time, in the canonical frame: x to the left, y up, z forward.

    Attributes:
        rotations: Axis-angle of each joint against its parent, radians; the first is the global orientation.
        travel: Displacement of the pelvis from its rest place, metres.
        rate: Frames per second.
        name: What it is called.
        loops: Whether it goes on and on. Then the last frame is the first again, one cycle later: the same pose, at the
            place that one cycle leads to.
        contacts: Whether the left and the right foot stand on the ground; None where nobody knows.
    """

    rotations: Float[Tensor, "t j 3"]
    travel: Float[Tensor, "t 3"]
    rate: float
    name: str = "motion"
    loops: bool = False
    contacts: Bool[Tensor, "t 2"] | None = None

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def seconds(self) -> float:
        """From the first frame to the last; of a loop, one cycle."""
        return (len(self) - 1) / self.rate

    @property
    def cycle(self) -> Float[Tensor, "3"]:
        """Where one cycle of a loop leads to, metres; zero for what does not loop."""
        return self.travel[-1] - self.travel[0] if self.loops else torch.zeros_like(self.travel[0])

    def at(self, seconds: float, *, accumulates: bool = True) -> Posture:
        """The posture at a time; a loop goes on, anything else keeps its first and last frame.

        Args:
            seconds: From the first frame, any number.
            accumulates: Whether each cycle of a loop begins where the one before has ended, or all where the first did.
        """
        moment = self.sampled(torch.tensor([seconds], dtype=torch.float64), accumulates=accumulates)
        return Posture(moment.rotations[0], moment.travel[0])

    def sampled(self, seconds: Float[Tensor, "n"], *, accumulates: bool = True) -> "Motion":
        """The frames at any times, as a motion that does not loop and whose rate means nothing.

        Rotations go the shortest way between two frames at a steady speed, travel goes straight.
        """
        place = seconds.double() * self.rate
        last = len(self) - 1
        cycles = (place / last).floor() if self.loops and last else torch.zeros_like(place)
        place = (place - cycles * last).clamp(0, last)
        first = place.floor().long().clamp_max(max(last - 1, 0))
        share, following = (place - first).to(self.travel), (first + 1).clamp_max(last)
        travel = self.travel[first].lerp(self.travel[following], share[:, None])
        if accumulates:
            travel = travel + cycles[:, None].to(travel) * self.cycle
        rotations = _slerp(self.rotations[first], self.rotations[following], share)
        contacts = None if self.contacts is None else self.contacts[first] & self.contacts[following]
        return dataclasses.replace(self, rotations=rotations, travel=travel, contacts=contacts, loops=False)

    def resampled(self, rate: float) -> "Motion":
        """The same motion with about so many frames a second: first and last frame stay, so that a loop stays whole."""
        count = max(1, round(self.seconds * rate)) if len(self) > 1 else 0
        times = torch.linspace(0.0, self.seconds, count + 1, dtype=torch.float64)
        # The end of a cycle is read as its last frame, not as the first of the next one.
        frames = dataclasses.replace(self, loops=False).sampled(times)
        return dataclasses.replace(frames, rate=count / self.seconds if count else rate, loops=self.loops)

    def in_place(self) -> "Motion":
        """The same motion without the way that it makes over the ground: as on a treadmill.

        A loop loses its mean velocity, so that each cycle begins where the first did, and keeps its sway; of anything
        else the slow part of the path over the ground goes. Feet of a motion that stood in place stay where they are.
        """
        travel = self.travel.clone()
        path = self._path()
        travel[:, 0] -= path[:, 0]
        travel[:, 2] -= path[:, 2]
        moves = float((path[:, [0, 2]] - path[0, [0, 2]]).norm(dim=-1).max()) > _STANDS
        return dataclasses.replace(self, travel=travel, contacts=None if moves else self.contacts)

    def _path(self) -> Float[Tensor, "t 3"]:
        if self.loops:
            return torch.linspace(0.0, 1.0, len(self))[:, None].to(self.travel) * self.cycle
        return smooth_way(self.travel, _PATH * self.rate)


def smooth_way(places: Float[Tensor, "t 3"], frames: float) -> Float[Tensor, "t 3"]:
    """The slow part of a way: what varies over more than so many frames; a steady way is its own.

    >>> way = torch.arange(6.0)[:, None].expand(6, 3)
    >>> bool(torch.allclose(smooth_way(way, 2.0), way))
    True
    """
    steady = torch.linspace(0.0, 1.0, len(places))[:, None].to(places)
    steady = places[0] + steady * (places[-1] - places[0])
    rest = gaussian_filter1d((places - steady).double().cpu().numpy(), frames, axis=0, mode="nearest")
    return steady + torch.from_numpy(rest).to(places)


def on_body(rotations: Float[Tensor, "*b j 3"], model: BodyModel) -> Float[Tensor, "*b j2 3"]:
    """Rotations of SMPL's, SMPL-H's or SMPL-X's joints on those of a body.

    Joints that the body has not are left out; what the rotations do not say is at rest, and fingers hang relaxed.

    Args:
        rotations: Axis-angles, radians, of 24, 52 or 55 joints; of another number the first 22 count.
        model: The body.
    """
    count = rotations.shape[-2]
    if count == len(model.joint_names):
        return rotations
    names = JOINTS_BY_COUNT.get(count, JOINT_NAMES[:COMMON])
    return expand_rotations(rotations[..., : len(names), :], names, model)


def _slerp(
    first: Float[Tensor, "n j 3"], second: Float[Tensor, "n j 3"], share: Float[Tensor, "n"]
) -> Float[Tensor, "n j 3"]:
    """Axis-angles on the shortest way from one to another, at shares of it."""
    shape = first.shape
    start, end = (Rotation.from_rotvec(_rows(turns)) for turns in (first, second))
    way = (start.inv() * end).as_rotvec() * np.repeat(share.double().cpu().numpy(), shape[1])[:, None]
    return torch.from_numpy((start * Rotation.from_rotvec(way)).as_rotvec()).to(first).reshape(shape)


def _rows(turns: Float[Tensor, "n j 3"]) -> Float[np.ndarray, "m 3"]:
    return turns.reshape(-1, 3).double().cpu().numpy()


def intervals(touching: Bool[Tensor, "t"]) -> Int[Tensor, "i 2"]:
    """First and last frame of each run of frames in which something touches the ground.

    >>> intervals(torch.tensor([True, True, False, True])).tolist()
    [[0, 1], [3, 3]]
    """
    padded = torch.nn.functional.pad(touching.int(), (1, 1)).diff()
    return torch.stack([(padded == 1).nonzero()[:, 0], (padded == -1).nonzero()[:, 0] - 1], -1)
