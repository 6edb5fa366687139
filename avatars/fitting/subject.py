"""What a fit works on."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch

from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar, PosedAvatar
from avatars.surface.painted_body import PaintedBody
from avatars.surface.solid import Solid, SolidConfig
from avatars.surface.views import BodyViews, ViewsConfig
from nfield.devices import on_device

_Made = TypeVar("_Made")


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
        kept: What terms made of all this, by their options: see `once`.
    """

    person: PersonPhoto
    body: PaintedBody
    avatar: Avatar
    posed: PosedAvatar
    views_config: ViewsConfig
    solid_config: SolidConfig
    seed: int
    kept: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, options: Hashable, make: Callable[[], _Made]) -> _Made:
        """What is made of the subject with some options; made when it is first asked for.

        Args:
            options: All that it depends on beside the subject.
            make: Makes it.
        """
        if options not in self.kept:
            self.kept[options] = make()
        return self.kept[options]

    @cached_property
    def views(self) -> BodyViews:
        """Pictures of the painted body beside the avatar; made when they are first asked for."""
        return on_device(self.body.views(self.views_config), self.avatar.device)

    @cached_property
    def solid(self) -> Solid:
        """Points on and around the painted body, beside the avatar; drawn when they are first asked for."""
        drawn = self.body.solid(self.solid_config, torch.Generator().manual_seed(self.seed))
        return on_device(drawn, self.avatar.device)
