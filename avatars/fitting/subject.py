"""What a fit works on."""

from dataclasses import dataclass

from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar, PosedAvatar
from avatars.surface.painted_body import PaintedBody
from avatars.surface.views import BodyViews


@dataclass(frozen=True)
class FitSubject:
    """All that a stage or a term may look at.

    Attributes:
        person: The photo, and who is where in it.
        body: The dressed, painted body at rest.
        views: Pictures of it.
        avatar: The avatar, whose canonical field is trained.
        posed: The same as the photo shows it.
    """

    person: PersonPhoto
    body: PaintedBody
    views: BodyViews
    avatar: Avatar
    posed: PosedAvatar
