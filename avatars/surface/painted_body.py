"""From a photographed person to a body that is dressed and painted all round."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.skinning import transform
from avatars.portrait import PersonPhoto
from avatars.surface.appearance import Appearance
from avatars.surface.complete import Completion
from avatars.surface.dress import DressConfig, dress
from avatars.surface.mesh import Surface, subdivide
from avatars.surface.paint import PhotographedSurface
from avatars.surface.views import BodyViews, ViewsConfig, details_of, render_views


@dataclass(frozen=True)
class PaintedBody:
    """A dressed body at rest with colours everywhere.

    Attributes:
        model: The body that was dressed.
        vertices: The body's own vertices in their clothes, metres.
        surface: The finer mesh that is painted.
        rest: Its vertices, metres.
        appearance: Its colours, and where the photo shows them.
    """

    model: BodyModel
    vertices: Float[Tensor, "v 3"]
    surface: Surface
    rest: Float[Tensor, "u 3"]
    appearance: Appearance

    def views(self, config: ViewsConfig) -> BodyViews:
        """Pictures of the painted body from all sides."""
        details = details_of(self.model, self.vertices)
        return render_views(self.rest, self.surface.faces, self.appearance, details=details, config=config)


def paint_body(model: BodyModel, person: PersonPhoto, config: DressConfig, completion: Completion) -> PaintedBody:
    """Dresses and paints a body after a photo.

    Args:
        model: The body.
        person: The photo, the matte and the body's pose.
        config: How the body grows to the outline.
        completion: Who paints what the photo does not show.
    """
    pose, camera = person.portrait.pose, person.portrait.camera
    body = model.pose(pose)
    vertices = dress(model, body, pose.shape, person.mask, camera, config)
    surface = subdivide(model.faces, len(vertices))
    rest = surface.spread(vertices)
    posed = surface.spread(transform(body.posed_from_rest, vertices))
    shown = PhotographedSurface(model, surface, rest, posed, person.photo, person.mask, camera)
    return PaintedBody(model, vertices, surface, rest, completion.complete(shown))
