"""The z-buffer against a loop over pixels in the test, closed forms, and the native op against its twin."""

import pytest
import torch

from nfield.kernels.rasterize import Raster, _native_rasterize, _project, rasterize, rasterize_reference

INTRINSICS = torch.tensor([[30.0, 0.0, 16.0], [0.0, 28.0, 12.0], [0.0, 0.0, 1.0]])
SIZE = (24, 32)


def random_mesh(
    generator: torch.Generator, *, vertices: int = 30, faces: int = 40
) -> tuple[torch.Tensor, torch.Tensor]:
    points = torch.randn(vertices, 3, generator=generator) * torch.tensor([0.6, 0.6, 0.5]) + torch.tensor([0, 0, 2.0])
    return points, torch.randint(vertices, (faces, 3), generator=generator)


def cast(points: torch.Tensor, faces: torch.Tensor, column: int, row: int) -> tuple[float, int]:
    """The nearest triangle on the ray through a pixel's centre (Moeller and Trumbore), depth and index."""
    inverse = torch.linalg.inv(INTRINSICS.double())
    ray = inverse @ torch.tensor([column + 0.5, row + 0.5, 1.0], dtype=torch.float64)
    best = (float("inf"), -1)
    for index, corners in enumerate(points.double()[faces]):
        a, b, c = corners
        normal = torch.linalg.cross(b - a, c - a)
        if abs(normal @ ray) < 1e-12 or (corners[:, 2] < 1e-3).any():
            continue
        depth = (normal @ a) / (normal @ ray)
        hit = depth * ray
        sides = [torch.linalg.cross(q - p, hit - p) @ normal for p, q in ((a, b), (b, c), (c, a))]
        if min(sides) >= 0 and depth < best[0]:
            best = (float(depth), index)
    return best


def test_pixels_see_what_rays_hit(generator: torch.Generator):
    points, faces = random_mesh(generator)
    raster = rasterize(points, faces, INTRINSICS, SIZE)
    assert (raster.face >= 0).any()
    for row in range(0, SIZE[0], 3):
        for column in range(0, SIZE[1], 3):
            depth, face = cast(points, faces, column, row)
            assert raster.face[row, column] == face
            expected = depth if face >= 0 else 0.0
            assert raster.depth[row, column] == pytest.approx(expected, rel=1e-5)


def test_seen_points_project_to_pixel_centres(generator: torch.Generator):
    points, faces = random_mesh(generator)
    raster = rasterize(points, faces, INTRINSICS, SIZE)
    rows, columns = (raster.face >= 0).nonzero().unbind(1)
    seen = raster.interpolate(points, faces)[rows, columns]
    projected = seen @ INTRINSICS.T
    centres = torch.stack([columns, rows], -1) + 0.5
    torch.testing.assert_close(projected[:, :2] / projected[:, 2:], centres, atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[:, 2], raster.depth[rows, columns])
    torch.testing.assert_close(raster.barycentric[rows, columns].sum(-1), torch.ones(len(rows)))
    assert (raster.barycentric >= -1e-6).all()


def test_order_of_faces_changes_names_only(generator: torch.Generator):
    points, faces = random_mesh(generator)
    order = torch.randperm(len(faces), generator=generator)
    first, second = rasterize(points, faces, INTRINSICS, SIZE), rasterize(points, faces[order], INTRINSICS, SIZE)
    torch.testing.assert_close(first.depth, second.depth, atol=0, rtol=0)
    assert torch.equal(torch.where(second.face >= 0, order[second.face], -1), first.face)


def test_of_equally_near_faces_the_first_is_seen():
    triangle = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [1, 1, 3]])
    assert rasterize(triangle, torch.tensor([[0, 1, 2]] * 3), INTRINSICS, SIZE).face.max() == 0


@pytest.mark.parametrize("faces", [torch.zeros(0, 3, dtype=torch.long), torch.zeros(3, 3, dtype=torch.long)])
def test_nothing_is_seen_of_no_faces_and_of_faces_without_area(faces: torch.Tensor):
    raster = rasterize(torch.tensor([[0.0, 0, 2]]), faces, INTRINSICS, SIZE)
    assert raster.face.eq(-1).all()
    assert not raster.depth.any()
    assert not raster.barycentric.any()


def test_faces_that_reach_behind_the_camera_are_left_out():
    points = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [0, 1, -1.0]])
    assert rasterize(points, torch.tensor([[0, 1, 2]]), INTRINSICS, SIZE).face.eq(-1).all()


def test_a_face_that_fills_the_image_and_one_outside_it():
    points = torch.tensor([[-90.0, -90, 2], [90, -90, 2], [0, 90, 2], [90, 90, 2], [91, 90, 2], [90, 91, 2]])
    raster = rasterize(points, torch.tensor([[0, 1, 2], [3, 4, 5]]), INTRINSICS, SIZE)
    assert raster.face.eq(0).all()


def test_interpolation_passes_gradients_to_the_corners(generator: torch.Generator):
    points, faces = random_mesh(generator, faces=3)
    raster = rasterize(points, faces, INTRINSICS, SIZE)
    values = torch.rand(len(points), 2, generator=generator, dtype=torch.float64, requires_grad=True)
    exact = Raster(raster.face, raster.barycentric.double(), raster.depth)
    assert torch.autograd.gradcheck(lambda v: exact.interpolate(v, faces), values)


needs_core = pytest.mark.usefixtures("native")


@needs_core
@pytest.mark.parametrize("size", [(24, 32), (1, 1), (100, 7)])
def test_native_op_agrees_with_its_twin(generator: torch.Generator, size: tuple[int, int]):
    points, faces = random_mesh(generator, vertices=200, faces=400)
    screen, kept = _project(points, faces, INTRINSICS)
    native = _native_rasterize(screen, kept, *size)
    assert torch.equal(native, rasterize_reference(screen, kept, size))


@needs_core
def test_native_op_is_registered_correctly(generator: torch.Generator):
    points, faces = random_mesh(generator)
    torch.library.opcheck(_native_rasterize, (*_project(points, faces, INTRINSICS), 8, 9))
