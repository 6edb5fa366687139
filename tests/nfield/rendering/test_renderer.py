"""Rendering against closed forms, and whole images."""

import pytest
import torch
from torch.nn.functional import normalize

from nfield.cameras import Cameras, intersect_box, look_at
from nfield.rendering.renderer import Renderer, composite
from nfield.rendering.samplers.uniform import UniformSampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.types import Box, FieldOutput, Rays, Samples
from tests.solids import Ball

BOX = Box.cube(1.2)


def rays_at(count: int, generator: torch.Generator) -> Rays:
    origins = 4.0 * normalize(torch.randn(count, 3, generator=generator), dim=-1)
    dirs = normalize(torch.randn(count, 3, generator=generator) * 0.6 - origins, dim=-1)
    return Rays(origins, dirs, *intersect_box(origins, dirs, BOX))


def chords(rays: Rays, radius: float) -> torch.Tensor:
    """Length of each ray within a ball about the origin, metres."""
    along = (rays.origins * rays.dirs).sum(-1)
    gap = rays.origins.square().sum(-1) - along.square()
    return 2.0 * (radius**2 - gap).clamp_min(0.0).sqrt()


@pytest.mark.parametrize("sigma", [0.1, 1.0, 5.0])
def test_ball_of_even_density_has_the_opacity_of_its_chord(sigma: float, generator: torch.Generator):
    rays = rays_at(200, generator)
    with torch.no_grad():
        out = Renderer(UniformSampler(2000))(Ball(sigma), rays)
    assert torch.allclose(out.opacity, 1.0 - torch.exp(-sigma * chords(rays, 1.0)), atol=3e-3 * max(1.0, sigma))


def test_gradient_of_the_opacity_is_that_of_the_closed_form(generator: torch.Generator):
    rays, field = rays_at(50, generator), Ball(0.8)
    Renderer(UniformSampler(2000))(field, rays).opacity.sum().backward()
    length = chords(rays, 1.0)
    expected = (0.8 * length * torch.exp(-0.8 * length)).sum()  # by the logarithm of the density
    assert field.strength.grad is not None
    assert field.strength.grad.item() == pytest.approx(expected.item(), rel=3e-3)


def test_background_shows_as_far_as_light_passes():
    samples = Samples(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0]), 2)
    shaded = FieldOutput(torch.tensor([0.0]), torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([1.0]))
    behind = torch.tensor([0.0, 1.0, 0.5])
    out = composite(samples, shaded, behind)
    light = float(torch.exp(torch.tensor(-1.0)))
    assert out.color[0].tolist() == pytest.approx([1.0 - light, light, 0.5 * light])
    assert torch.equal(out.color[1], behind)
    each = composite(samples, shaded, torch.stack([behind, 1.0 - behind]))
    assert torch.equal(each.color[1], 1.0 - behind)
    assert composite(samples, shaded).color[1].tolist() == [0.0, 0.0, 0.0]


def test_steps_called_apart_give_the_image_of_all(generator: torch.Generator):
    rays, field, renderer = rays_at(20, generator), Ball(3.0), Renderer(UniformSampler(64))
    samples = renderer.sample(field, rays)
    apart = composite(samples, renderer.shade(field, rays, samples), torch.ones(3))
    assert torch.equal(apart.color, renderer(field, rays, background=torch.ones(3)).color)


def cameras(size: tuple[int, int]) -> Cameras:
    matrix = torch.tensor([[[100.0, 0.0, size[1] / 2], [0.0, 100.0, size[0] / 2], [0.0, 0.0, 1.0]]])
    pose = look_at(torch.tensor([[0.0, 0.0, -4.0]]), torch.zeros(3), torch.tensor([0.0, -1.0, 0.0]))
    return Cameras(matrix, pose, size)


def test_image_has_the_ball_where_the_camera_sees_it():
    renderer, field = Renderer(UniformSampler(64)), Ball(50.0, radius=0.4, center=(0.5, 0.3, 0.0))
    image = SceneRenderer(field, renderer, BOX, 0.0, (1.0, 1.0, 1.0)).image(cameras((60, 80)), 0)
    assert image.color.shape == (60, 80, 3)
    assert image.opacity.shape == image.depth.shape == (60, 80)
    rows, columns = (image.opacity > 0.5).nonzero().float().unbind(-1)
    assert float(columns.mean()) + 0.5 == pytest.approx(40.0 + 100.0 * 0.5 / 4.0, abs=1.0)  # +x is right
    assert float(rows.mean()) + 0.5 == pytest.approx(30.0 + 100.0 * 0.3 / 4.0, abs=1.0)  # +y is down
    assert torch.equal(image.color[0, 0], torch.ones(3))
    assert float(image.depth[37, 52] / image.opacity[37, 52]) == pytest.approx(3.6, abs=0.1)


def test_image_stops_between_chunks():
    asked: list[bool] = []

    def stop_at_third() -> bool:
        asked.append(True)
        return len(asked) == 3

    scene, view = SceneRenderer(Ball(1.0), Renderer(UniformSampler(4)), BOX, 0.0, (0.0, 0.0, 0.0)), cameras((20, 30))
    assert scene.image_unless(stop_at_third, view, 0, chunk=100) is None
    assert len(asked) == 3
    in_chunks = scene.image_unless(lambda: False, view, 0, chunk=100)
    assert in_chunks is not None
    assert torch.allclose(in_chunks.color, scene.image(view, 0).color, atol=1e-6)
