import pytest
import torch

from distill.splat_teacher import SplatTeacher
from nfield.export.splat_file import SplatFile
from nfield.kernels.gaussians import Splats
from nfield.metrics import psnr
from tests.splat_ball import CENTER, RADIUS, RED, red_ball

UP = (0.0, 0.0, 1.0)


def teacher_of(splats: Splats) -> SplatTeacher:
    return SplatTeacher.of(SplatFile(splats, (0.0, 0.0, 0.0), UP, 0))


def test_the_scene_is_brought_to_the_origin_and_its_world_brings_it_back(generator: torch.Generator):
    teacher = teacher_of(red_ball(generator))
    assert float(teacher.box.size.max()) == pytest.approx(2.0, abs=0.25)
    assert teacher.splats.means.norm(dim=-1).mean() == pytest.approx(1.0, abs=0.1)
    back = torch.from_numpy(teacher.world.user_from_scene(teacher.splats.means.numpy()))
    assert torch.allclose((back - torch.tensor(CENTER)).norm(dim=-1), torch.tensor(RADIUS).double(), atol=1e-3)


def test_the_unit_of_a_file_changes_nothing(generator: torch.Generator):
    small = teacher_of(red_ball(generator))
    large = teacher_of(red_ball(generator.manual_seed(0), scale=1000.0))
    cameras = small.cameras(3, 48, generator=torch.Generator().manual_seed(1))
    for index in range(3):
        assert psnr(large.image(cameras, index).color, small.image(cameras, index).color) > 40.0
    assert large.world.scale == pytest.approx(small.world.scale / 1000.0, rel=1e-3)


def test_cameras_look_from_all_around_and_see_the_whole(generator: torch.Generator):
    teacher = teacher_of(red_ball(generator))
    cameras = teacher.cameras(40, 48, generator=generator)
    toward = torch.nn.functional.normalize(cameras.origins, dim=-1)
    assert float(toward[:, 2].min()) < -0.2
    assert float(toward[:, 2].max()) > 0.9
    assert float(toward[:, :2].mean(0).norm()) < 0.2
    images = teacher.pictures(cameras)
    alpha = images.images[..., 3].float() / 255.0
    assert images.has_alpha
    assert (alpha[:, 24, 24] > 0.9).all()
    cut = torch.cat([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]], -1).amax(-1) > 0.5
    assert 0.2 < float(cut.float().mean()) < 0.8  # some see the whole, some are near
    color = images.images[:, 24, 24, :3].float() / 255.0
    assert torch.allclose(color, torch.tensor(RED).expand(40, 3), atol=0.03)


def test_surroundings_far_away_are_left_out_and_counted(generator: torch.Generator):
    ball = red_ball(generator)
    far = Splats(*(part[:40] for part in ball.parts))
    far.means.mul_(30.0)
    both = Splats(*(torch.cat([one, other]) for one, other in zip(ball.parts, far.parts, strict=True)))
    teacher = teacher_of(both)
    assert 40 <= teacher.left_out < 120
    assert float(teacher.box.size.max()) < 3.0


def test_a_single_splat_is_a_scene(generator: torch.Generator):
    teacher = teacher_of(red_ball(generator)[:1])
    assert len(teacher.splats) == 1
    assert torch.isfinite(teacher.cameras(2, 16, generator=generator).world_from_camera).all()
