"""Gaussian splats: closed forms, laws, gradients of the twin, and each build of the native op against the twin."""

import math

import pytest
import torch
from torch.library import opcheck

from nfield.cameras import Cameras, look_at
from nfield.errors import DataError
from nfield.kernels import gaussians as module
from nfield.kernels.gaussians import DILATION, MOST_ALPHA, Splats, rotation_matrices, splat, splat_reference
from nfield.kernels.harmonics import constant_harmonic

SIZE = (37, 53)


def camera() -> Cameras:
    """One that looks at the origin from 2 m away; its image is no multiple of a tile."""
    pose = look_at(torch.tensor([[0.3, -2.0, 1.0]]), torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    return Cameras.pinhole(60.0, SIZE, world_from_camera=pose)


def cloud(count: int, degree: int, generator: torch.Generator) -> Splats:
    """Random Gaussians around the origin, some behind the camera and some beside its image."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return Splats(
        0.7 * normal(count, 3),
        normal(count, 4),
        0.5 * normal(count, 3) - 3.0,
        2.0 * normal(count),
        0.3 * normal(count, (degree + 1) ** 2, 3),
    )


def one(place: tuple[float, float, float], *, opacity: float, color: float = 1.0, scale: float = 0.1) -> Splats:
    """A ball of one grey, before a camera at the origin."""
    harmonics = torch.full((1, 1, 3), (color - 0.5) / constant_harmonic())
    logit = torch.tensor([opacity]).logit()
    turned = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    return Splats(torch.tensor([place]), turned, torch.full((1, 3), math.log(scale)), logit, harmonics)


def both(first: Splats, second: Splats) -> Splats:
    return Splats(*(torch.cat(pair) for pair in zip(first.parts, second.parts, strict=True)))


def stacked(splats: Splats, cameras: Cameras, *, reference: bool) -> torch.Tensor:
    if reference:
        image = splat_reference(splats, module.camera_numbers(cameras, 0).to(splats.means), cameras.size_of(0))
    else:
        image = splat(splats, cameras, 0)
    return torch.cat([image.color, image.alpha[..., None]], -1)


def test_a_ball_on_the_axis_is_a_gaussian_of_the_image(build: str):
    focal, depth, scale, opacity = 40.0, 2.0, 0.1, 0.6
    cameras = Cameras.pinhole(focal, (33, 33))
    seen = splat(one((0.0, 0.0, depth), opacity=opacity, color=0.8, scale=scale), cameras, 0)
    variance = (focal * scale / depth) ** 2 + DILATION
    rows, columns = torch.meshgrid(torch.arange(33) + 0.5, torch.arange(33) + 0.5, indexing="ij")
    expected = opacity * torch.exp(-0.5 * ((rows - 16.5) ** 2 + (columns - 16.5) ** 2) / variance)
    expected = torch.where(expected < 1.0 / 255.0, 0.0, expected)
    torch.testing.assert_close(seen.alpha, expected, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(seen.color, 0.8 * expected[..., None].expand(-1, -1, 3), atol=1e-5, rtol=0.0)


def test_the_nearer_one_covers_the_farther_one_whatever_their_order(build: str):
    near = one((0.0, 0.0, 1.0), opacity=0.75, color=1.0)
    far = one((0.0, 0.0, 2.0), opacity=0.5, color=0.2)
    for splats in (both(near, far), both(far, near)):
        seen = splat(splats, Cameras.pinhole(40.0, (33, 33)), 0)
        assert seen.alpha[16, 16].item() == pytest.approx(1.0 - 0.25 * 0.5, abs=1e-5)
        assert seen.color[16, 16, 0].item() == pytest.approx(0.75 + 0.25 * 0.5 * 0.2, abs=1e-5)


def test_no_splat_is_wholly_opaque(build: str):
    seen = splat(one((0.0, 0.0, 1.0), opacity=1.0 - 1e-7), Cameras.pinhole(40.0, (33, 33)), 0)
    assert seen.alpha[16, 16].item() == pytest.approx(MOST_ALPHA)


@pytest.mark.parametrize("place", [(0.0, 0.0, -1.0), (0.0, 0.0, 0.001), (50.0, 0.0, 1.0), (0.0, 0.0, math.inf)])
def test_what_is_not_before_the_camera_is_not_seen(build: str, place: tuple[float, float, float]):
    splats = one(place, opacity=0.9)
    leaves = [part.requires_grad_() for part in splats.parts]
    seen = splat(Splats(*leaves), Cameras.pinhole(40.0, (33, 33)), 0)
    assert float(seen.alpha.detach().max()) == 0.0
    seen.color.sum().backward()
    assert all(float(leaf.grad.abs().max()) == 0.0 for leaf in leaves if leaf.grad is not None)


def test_no_splats_give_an_empty_image(build: str, generator: torch.Generator):
    seen = splat(cloud(0, 1, generator), camera(), 0)
    assert seen.color.shape == (*SIZE, 3)
    assert float(seen.color.abs().max()) == 0.0


def test_over_a_background_what_is_left_of_the_light_shows_it(generator: torch.Generator):
    seen = splat(cloud(40, 0, generator), camera(), 0)
    background = torch.tensor([0.1, 0.6, 0.9])
    expected = torch.stack([seen.color[..., c] + (1.0 - seen.alpha) * background[c] for c in range(3)], -1)
    torch.testing.assert_close(seen.over(background), expected)


def test_turning_world_and_camera_together_changes_nothing(build: str, generator: torch.Generator):
    splats, cameras = cloud(60, 0, generator), camera()
    angle = torch.tensor(0.7)
    turn = rotation_matrices(torch.tensor([[angle.cos(), 0.0, 0.0, angle.sin()]]))[0]
    w, x, y, z = splats.quaternions.unbind(-1)
    c, s = angle.cos(), angle.sin()
    turned = torch.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], -1)
    moved = Splats(splats.means @ turn.T, turned, *splats.parts[2:])
    pose = cameras.world_from_camera.clone()
    pose[:, :3] = turn @ pose[:, :3]
    other = Cameras(cameras.intrinsics, pose, SIZE)
    torch.testing.assert_close(
        stacked(moved, other, reference=False), stacked(splats, cameras, reference=False), atol=1e-3, rtol=0.0
    )


def test_the_order_of_splats_does_not_matter(build: str, generator: torch.Generator):
    splats = cloud(200, 2, generator)
    shuffled = splats[torch.randperm(200, generator=generator)]
    expected = stacked(splats, camera(), reference=False)
    torch.testing.assert_close(stacked(shuffled, camera(), reference=False), expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_no_bit(build: str, threads: int, generator: torch.Generator):
    splats = cloud(300, 1, generator)
    before = torch.get_num_threads()
    results = []
    try:
        for count in (2, threads):
            torch.set_num_threads(count)
            leaves = [part.clone().requires_grad_() for part in splats.parts]
            stacked(Splats(*leaves), camera(), reference=False).square().sum().backward()
            results.append([leaf.grad for leaf in leaves])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(first, second) for first, second in zip(*results, strict=True))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_native_image_and_gradients_equal_the_twin(build: str, degree: int, generator: torch.Generator):
    splats, results = cloud(70, degree, generator), []
    for dtype in (torch.float32, torch.float64):
        leaves = [part.to(dtype).requires_grad_() for part in splats.parts]
        image = stacked(Splats(*leaves), camera(), reference=dtype == torch.float64)
        slopes = torch.cos(torch.arange(image.numel(), dtype=dtype)).view_as(image)
        results.append([image.detach(), *torch.autograd.grad(image, leaves, slopes)])
    for found, exact in zip(*results, strict=True):
        assert float((found - exact).abs().max()) < 1e-4 * float(exact.abs().max())


def test_gradients_of_the_twin_are_the_slopes_of_its_image(generator: torch.Generator):
    splats = cloud(2, 3, generator)
    # Wide and far from all thresholds, so that no step of the perturbation crosses one.
    leaves = [0.3 * splats.means, splats.quaternions, splats.log_scales + 2.0, splats.opacity_logits * 0.1]
    leaves = [leaf.double().requires_grad_() for leaf in (*leaves, splats.harmonics)]
    cameras = Cameras.pinhole(5.0, (3, 4), world_from_camera=camera().world_from_camera)

    def image(*parts: torch.Tensor) -> torch.Tensor:
        return stacked(Splats(*parts), cameras, reference=True)

    assert torch.autograd.gradcheck(image, leaves, eps=1e-6, atol=1e-6)


def test_a_splat_far_outside_of_the_image_takes_the_slopes_of_its_margin(build: str):
    # Its middle is beyond the margin, and it is so wide that it is seen all the same.
    splats = one((3.0, 0.0, 1.0), opacity=0.9, scale=0.8)
    cameras, results = Cameras.pinhole(20.0, (20, 20)), []
    for dtype in (torch.float32, torch.float64):
        leaves = [part.to(dtype).requires_grad_() for part in splats.parts]
        image = stacked(Splats(*leaves), cameras, reference=dtype == torch.float64)
        results.append([image.detach(), *torch.autograd.grad(image.sum(), leaves)])
    assert float(results[0][0].max()) > 0.02
    for found, exact in zip(*results, strict=True):
        torch.testing.assert_close(found.double(), exact, atol=1e-4, rtol=1e-3)


def test_the_op_is_a_good_citizen_of_torch(native: None, generator: torch.Generator):
    leaves = [part.requires_grad_() for part in cloud(20, 1, generator).parts]
    arguments = (*leaves, module.camera_numbers(camera(), 0).float(), *SIZE)
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    opcheck(module._native_splat, arguments, test_utils=checks)


def test_a_number_of_harmonics_that_is_no_degree_is_refused(generator: torch.Generator):
    splats = cloud(3, 3, generator)
    with pytest.raises(DataError, match="have 7 spherical harmonics, expected 1, 4, 9 or 16"):
        splat(Splats(*splats.parts[:4], splats.harmonics[:, :7]), camera(), 0)
