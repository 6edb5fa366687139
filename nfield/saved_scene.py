"""The run of a scene: what its checkpoint holds beside the field, and how it is loaded to be looked at."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Shaped
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.checkpoint import DAMAGED, Checkpoint, building, load_checkpoint, load_field, restore_module
from nfield.data.world import World
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.fields.offloaded import offloaded
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.types import Box, Triple

_OPTIONAL_PARTS = ("distortion", "projection", "sizes")
"""Of `Cameras`: what only some have."""

KIND = "radiance"
"""The kind of a scene's run."""


@dataclass(frozen=True)
class BoxRecord:
    """A `Box` as it is saved."""

    low: Triple
    high: Triple

    @property
    def box(self) -> Box:
        """The box."""
        return Box(torch.tensor(self.low), torch.tensor(self.high))


@dataclass(frozen=True)
class OrbitRecord:
    """An `Orbit` as it is saved."""

    target: Triple
    up: Triple
    start: Triple
    focal: float
    size: tuple[int, int]
    arc: float

    @property
    def orbit(self) -> Orbit:
        """The orbit."""
        target, up, start = (torch.tensor(vector) for vector in (self.target, self.up, self.start))
        return Orbit(target, up, start, self.focal, self.size, self.arc)


@dataclass(frozen=True)
class SceneRecord:
    """What rendering a scene takes beside its field: the entry "scene" of `Checkpoint.extra`."""

    inner: BoxRecord
    """Box of the sampler's finest cascade."""
    sampler: OccupancyConfig
    """Its options."""
    near: float
    """Distance before which nothing is rendered, metres."""
    background: Triple
    """sRGB colour behind everything."""
    orbit: OrbitRecord
    """A circle of cameras around the scene."""
    world: World = dataclasses.field(default_factory=World)
    """How the scene lies in the world of the user's files."""


@dataclass(frozen=True)
class SavedScene:
    """A trained scene, ready to be looked at.

    Attributes:
        shown: Renders it.
        record: What rendering it takes beside its field.
        cameras: Where the photos were taken that it was trained on.
        checkpoint: All that was saved.
    """

    shown: SceneRenderer
    record: SceneRecord
    cameras: Cameras
    checkpoint: Checkpoint

    @property
    def orbit(self) -> Orbit:
        """A circle of cameras around it."""
        return self.record.orbit.orbit

    def offloaded(self, device: torch.device) -> "SavedScene":
        """The same on the CPU, but for its field, which answers on a device."""
        field = offloaded(self.shown.field, device)
        return dataclasses.replace(self, shown=dataclasses.replace(self.shown, field=field))


def load_scene_run(run: Path, *, device: torch.device = CPU) -> SavedScene:
    """The trained scene of a run folder.

    Args:
        run: The folder, or its checkpoint.
        device: Where its field and sampler go.

    Raises:
        CheckpointError: The checkpoint cannot be used, or it is not that of a scene.
    """
    checkpoint = load_checkpoint(run)
    checkpoint.require_kind(KIND, where=run, made_by="nfield train")
    record = checkpoint.entry("scene", SceneRecord, where=run)
    with building(run):
        sampler = OccupancySampler(record.inner.box, record.sampler)
    restore_module(sampler, checkpoint.part("sampler"), where=f"{run}: sampler")
    field = load_field(checkpoint, where=run)
    renderer = Renderer(sampler).to(device)
    shown = SceneRenderer(field.to(device), renderer, checkpoint.box, record.near, record.background)
    return SavedScene(shown, record, _cameras(checkpoint, record.orbit.size, where=run), checkpoint)


def camera_tensors(cameras: Cameras) -> dict[str, Shaped[Tensor, "..."]]:
    """Cameras as the part "cameras" of a checkpoint; their image size is that of its orbit."""
    tensors = {"cameras.intrinsics": cameras.intrinsics, "cameras.world_from_camera": cameras.world_from_camera}
    optional = {name: getattr(cameras, name) for name in _OPTIONAL_PARTS}
    return tensors | {f"cameras.{name}": part for name, part in optional.items() if part is not None}


def _cameras(checkpoint: Checkpoint, size: tuple[int, int], *, where: Path) -> Cameras:
    tensors = checkpoint.part("cameras")
    if not {"intrinsics", "world_from_camera"} <= set(tensors):
        raise CheckpointError(f"{where}: lacks the cameras of its photos; {DAMAGED}")
    optional = {name: tensors.get(name) for name in _OPTIONAL_PARTS}
    return Cameras(tensors["intrinsics"], tensors["world_from_camera"], size, **optional)
