"""A motion on a certain body: feet that stand stay where they are, on the ground.

What moved one person slides and floats on another whose legs are longer. The way is scaled by the legs; then each foot
that touches the ground rolls over it without slipping, and the leg reaches for the foot. A foot keeps its orientation
in the world; between two steps the correction passes smoothly from one to the next.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import CubicHermiteSpline
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from avatars.body.model import Body, BodyModel
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from avatars.motion.legs import LEGS, REACH, Leg, leg_length, leg_lengths, reach
from avatars.motion.motion import Motion, intervals, on_body
from avatars.motion.soles import Soles

_PASSES = 2  # the skin of a foot depends a little on the knee
_EDGE = 0.003  # metres: skin up to this much above the lowest is on the ground
_CROUCH = 0.08  # seconds within which the pelvis goes down for a leg that is too short
_FLOATS = 0.2  # share of the frames in which both feet may be below the ground of a motion without contacts


def grounded(motion: Motion, model: BodyModel, shape: Float[Tensor, "k"]) -> Motion:
    """The same motion as this person makes it: standing feet stay where they are and stand on the ground.

    The ground is where the soles of the standing rest pose are. The motion's way is that of the mean body of `model`,
    as `open_motion` gives it.

    Args:
        motion: Of any number of joints.
        model: The body.
        shape: The person's shape coefficients.
    """
    soles = Soles.of(model, shape)
    scale = leg_length(model.rest(shape)[1]) / leg_length(model.joint_template)
    rotations = on_body(motion.rotations, model)
    found = dataclasses.replace(motion, rotations=rotations, travel=motion.travel * scale)
    if found.contacts is None or not bool(found.contacts.any()):
        return lifted(found, soles)
    contacts = found.contacts
    for _ in range(_PASSES):
        found = _corrected(found, contacts, soles)
    return found


def lifted(motion: Motion, soles: Soles) -> Motion:
    """The same motion higher or lower as a whole, so that its lower foot mostly stands on the ground or above it."""
    lower = soles.heights(motion).amin(1)
    return dataclasses.replace(
        motion, travel=motion.travel - motion.travel.new_tensor([0.0, float(lower.quantile(_FLOATS)), 0.0])
    )


def _corrected(motion: Motion, contacts: Bool[Tensor, "t 2"], soles: Soles) -> Motion:
    """One pass: where the ankles shall be, how low the pelvis must be for that, and the legs that reach there."""
    body = soles.posed(motion)
    targets = [_ankle_way(motion, contacts[:, side], body, soles, side) for side in (0, 1)]
    down = _crouch(motion, contacts, body, targets)
    travel = motion.travel - down[:, None] * motion.travel.new_tensor([0.0, 1.0, 0.0])
    turns = rotations_from_axis_angle(motion.rotations)
    for leg, target in zip(LEGS, targets, strict=True):
        turns = _reaching(turns, body, leg, target + down[:, None] * target.new_tensor([0.0, 1.0, 0.0]))
    legs = [joint for leg in LEGS for joint in (leg.hip, leg.knee, leg.ankle)]
    rotations = motion.rotations.clone()
    rotations[:, legs] = axis_angle_from_rotations(turns[:, legs])
    return dataclasses.replace(motion, rotations=rotations, travel=travel)


def _ankle_way(
    motion: Motion, touching: Bool[Tensor, "t"], body: Body, soles: Soles, side: int
) -> Float[Tensor, "t 3"]:
    """Where an ankle shall be, metres: as it is, and shifted by what its foot lacks on the ground."""
    ankle = body.joints[:, LEGS[side].ankle]
    skin = body.vertices[:, soles.sides[side]] - ankle[:, None]
    lack = _Lack(ankle, skin, soles.ground)
    known = lack.standing(touching, motion)
    shift = known if bool(touching.all()) else _between(known, touching, motion.loops)
    low = soles.ground - skin[..., 1].amin(1) - ankle[:, 1]
    shift[:, 1] = torch.where(touching, shift[:, 1], torch.maximum(shift[:, 1], low))
    return ankle + shift


@dataclass(frozen=True)
class _Lack:
    """What a foot lacks to stand where it is.

    Attributes:
        ankle: Its ankle, metres.
        skin: Its skin against the ankle, metres.
        ground: Height, metres.
    """

    ankle: Float[Tensor, "t 3"]
    skin: Float[Tensor, "t n 3"]
    ground: float

    def standing(self, touching: Bool[Tensor, "t"], motion: Motion) -> Float[Tensor, "t 3"]:
        """The shift of the ankle in the frames in which the foot stands, metres; zero in the others."""
        shift = torch.zeros_like(self.ankle)
        steps = torch.nn.functional.pad(self._rolled().cumsum(0), (0, 0, 1, 0))
        for frames in _steps(touching, motion.loops):
            # Over the seam of a loop the way goes on in the next cycle.
            later = (frames.diff() < 0).cumsum(0).nonzero()[:, 0] + 1
            way, ankle = steps[frames].clone(), self.ankle[frames].clone()
            way[later] += steps[-1] - steps[0]
            ankle[later] += motion.cycle
            if motion.loops and bool(touching.all()):
                way -= torch.linspace(0.0, 1.0, len(way))[:, None].to(way) * (way[-1] - way[0] - motion.cycle)
            lack = way - ankle
            shift[frames] = lack - lack.mean(0)
        shift[:, 1] = torch.where(touching, self.ground - self.skin[..., 1].amin(1) - self.ankle[:, 1], 0.0)
        return shift

    def _rolled(self) -> Float[Tensor, "s 3"]:
        """From frame to frame, how far the ankle moves over a foot that rolls, metres.

        Where toes bend, the skin on the ground is pressed together: what moves farthest in both directions counts, so
        that no skin slides more than it must.
        """
        height, moved = self.skin[..., 1], self.skin.diff(dim=0)
        near = height < height.amin(1, keepdim=True) + _EDGE
        touching = (near[1:] & near[:-1])[..., None]
        least = torch.where(touching, moved, torch.inf).amin(1)
        most = torch.where(touching, moved, -torch.inf).amax(1)
        middle = -0.5 * (least + most)
        return torch.where(middle.isfinite(), middle, -moved.mean(1))


def _steps(touching: Bool[Tensor, "t"], loops: bool) -> list[Tensor]:
    """Frames of each step; of a loop, one that goes over the seam is one step. Its last frame is its first again."""
    found = [torch.arange(int(first), int(last) + 1) for first, last in intervals(touching)]
    over = loops and len(found) > 1 and bool(touching[0]) and bool(touching[-1])
    return [torch.cat([found[-1], found[0]]), *found[1:-1]] if over else found


def _between(known: Float[Tensor, "t 3"], touching: Bool[Tensor, "t"], loops: bool) -> Float[Tensor, "t 3"]:
    """The shifts of steps, continued where the foot swings without a jump in place or velocity."""
    count = len(known) - 1 if loops else len(known)
    frames = touching[:count].nonzero()[:, 0].numpy()
    if not len(frames):
        return known
    values = known[frames].double().numpy()
    if loops:
        frames, values = np.concatenate([frames - count, frames, frames + count]), np.tile(values, (3, 1))
    # Velocities within steps, from the side where the step is.
    ahead = np.where((np.diff(frames) == 1)[:, None], np.diff(values, axis=0), np.nan)
    sides = np.stack(
        [
            np.pad(ahead, ((1, 0), (0, 0)), constant_values=np.nan),
            np.pad(ahead, ((0, 1), (0, 0)), constant_values=np.nan),
        ]
    )
    slopes = np.nan_to_num(
        np.where(np.isnan(sides[0]), sides[1], np.where(np.isnan(sides[1]), sides[0], sides.mean(0)))
    )
    place = np.clip(np.arange(len(known)), frames[0], frames[-1])
    if len(frames) == 1:
        return known[frames].expand_as(known).clone()
    return torch.from_numpy(CubicHermiteSpline(frames, values, slopes)(place)).to(known)


def _crouch(
    motion: Motion, contacts: Bool[Tensor, "t 2"], body: Body, targets: list[Float[Tensor, "t 3"]]
) -> Float[Tensor, "t"]:
    """How much lower the pelvis must be so that standing feet are within reach, metres; smooth over time."""
    lacks = []
    for side, (leg, target) in enumerate(zip(LEGS, targets, strict=True)):
        offset = body.joints[:, leg.hip] - target
        longest = REACH * sum(leg_lengths(body.joints, leg))
        across = (offset[:, [0, 2]] ** 2).sum(1)
        high = (longest**2 - across).clamp_min(0.0).sqrt()
        lacks.append(torch.where(contacts[:, side], offset[:, 1] - high, 0.0).clamp_min(0.0))
    lack = torch.stack(lacks).amax(0).double().numpy()
    if not lack.any():
        return torch.zeros(len(lack)).to(body.joints)
    mode = "wrap" if motion.loops else "nearest"
    once = lack[:-1] if motion.loops else lack
    wide = maximum_filter1d(once, 2 * round(_CROUCH * motion.rate) + 1, mode=mode)
    smooth = gaussian_filter1d(wide, 0.5 * _CROUCH * motion.rate, mode=mode)
    smooth = np.append(smooth, smooth[0]) if motion.loops else smooth
    return torch.from_numpy(smooth).to(body.joints)


def _reaching(
    turns: Float[Tensor, "t j 3 3"], body: Body, leg: Leg, target: Float[Tensor, "t 3"]
) -> Float[Tensor, "t j 3 3"]:
    """Rotations of all joints with one leg's changed so that the ankle is at a place and the foot turned as it was."""
    world = body.joints_from_rest[..., :3]
    hip, knee, ankle = (body.joints[:, joint] for joint in (leg.hip, leg.knee, leg.ankle))
    thigh, shin = reach(hip, knee, ankle, target, world[:, leg.knee, :, 0])
    thigh, shin = thigh @ world[:, leg.hip], shin @ world[:, leg.knee]
    changed = turns.clone()
    changed[:, leg.hip] = world[:, 0].mT @ thigh
    changed[:, leg.knee] = thigh.mT @ shin
    changed[:, leg.ankle] = shin.mT @ world[:, leg.ankle]
    return changed
