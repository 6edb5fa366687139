"""What a fit works on."""

from dataclasses import dataclass
from functools import cached_property

import torch

from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar, PosedAvatar
from avatars.surface.painted_body import PaintedBody
from avatars.surface.solid import Solid, SolidConfig
from avatars.surface.views import BodyViews, ViewsConfig


@dataclass(frozen=True)
class FitSubject:
    """All that a stage or a term may look at.

    Attributes:
        person: The photo, and who is where in it.
        body: The dressed, painted body at rest.
        avatar: The avatar, whose canonical field is trained.
        posed: The same as the photo shows it.
        views_config: From where the painted body is pictured.
        solid_config: Where points of it are drawn.
        seed: Of these points.
    """

    person: PersonPhoto
    body: PaintedBody
    avatar: Avatar
    posed: PosedAvatar
    views_config: ViewsConfig
    solid_config: SolidConfig
    seed: int

    @cached_property
    def views(self) -> BodyViews:
        """Pictures of the painted body; made when they are first asked for."""
        return self.body.views(self.views_config)

    @cached_property
    def solid(self) -> Solid:
        """Points on and around the painted body; drawn when they are first asked for."""
        return self.body.solid(self.solid_config, torch.Generator().manual_seed(self.seed))
