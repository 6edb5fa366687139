"""From a photographed person to a body that is dressed and painted all round."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel
from avatars.portrait import PersonPhoto
from avatars.surface.appearance import Appearance
from avatars.surface.complete import Completion
from avatars.surface.dress import DressConfig, dress, follow_outline
from avatars.surface.dressed import DressedSurface, uncovered
from avatars.surface.exterior import visible_faces
from avatars.surface.garment.garment import make_garment
from avatars.surface.mesh import HEAD, Surface, subdivide, vertex_parts
from avatars.surface.paint import PhotographedSurface
from avatars.surface.parametrise import TextureLayout
from avatars.surface.solid import Solid, SolidConfig
from avatars.surface.views import BodyViews, ViewsConfig, details_of, render_views


@dataclass(frozen=True)
class PaintedBody:
    """A dressed body at rest with colours everywhere.

    Attributes:
        model: The body that was dressed.
        dressed: Its surface in its clothes.
        surface: The finer mesh that is painted.
        rest: Its vertices, metres.
        appearance: Its colours, and where the photo shows them.
    """

    model: BodyModel
    dressed: DressedSurface
    surface: Surface
    rest: Float[Tensor, "u 3"]
    appearance: Appearance

    @staticmethod
    def of(model: BodyModel, dressed: DressedSurface, appearance: Appearance) -> "PaintedBody":
        """A body from its surface and the colours of its finer mesh."""
        surface = subdivide(dressed.faces, len(dressed.rest))
        return PaintedBody(model, dressed, surface, surface.spread(dressed.rest), appearance)

    def views(self, config: ViewsConfig) -> BodyViews:
        """Pictures of the painted body from all sides."""
        details = details_of(self.model, self.dressed.rest)
        return render_views(self.rest, self.surface.faces, self.appearance, details=details, config=config)

    def solid(self, config: SolidConfig, generator: torch.Generator) -> Solid:
        """Points on and around the painted body; more of them on the head."""
        head = self.dressed.padded((vertex_parts(self.model) == HEAD).float()[:, None])
        detailed = (self.surface.spread(head)[:, 0] == 1.0)[self.surface.faces].all(-1)
        return Solid.of(
            self.rest, self.surface.faces, self.appearance, detailed=detailed, config=config, generator=generator
        )


def paint_body(model: BodyModel, person: PersonPhoto, config: DressConfig, completion: Completion) -> PaintedBody:
    """Dresses and paints a body after a photo.

    Args:
        model: The body.
        person: The photo, the matte and the body's pose.
        config: How the body grows to the outline.
        completion: Who paints what the photo does not show.
    """
    shown = photographed_surface(model, person, config)
    return PaintedBody(model, shown.dressed, shown.surface, shown.rest, completion.complete(shown))


def photographed_surface(model: BodyModel, person: PersonPhoto, config: DressConfig) -> PhotographedSurface:
    """Dresses a body after a photo; arguments as of `paint_body`."""
    pose, camera = person.portrait.pose, person.portrait.camera
    body = model.pose(pose)
    vertices = dress(model, body, pose.shape, person.mask, camera, config)
    garment = None
    if config.loose:
        garment = make_garment(model, body, rest=vertices, camera=camera, photo=person.photo, mask=person.mask)
    outside = uncovered(model.faces, garment)
    if not config.hidden:
        outside &= visible_faces(vertices, model.faces, model.parts == HEAD)
    layout, faces = TextureLayout.of_body(model).of_faces(outside), model.faces[outside]
    dressed = DressedSurface(vertices, faces)
    if garment is not None:
        dressed = DressedSurface.wearing(garment, faces)
        layout = layout.above(TextureLayout.unwrapped(garment.rest, garment.faces))
    dressed = follow_outline(model, body, dressed, person.mask, camera, config)
    surface = subdivide(dressed.faces, len(dressed.rest))
    rest, posed = surface.spread(dressed.rest), surface.spread(dressed.posed(model, body))
    return PhotographedSurface(model, dressed, surface, layout.finer(), rest, posed, person.photo, person.mask, camera)
