"""The truth about a person, drawn once and kept in a folder: the photo, its body and camera, and the held-out views.

`<subject>-<key>/` holds `truth.json`, `body.npz`, `photo.png` and two files for each view, `<view>.png` and
`<view>-labels.png`. Pictures have eight bits a channel; the alpha channel is the person's opacity and the colours are
not divided by it: those of the photo hold its background, those of the views are over white.
"""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from avatars.benchmark.views import PoseViews
from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import BodyParameters, load_parameters, save_parameters
from nfield.cameras import Cameras
from nfield.data.picture_files import to_bytes
from nfield.errors import DataError
from nfield.training.run_folder import write_json
from nfield.whole_file import write_atomically

_FACTS, _BODY, _PHOTO = "truth.json", "body.npz", "photo"
_KEY_LENGTH = 12

Watch = Callable[[int, int], None]
"""Told how many pictures there are and how many there shall be."""


@runtime_checkable
class Shot(Protocol):
    """A picture that the generator drew: see `avatars.people.truth`."""

    @property
    def color(self) -> Float[Tensor, "h w 3"]:
        """In sRGB, [0, 1]."""
        ...

    @property
    def alpha(self) -> Float[Tensor, "h w"]:
        """The person's opacity."""
        ...

    @property
    def labels(self) -> Int[Tensor, "h w"]:
        """What each pixel shows."""
        ...


@runtime_checkable
class Draws(Protocol):
    """The generator's account of one person."""

    @property
    def model(self) -> BodyModel:
        """The bare body."""
        ...

    @property
    def pose(self) -> BodyPose:
        """In the photo camera's frame."""
        ...

    @property
    def camera(self) -> Cameras:
        """The photo's."""
        ...

    def photo(self) -> Shot:
        """The photo."""
        ...

    def shot(self, pose: BodyPose, cameras: Cameras, index: int) -> Shot:
        """One camera's view of a pose, over white."""
        ...


@dataclass(frozen=True)
class TruePicture:
    """What a view truly looks like.

    Attributes:
        color: sRGB in [0, 1]; over white in views.
        alpha: The person's opacity.
        labels: Index into the truth's label names; 0 is the background.
    """

    color: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    labels: Int[Tensor, "h w"]


@dataclass(frozen=True)
class CachedTruth:
    """A folder of truth, read.

    Attributes:
        folder: Where it lies.
        subject: Name of the person.
        key: What it was drawn from; see `truth_key`.
        labels: Names of the labels.
        pose: The body in the frame of the photo's camera.
        camera: The photo's.
    """

    folder: Path
    subject: str
    key: str
    labels: tuple[str, ...]
    pose: BodyPose
    camera: Cameras

    @staticmethod
    def load(folder: Path, model: BodyModel) -> "CachedTruth":
        """The truth in a folder.

        Raises:
            DataError: The folder holds none.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            camera = facts["camera"]
            cameras = Cameras(
                torch.tensor([camera["intrinsics"]]), torch.tensor([camera["world_from_camera"]]), tuple(camera["size"])
            )
            body = load_parameters(folder / _BODY, model)
            return CachedTruth(folder, facts["subject"], facts["key"], tuple(facts["labels"]), body.pose, cameras)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError) as error:
            raise DataError(f"{folder}: holds no drawn person ({error!r}); remove it, and it is drawn again") from error

    def photo(self) -> tuple[UInt8[Tensor, "h w 3"], Float[Tensor, "h w"]]:
        """The photo and the person's exact matte."""
        pixels = _read(self.folder / f"{_PHOTO}.png")
        return pixels[..., :3].contiguous(), pixels[..., 3].float() / 255.0

    def view(self, name: str) -> TruePicture:
        """A held-out view, by `View.name`."""
        pixels = _read(self.folder / f"{name}.png").float() / 255.0
        labels = _read(_labels_file(self.folder, name)).long()
        return TruePicture(pixels[..., :3], pixels[..., 3], labels)


def truth_key(*causes: object) -> str:
    """A short name of all that the truth depends on: the same for causes that print alike."""
    return hashlib.sha256(repr(causes).encode()).hexdigest()[:_KEY_LENGTH]


def truth_folder(out: Path, subject: str, key: str) -> Path:
    """Where a person's truth lies in the benchmark's folder."""
    return out / "truth" / f"{subject}-{key}"


def missing_views(folder: Path, names: Sequence[str]) -> list[str]:
    """The names of the views, and of the photo, that are not drawn yet."""
    facts = folder / _FACTS
    wanted = [_PHOTO, *names]
    return [name for name in wanted if not (facts.is_file() and _labels_file(folder, name).is_file())]


def draw(
    truth: Draws, folder: Path, around: Sequence[PoseViews], *, subject: str, labels: Sequence[str], watch: Watch
) -> None:
    """Draws what is missing in a truth's folder; stopped at any time, it goes on from there.

    Args:
        truth: The generator's.
        folder: Of this person.
        around: The held-out views.
        subject: The person's name.
        labels: Names of the labels, the background first.
        watch: Told after each picture.
    """
    missing = set(missing_views(folder, [view.name for scene in around for view in scene.views]))
    total = 1 + sum(len(scene.views) for scene in around)
    if _PHOTO in missing:
        folder.mkdir(parents=True, exist_ok=True)
        save_parameters(folder / _BODY, BodyParameters(truth.pose, None), truth.model)
        _write(folder, _PHOTO, truth.photo())
        write_json(folder / _FACTS, _facts(truth, folder, subject, labels))
    done = total - len(missing) + (_PHOTO in missing)
    watch(done, total)
    for scene in around:
        for index, view in enumerate(scene.views):
            if view.name in missing:
                _write(folder, view.name, truth.shot(scene.pose, scene.cameras, index))
                done += 1
                watch(done, total)


def _facts(truth: Draws, folder: Path, subject: str, labels: Sequence[str]) -> dict[str, object]:
    camera = truth.camera
    return {
        "subject": subject,
        "key": folder.name.rpartition("-")[2],
        "labels": list(labels),
        "camera": {
            "intrinsics": camera.intrinsics[0].tolist(),
            "world_from_camera": camera.world_from_camera[0].tolist(),
            "size": list(camera.size),
        },
    }


def _write(folder: Path, name: str, shot: Shot) -> None:
    """The picture first, then its labels, which say that both are there."""
    pixels = to_bytes(torch.cat([shot.color, shot.alpha[..., None]], -1)).numpy()
    write_atomically(folder / f"{name}.png", _png(pixels))
    write_atomically(_labels_file(folder, name), _png(shot.labels.numpy().astype(np.uint8)))


def _labels_file(folder: Path, name: str) -> Path:
    return folder / f"{name}-labels.png"


def _png(pixels: UInt8[np.ndarray, "h w *c"]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _read(path: Path) -> UInt8[Tensor, "h w *c"]:
    try:
        with Image.open(path) as picture:
            return torch.from_numpy(np.array(picture))
    except OSError as error:
        raise DataError(f"{path}: not readable as a picture ({error}); remove it, and it is drawn again") from error
