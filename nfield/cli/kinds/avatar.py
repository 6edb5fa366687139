"""Runs of avatars: a person's field in canonical space, behind the warp of a body."""

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

import avatars.export.formats  # noqa: F401 - registers the formats
from avatars.posed.run import KIND as NAME
from avatars.posed.run import load_avatar
from distill.run import ConvertRun
from nfield.checkpoint import load_checkpoint
from nfield.cli.convert_avatar import AvatarSource, compare_posed
from nfield.cli.edit_avatar import edit_avatar
from nfield.cli.edit_options import Chosen
from nfield.cli.eval import EvalOptions
from nfield.cli.film_avatar import film
from nfield.cli.kinds.base import RunKind
from nfield.cli.options import chosen_device
from nfield.cli.render import RenderOptions
from nfield.devices import CPU
from nfield.errors import CheckpointError
from viewer.avatar_run import load_subject
from viewer.interface import Subject


@dataclass(frozen=True)
class AvatarKind:
    """See `RunKind`."""

    name: str = NAME

    def device(self, asked: str) -> torch.device:
        """Any."""
        return chosen_device(asked)

    def measure(self, options: EvalOptions) -> None:
        """Refused: there are no held-out photos of a person in one photo."""
        raise CheckpointError(
            f"{options.run}: holds a run of kind {self.name!r}, which has no held-out photos to be measured on; its "
            "figures from the photo's side are in report.json, and nfield bench people measures those with the truth"
        )

    def render(self, options: RenderOptions) -> None:
        """A film of a motion, or of a pose from all around."""
        options.require_no_path("an avatar")
        film(options, self.device(options.device))

    def source(self, run: Path, device: torch.device = CPU) -> AvatarSource:
        """The canonical field, known from rings of cameras around the body at rest."""
        return AvatarSource(load_avatar(run, device=device), load_checkpoint(run))

    def edit(self, chosen: Chosen) -> None:
        """Other colours; a person is not cut or moved."""
        edit_avatar(chosen)

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """Both avatars in a pose that neither was trained in."""
        compare_posed(begun, console)

    def subject(self, run: Path, *, motion: Path | None, device: torch.device = CPU) -> Subject:
        """A figure that takes poses."""
        return load_subject(run, motion=motion, device=device)


KIND: RunKind = AvatarKind()
