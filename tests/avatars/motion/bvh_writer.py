"""Writes BVH files with the habits of several programs, and does their forward kinematics: all in plain numpy."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ORDERS = {"XYZ": (0, 1, 2), "ZXY": (2, 0, 1), "ZYX": (2, 1, 0), "YXZ": (1, 0, 2)}


def rotation(axis: int, degrees: float) -> np.ndarray:
    """About one axis, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrices = [
        [[1, 0, 0], [0, c, -s], [0, s, c]],
        [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    ]
    return np.array(matrices[axis])


@dataclass
class Skeleton:
    """Names, parents and offsets; angles are given per frame and joint in the order of the channels, degrees."""

    names: list[str]
    parents: list[int]
    offsets: np.ndarray
    order: str = "ZXY"
    positions: set[int] = field(default_factory=lambda: {0})

    def world(self, angles: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Orientations (t j 3 3) and places (t j 3) by loops."""
        turns = np.zeros((*angles.shape[:2], 3, 3))
        places = np.zeros((*angles.shape[:2], 3))
        for t in range(len(angles)):
            for j, parent in enumerate(self.parents):
                local = np.eye(3)
                for axis, angle in zip(ORDERS[self.order], angles[t, j], strict=True):
                    local = local @ rotation(axis, angle)
                turns[t, j] = local if parent < 0 else turns[t, parent] @ local
                places[t, j] = root[t] if parent < 0 else places[t, parent] + turns[t, parent] @ self.offsets[j]
        return turns, places

    def text(self, angles: np.ndarray, root: np.ndarray, *, seconds: float = 1 / 30, habits: str = "") -> str:
        """The file; habits: tabs, crlf, lower, brace, tight, six."""
        lines: list[str] = ["HIERARCHY"]
        self._joint(0, 0, lines, habits)
        lines.append("MOTION")
        tight = "" if "tight" in habits else " "
        lines += [f"Frames:{tight}{len(angles)}", f"Frame Time:{tight}{seconds:.7f}"]
        for t in range(len(angles)):
            row: list[float] = []
            for j in self._depth_first(0):
                if j in self.positions or "six" in habits:
                    row += list(root[t] if j == 0 else self.offsets[j])
                row += list(angles[t, j])
            lines.append(("\t" if "tabs" in habits else " ").join(f"{value:.6f}" for value in row))
        return ("\r\n" if "crlf" in habits else "\n").join(lines) + "\n"

    def write(self, path: Path, angles: np.ndarray, root: np.ndarray, **choices: object) -> Path:
        path.write_bytes(self.text(angles, root, **choices).encode())  # pyright: ignore[reportArgumentType]
        return path

    def _children(self, joint: int) -> list[int]:
        return [child for child, parent in enumerate(self.parents) if parent == joint]

    def _depth_first(self, joint: int) -> list[int]:
        return [joint, *(below for child in self._children(joint) for below in self._depth_first(child))]

    def _joint(self, joint: int, depth: int, lines: list[str], habits: str) -> None:
        tab = ("\t" if "tabs" in habits else "  ") * depth
        word = "ROOT" if self.parents[joint] < 0 else "JOINT"
        lines += (
            [f"{tab}{word} {self.names[joint]} {{"]
            if "brace" in habits
            else [f"{tab}{word} {self.names[joint]}", tab + "{"]
        )
        lines.append(f"{tab}\tOFFSET " + "\t".join(f"{value:.6f}" for value in self.offsets[joint]))
        places = ["Xposition", "Yposition", "Zposition"] if joint in self.positions or "six" in habits else []
        channels = [*places, *(f"{'XYZ'[axis]}rotation" for axis in ORDERS[self.order])]
        line = f"{tab}  CHANNELS {len(channels)} {' '.join(channels)}"
        lines.append(line.lower() if "lower" in habits else line)
        for child in self._children(joint):
            self._joint(child, depth + 1, lines, habits)
        if not self._children(joint):
            lines += [f"{tab}  End Site", tab + "  {", f"{tab}    OFFSET 0 0 1.5", tab + "  }"]
        lines.append(tab + "}")
