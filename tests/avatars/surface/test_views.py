import torch

from avatars.surface.appearance import Appearance, VertexColors
from avatars.surface.views import ViewsConfig, render_views

_CORNERS = torch.tensor([[x, y, z] for x in (-0.3, 0.3) for y in (-0.9, 0.9) for z in (-0.2, 0.2)])
_FACES = torch.tensor(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [1, 5, 7], [1, 7, 3],
     [0, 2, 6], [0, 6, 4]]
)  # fmt: skip


def test_pictures_show_the_colours_and_where_the_photo_shows_them():
    """A box whose front half is red and visible, its back green and hidden."""
    front = (_CORNERS[:, 2] > 0.0).to(torch.float32)
    color = torch.stack([front, 1.0 - front, torch.zeros(8)], -1)
    appearance = VertexColors(_FACES, color, front)
    assert isinstance(appearance, Appearance)
    config = ViewsConfig(size=48, ring=4, elevations=(0.0,), details=0)
    views = render_views(_CORNERS, _FACES, appearance, details=torch.zeros(0, 3), config=config)
    images = views.images.images
    body = images[..., 3] == 255
    assert set(images[..., 3].unique().tolist()) == {0, 255}
    assert (views.visibility[~body] == 0).all()
    # The first camera of the ring stands in front, the third behind.
    for index, channel, visibility in ((0, 0, 255), (2, 1, 0)):
        seen = images[index][body[index]]
        assert (seen[:, channel] == 255).all()
        assert (views.visibility[index][body[index]] == visibility).all()
