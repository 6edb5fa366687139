"""Which joint of a foreign skeleton is which of SMPL's, by the names that common programs give them.

Known are the conventions of CMU's conversions and its own names, Mixamo, Rokoko, Xsens, 3ds Max Biped, MotionBuilder,
LaFAN1, Unreal's mannequin and SMPL. What lies between pelvis and neck is the spine, whatever it is called.
"""

import re
from collections.abc import Mapping, Sequence

_PREFIX = re.compile(r"^(mixamorig\d*|character\d*|valvebiped|bip\d*)(?=[^a-z]|[A-Z]|$)[\s_.:]*", re.IGNORECASE)
_TOKENS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}

_LIMBS = {
    "upleg": "hip", "upperleg": "hip", "thigh": "hip", "hip": "hip", "femur": "hip",
    "leg": "knee", "lowerleg": "knee", "lowleg": "knee", "shin": "knee", "calf": "knee", "knee": "knee",
    "tibia": "knee",
    "ankle": "ankle", "foot": "ankle",
    "toe": "foot", "toes": "foot", "toebase": "foot", "toe0": "foot", "ball": "foot",
    "collar": "collar", "clavicle": "collar", "shoulder": "collar",
    "arm": "shoulder", "upperarm": "shoulder", "uparm": "shoulder", "humerus": "shoulder",
    "forearm": "elbow", "lowerarm": "elbow", "lowarm": "elbow", "elbow": "elbow", "radius": "elbow",
    "wrist": "wrist", "hand": "wrist",
}  # fmt: skip
_NEXT = {"foot": ("ankle", "foot"), "shoulder": ("collar", "shoulder"), "hand": ("wrist", "hand")}
"""Names that mean the next joint of the limb, given second, where another name already stands for the first."""
_CENTRES = {"hips": "pelvis", "hip": "pelvis", "pelvis": "pelvis", "neck": "neck", "lowerneck": "neck", "head": "head"}
_SPINE = ("spine1", "spine2", "spine3")

ESSENTIAL = tuple(
    f"{side}_{name}" for side in ("left", "right") for name in ("hip", "knee", "ankle", "shoulder", "elbow")
)
"""Joints without which no motion can be read."""


def joints_by_name(names: Sequence[str], parents: Sequence[int]) -> dict[str, int]:
    """Of SMPL's joints, those that a skeleton has, and their indices in it.

    >>> found = joints_by_name(["mixamorig:Hips", "mixamorig:Spine", "mixamorig:LeftUpLeg"], [-1, 0, 0])
    >>> found["pelvis"], found["left_hip"]
    (0, 2)
    """
    parts = [_side_and_word(name) for name in names]
    found: dict[str, int] = {}
    for index, (side, word) in enumerate(parts):
        joint = _limb(side, word, parts) if side else _CENTRES.get(word)
        if joint is not None:
            found.setdefault(joint, index)
    hips = [found[name] for name in ("left_hip", "right_hip") if name in found]
    if "pelvis" not in found and len(hips) == 2:
        found["pelvis"] = _common_ancestor(hips, parents)
    return {**found, **_spine(found, parents)}


def _limb(side: str, word: str, parts: Sequence[tuple[str, str]]) -> str | None:
    if word not in _LIMBS:
        return None
    joint = _LIMBS[word]
    first, second = _NEXT.get(word, (joint, joint))
    others = {_LIMBS.get(other) for other_side, other in parts if other_side == side and other != word}
    # An upper arm beside a shoulder tells that the shoulder is the collar, even where no other collar is.
    return f"{side}_{second if first in others or (word == 'shoulder' and second not in others) else first}"


def _side_and_word(name: str) -> tuple[str, str]:
    """The side, or nothing, and what remains of a name, in lower case.

    >>> _side_and_word("Bip01 L Thigh"), _side_and_word("rfemur"), _side_and_word("upperarm_l")
    (('left', 'thigh'), ('right', 'femur'), ('left', 'upperarm'))
    """
    tokens = [token.lower() for token in _TOKENS.findall(_PREFIX.sub("", name.split(":")[-1].strip()))]
    for end in (0, -1):
        if tokens and tokens[end] in _SIDES:
            side = _SIDES[tokens.pop(end)]
            return side, "".join(tokens)
    word = "".join(tokens)
    for start, side in _SIDES.items():
        if word.startswith(start) and word.removeprefix(start) in _LIMBS:
            return side, word.removeprefix(start)
    return "", word


def _common_ancestor(joints: Sequence[int], parents: Sequence[int]) -> int:
    first, second = (_ancestors(joint, parents) for joint in joints)
    return next(joint for joint in first if joint in second)


def _ancestors(joint: int, parents: Sequence[int]) -> list[int]:
    """A joint, its parent, and so on up to the root."""
    way = [joint]
    while parents[way[-1]] >= 0:
        way.append(parents[way[-1]])
    return way


def _spine(found: Mapping[str, int], parents: Sequence[int]) -> dict[str, int]:
    """Joints between the pelvis and the neck: of one the middle of SMPL's spine, of two its ends, of more three."""
    top = found.get("neck", found.get("head"))
    if top is None or "pelvis" not in found:
        return {}
    way = _ancestors(top, parents)[1:]
    if found["pelvis"] in way:
        way = way[: way.index(found["pelvis"])]
    between = [joint for joint in reversed(way) if joint not in found.values()]
    if not between:
        return {}
    if len(between) == 1:
        return {_SPINE[1]: between[0]}
    if len(between) == 2:
        return {_SPINE[0]: between[0], _SPINE[2]: between[1]}
    return dict(zip(_SPINE, (between[0], between[len(between) // 2], between[-1]), strict=True))
