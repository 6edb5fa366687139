"""Made-up body model files of each kind, as the licensed ones are laid out: the shipped person on fewer vertices."""

import functools
import pickle  # noqa: TID251 - writes the files that the loader must cope with
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import igl
import numpy as np
import scipy.sparse
from scipy.spatial import KDTree

import assets
from avatars.body.joints import COMMON, JOINT_NAMES, LEFT_FINGERS, RIGHT_FINGERS
from avatars.body.smpl_file import BodyFile, load_body_file

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
_HANDS = (22, 23)


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: As in the package smplx.
        vertex_count: Of its mesh.
        face: Joints between the common ones and the fingers: jaw and eyes.
        fingers: Whether it has fingers instead of SMPL's hands.
        shapes: Shape directions of the whole file; of SMPL-X's the last are expressions.
    """

    name: str
    vertex_count: int
    face: int
    fingers: bool
    shapes: int

    @property
    def joint_count(self) -> int:
        return COMMON + self.face + (30 if self.fingers else 2)


SMPL = Kind("smpl", 6890, 0, False, 10)
SMPLH = Kind("smplh", 6890, 0, True, 16)
SMPLX = Kind("smplx", 10475, 3, True, 20)
KINDS = (SMPL, SMPLH, SMPLX)


@functools.cache
def made_up_person(kind: Kind, *, noise: float = 2e-4) -> dict[str, Any]:
    """The arrays of a file.

    Args:
        kind: Which.
        noise: Of pose and shape directions that the shipped body lacks, metres.
    """
    shipped = load_body_file(assets.path("body/body.npz"))
    vertices, faces, born = _decimated(shipped, kind)
    random = np.random.default_rng(len(kind.name))
    extra = noise * random.normal(size=(kind.vertex_count, 3, 1)).astype(np.float32)
    places = _finger_places(shipped) if kind.fingers else []
    arrays = {
        "v_template": vertices,
        "f": faces.astype(np.uint32),
        "shapedirs": np.concatenate(
            [shipped.shape_dirs[born], extra * random.normal(size=kind.shapes - 10).astype(np.float32)], 2
        ),
        "posedirs": extra * random.normal(size=9 * (kind.joint_count - 1)).astype(np.float32),
        "J_regressor": np.concatenate([_regressor(shipped, vertices)[:COMMON], *_near(vertices, _face(shipped, kind))]),
        "weights": shipped.weights[born][:, :COMMON].astype(np.float64),
        "kintree_table": np.array([_parents(kind), range(kind.joint_count)], dtype=np.int64).astype(np.uint32),
    }
    arrays["posedirs"][:, :, : 9 * (COMMON - 1)] += shipped.pose_dirs[born][:, :, : 9 * (COMMON - 1)]
    if not kind.fingers:
        arrays["J_regressor"] = _regressor(shipped, vertices)
        arrays["weights"] = shipped.weights[born].astype(np.float64)
        return arrays
    arrays["J_regressor"] = np.concatenate([arrays["J_regressor"], *_near(vertices, np.concatenate(places))])
    arrays["weights"] = _split_weights(shipped, born, vertices, places, kind)
    return {**arrays, **_hands(random), **(_face_landmarks(random, len(faces)) if kind.face else {})}


def write_npz(path: Path, arrays: dict[str, Any]) -> Path:
    """As SMPL-H and SMPL-X are distributed: beside the arrays a few pickled dictionaries."""
    np.savez(path, **arrays, joint2num=np.array({"Pelvis": 0}, dtype=object))
    return path


def write_pkl(path: Path, arrays: dict[str, Any]) -> Path:
    """As SMPL and SMPL-H are distributed: the regressor is sparse."""
    content = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]), "bs_style": "lbs"}
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def _decimated(shipped: BodyFile, kind: Kind) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces, and the shipped vertex that each comes from; landmarks lie where the package says."""
    from smplx.vertex_ids import vertex_ids

    spare = len(shipped.template) - kind.vertex_count
    vertices, faces, _, born = igl.qslim(
        shipped.template.astype(np.float64), shipped.faces, len(shipped.faces) - 2 * spare
    )
    assert len(vertices) == kind.vertex_count
    order, table = np.arange(len(vertices)), vertex_ids["smplx" if kind.face else "smplh"]
    for name, wanted in table.items():
        at = int(np.linalg.norm(vertices[order] - shipped.template[shipped.landmarks[name]], axis=1).argmin())
        order[[at, wanted]] = order[[wanted, at]]
    return vertices[order].astype(np.float32), np.argsort(order)[faces], born[order]


def _parents(kind: Kind) -> list[int]:
    head, count = JOINT_NAMES.index("head"), COMMON + kind.face
    if not kind.fingers:
        return list(_PARENTS)
    hands = [
        JOINT_NAMES.index(f"{side}_wrist") if knuckle == 0 else count + 15 * hand + 3 * finger + knuckle - 1
        for hand, side in enumerate(("left", "right"))
        for finger in range(5)
        for knuckle in range(3)
    ]
    return [*_PARENTS[:COMMON], *[head] * kind.face, *hands]


def _regressor(shipped: BodyFile, vertices: np.ndarray) -> np.ndarray:
    """The shipped body's, each vertex replaced by the nearest that is left."""
    _, nearest = KDTree(vertices).query(shipped.template)
    regressor = np.zeros((len(JOINT_NAMES), len(vertices)))
    np.add.at(regressor.T, nearest, shipped.joint_regressor.T)
    return regressor


def _near(vertices: np.ndarray, places: np.ndarray) -> list[np.ndarray]:
    """Rows that give the middle of the six vertices nearest to each place."""
    if not len(places):
        return []
    _, nearest = KDTree(vertices).query(places, k=6)
    rows = np.zeros((len(places), len(vertices)))
    np.put_along_axis(rows, nearest, 1.0 / 6.0, 1)
    return [rows]


def _face(shipped: BodyFile, kind: Kind) -> np.ndarray:
    """Where jaw and eyes turn."""
    nose, left, right = (shipped.template[shipped.landmarks[name]] for name in ("nose", "leye", "reye"))
    return np.stack([nose - np.array([0.0, 0.02, 0.08]), left, right])[: kind.face]


def _finger_places(shipped: BodyFile) -> list[np.ndarray]:
    """For each side the fifteen finger joints, on straight lines from the wrist to the tips."""
    joints = shipped.joint_regressor @ shipped.template
    sides = []
    for side in ("left", "right"):
        wrist = joints[JOINT_NAMES.index(f"{side}_wrist")]
        tips = np.stack([shipped.template[shipped.landmarks[side[0] + finger]] for finger in FINGERS])
        shares = np.array([[0.52, 0.7, 0.85]] * 4 + [[0.3, 0.55, 0.8]])
        sides.append((wrist + shares[..., None] * (tips - wrist)[:, None]).reshape(15, 3))
    return sides


def _split_weights(
    shipped: BodyFile, born: np.ndarray, vertices: np.ndarray, places: list[np.ndarray], kind: Kind
) -> np.ndarray:
    """The hands' weights shared out among palm and fingers by distance, the face's a little among jaw and eyes."""
    weights = np.zeros((len(vertices), kind.joint_count))
    weights[:, :COMMON] = shipped.weights[born][:, :COMMON]
    for side, (hand, knuckles) in enumerate(zip(_HANDS, places, strict=True)):
        wrist = (shipped.joint_regressor @ shipped.template)[hand - 2]
        palm = 0.5 * (wrist + knuckles[3])
        centers = np.concatenate([palm[None], knuckles + 0.1 * (knuckles - wrist)])
        share = 1.0 / (np.linalg.norm(vertices[:, None] - centers, axis=2) + 0.003) ** 4
        share *= shipped.weights[born][:, hand, None] / share.sum(1, keepdims=True)
        weights[:, hand - 2] += share[:, 0]
        first = COMMON + kind.face + 15 * side
        weights[:, first : first + 15] = share[:, 1:]
    for joint, place in enumerate(_face(shipped, kind), COMMON):
        share = 0.8 * (np.linalg.norm(vertices - place, axis=1) < (0.04 if joint == COMMON else 0.012))
        weights[:, joint] = share * weights.sum(1)
        weights[:, :COMMON] *= 1.0 - share[:, None]
    return weights / weights.sum(1, keepdims=True)


def _hands(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Fingers that curl a little, and components that are directions at right angles."""
    curl = np.array([[0.0, 0.05, -0.35 if "thumb" not in name else -0.1] for name in LEFT_FINGERS])
    assert len(RIGHT_FINGERS) == len(curl)
    means = {"l": curl.reshape(-1), "r": (curl * [1.0, -1.0, -1.0]).reshape(-1)}
    components = {side: np.linalg.qr(random.normal(size=(45, 45)))[0] for side in means}
    return {f"hands_mean{s}": means[s] for s in means} | {f"hands_components{s}": components[s] for s in means}


def _face_landmarks(random: np.random.Generator, faces: int) -> dict[str, np.ndarray]:
    """What the package asks of SMPL-X files and the body has no use for."""
    corners = random.random((51, 3))
    contour = random.random((79, 17, 3))
    return {
        "lmk_faces_idx": random.integers(0, faces, 51),
        "lmk_bary_coords": corners / corners.sum(1, keepdims=True),
        "dynamic_lmk_faces_idx": random.integers(0, faces, (79, 17)),
        "dynamic_lmk_bary_coords": contour / contour.sum(2, keepdims=True),
    }
