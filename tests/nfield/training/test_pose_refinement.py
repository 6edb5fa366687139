"""Corrections of cameras: against matrix exponentials, corrected cameras' own rays, and a field that is known."""

from dataclasses import replace

import pytest
import torch

from nfield.cameras import Cameras
from nfield.data.analytic import analytic_cameras
from nfield.training.pose_refinement import PoseRefinement, turned
from nfield.types import Box, Rays

BOX = Box.cube(1.5)


@pytest.fixture
def cameras(generator: torch.Generator) -> Cameras:
    """Five cameras with lenses that bend rays."""
    ideal = analytic_cameras(5, (20, 30), generator=generator)
    return replace(ideal, distortion=torch.tensor([0.1, -0.02, 0.003, 0.001]).expand(5, 4))


def disturbed(refinement: PoseRefinement, generator: torch.Generator, *, size: float = 0.05) -> PoseRefinement:
    """The same with random corrections."""
    for parameter in refinement.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator).to(parameter) * size
    return refinement


def some_rays(refinement: PoseRefinement, cameras: Cameras, generator: torch.Generator) -> Rays:
    camera = torch.randint(len(cameras), (40,), generator=generator)
    pixels = torch.rand(40, 2, generator=generator).to(cameras.intrinsics) * 20.0
    return refinement.rays(cameras, camera, pixels, box=BOX, near=0.3)


def test_turning_is_the_exponential_of_the_cross_product(generator: torch.Generator):
    turns = torch.randn(50, 3, generator=generator).double() * torch.logspace(-8, 0.3, 50).double()[:, None]
    vectors = torch.randn(50, 3, generator=generator).double()
    x, y, z, zero = *turns.unbind(-1), torch.zeros(50).double()
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(-1, 3, 3)
    expected = (torch.linalg.matrix_exp(cross) @ vectors[..., None])[..., 0]
    torch.testing.assert_close(turned(vectors, turns), expected, atol=1e-12, rtol=1e-12)


def test_turning_has_its_gradient_where_nothing_is_turned(generator: torch.Generator):
    vectors = torch.randn(3, 3, generator=generator).double()
    turns = torch.zeros(3, 3).double().requires_grad_()
    slopes = torch.randn(3, 3, generator=generator).double()
    (grad,) = torch.autograd.grad((turned(vectors, turns) * slopes).sum(), turns)
    # d(w x v) . g = w . (v x g)
    torch.testing.assert_close(grad, torch.linalg.cross(vectors, slopes))
    some = torch.randn(3, 3, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(turned, (vectors.requires_grad_(), some))


def test_without_corrections_rays_are_the_cameras(cameras: Cameras, generator: torch.Generator):
    camera, pixels = torch.tensor([0, 4, 2]), torch.tensor([[0.5, 0.5], [12.0, 3.0], [29.5, 19.5]])
    found = PoseRefinement(5, unit=3.0).rays(cameras, camera, pixels, box=BOX, near=0.3)
    expected = cameras.rays(camera, pixels, box=BOX, near=0.3)
    for name in ("origins", "dirs", "near", "far"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("centered", [True, False])
def test_rays_are_those_of_the_corrected_cameras(cameras: Cameras, generator: torch.Generator, centered: bool):
    refinement = disturbed(PoseRefinement(5, unit=3.0, centered=centered), generator)
    camera = torch.randint(5, (40,), generator=generator)
    pixels = torch.rand(40, 2, generator=generator) * 20.0
    found = refinement.rays(cameras, camera, pixels, box=BOX, near=0.3)
    expected = refinement.cameras(cameras).rays(camera, pixels, box=BOX, near=0.3)
    for name in ("origins", "dirs", "near", "far"):
        torch.testing.assert_close(getattr(found, name).detach(), getattr(expected, name), atol=1e-5, rtol=1e-5)
    assert not found.near.requires_grad
    assert found.dirs.requires_grad


def test_corrected_cameras_stay_rigid(cameras: Cameras, generator: torch.Generator):
    moved = disturbed(PoseRefinement(5, unit=3.0), generator, size=0.5).cameras(cameras).world_from_camera[:, :3, :3]
    torch.testing.assert_close(moved @ moved.mT, torch.eye(3).expand(5, 3, 3), atol=1e-5, rtol=0.0)


def test_a_common_motion_is_no_correction(cameras: Cameras, generator: torch.Generator):
    refinement = PoseRefinement(5, unit=3.0)
    refinement.turns.data += torch.tensor([0.1, 0.0, -0.2])
    refinement.shifts.data += 0.3
    torch.testing.assert_close(refinement.cameras(cameras).world_from_camera, cameras.world_from_camera)


def test_shifts_are_learned_in_the_given_unit(cameras: Cameras):
    refinement = PoseRefinement(5, unit=4.0, centered=False)
    refinement.shifts.data[2, 1] = 0.5
    shift = refinement.cameras(cameras).origins - cameras.origins
    assert shift[2].tolist() == pytest.approx([0.0, 2.0, 0.0])
    assert not shift[:2].any()


def test_gradients_of_the_corrections_are_the_differences(cameras: Cameras, generator: torch.Generator):
    exact = replace(
        cameras,
        intrinsics=cameras.intrinsics.double(),
        world_from_camera=cameras.world_from_camera.double(),
        distortion=None,
    )
    refinement = disturbed(PoseRefinement(5, unit=3.0).double(), generator)
    seed = generator.get_state()

    def answer(turns: torch.Tensor, shifts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        generator.set_state(seed)
        values = {"turns": turns, "shifts": shifts}
        rays = torch.func.functional_call(
            _Rays(refinement), {f"of.{k}": v for k, v in values.items()}, (exact, generator)
        )
        return rays.origins, rays.dirs

    leaves = tuple(p.detach().clone().requires_grad_() for p in (refinement.turns, refinement.shifts))
    assert torch.autograd.gradcheck(answer, leaves)


class _Rays(torch.nn.Module):
    """Some rays of a refinement, as a module's call."""

    def __init__(self, of: PoseRefinement) -> None:
        super().__init__()
        self.of = of

    def forward(self, cameras: Cameras, generator: torch.Generator) -> Rays:
        return some_rays(self.of, cameras, generator)
