"""Converts an avatar's canonical field; the converted avatar takes the same poses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from rich.console import Console
from torch import Tensor

from avatars.body.pose_file import read_pose
from avatars.body.saved_model import FILE, save_body
from avatars.posed.avatar import Avatar, field_box, new_sampler, orbit_around
from avatars.posed.run import avatar_parts, load_avatar
from avatars.posed.shell_sampler import ShellSampler
from avatars.surface.views import MARGIN, ViewsConfig, details_of, rings
from distill.run import ConvertRun
from distill.teacher import Teacher
from nfield.checkpoint import Checkpoint
from nfield.data.picture_files import side_by_side, write_png
from nfield.fields import Field
from nfield.fields.unlit import UnlitField
from nfield.metrics import psnr
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.types import Box

_WHITE = (1.0, 1.0, 1.0)
_POSE = "walk"
_POSE_VIEWS = 4


@dataclass(frozen=True)
class AvatarSource:
    """An avatar.

    Attributes:
        avatar: The avatar.
        checkpoint: What it was loaded from.
    """

    avatar: Avatar
    checkpoint: Checkpoint

    @property
    def teacher(self) -> Teacher:
        """The canonical field, known from rings of cameras around the body at rest."""
        canonical, sampler = self.avatar.canonical, self.avatar.canonical.renderer.sampler
        assert isinstance(sampler, ShellSampler)
        vertices = self.avatar.vertices
        cameras = rings(Box.around(vertices, margin=MARGIN), details_of(self.avatar.model, vertices), ViewsConfig())
        shown = SceneRenderer(canonical.field, canonical.renderer, self.box, 0.0, _WHITE)
        return Teacher(shown, cameras, sampler.grid)

    @property
    def box(self) -> Box:
        """The canonical field's."""
        return field_box(self.avatar.vertices)

    def learning(self, field: Field) -> Field:
        """A field on the device where the avatar's is."""
        return field.to(self.avatar.device)

    def wrapped(self, field: Field) -> Field:
        """The field without dependence on the view."""
        return UnlitField(field)

    def sampler(self) -> ShellSampler:
        """A new sampler of the body at rest."""
        return new_sampler(self.avatar.vertices, self.avatar.config).to(self.avatar.device)

    def carried(self) -> tuple[dict[str, Shaped[Tensor, "..."]], dict[str, Any]]:
        """The body, how the photo saw it, and how it is sampled and skinned."""
        return avatar_parts(self.avatar)

    def carry_files(self, folder: Path) -> None:
        """The body's model."""
        save_body(folder / FILE, self.avatar.model)


def compare_posed(begun: ConvertRun, console: Console) -> None:
    """Shows both avatars in a pose that neither was trained in, into pose.png, and says how far they agree."""
    avatar = load_avatar(begun.folder)
    before = load_avatar(Path(begun.plan.run))
    pose = read_pose(_POSE, avatar.model)
    shown = []
    for one in (before, avatar):
        posed = one.upright(pose, generator=torch.Generator().manual_seed(0))
        cameras = orbit_around(posed.box, height=320, width=320).cameras(_POSE_VIEWS)
        shown.append([posed.image(cameras, index).color for index in range(_POSE_VIEWS)])
    write_png(begun.folder / "pose.png", torch.cat([side_by_side(row) for row in shown], 0))
    agreement = [psnr(own, theirs) for theirs, own in zip(*shown, strict=True)]
    mean = sum(agreement) / len(agreement)
    console.print(f"in the pose {_POSE!r}: {mean:.2f} dB to the avatar before (whole pictures); see pose.png")
