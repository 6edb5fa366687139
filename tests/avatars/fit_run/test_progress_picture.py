import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avatars.fit_run import progress_picture as drawing
from avatars.fit_run.progress_picture import ProgressPicture, from_the_side, progress_picture
from avatars.surface.painted_body import PaintedBody
from nfield.cameras import Cameras
from nfield.training.loop import StepEvent, TrainState
from nfield.training.task import Moment
from nfield.types import Box
from tests.avatars.fitting.small_fit import SIZE, small_subject

_EVENT = StepEvent(
    Moment(1, 1.0, 0.1), {}, {}, False, False, lambda: TrainState(1, 1.0, {}, torch.zeros(1, dtype=torch.uint8), {})
)


def test_the_camera_beside_looks_at_the_middle_from_as_far():
    box = Box(torch.tensor([-0.5, -1.0, 2.5]), torch.tensor([0.7, 1.0, 3.5]))
    middle = torch.tensor([0.1, 0.0, 3.0])
    aside = from_the_side(Cameras.pinhole(100.0, (40, 30)), box)
    rotation, place = aside.world_from_camera[0, :3, :3], aside.origins[0]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3))
    assert float(torch.linalg.det(rotation)) == pytest.approx(1.0)
    assert float((place - middle).norm()) == pytest.approx(float(middle.norm()))
    # Turned a quarter about the vertical axis, to the right of what the photo shows.
    angle = math.degrees(math.acos(float(rotation[:, 2] @ torch.tensor([0.0, 0.0, 1.0]))))
    assert angle == pytest.approx(90.0)
    assert float(place[0]) > 2.0
    # The middle of the box lies before this camera where it lies before the photo's.
    torch.testing.assert_close(rotation.T @ (middle - place), middle)


def test_the_picture_shows_the_photo_and_two_sides_of_the_avatar(painted: PaintedBody):
    subject = small_subject(painted)
    picture = progress_picture(subject, largest=36)
    assert tuple(picture.shape) == (36, 3 * 32, 3)
    photo, front, side = picture.split(32, 1)
    person = subject.person.alpha.reshape(36, 2, 32, 2).mean((1, 3))
    grey = 1.0 - 0.8 * person  # The photo is of one grey, 51 of 255, cut out over white.
    torch.testing.assert_close(photo, grey[..., None].expand(-1, -1, 3), rtol=0.0, atol=1e-5)
    # The untrained field is a fog around the body: as the photo's outline, and narrower from the side.
    wide = [float((view.mean(-1) < 0.99).sum(1).max()) for view in (photo, front, side)]
    assert wide[1] == pytest.approx(wide[0], abs=6.0)
    assert 0.0 < wide[2] < 0.6 * wide[1]
    assert SIZE == (72, 64)


def test_a_picture_is_drawn_every_so_often_and_replaced(
    painted: PaintedBody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]
    drawn: list[float] = []
    monkeypatch.setattr(drawing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(drawing, "progress_picture", lambda subject: drawn.append(now[0]) or torch.rand(4, 6, 3))
    hook = ProgressPicture(tmp_path / "progress.png", small_subject(painted), every=60.0, first=10.0)
    for _ in range(200):
        hook(_EVENT)
        now[0] += 1.0
    assert drawn == [110.0, 170.0, 230.0, 290.0]
    assert [path.name for path in tmp_path.iterdir()] == ["progress.png"]
    assert np.asarray(Image.open(tmp_path / "progress.png")).shape == (4, 6, 3)
