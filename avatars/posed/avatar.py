"""An avatar: a canonical field, the body that moves it, and how both are posed and rendered."""

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.skinning import transform
from avatars.portrait import Portrait
from avatars.posed.ended_rays import render_ended
from avatars.posed.rendered_field import RenderedField
from avatars.posed.shell_sampler import ShellSampler
from avatars.posed.warp import FineSurface, SkinningConfig
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras, Orbit
from nfield.devices import CPU, on_device
from nfield.errors import DataError
from nfield.fields import BuildContext, Field, FieldConfig, HashConfig
from nfield.fields.unlit import UnlitField
from nfield.fields.warped import WarpedField
from nfield.kernels.rasterize import rasterize
from nfield.rendering.image import CHUNK, Image, ShouldStop, never, render_rays
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.types import Box, Rays

_BACKGROUND = (1.0, 1.0, 1.0)
_MARGIN = 0.1
_DEEP = 0.035  # metres behind the body's surface, where no light arrives
_GRAZING = 0.012  # metres beside an edge within which a ray may pass what the surface says it meets


@dataclass(frozen=True)
class FigureConfig:
    """What an avatar is made of."""

    field: FieldConfig = dataclasses.field(default_factory=HashConfig.for_person)
    """The canonical field."""
    sampler: OccupancyConfig = dataclasses.field(
        default_factory=lambda: OccupancyConfig(resolution=96, steps=640, coarse=1.0, cull_stride=3, threshold=0.02)
    )
    """Where it is sampled, at rest and posed."""
    skinning: SkinningConfig = dataclasses.field(default_factory=SkinningConfig.close)
    """How the space around the body follows it."""
    room: float = 0.008
    """Up to here around the surface's vertices, metres, samples are taken even where the field was empty before."""


@dataclass(frozen=True)
class Avatar:
    """A person that can be posed.

    Attributes:
        model: The body that moves.
        dressed: Its surface at rest, in its clothes.
        canonical: The field at rest and its renderer.
        portrait: How the photo saw it.
        config: What it is made of.
    """

    model: BodyModel
    dressed: DressedSurface
    canonical: RenderedField
    portrait: Portrait
    config: FigureConfig

    @staticmethod
    def start(
        model: BodyModel,
        dressed: DressedSurface,
        portrait: Portrait,
        config: FigureConfig,
        generator: torch.Generator | None = None,
        *,
        device: torch.device = CPU,
    ) -> "Avatar":
        """An avatar whose field has learned nothing yet; it is rendered on a device, its body stays on the CPU."""
        built = config.field.build(BuildContext(field_box(dressed.rest), generator))
        field = UnlitField(built).to(device)
        return Avatar(model, dressed, _rendered(field, dressed.rest, config, device), portrait, config)

    @property
    def device(self) -> torch.device:
        """Where it is rendered."""
        return self.canonical.device

    @property
    def vertices(self) -> Float[Tensor, "v 3"]:
        """The dressed surface's vertices at rest, metres."""
        return self.dressed.rest

    @cached_property
    def _fine(self) -> FineSurface:
        dressed = self.dressed
        refinement = self.config.skinning.refinement
        headroom, fitting = dressed.headroom, self.config.skinning.fitting
        if fitting is not None:
            close = torch.where(dressed.close_fitting(self.model), fitting, torch.inf)
            headroom = torch.minimum(headroom, close)
        known = {"sided": dressed.sided, "headroom": headroom}
        return FineSurface.of(dressed.faces, len(dressed.rest), refinement=refinement, **known)

    def body_in(self, pose: BodyPose) -> Body:
        """The body under the clothes in a pose."""
        return self.model.pose(dataclasses.replace(pose, shape=self.portrait.pose.shape))

    def posed(self, pose: BodyPose) -> "PosedAvatar":
        """The avatar in a pose; its sampler only knows yet where the body is. The pose's own shape is not used."""
        affine = self.dressed.posed_from_rest(self.model, self.body_in(pose))
        vertices = transform(affine, self.dressed.rest)
        warp = self._fine.warp(vertices, affine, self.config.skinning)
        field = WarpedField(self.canonical.field, warp.to(self.device))
        posed = _rendered(field, vertices, self.config, self.device)
        return PosedAvatar(posed, vertices, self.dressed.faces)

    def upright(self, rotations: Float[Tensor, "j 3"], *, generator: torch.Generator) -> "PosedAvatar":
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
        rendered: The posed field and its renderer.
        vertices: The dressed body, metres.
        faces: Its triangles.
    """

    rendered: RenderedField
    vertices: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]

    @property
    def box(self) -> Box:
        """The box of the dressed body with room for what is not on it, metres."""
        return Box.around(self.vertices, margin=_MARGIN)

    def refresh(self, generator: torch.Generator) -> None:
        """Lets the sampler learn where the posed field is empty."""
        sampler = self.rendered.renderer.sampler
        assert isinstance(sampler, ShellSampler)
        sampler.rebuild(self.rendered.field, generator=generator)

    def ends(self, cameras: Cameras, index: int) -> Float[Tensor, "h w"]:
        """Distance along each pixel's ray at which it is deep in the body, metres; infinite beside the body.

        Near an edge that is the farthest surface around: a ray that grazes an arm may go on to the trunk behind it.
        """
        pose, matrix = cameras.world_from_camera[index], cameras.intrinsics[index]
        in_camera = (self.vertices - pose[:3, 3]) @ pose[:3, :3]
        depth = rasterize(in_camera, self.faces, matrix, cameras.size).depth
        rows, columns = torch.meshgrid(*(torch.arange(n) + 0.5 for n in cameras.size), indexing="ij")
        x, y = (columns - matrix[0, 2]) / matrix[0, 0], (rows - matrix[1, 2]) / matrix[1, 1]
        distance = depth * (1.0 + x * x + y * y).sqrt()
        ends = torch.where(depth > 0.0, distance + _DEEP, torch.inf)
        seen = depth[depth > 0.0]
        if not len(seen):
            return ends
        reach = max(1, math.ceil(_GRAZING * float(matrix[0, 0]) / float(seen.median())))
        return torch.nn.functional.max_pool2d(ends[None, None], 2 * reach + 1, stride=1, padding=reach)[0, 0]

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
        rays, ends = cameras.image_rays(index, box=self.box), self.ends(cameras, index).reshape(-1)
        shown, behind = self.rendered, torch.tensor(background)

        def along(rays: Rays, size: tuple[int, int]) -> Image | None:
            there, paint = on_device((rays, behind), shown.device)
            return render_rays(
                shown.renderer, shown.field, there, size, background=paint, should_stop=should_stop, chunk=chunk
            )

        return render_ended(along, rays, ends, cameras.size, background=behind)


def field_box(vertices: Float[Tensor, "v 3"]) -> Box:
    """A cube around the dressed body at rest, metres."""
    box = Box.around(vertices, margin=1.5 * _MARGIN)
    middle, half = 0.5 * (box.low + box.high), 0.5 * box.size.max()
    return Box(middle - half, middle + half)


def orbit_around(box: Box, *, height: int = 512, width: int = 512) -> Orbit:
    """A circle of cameras that see the whole of a box, the first one before the body."""
    extent = float(box.size.max())
    start = torch.tensor([0.0, 0.1, 2.2]) * extent
    return Orbit(0.5 * (box.low + box.high), torch.tensor([0.0, 1.0, 0.0]), start, 2.1 * height, (height, width))


def _rendered(
    field: Field, vertices: Float[Tensor, "v 3"], config: FigureConfig, device: torch.device
) -> RenderedField:
    """A field and a renderer, both on a device, whose sampler stays near the dressed body."""
    return RenderedField(field, Renderer(new_sampler(vertices, config)).to(device))


def new_sampler(vertices: Float[Tensor, "v 3"], config: FigureConfig) -> ShellSampler:
    """A sampler that stays near a dressed body.

    Args:
        vertices: The body, metres.
        config: What the avatar is made of.
    """
    if not bool(vertices.isfinite().all()):
        raise DataError("the pose holds numbers that are not finite; give another pose")
    box = Box.around(vertices, margin=_MARGIN)
    return ShellSampler(vertices, box, config.sampler, room=config.room, reach=config.skinning.reach)
