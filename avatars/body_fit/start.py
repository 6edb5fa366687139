"""First guesses at a body's pose, straight from BlazePose's 3D landmarks, without optimisation.

A photo says little about depth: which of two legs is in front, whether a forearm comes towards the camera. So there are
several guesses, and the fit keeps the one that explains the photo best.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.skinning import axis_angle_from_rotations, cross_matrix, rotations_from_axis_angle
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.landmarks import (
    FOREARM_SLOPE,
    LIMB_SLOPES,
    USED,
    USUAL_SLOPE,
    Joint,
    Landmark,
    LandmarkRegressor,
    posed_landmarks,
)
from avatars.body_fit.observation import BodyObservation

World = Float[Tensor, "33 3"]

_BENT = 0.25  # sine of the bend from which an elbow or knee shows the twist of the limb above it
_NEAREST = 0.3  # metres: no person is closer to the camera
_NO_WEIGHT = 1e-6  # of landmarks that are not seen: they only keep the equations solvable


def _flattened(world: World) -> World:
    """Depths shrunk to a third: BlazePose exaggerates them in frontal views."""
    return world * torch.tensor([1.0, 1.0, 0.33])


def _straight_legs(world: World) -> World:
    """Legs in the plane of the hips: BlazePose lets the feet of standing people drift backwards."""
    result = world.clone()
    for hip, rest in ((Landmark.LEFT_HIP, range(25, 32, 2)), (Landmark.RIGHT_HIP, range(26, 33, 2))):
        for landmark in rest:
            result[landmark, 2] = world[hip, 2]
    return result


def _flipped(*chains: tuple[int, ...]) -> Callable[[World], World]:
    """Each chain's depth reversed about its first landmark."""

    def flip(world: World) -> World:
        result = world.clone()
        for root, *rest in chains:
            result[rest, 2] = 2.0 * world[root, 2] - world[rest, 2]
        return result

    return flip


_LEFT_LEG, _RIGHT_LEG = (23, 25, 27, 29, 31), (24, 26, 28, 30, 32)
_LEFT_FOREARM, _RIGHT_FOREARM = (13, 15, 17, 19, 21), (14, 16, 18, 20, 22)

VARIANTS: dict[str, Callable[[World], World]] = {
    "as given": lambda world: world,
    "flattened": _flattened,
    "legs straight": _straight_legs,
    "legs flipped": _flipped(_LEFT_LEG, _RIGHT_LEG),
    "forearms flipped": _flipped(_LEFT_FOREARM, _RIGHT_FOREARM),
}
"""Readings of the ambiguous depths, by name."""


def first_guesses(
    model: BodyModel, regressor: LandmarkRegressor, observation: BodyObservation, focal: float
) -> BodyPose:
    """One pose for each of `VARIANTS`, with the mean shape, placed so that the landmarks project where they were seen.

    Args:
        model: The body; the landmarks' vertices are enough.
        regressor: Where BlazePose's landmarks lie on it.
        observation: The photo's landmarks.
        focal: Focal length, pixels.
    """
    confidence = observation.confidence()
    level = _level(observation.keypoints_world)
    rotations = torch.stack([_rotations(model, change(level), confidence) for change in VARIANTS.values()])
    count = len(rotations)
    pose = BodyPose(rotations, torch.zeros(count, 3), torch.zeros(count, model.shape_dirs.shape[-1]))
    landmarks = posed_landmarks(model, regressor, pose)
    translation = torch.stack([translation_of(points, observation, focal) for points in landmarks])
    return BodyPose(rotations, translation, pose.shape)


_CHAINS = (
    *((near, (far,), share * USUAL_SLOPE + own) for (near, far), (share, own) in LIMB_SLOPES.items()),
    *((15, (17, 19, 21), FOREARM_SLOPE), (16, (18, 20, 22), FOREARM_SLOPE)),
    *((27, (29, 31), USUAL_SLOPE), (28, (30, 32), USUAL_SLOPE)),
)
"""Near end and far ends of the bones of limbs, the near ones first, and how they lean."""


def _level(world: World) -> World:
    """Without the usual lean of the body, and those of the limbs."""
    level = world.clone()
    level[:, 2] -= USUAL_SLOPE * level[:, 1]
    for near, far, slope in _CHAINS:
        bones = world[list(far)] - world[near]
        level[list(far), 2] = level[near, 2] + bones[:, 2] - slope * bones[:, 1]
    return level


def translation_of(points: Float[Tensor, "l 3"], observation: BodyObservation, focal: float) -> Float[Tensor, "3"]:
    """The translation that brings landmarks (in `USED` order, camera axes, metres) closest to the seen ones.

    Each landmark gives two equations that are linear in the translation t:
    f (X + t_x) = (u - c_x) (Z + t_z), and the same for rows.
    """
    height, width = observation.size
    seen = observation.keypoints[list(USED)] - torch.tensor([width / 2, height / 2])
    weight = observation.confidence()[list(USED)].clamp_min(_NO_WEIGHT).repeat_interleave(2)[:, None].sqrt()
    matrix = torch.zeros(len(points), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = focal
    matrix[:, :, 2] = -seen
    target = seen * points[:, 2:] - focal * points[:, :2]
    solution = torch.linalg.lstsq(matrix.flatten(0, 1) * weight, target.reshape(-1, 1) * weight).solution[:, 0]
    if float(solution[2]) < _NEAREST:  # the guess faces the wrong way or is degenerate: take the size alone
        spread = points[:, :2].std() / seen.std() * focal
        solution = torch.stack([*(seen.mean(0) * spread / focal - points.mean(0)[:2]), spread])
    return solution


def _rotations(model: BodyModel, world: World, confidence: Float[Tensor, "33"]) -> Float[Tensor, "j 3"]:
    """Axis-angle rotations that turn the rest bones along the limbs of `world`."""
    rest, parents = model.joint_template, model.parents
    human = anatomy(model.joint_names)
    fitted = 1 + len(human.low)
    relaxed = model.relaxed_hands
    relaxed[1:fitted] = human.prefers
    local = rotations_from_axis_angle(relaxed)
    local[0] = _root(world)
    chains = (
        (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST, 11, (0.0, -1.0, 0.0)),
        (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, 12, (0.0, 1.0, 0.0)),
        (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE, 23, (1.0, 0.0, 0.0)),
        (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, 24, (1.0, 0.0, 0.0)),
    )
    for upper, lower, end, landmark, hinge in chains:
        if float(confidence[landmark + 2]) == 0.0:
            continue
        frame = _frame(local, upper, parents).T
        first = frame @ (world[landmark + 2] - _start(world, landmark))
        second = frame @ (world[landmark + 4] - world[landmark + 2])
        if float(confidence[landmark + 4]) == 0.0:
            second = first  # the photo ends within the limb: the rest of it goes straight on
        local[upper], local[lower] = _limb(
            rest[lower] - rest[upper], rest[end] - rest[lower], first, second, torch.tensor(hinge)
        )
    body = human.clamp(axis_angle_from_rotations(local[1:fitted])[None])[0]
    return torch.cat([axis_angle_from_rotations(local[:1]), body, relaxed[fitted:]])


def _root(world: World) -> Float[Tensor, "3 3"]:
    """Axes of the torso in the camera: left, up, forward as columns."""
    hips, shoulders = world[[23, 24]], world[[11, 12]]
    up = torch.nn.functional.normalize(shoulders.mean(0) - hips.mean(0), dim=0)
    across = (hips[0] - hips[1]) + (shoulders[0] - shoulders[1])
    left = torch.nn.functional.normalize(across - (across @ up) * up, dim=0)
    return torch.stack([left, up, torch.linalg.cross(left, up)], -1)


def _start(world: World, landmark: int) -> Float[Tensor, "3"]:
    """Shoulder or hip joint, guessed from BlazePose's landmark, which lies higher (and for hips, further out)."""
    torso = world[[11, 12]].mean(0) - world[[23, 24]].mean(0)
    if landmark < Landmark.LEFT_HIP:
        return world[landmark] - 0.06 * torso
    middle = world[[23, 24]].mean(0)
    return middle + 0.65 * (world[landmark] - middle) - 0.14 * torso


def _frame(local: Float[Tensor, "j 3 3"], joint: int, parents: tuple[int, ...]) -> Float[Tensor, "3 3"]:
    """Accumulated rotation of a joint's parent."""
    frame, ancestor = torch.eye(3), parents[joint]
    while ancestor >= 0:
        frame, ancestor = local[ancestor] @ frame, parents[ancestor]
    return frame


def _limb(
    upper_bone: Float[Tensor, "3"],
    lower_bone: Float[Tensor, "3"],
    first: Float[Tensor, "3"],
    second: Float[Tensor, "3"],
    hinge: Float[Tensor, "3"],
) -> tuple[Float[Tensor, "3 3"], Float[Tensor, "3 3"]]:
    """Local rotations of a limb's two joints: swing, then the twist that lets the hinge bend the right way."""
    swing = _swing(upper_bone, first)
    axis = torch.nn.functional.normalize(upper_bone, dim=0)
    bend = torch.linalg.cross(axis, torch.nn.functional.normalize(swing.T @ second, dim=0))
    if float(bend.norm()) > _BENT:
        hinge = hinge - (hinge @ axis) * axis
        angle = math.atan2(float(torch.linalg.cross(hinge, bend) @ axis), float(hinge @ bend))
        swing = swing @ rotations_from_axis_angle(axis * max(-1.2, min(1.2, angle)))
    return swing, _swing(lower_bone, swing.T @ second)


def _swing(source: Float[Tensor, "3"], target: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The smallest rotation that turns one direction into another."""
    a, b = (torch.nn.functional.normalize(vector, dim=0) for vector in (source, target))
    cross, cosine = cross_matrix(torch.linalg.cross(a, b)), float(a @ b)
    if cosine < -0.999:
        other = torch.nn.functional.normalize(torch.linalg.cross(a, torch.roll(a, 1) + 0.1), dim=0)
        return 2.0 * torch.outer(other, other) - torch.eye(3)
    return torch.eye(3) + cross + cross @ cross / (1.0 + cosine)
