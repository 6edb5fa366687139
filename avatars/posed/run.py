"""An avatar's run folder: its checkpoint and its body, written and read.

A run is whole: `body_model.npz` holds the body that it was made with, and the checkpoint that body's hash. Runs from
before there were these two are taken to be of the shipped body.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.saved_model import FILE, body_hash, load_body, save_body
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig, field_box
from avatars.posed.warp import SkinningConfig
from avatars.surface.dressed import DressedSurface
from avatars.surface.garment.garment import Garment
from nfield.cameras import Cameras
from nfield.checkpoint import DAMAGED, Checkpoint, building, load_checkpoint, restore_module, save_checkpoint
from nfield.config_json import to_json
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.fields.unlit import UnlitField
from nfield.rendering.samplers.occupancy import OccupancyConfig

KIND = "avatar"
"""The kind of an avatar's run."""


@dataclass(frozen=True)
class GarmentRecord:
    """The entry "garment" of `Checkpoint.extra`: what its loose clothes' tensors do not say."""

    kinds: tuple[str, ...]
    """See `Garment`."""
    solid: tuple[tuple[str, ...], ...]
    """See `Garment`."""


@dataclass(frozen=True)
class BodyRecord:
    """The entry "body": which body the run was made with."""

    provenance: str = ""
    """A remark."""
    shape_space: str = ""
    """What its shape coefficients mean."""
    sha256: str | None = None
    """Of the body; None in runs from before there was one."""


@dataclass(frozen=True)
class PortraitRecord:
    """The entry "portrait": how the photo was taken."""

    focal: float
    """Pixels."""
    size: tuple[int, int]
    """Height and width."""

    def __post_init__(self) -> None:
        if not (self.focal > 0.0 and min(self.size) > 0):
            raise ValueError(f"focal {self.focal:g} and size {self.size} are not those of a photo")


UNFINISHED = "fit"
"""Entry of the checkpoint of a fit that is not finished: where it was."""

_OLD_ROOM = 0.035
"""`FigureConfig.room` of runs that do not say it."""


def save_avatar(run: Path, avatar: Avatar, *, step: int, seconds: float) -> None:
    """Writes an avatar's checkpoint, and its body beside it, into a run folder.

    Args:
        run: The folder.
        avatar: The avatar.
        step: Training steps done.
        seconds: Training time spent.
    """
    save_body(run / FILE, avatar.model)
    save_checkpoint(run, avatar_checkpoint(avatar, step=step, seconds=seconds))


def avatar_checkpoint(avatar: Avatar, *, step: int, seconds: float) -> Checkpoint:
    """What is saved of an avatar; see `save_avatar`. The tensors are the live ones, not copies."""
    field = avatar.canonical.field
    assert isinstance(field, UnlitField)
    carried, extra = avatar_parts(avatar)
    tensors = {f"field.{name}": value for name, value in field.inner.state_dict().items()}
    tensors |= {f"sampler.{n}": value for n, value in avatar.canonical.renderer.sampler.state_dict().items()}
    box = field_box(avatar.vertices)
    return Checkpoint(KIND, avatar.config.field, box, {**tensors, **carried}, step=step, seconds=seconds, extra=extra)


def restore_avatar(avatar: Avatar, saved: Checkpoint, *, where: Path) -> None:
    """Gives an avatar the field and the sampler of a checkpoint.

    Args:
        avatar: What is changed.
        saved: From `avatar_checkpoint`.
        where: Its run folder, for messages.
    """
    field = avatar.canonical.field
    assert isinstance(field, UnlitField)
    restore_module(field.inner, saved.part("field"), where=f"{where}: field")
    restore_module(avatar.canonical.renderer.sampler, saved.part("sampler"), where=f"{where}: sampler")


def avatar_parts(avatar: Avatar) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON values of an avatar's checkpoint beside its field and sampler: whatever field it has."""
    pose, camera = avatar.portrait.pose, avatar.portrait.camera
    tensors = {
        "body.vertices": avatar.dressed.rest,
        "body.faces": avatar.dressed.faces,
        "body.rotations": pose.rotations,
        "body.translation": pose.translation,
        "body.shape": pose.shape,
    }
    garment = avatar.dressed.garment
    if garment is not None:
        tensors |= {f"garment.{name}": value for name, value in garment.tensors().items()}
    body = BodyRecord(avatar.model.provenance, avatar.model.shape_space, body_hash(avatar.model))
    extra: dict[str, Any] = {
        "garment": None if garment is None else to_json(GarmentRecord(garment.kinds, garment.solid)),
        "body": to_json(body),
        "portrait": to_json(PortraitRecord(float(camera.focal_lengths[0, 0]), camera.size)),
        "sampler": to_json(avatar.config.sampler),
        "skinning": to_json(avatar.config.skinning),
        "room": avatar.config.room,
    }
    return tensors, extra


def load_avatar(run: Path, model: BodyModel | None = None, *, device: torch.device = CPU) -> Avatar:
    """The avatar of a run folder.

    Args:
        run: The folder that `nfield fit` wrote.
        model: The body it was made with; that of the folder where it is left out.
        device: Where its field answers.

    Raises:
        CheckpointError: The folder holds no avatar, or one of another body.
    """
    saved = load_checkpoint(run)
    saved.require_kind(KIND, where=run, made_by="nfield fit")
    if UNFINISHED in saved.extra:
        message = f"{run}: its fit is not finished ({saved.step} steps so far); nfield fit --resume --out {run} goes on"
        warnings.warn(message, UserWarning, stacklevel=2)
    model = _body_of(run, saved, model)
    body = saved.part("body")
    dressed = _dressed(run, saved, model)
    sampler = saved.entry("sampler", OccupancyConfig, where=run)
    skinning = saved.entry("skinning", SkinningConfig, where=run)
    config = FigureConfig(saved.field, sampler, skinning, saved.value("room", float, default=_OLD_ROOM, where=run))
    photo = saved.entry("portrait", PortraitRecord, where=run)
    pose = BodyPose(body["rotations"], body["translation"], body["shape"])
    portrait = Portrait(pose, Cameras.pinhole(photo.focal, photo.size))
    with building(run):
        avatar = Avatar.start(model, dressed, portrait, config, device=device)
    restore_avatar(avatar, saved, where=run)
    return avatar


def _dressed(run: Path, saved: Checkpoint, model: BodyModel) -> DressedSurface:
    """The dressed surface of a run; runs from before surfaces had triangles of their own have the body's."""
    body = saved.part("body")
    loose = saved.value("garment", GarmentRecord | None, default=None, where=run)
    garment = None if loose is None else _garment(run, saved.part("garment"), loose)
    needed = {"vertices", "rotations", "translation", "shape"}
    count = len(model.template) + (0 if garment is None else len(garment.rest))
    if set(body) - {"faces"} != needed or len(body["vertices"]) != count:
        raise CheckpointError(f"{run}: was made with another body model; give the same model file as for the fit")
    return DressedSurface(body["vertices"], body.get("faces", model.faces), garment)


def _garment(run: Path, tensors: dict[str, Tensor], facts: GarmentRecord) -> Garment:
    try:
        return Garment(**tensors, kinds=facts.kinds, solid=facts.solid)
    except TypeError as error:
        raise CheckpointError(f"{run}: its loose clothes cannot be read ({error}); {DAMAGED}") from error


def _body_of(run: Path, saved: Checkpoint, given: BodyModel | None) -> BodyModel:
    """The body of a run: the given one, that of its folder, or, for old runs, the shipped one; checked by its hash."""
    path = run / FILE if run.is_dir() else run.with_name(FILE)
    model = given or (load_body(path) if path.is_file() else BodyModel.load())
    facts = saved.entry("body", BodyRecord, where=run)
    expected, found = facts.sha256, None
    if expected is not None and expected != (found := body_hash(model)):
        advice = "leave the model out" if given and path.is_file() else "give the same model file as for the fit"
        raise CheckpointError(
            f"{run}: was made with the body {_named(facts.provenance, expected)}, "
            f"not with {_named(model.provenance, found)}; {advice}"
        )
    return model


def _named(provenance: str, sha256: str) -> str:
    return f"{provenance!r} (SHA-256 {sha256[:12]})"
