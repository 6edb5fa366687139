"""All shipped motions as the text of their files."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assets.build.motions.dance import dance
from assets.build.motions.gait import run, walk
from assets.build.motions.gestures import idle, squat, turn, wave
from assets.build.motions.rig import Rig
from avatars.body import BodyModel
from avatars.motion import Motion
from avatars.motion.legs import leg_length

MAKERS: Mapping[str, Callable[[Rig], Motion]] = {
    "walk": walk, "run": run, "wave": wave, "squat": squat, "turn": turn, "dance": dance, "idle": idle,
}  # fmt: skip
"""By name."""

_DIGITS = 5


def build(model: BodyModel) -> dict[str, str]:
    """The files' texts by name.

    Args:
        model: The shipped body.
    """
    return {name: as_json(maker(Rig(model)), model) for name, maker in MAKERS.items()}


def as_json(motion: Motion, model: BodyModel) -> str:
    """A motion in the format of `avatars.motion.readers.poses_json`, a frame a line."""
    frames = [[_rounded(row) for row in table.flatten(1).tolist()] for table in (motion.rotations, motion.travel)]
    assert motion.contacts is not None
    head: dict[str, Any] = {
        "name": motion.name,
        "fps": round(motion.rate, _DIGITS),
        "loops": motion.loops,
        "leg_length": round(leg_length(model.joint_template), _DIGITS),
    }
    tables = {"travel": frames[1], "contacts": motion.contacts.int().tolist(), "poses": frames[0]}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    lines += [f"{json.dumps(name)}: [\n{_lines(rows)}\n]" for name, rows in tables.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(rows: Sequence[Sequence[float | int]]) -> str:
    return ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)


def _rounded(row: list[float]) -> list[float]:
    return [round(value, _DIGITS) + 0.0 for value in row]
