import numpy as np

from nfield.data.world import World

_SURVEY = World((500_000.25, 5_400_000.5, 300.0), 0.125)


def test_survey_coordinates_come_back_to_the_millimetre():
    points = np.array([[500_001.123, 5_400_002.456, 299.789], [499_990.0, 5_400_010.001, 305.5]])
    single = _SURVEY.scene_from_user(points).astype(np.float32)
    np.testing.assert_allclose(_SURVEY.user_from_scene(single), points, atol=1e-4, rtol=0)


def test_poses_are_moved_and_not_turned():
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, 3] = [[500_008.25, 5_400_000.5, 300.0], [500_000.25, 5_400_000.5, 316.0]]
    moved = _SURVEY.poses_from_user(poses)
    np.testing.assert_allclose(moved[:, :3, 3], [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    np.testing.assert_array_equal(moved[:, :3, :3], poses[:, :3, :3])
    np.testing.assert_allclose(_SURVEY.poses_to_user(moved), poses)


def test_the_users_world_is_left_alone():
    assert World().is_users
    assert not _SURVEY.is_users
    points = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(World().scene_from_user(points), points)
