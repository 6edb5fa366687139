import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.viewer.subjects import HOME
from viewer.camera import camera_from_browser, field_of_view, focal_length, home_camera, quaternions, rotation_matrix

_number = st.floats(-1.0, 1.0).filter(lambda value: abs(value) > 0.05)


@given(st.tuples(_number, _number, _number, _number))
def test_quaternions_and_matrices_are_inverse(values: tuple[float, float, float, float]):
    quaternion = np.array(values) / np.linalg.norm(values)
    again = quaternions(rotation_matrix(quaternion)[None])[0]
    assert abs(abs(float(again @ quaternion)) - 1.0) < 1e-5


def test_quaternions_start_with_their_real_part():
    quarter = Rotation.from_rotvec([0.0, 0.0, math.pi / 2]).as_matrix()
    np.testing.assert_allclose(quaternions(quarter[None])[0], [0.5**0.5, 0.0, 0.0, 0.5**0.5], atol=1e-6)


def test_the_home_camera_looks_at_the_target_with_up_upwards():
    camera = home_camera(HOME, (60, 80))
    points = torch.tensor([HOME.target, (0.0, 0.0, 0.3)])
    pixels, depth = camera.project(points, 0)
    torch.testing.assert_close(pixels[0], torch.tensor([40.0, 30.0]), atol=1e-3, rtol=0.0)
    assert pixels[1, 1] < 30.0
    assert abs(float(depth[0]) - HOME.distance) < 1e-4


def test_a_field_of_view_spans_the_height():
    camera = camera_from_browser(np.array([1.0, 0, 0, 0]), np.zeros(3), field_of_view=1.0, size=(50, 200))
    edge = torch.tensor([[0.0, math.tan(0.5), 1.0]])
    assert abs(float(camera.project(edge, 0)[0][0, 1]) - 50.0) < 1e-3
    assert abs(field_of_view(focal_length(1.0, 50), 50) - 1.0) < 1e-9
