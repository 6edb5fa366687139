import torch

from avatars.turntable import VIEWS, Turntable
from nfield.rendering.image import Image


def _view(color: float, *, speck: float = 0.0) -> Image:
    """A square person in grey of some brightness, with a darker belt, and maybe a speck beside."""
    colors, opacity = torch.ones(64, 64, 3), torch.zeros(64, 64)
    colors[8:56, 20:44], opacity[8:56, 20:44] = color, 1.0
    colors[30:34, 20:44] = 0.3
    opacity[4, 4], colors[4, 4] = speck, 1.0 - speck
    return Image(colors, opacity, torch.ones(64, 64))


def _specks(view: Image) -> float | None:
    return Turntable((view,) * VIEWS).figures()["specks"]


def test_light_clothes_are_a_part_of_the_person():
    """White trousers and a white shirt above and below a belt: one piece, though the background is white."""
    assert _specks(_view(0.97)) == 0.0
    assert _specks(_view(0.5)) == 0.0


def test_what_lies_beside_the_person_is_a_speck():
    assert _specks(_view(0.97, speck=0.2)) == 1.0
    assert _specks(_view(0.97, speck=0.05)) == 0.0
