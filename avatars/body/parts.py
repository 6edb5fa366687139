"""Which part of the body a face belongs to, and which vertex is its mirror image."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial import KDTree

from avatars.body.joints import smpl_indices

PART_NAMES = (
    "background",
    "torso",
    "left arm",
    "right arm",
    "left hand",
    "right hand",
    "left thigh",
    "right thigh",
    "left leg",
    "right leg",
    "head",
    "neck",
)
"""Name of each part label; the labels of faces are 1 to 11. Hands include the forearms, legs include the feet."""

# For each of `JOINT_NAMES`: pelvis, hips, spine1, knees, spine2, ankles, spine3, feet, neck, collars, head, shoulders,
# elbows, wrists, hands; left before right.
PART_OF_JOINT = np.array([1, 6, 7, 1, 8, 9, 1, 8, 9, 1, 8, 9, 11, 2, 3, 10, 2, 3, 4, 5, 4, 5, 4, 5], dtype=np.uint8)

SEGMENT_NAMES = (
    *("hips", "torso", "neck", "head", "left upper arm", "right upper arm", "left forearm", "right forearm"),
    *("left hand", "right hand", "left thigh", "right thigh", "left lower leg", "right lower leg", "left foot"),
    "right foot",
)
"""The pieces of the body between its joints, finer than the parts: what a photo may show one of and not the next."""

SEGMENT_OF_JOINT = np.array([0, 10, 11, 1, 12, 13, 1, 14, 15, 1, 14, 15, 2, 1, 1, 3, 4, 5, 6, 7, 8, 9, 8, 9])


def vertex_segments(weights: Float[np.ndarray, "v j"], joint_names: Sequence[str]) -> Int[np.ndarray, "v"]:
    """The segment, an index of `SEGMENT_NAMES`, that moves each vertex most."""
    members = SEGMENT_OF_JOINT[smpl_indices(joint_names), None] == np.arange(len(SEGMENT_NAMES))
    return (weights @ members.astype(weights.dtype)).argmax(1)


def face_parts(
    weights: Float[np.ndarray, "v j"], faces: Int[np.ndarray, "t 3"], joint_names: Sequence[str]
) -> UInt8[np.ndarray, "t"]:
    """The part label, 1 to 11, of each face: the part with the largest skin weight summed over its three corners."""
    members = PART_OF_JOINT[smpl_indices(joint_names), None] == np.arange(len(PART_NAMES))
    of_vertex = weights @ members.astype(weights.dtype)
    return of_vertex[faces].sum(1).argmax(1).astype(np.uint8)


def mirror_vertices(template: Float[np.ndarray, "v 3"]) -> Int[np.ndarray, "v"]:
    """For each vertex, the one nearest to its image under x -> -x (left and right exchanged)."""
    _, nearest = KDTree(template).query(template * np.array([-1.0, 1.0, 1.0], dtype=template.dtype))
    return np.asarray(nearest, dtype=np.int32)
