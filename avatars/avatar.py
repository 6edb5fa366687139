"""An avatar: a canonical field, the body that moves it, and how both are posed, rendered and saved."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.skinning import transform
from avatars.shell_sampler import ShellSampler
from avatars.task import Stage
from avatars.views import body_box
from avatars.warp import InverseSkinning, SkinningConfig
from nfield.cameras import Cameras, Orbit
from nfield.checkpoint import Checkpoint, load_checkpoint, restore_module, save_checkpoint
from nfield.config_json import from_json, to_json
from nfield.errors import CheckpointError, DataError
from nfield.fields import BuildContext, Field, FieldConfig, HashConfig
from nfield.fields.unlit import UnlitField
from nfield.fields.warped import WarpedField
from nfield.kernels.rasterize import rasterize
from nfield.rendering.image import CHUNK, Image, ShouldStop, never, render_rays
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.types import Box

KIND = "avatar"
_BACKGROUND = (1.0, 1.0, 1.0)
_MARGIN = 0.1
_DEEP = 0.035  # metres behind the body's surface, where no light arrives
_DETAILS = ("nose", "lmiddle", "rmiddle", "LBigToe", "RBigToe")


@dataclass(frozen=True)
class FigureConfig:
    """What an avatar is made of."""

    field: FieldConfig = dataclasses.field(
        default_factory=lambda: HashConfig(levels=14, log2_table_size=19, finest_resolution=1536, hidden=32)
    )
    """The canonical field."""
    sampler: OccupancyConfig = dataclasses.field(
        default_factory=lambda: OccupancyConfig(resolution=96, steps=512, coarse=1.0, cull_stride=3, threshold=0.02)
    )
    """Where it is sampled, at rest and posed."""
    skinning: SkinningConfig = dataclasses.field(default_factory=SkinningConfig)
    """How the space around the body follows it."""
    room: float = 0.035
    """Up to this distance from the dressed body, metres, the field is asked even where it was empty before."""


@dataclass(frozen=True)
class Portrait:
    """How the photo saw the person.

    Attributes:
        pose: The body in the photo camera's axes.
        camera: The one camera that took the photo; its world is its own frame.
    """

    pose: BodyPose
    camera: Cameras


@dataclass(frozen=True)
class Avatar:
    """A person that can be posed.

    Attributes:
        model: The body that moves.
        vertices: The body at rest in its clothes, metres.
        canonical: The field at rest and its renderer.
        portrait: How the photo saw it.
        config: What it is made of.
    """

    model: BodyModel
    vertices: Float[Tensor, "v 3"]
    canonical: Stage
    portrait: Portrait
    config: FigureConfig

    @staticmethod
    def start(
        model: BodyModel,
        vertices: Float[Tensor, "v 3"],
        portrait: Portrait,
        config: FigureConfig,
        generator: torch.Generator | None = None,
    ) -> "Avatar":
        """An avatar whose field has learned nothing yet."""
        field = UnlitField(config.field.build(BuildContext(field_box(vertices), generator)))
        return Avatar(model, vertices, _stage(field, vertices, config), portrait, config)

    def posed_body(self, pose: BodyPose) -> tuple[Float[Tensor, "v 3"], Body]:
        """The dressed vertices in a pose, metres, and the body under them."""
        body = self.model.pose(dataclasses.replace(pose, shape=self.portrait.pose.shape))
        return transform(body.posed_from_rest, self.vertices), body

    def posed(self, pose: BodyPose) -> "PosedAvatar":
        """The avatar in a pose; its sampler only knows yet where the body is. The pose's own shape is not used."""
        vertices, body = self.posed_body(pose)
        warp = InverseSkinning(vertices, body.posed_from_rest, self.config.skinning)
        stage = _stage(WarpedField(self.canonical.field, warp), vertices, self.config)
        return PosedAvatar(stage, vertices, self.model.faces)

    def upright(self, rotations: Float[Tensor, "24 3"], *, generator: torch.Generator) -> "PosedAvatar":
        """The avatar in a pose, standing in the canonical frame (y up, looking along z), ready to be rendered.

        Args:
            rotations: Axis-angle of each joint, radians.
            generator: Draws where the field is looked at to find its empty parts.
        """
        posed = self.posed(BodyPose(rotations, torch.zeros(3), self.portrait.pose.shape))
        posed.refresh(generator)
        return posed


@dataclass(frozen=True)
class PosedAvatar:
    """An avatar in one pose.

    Attributes:
        stage: The posed field and its renderer.
        vertices: The dressed body, metres.
        faces: Its triangles.
    """

    stage: Stage
    vertices: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]

    @property
    def box(self) -> Box:
        """The box of the dressed body with room for what is not on it, metres."""
        return body_box(self.vertices, _MARGIN)

    def refresh(self, generator: torch.Generator) -> None:
        """Lets the sampler learn where the posed field is empty."""
        sampler = self.stage.renderer.sampler
        assert isinstance(sampler, ShellSampler)
        sampler.rebuild(self.stage.field, generator=generator)

    def ends(self, cameras: Cameras, index: int) -> Float[Tensor, "h w"]:
        """Distance along each pixel's ray at which it is deep in the body, metres; infinite beside the body."""
        pose, matrix = cameras.world_from_camera[index], cameras.intrinsics[index]
        in_camera = (self.vertices - pose[:3, 3]) @ pose[:3, :3]
        depth = rasterize(in_camera, self.faces, matrix, cameras.size).depth
        rows, columns = torch.meshgrid(*(torch.arange(n) + 0.5 for n in cameras.size), indexing="ij")
        x, y = (columns - matrix[0, 2]) / matrix[0, 0], (rows - matrix[1, 2]) / matrix[1, 1]
        distance = depth * (1.0 + x * x + y * y).sqrt()
        return torch.where(depth > 0.0, distance + _DEEP, torch.inf)

    def image(self, cameras: Cameras, index: int, *, background: tuple[float, float, float] = _BACKGROUND) -> Image:
        """One camera's view."""
        image = self.image_unless(never, cameras, index, background=background)
        assert image is not None
        return image

    def image_unless(
        self,
        should_stop: ShouldStop,
        cameras: Cameras,
        index: int,
        *,
        background: tuple[float, float, float] = _BACKGROUND,
        chunk: int = CHUNK,
    ) -> Image | None:
        """One camera's view, or None where `should_stop` said so between two chunks of `chunk` rays."""
        rays = cameras.image_rays(index, box=self.box)
        rays = dataclasses.replace(rays, far=torch.minimum(rays.far, self.ends(cameras, index).reshape(-1)))
        stage, behind = self.stage, torch.tensor(background)
        return render_rays(
            stage.renderer, stage.field, rays, cameras.size, background=behind, should_stop=should_stop, chunk=chunk
        )


def details_of(model: BodyModel, vertices: Float[Tensor, "v 3"]) -> Float[Tensor, "m 3"]:
    """Head, hands and feet of a dressed body, metres: what pictures show closely."""
    return vertices[[model.landmarks[name] for name in _DETAILS if name in model.landmarks]]


def field_box(vertices: Float[Tensor, "v 3"]) -> Box:
    """A cube around the dressed body at rest, metres."""
    box = body_box(vertices, 1.5 * _MARGIN)
    middle, half = 0.5 * (box.low + box.high), 0.5 * box.size.max()
    return Box(middle - half, middle + half)


def orbit_around(box: Box, *, height: int = 512, width: int = 512) -> Orbit:
    """A circle of cameras that see the whole of a box, the first one before the body."""
    extent = float(box.size.max())
    start = torch.tensor([0.0, 0.1, 2.2]) * extent
    return Orbit(0.5 * (box.low + box.high), torch.tensor([0.0, 1.0, 0.0]), start, 2.1 * height, (height, width))


def save_avatar(run: Path, avatar: Avatar, *, step: int, seconds: float) -> None:
    """Writes an avatar's checkpoint into a run folder.

    Args:
        run: The folder.
        avatar: The avatar.
        step: Training steps done.
        seconds: Training time spent.
    """
    field = avatar.canonical.field
    assert isinstance(field, UnlitField)
    carried, extra = avatar_parts(avatar)
    tensors = {f"field.{name}": value for name, value in field.inner.state_dict().items()}
    tensors |= {f"sampler.{n}": value for n, value in avatar.canonical.renderer.sampler.state_dict().items()}
    box = field_box(avatar.vertices)
    saved = Checkpoint(KIND, avatar.config.field, box, {**tensors, **carried}, step=step, seconds=seconds, extra=extra)
    save_checkpoint(run, saved)


def avatar_parts(avatar: Avatar) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON values of an avatar's checkpoint beside its field and sampler: whatever field it has."""
    pose, camera = avatar.portrait.pose, avatar.portrait.camera
    tensors = {
        "body.vertices": avatar.vertices,
        "body.rotations": pose.rotations,
        "body.translation": pose.translation,
        "body.shape": pose.shape,
    }
    extra: dict[str, Any] = {
        "body": {"provenance": avatar.model.provenance, "shape_space": avatar.model.shape_space},
        "portrait": {"focal": float(camera.focal_lengths[0, 0]), "size": list(camera.size)},
        "sampler": to_json(avatar.config.sampler),
        "skinning": to_json(avatar.config.skinning),
    }
    return tensors, extra


def load_avatar(run: Path, model: BodyModel | None = None) -> Avatar:
    """The avatar of a run folder.

    Args:
        run: The folder that `nfield fit` wrote.
        model: The body it was made with; the shipped one where it is left out.

    Raises:
        CheckpointError: The folder holds no avatar, or one of another body.
    """
    model = model or BodyModel.load()
    saved = load_checkpoint(run)
    saved.require_kind(KIND, where=run, made_by="nfield fit")
    body = saved.part("body")
    if set(body) != {"vertices", "rotations", "translation", "shape"} or len(body["vertices"]) != len(model.template):
        raise CheckpointError(f"{run}: was made with another body model; give the same model file as for the fit")
    sampler = from_json(OccupancyConfig, saved.extra.get("sampler", {}), where=f"{run}: sampler")
    skinning = from_json(SkinningConfig, saved.extra.get("skinning", {}), where=f"{run}: skinning")
    config = FigureConfig(saved.field, sampler, skinning)
    facts = saved.extra.get("portrait", {})
    if set(facts) != {"focal", "size"}:
        raise CheckpointError(f"{run}: does not say how the photo was taken; fit the photo again")
    pose = BodyPose(body["rotations"], body["translation"], body["shape"])
    size = (int(facts["size"][0]), int(facts["size"][1]))
    portrait = Portrait(pose, Cameras.pinhole(float(facts["focal"]), size))
    avatar = Avatar.start(model, body["vertices"], portrait, config)
    field = avatar.canonical.field
    assert isinstance(field, UnlitField)
    restore_module(field.inner, saved.part("field"), where=f"{run}: field")
    restore_module(avatar.canonical.renderer.sampler, saved.part("sampler"), where=f"{run}: sampler")
    return avatar


def _stage(field: Field, vertices: Float[Tensor, "v 3"], config: FigureConfig) -> Stage:
    """A field and a renderer whose sampler stays near the dressed body."""
    return Stage(field, Renderer(new_sampler(vertices, config)))


def new_sampler(vertices: Float[Tensor, "v 3"], config: FigureConfig) -> ShellSampler:
    """A sampler that stays near a dressed body.

    Args:
        vertices: The body, metres.
        config: What the avatar is made of.
    """
    if not bool(vertices.isfinite().all()):
        raise DataError("the pose holds numbers that are not finite; give another pose")
    box = body_box(vertices, _MARGIN)
    return ShellSampler(vertices, box, config.sampler, room=config.room, reach=config.skinning.outer)
