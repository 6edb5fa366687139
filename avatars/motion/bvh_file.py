"""BVH files: a hierarchy of joints, and numbers for its channels in each frame (Biovision, 1999).

Programs write them with habits of their own; names with spaces, tabs, any case of the words, braces on the same line,
joints with positions, channels in any order and number are all read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from nfield.errors import DataError

_AXES = {"x": 0, "y": 1, "z": 2}
_LAYOUT = "expected a BVH file: HIERARCHY with ROOT and JOINTs, then MOTION with Frames, Frame Time and numbers"
_STAYS = 0.1  # of a bone's length: positions nearer to zero than that are added to the offset, not in its place


@dataclass
class BvhJoint:
    """A joint while its file is read.

    Attributes:
        name: As the file has it.
        parent: Index of its parent, -1 for a root.
        offset: From the parent in the rest pose, in the file's unit.
        channels: Kind (position or rotation) and axis of each number that it takes from a frame.
    """

    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class BvhFile:
    """The content of a file.

    Attributes:
        names: Of the joints, parents before children.
        parents: Index of each joint's parent, -1 for a root.
        offsets: Of each joint from its parent in the rest pose, in the file's unit.
        turns: Rotation of each joint against its parent in each frame; all are the identity in the rest pose.
        shifts: Of each joint from its parent in each frame, in the parent's frame and the file's unit.
        rate: Frames per second.
        declared: How many frames the file says that it has.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "j 3"]
    turns: Float[np.ndarray, "t j 3 3"]
    shifts: Float[np.ndarray, "t j 3"]
    rate: float
    declared: int

    @property
    def rest(self) -> Float[np.ndarray, "j 3"]:
        """Where the joints are in the rest pose."""
        places = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                places[joint] += places[parent]
        return places

    def world(self) -> tuple[Float[np.ndarray, "t j 3 3"], Float[np.ndarray, "t j 3"]]:
        """Orientation and place of each joint in each frame."""
        turns, places = self.turns.copy(), self.shifts.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                turns[:, joint] = turns[:, parent] @ self.turns[:, joint]
                places[:, joint] = places[:, parent] + np.einsum("tab,tb->ta", turns[:, parent], self.shifts[:, joint])
        return turns, places


def read_bvh_file(path: Path) -> BvhFile:
    """Reads and checks a file.

    Raises:
        DataError: The file is damaged, or is no BVH.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {_LAYOUT}") from error
    parts = re.split(r"^[ \t]*MOTION[ \t]*\r?$", text, maxsplit=1, flags=re.IGNORECASE | re.MULTILINE)
    if len(parts) != 2 or "hierarchy" not in parts[0][:4096].lower():
        raise DataError(f"{path}: has no {'MOTION' if len(parts) != 2 else 'HIERARCHY'}; {_LAYOUT}")
    joints = _hierarchy(path, parts[0])
    declared, seconds, numbers = _motion(path, parts[1], sum(len(joint.channels) for joint in joints))
    turns, shifts = _frames(joints, numbers)
    names, parents = tuple(joint.name for joint in joints), tuple(joint.parent for joint in joints)
    offsets = np.array([joint.offset for joint in joints])
    return BvhFile(names, parents, offsets, turns, shifts, 1.0 / seconds if seconds > 0.0 else 0.0, declared)


def _hierarchy(path: Path, text: str) -> list[BvhJoint]:
    """The joints, in the order of the file; ends of limbs have no channels and are left out."""
    joints: list[BvhJoint] = []
    open_braces: list[int] = []  # the joint of each; -1 in the end of a limb
    current = -1
    for line in _lines(text):
        word, _, rest = line.partition(" ")
        match word.lower():
            case "root" | "joint":
                current = len(joints)
                joints.append(BvhJoint(rest.strip(), open_braces[-1] if open_braces else -1))
            case "end":
                current = -1
            case "{":
                open_braces.append(current)
            case "}":
                _closed(path, open_braces)
            case "offset" if open_braces and open_braces[-1] >= 0:
                joints[open_braces[-1]].offset = _offset(path, line)
            case "channels" if open_braces and open_braces[-1] >= 0:
                joints[open_braces[-1]].channels = _channels(path, rest.split()[1:], joints[open_braces[-1]].name)
    if open_braces or not joints:
        raise DataError(f"{path}: {'a brace is not closed' if joints else 'has no ROOT'}; {_LAYOUT}")
    return joints


def _lines(text: str) -> Iterator[str]:
    """Lines with one space between words, braces on lines of their own."""
    for line in re.sub(r"([{}])", r"\n\1\n", text).splitlines():
        if words := line.split():
            yield " ".join(words)


def _closed(path: Path, open_braces: list[int]) -> None:
    if not open_braces:
        raise DataError(f"{path}: a brace is closed that was not opened; {_LAYOUT}")
    open_braces.pop()


def _offset(path: Path, line: str) -> tuple[float, float, float]:
    try:
        x, y, z = map(float, line.split()[1:])
    except ValueError as error:
        raise DataError(f"{path}: {line!r} is not an OFFSET of three numbers; {_LAYOUT}") from error
    return x, y, z


def _channels(path: Path, words: Sequence[str], joint: str) -> list[tuple[str, int]]:
    found = []
    for word in words:
        match = re.fullmatch(r"([xyz])(position|rotation)", word.lower())
        if match is None:
            raise DataError(f"{path}: the joint {joint!r} has a channel {word!r}, expected Xposition ... Zrotation")
        found.append((match[2], _AXES[match[1]]))
    return found


def _motion(path: Path, text: str, channels: int) -> tuple[int, float, Float[np.ndarray, "t c"]]:
    """Declared frames, seconds a frame, and the numbers."""
    count = re.search(r"frames\s*:\s*(\d+)", text, re.IGNORECASE)
    time = re.search(r"frame\s*time\s*:\s*([-+.\de]+)", text, re.IGNORECASE)
    if count is None or time is None:
        raise DataError(f"{path}: its MOTION lacks {'Frames' if count is None else 'Frame Time'}; {_LAYOUT}")
    try:
        numbers = np.array(text[max(count.end(), time.end()) :].split(), np.float64)
        seconds = float(time[1])
    except ValueError as error:
        raise DataError(f"{path}: its MOTION holds what is no number ({error}); {_LAYOUT}") from error
    if not channels or len(numbers) % channels or not len(numbers):
        raise DataError(
            f"{path}: its joints take {channels} numbers a frame, but {len(numbers)} numbers came, which are no whole "
            "frames; the file may be cut off, take it from its source again"
        )
    return int(count[1]), seconds, numbers.reshape(-1, channels)


def _frames(
    joints: Sequence[BvhJoint], numbers: Float[np.ndarray, "t c"]
) -> tuple[Float[np.ndarray, "t j 3 3"], Float[np.ndarray, "t j 3"]]:
    """Rotations and shifts of all joints against their parents."""
    turns = np.tile(np.eye(3), (len(numbers), len(joints), 1, 1))
    shifts = np.tile(np.array([joint.offset for joint in joints]), (len(numbers), 1, 1))
    column = 0
    for index, joint in enumerate(joints):
        taken = numbers[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        turns[:, index] = _turned(joint, taken)
        places = {axis: taken[:, i] for i, (kind, axis) in enumerate(joint.channels) if kind == "position"}
        shifts[:, index] = _shifted(joint, places, shifts[:, index])
    return turns, shifts


def _turned(joint: BvhJoint, taken: Float[np.ndarray, "t c"]) -> Float[np.ndarray, "t 3 3"]:
    """The product of the rotations in the order of the channels, the first one outermost."""
    turn = np.tile(np.eye(3), (len(taken), 1, 1))
    for i, (kind, axis) in enumerate(joint.channels):
        if kind == "rotation":
            turn = turn @ Rotation.from_euler("xyz"[axis], taken[:, i, None], degrees=True).as_matrix()
    return turn


def _shifted(
    joint: BvhJoint, places: dict[int, Float[np.ndarray, "t"]], offset: Float[np.ndarray, "t 3"]
) -> Float[np.ndarray, "t 3"]:
    """The offset with the positions in its place; programs that write what they add to it write about nothing there."""
    if not places:
        return offset
    given = np.stack([places.get(axis, offset[:, axis]) for axis in range(3)], 1)
    bone = float(np.linalg.norm(joint.offset))
    added = joint.parent >= 0 and len(places) == 3 and np.linalg.norm(given, axis=1).max() < _STAYS * bone
    return offset + given if added else given
