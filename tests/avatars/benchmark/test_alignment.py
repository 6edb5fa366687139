"""Similarities between points, and cameras carried through them."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from avatars.benchmark.alignment import Similarity, similarity_between
from nfield.cameras import Cameras, look_at

KNOWN = Similarity(
    1.3, torch.from_numpy(Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()).float(), torch.tensor([0.2, -3.0, 1.5])
)


def test_a_known_similarity_is_recovered(generator: torch.Generator):
    points = torch.randn(24, 3, generator=generator)
    found = similarity_between(points, KNOWN(points))
    assert found.scale == pytest.approx(1.3, rel=1e-5)
    assert torch.allclose(found.rotation, KNOWN.rotation, atol=1e-5)
    assert torch.allclose(found.translation, KNOWN.translation, atol=1e-5)


def test_no_similarity_near_the_found_one_has_smaller_squared_distances(generator: torch.Generator):
    points = torch.randn(24, 3, generator=generator)
    target = KNOWN(points) + 0.3 * torch.randn(24, 3, generator=generator)
    found = similarity_between(points, target)
    least = float((found(points) - target).square().sum())
    for _ in range(50):
        turn = torch.from_numpy(Rotation.from_rotvec(0.02 * torch.randn(3, generator=generator).numpy()).as_matrix())
        other = Similarity(
            found.scale * (1.0 + 0.02 * float(torch.randn((), generator=generator))),
            turn.float() @ found.rotation,
            found.translation + 0.02 * torch.randn(3, generator=generator),
        )
        assert float((other(points) - target).square().sum()) >= least


def test_a_mirror_image_is_met_by_a_rotation_not_by_a_reflection(generator: torch.Generator):
    points = torch.randn(24, 3, generator=generator)
    found = similarity_between(points, points * torch.tensor([-1.0, 1.0, 1.0]))
    assert float(torch.linalg.det(found.rotation)) == pytest.approx(1.0, abs=1e-5)


def test_cameras_of_the_source_see_it_where_the_given_ones_see_the_target(generator: torch.Generator):
    points = torch.randn(40, 3, generator=generator)
    place = look_at(torch.tensor([[4.0, -2.0, 9.0]]), KNOWN.translation, torch.tensor([0.0, -1.0, 0.0]))
    cameras = Cameras(torch.tensor([[[90.0, 0, 30], [0, 80.0, 40], [0, 0, 1]]]), place, (80, 60))
    seen, depth = cameras.project(KNOWN(points), 0)
    carried, carried_depth = KNOWN.cameras_of_source(cameras).project(points, 0)
    assert torch.allclose(carried, seen, atol=1e-3)
    assert torch.allclose(carried_depth, depth / KNOWN.scale, atol=1e-4)
