"""Pictures of one build in several dyes, from many sides and in many poses, and files of them."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.crowd.person import Dye, Facts, Split, drawn_build, drawn_dye
from avatars.crowd.snapshots import Viewpoint, drawn_viewpoint, parts_of, shown, snapshot
from avatars.motion.bank import bank, open_motion
from avatars.people.lighting import Light
from avatars.people.stances import STANCES, stance_rotations
from nfield.errors import DataError
from nfield.whole_file import write_atomically

SIZE = 112
"""Edge of a picture, pixels."""

DYES = 4
"""Of each build; two builds that follow each other have the same ones."""

_TAKEN = (
    *("full",) * 10, *("upper",) * 5, *("torso",) * 4, *("lower",) * 4, *("head",) * 5,
)  # fmt: skip
"""What the pictures of a build are framed around; each of them is of another pose."""


@dataclass(frozen=True)
class Shard:
    """Pictures of one build.

    Attributes:
        pictures: In each dye, of each viewpoint: sRGB and alpha, colours not multiplied by it.
        places: What each viewpoint sees of the body at rest: see `Snapshot.places`.
        viewpoints: Of the pictures.
        covered: How much of what each viewpoint sees is which garment: see `Snapshot.covered`.
        facts: Of each dye.
    """

    pictures: UInt8[np.ndarray, "d k s s 4"]
    places: Float[np.ndarray, "k p p 3"]
    viewpoints: tuple[Viewpoint, ...]
    covered: tuple[Mapping[str, float], ...]
    facts: tuple[Facts, ...]

    def shown(self, dye: int, place: int) -> Facts:
        """What a picture shows."""
        return shown(self.facts[dye], self.viewpoints[place], self.covered[place])

    def save(self, path: Path) -> None:
        """Write a file; it is whole or not there."""
        views, covered = [asdict(view) for view in self.viewpoints], [dict(shares) for shares in self.covered]
        told = {"facts": [dict(facts) for facts in self.facts], "views": views, "covered": covered}
        content = io.BytesIO()
        np.savez_compressed(content, pictures=self.pictures, places=self.places, told=json.dumps(told))
        write_atomically(path, content.getvalue())

    @staticmethod
    def load(path: Path) -> "Shard":
        """Read a file.

        Raises:
            DataError: It is none of these.
        """
        try:
            with path.open("rb") as content, np.load(content) as file:
                pictures, places, told = file["pictures"], file["places"], json.loads(str(file["told"]))
            views = [Viewpoint(**{**view, "light": _light(view["light"])}) for view in told["views"]]
            covered, facts = tuple(told["covered"]), tuple(told["facts"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as wrong:
            raise DataError(
                f"{path}: is not a file of pictures of people ({wrong}); remove it, and make it anew"
            ) from wrong
        return Shard(pictures, places, tuple(views), covered, facts)


class Crowd:
    """Makes shards by their numbers.

    Args:
        split: Of which half of humanity.
        model: The shipped body.
        frames: What pictures are framed around.
    """

    def __init__(self, split: Split, model: BodyModel, frames: Sequence[str] = _TAKEN) -> None:
        self._split, self._model, self._frames = split, model, tuple(frames)
        self._poses = _poses(model)

    def shard(self, number: int) -> Shard:
        """The pictures of a build, the same each time."""
        generator = np.random.default_rng((self._split.value, 3, number))
        build = drawn_build(self._split, number)
        figure = build.sewn(self._model)
        dyes = [drawn_dye(self._split, build, number // 2 * DYES + place) for place in range(DYES)]
        parts, shape = parts_of(figure), torch.tensor(build.shape)
        views, pictures, places, covered = [], [], [], []
        for frame in self._frames:
            rotations = self._poses[int(generator.integers(len(self._poses)))]
            view = drawn_viewpoint(frame, generator)
            posed = figure.model.pose(BodyPose(rotations, torch.zeros(3), shape)).vertices
            seen = snapshot(figure, posed, parts, view, SIZE)
            pictures.append(np.stack([seen.developed(figure, dye.surfaces) for dye in dyes]))
            places.append(seen.places().astype(np.float16))
            covered.append(seen.covered(build.places))
            views.append(view)
        return Shard(np.stack(pictures, 1), np.stack(places), tuple(views), tuple(covered), _facts(dyes))


def _light(told: Mapping[str, Any]) -> Light:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Light(**plain)


def _facts(dyes: Sequence[Dye]) -> tuple[Facts, ...]:
    return tuple(dye.facts for dye in dyes)


def _poses(model: BodyModel) -> Float[Tensor, "p 24 3"]:
    """All frames of the shipped motions, and as many of people who stand; turned to look along z."""
    moving = torch.cat([open_motion(name, model).rotations for name in bank()])
    standing = torch.stack([stance_rotations(stance, yaw=0.0, roll=0.0) for stance in STANCES.values()])
    poses = torch.cat([moving, standing.repeat(-(-len(moving) // len(standing)), 1, 1)]).clone()
    poses[:, 0] = 0.0
    return poses
