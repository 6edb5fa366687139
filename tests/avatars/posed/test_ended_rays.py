"""Rays that end behind a surface, before slabs whose opacity is known."""

import torch

from avatars.posed.ended_rays import render_ended
from nfield.rendering.image import Image
from nfield.types import Rays

_SIZE = (2, 2)
_WHITE = torch.ones(3)
_RED, _BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
_ENDS = torch.tensor([1.5, 1.5, 1.5, torch.inf])


def _rays() -> Rays:
    dirs = torch.tensor([0.0, 0.0, 1.0]).expand(4, 3)
    return Rays(torch.zeros(4, 3), dirs, torch.zeros(4), torch.full((4,), 5.0))


def _slabs(front: torch.Tensor):
    """A red slab at 1 m, with an opacity for each ray of `_rays`, and an opaque blue one at 3 m."""
    asked: list[int] = []

    def along(rays: Rays, size: tuple[int, int]) -> Image:
        asked.append(len(rays))
        # A ray of the second round is one of the first that starts later.
        first = front[: len(rays)] if len(asked) == 1 else front[front < 0.99][: len(rays)]
        red = first * (rays.near < 1.0) * (rays.far > 1.0)
        blue = (1.0 - red) * (rays.near < 3.0) * (rays.far > 3.0)
        color = red[:, None] * _RED + blue[:, None] * _BLUE + (1.0 - red - blue)[:, None] * _WHITE
        return Image(color.reshape(*size, 3), (red + blue).reshape(size), (red + 3.0 * blue).reshape(size))

    return along, asked


def test_rays_that_are_not_swallowed_go_on():
    along, asked = _slabs(torch.tensor([1.0, 0.25, 0.0, 0.5]))
    seen = render_ended(along, _rays(), _ENDS, _SIZE, background=_WHITE)
    assert seen is not None
    expected = torch.stack([_RED, 0.25 * _RED + 0.75 * _BLUE, _BLUE, 0.5 * _RED + 0.5 * _BLUE])
    torch.testing.assert_close(seen.color.reshape(-1, 3), expected)
    torch.testing.assert_close(seen.opacity.reshape(-1), torch.ones(4))
    torch.testing.assert_close(seen.depth.reshape(-1), torch.tensor([1.0, 2.5, 3.0, 2.0]))
    assert asked == [4, 2]


def test_nothing_more_is_looked_at_where_all_rays_are_swallowed():
    along, asked = _slabs(torch.ones(4))
    assert render_ended(along, _rays(), _ENDS, _SIZE, background=_WHITE) is not None
    assert asked == [4]


def test_whoever_stops_gets_nothing():
    along, _ = _slabs(torch.zeros(4))
    rounds = iter([along, lambda rays, size: None])
    assert render_ended(lambda rays, size: next(rounds)(rays, size), _rays(), _ENDS, _SIZE, background=_WHITE) is None
    assert render_ended(lambda rays, size: None, _rays(), _ENDS, _SIZE, background=_WHITE) is None
