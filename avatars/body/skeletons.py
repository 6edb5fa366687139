"""The skeletons that body model files may have: their joints, and the mesh that their landmarks are counted on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from avatars.body.joints import JOINT_NAMES, SMPLH_JOINT_NAMES, SMPLX_JOINT_NAMES
from avatars.body.smplx_package import landmark_vertices
from nfield.errors import DataError


@dataclass(frozen=True)
class Skeleton:
    """What files of one kind take for granted.

    Attributes:
        joint_names: Its joints in order.
        vertex_count: Vertices of the mesh that such files have.
        landmarks: Vertices of that mesh at nose, eyes, ears, toes, heels and finger tips.
        shape_space: Name of the basis that shape coefficients refer to.
    """

    joint_names: tuple[str, ...]
    vertex_count: int
    landmarks: Mapping[str, int]
    shape_space: str


def _smpl(path: Path) -> Skeleton:
    # As published with the skeletons that extend its 24 joints.
    landmarks = {
        "nose": 332, "reye": 6260, "leye": 2800, "rear": 4071, "lear": 583,
        "LBigToe": 3216, "LSmallToe": 3226, "LHeel": 3387, "RBigToe": 6617, "RSmallToe": 6624, "RHeel": 6787,
        "lthumb": 2746, "lindex": 2319, "lmiddle": 2445, "lring": 2556, "lpinky": 2673,
        "rthumb": 6191, "rindex": 5782, "rmiddle": 5905, "rring": 6016, "rpinky": 6133,
    }  # fmt: skip
    return Skeleton(JOINT_NAMES, 6890, landmarks, "smpl")


def _smplh(path: Path) -> Skeleton:
    return Skeleton(SMPLH_JOINT_NAMES, 6890, landmark_vertices("smplh", path), "smplh")


def _smplx(path: Path) -> Skeleton:
    return Skeleton(SMPLX_JOINT_NAMES, 10475, landmark_vertices("smplx", path), "smplx")


_SKELETONS: Mapping[int, Callable[[Path], Skeleton]] = {
    len(JOINT_NAMES): _smpl,
    len(SMPLH_JOINT_NAMES): _smplh,
    len(SMPLX_JOINT_NAMES): _smplx,
}
"""By the number of joints."""


def skeleton_of(joint_count: int, path: Path) -> Skeleton:
    """The skeleton of a file.

    Args:
        joint_count: Rows of its joint regressor.
        path: The file, for messages.

    Raises:
        DataError: No skeleton has as many joints.
        BackendUnavailable: The package that describes it is not installed.
    """
    if joint_count not in _SKELETONS:
        raise DataError(
            f"{path}: J_regressor has {joint_count} rows, expected the joints of SMPL (24), SMPL-H (52) or SMPL-X (55)"
        )
    return _SKELETONS[joint_count](path)
