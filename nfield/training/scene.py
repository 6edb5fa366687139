"""From posed images to a task: which sampler, box and near plane a scene takes, and what a budget can afford."""

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.data.base import PosedImages
from nfield.data.world import World
from nfield.devices import CPU
from nfield.fields import BACKENDS, BuildContext, FieldConfig
from nfield.fields.base import put_down_to
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import BoxRecord, OrbitRecord, SceneRecord
from nfield.training.optim import OptimConfig
from nfield.training.radiance import RadianceConfig, RadianceTask
from nfield.types import triple

_NEAR_SHARE = 0.05
_UNSEEN_SHARE = 0.2
_CONE = 1.0 / 256.0
_LEAST_SPREAD = 0.02
_LARGE_GAP = 0.5 * math.pi
_BLACK = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Preset:
    """What a budget affords."""

    field: FieldConfig
    """Size of the field."""
    radiance: RadianceConfig
    """Samples and rays of a step; `near` follows from the scene."""
    optim: OptimConfig
    """Learning rates and their schedule."""


def preset(minutes: float, *, backend: str = "hash") -> Preset:
    """Options that do best within a budget, as the backend's config knows them.

    Args:
        minutes: Training time on two cores.
        backend: Name of the field's backend.
    """
    return preset_of(BACKENDS[backend].for_budget(minutes))


def preset_of(config: FieldConfig) -> Preset:
    """Options of a training that suit those of a field, which may be any.

    Args:
        config: Of the field.
    """
    learning = config.learning()
    radiance = RadianceConfig(samples=learning.samples, first_samples=learning.first_samples)
    return Preset(config, radiance, OptimConfig(rates=learning.rates))


@dataclass(frozen=True)
class SceneSetup:
    """A task on a scene, with what shows its state.

    Attributes:
        task: What is trained.
        shown: Renders its field.
        sampler: Options of the occupancy grid.
    """

    task: RadianceTask
    shown: SceneRenderer
    sampler: OccupancyConfig


def set_up(
    images: PosedImages,
    config: FieldConfig,
    *,
    radiance: RadianceConfig,
    generator: torch.Generator,
    device: torch.device = CPU,
) -> SceneSetup:
    """A new field on a scene.

    Args:
        images: Views to train on.
        config: The field's backend and options.
        radiance: Options of the task; its `near` is replaced where the scene has a background.
        generator: Draws the field's first values, on a CPU, so that they are the same on all devices.
        device: Where the field is trained.
    """
    near = _NEAR_SHARE * images.scale if images.unbounded else radiance.near
    options = sampler_options(images)
    sampler = OccupancySampler(images.inner, options)
    if images.unbounded:
        sampler.forget_unseen(images.cameras, nearest=_UNSEEN_SHARE * images.scale)
    elif images.has_alpha and not radiance.refine_cameras:  # cameras that are not exact would carve the object
        sampler.carve(images.cameras, [images.solid(index) for index in range(len(images))])
    with put_down_to(config):
        built = config.build(BuildContext(images.box, generator)).to(device)
    renderer = Renderer(sampler).to(device)
    task = RadianceTask(built, renderer, images, dataclasses.replace(radiance, near=near))
    shown = SceneRenderer(built, renderer, images.box, near, images.background or _BLACK)
    return SceneSetup(task, shown, options)


def sampler_options(images: PosedImages) -> OccupancyConfig:
    """Cascades from the subject to the whole box; steps that grow with distance where there is a background."""
    ratio = float((images.box.size / images.inner.size).max())
    cascades = 1 + math.ceil(math.log2(ratio) - 1e-3)
    return OccupancyConfig(cascades=cascades, cone=_CONE if images.unbounded else 0.0)


def orbit_around(images: PosedImages) -> Orbit:
    """A circle at the mean distance and height of the cameras, around the middle of the first cascade.

    Its axis is what the cameras hold upright; it starts on the side where most cameras are. Where they
    leave a large part of the circle out, nobody knows what is seen from there: the orbit keeps to the rest.
    """
    cameras = images.cameras
    target = 0.5 * (images.inner.low + images.inner.high)
    up = _upward(cameras)
    offsets = cameras.origins - target
    height = (offsets @ up).mean()
    across = offsets - (offsets @ up)[:, None] * up
    toward = torch.nn.functional.normalize(across.mean(0) + 1e-6 * across[0], dim=0)
    start = height * up + across.norm(dim=-1).mean() * toward
    side = torch.linalg.cross(up, toward)
    azimuth = torch.atan2(across @ side, across @ toward)
    focal = float(cameras.intrinsics[:, 0, 0].mean())
    return Orbit(target, up, start, focal, cameras.size, _covered(azimuth))


def _upward(cameras: Cameras) -> Float[Tensor, "3"]:
    """The direction that is most nearly at right angles to all cameras' rows of pixels, on the side of their tops.

    Cameras that all look the same way leave it open; theirs is the mean of their upward directions.
    """
    across, above = cameras.world_from_camera[:, :3, 0], -cameras.world_from_camera[:, :3, 1].mean(0)
    spread, axes = torch.linalg.eigh(across.T @ across / len(across))
    found = axes[:, 0] * torch.sign(axes[:, 0] @ above) if float(spread[1]) > _LEAST_SPREAD else above
    return torch.nn.functional.normalize(found, dim=0)


def _covered(azimuth: Float[Tensor, "k"]) -> float:
    """The arc around azimuth 0 that cameras cover evenly on both sides, radians; a full turn where no gap is large."""
    ordered = azimuth.sort().values
    gaps = torch.diff(ordered, append=ordered[:1] + 2.0 * math.pi)
    if float(gaps.max()) < _LARGE_GAP:
        return 2.0 * math.pi
    left, right = (float(azimuth.clamp(*side).abs().max()) for side in ((None, 0.0), (0.0, None)))
    return 2.0 * min(left, right)


def record_of(setup: SceneSetup, images: PosedImages, world: World | None = None) -> SceneRecord:
    """What is saved beside the field, so that it can be rendered and brought back into the user's world."""
    orbit = orbit_around(images)
    return SceneRecord(
        inner=BoxRecord(triple(images.inner.low), triple(images.inner.high)),
        sampler=setup.sampler,
        near=setup.shown.near,
        background=setup.shown.background,
        orbit=OrbitRecord(
            triple(orbit.target), triple(orbit.up), triple(orbit.start), orbit.focal, orbit.size, orbit.arc
        ),
        world=world or World(),
    )
