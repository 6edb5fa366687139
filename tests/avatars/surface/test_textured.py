import torch

from avatars.surface.appearance import Appearance
from avatars.surface.parametrise import TextureLayout
from avatars.surface.textured import Texture
from nfield.kernels.rasterize import Raster

_UV = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
_FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def _ramp(size: int) -> torch.Tensor:
    """An image whose channels are u, v, their sum and 1."""
    middle = (torch.arange(size) + 0.5) / size
    v, u = torch.meshgrid(middle.flip(0), middle, indexing="ij")
    return torch.stack([u, v, 0.5 * (u + v), torch.ones_like(u)], -1)


def _points(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    weight = torch.rand(count, 3, generator=generator) + 0.05
    return torch.randint(2, (count,), generator=generator), weight / weight.sum(-1, keepdim=True)


def test_a_linear_image_is_linear_on_the_surface(generator: torch.Generator):
    texture = Texture(TextureLayout(_UV, _FACES), _ramp(32))
    face, weight = _points(300, generator)
    uv = (_UV[_FACES[face]] * weight[..., None]).sum(1)
    inside = ((uv - 0.5).abs() < 0.5 - 0.5 / 32).all(-1)
    assert inside.sum() > 200
    expected = torch.stack([uv[:, 0], uv[:, 1], 0.5 * uv.sum(-1), torch.ones(300)], -1)
    # Cubic convolution that keeps sharpness is off by up to a tenth of a texel's step between texels.
    torch.testing.assert_close(texture.at(face, weight)[inside], expected[inside], atol=0.1 / 32, rtol=0)


def test_the_value_amid_four_texels_is_their_mean():
    image = torch.zeros(2, 2, 4)
    image[0, 1], image[1, 0], image[1, 1] = 1.0, 2.0, 5.0
    texture = Texture(TextureLayout(_UV, _FACES), image)
    corner = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    shown = texture.at(torch.tensor([0, 0]), corner)
    torch.testing.assert_close(shown[0], torch.full((4,), 5.0))  # The corner u = 1, v = 0: below on the right.
    torch.testing.assert_close(shown[1], torch.full((4,), 2.0))  # The middle of the image.


def test_a_picture_shows_the_points_that_its_raster_sees_and_nothing_elsewhere(generator: torch.Generator):
    texture = Texture(TextureLayout(_UV, _FACES), torch.rand(16, 16, 4, generator=generator))
    assert isinstance(texture, Appearance)
    face, weight = _points(12, generator)
    face[::3] = -1
    raster = Raster(face.reshape(3, 4), weight.reshape(3, 4, 3), torch.ones(3, 4))
    picture = texture.shade(raster).reshape(12, 4)
    assert (picture[::3] == 0.0).all()
    seen = face >= 0
    torch.testing.assert_close(picture[seen], texture.at(face[seen], weight[seen]))


def test_no_point_has_no_colour():
    texture = Texture(TextureLayout(_UV, _FACES), _ramp(4))
    assert texture.at(torch.zeros(0, dtype=torch.long), torch.zeros(0, 3)).shape == (0, 4)
    empty = Raster(torch.full((2, 2), -1), torch.zeros(2, 2, 3), torch.zeros(2, 2))
    assert (texture.shade(empty) == 0.0).all()
