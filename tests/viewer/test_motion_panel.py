"""Playing motions, without a page."""

import threading
import time

import pytest
import torch

from tests.viewer.subjects import Nod
from viewer.interface import FigurePose
from viewer.panels.motion import Player


class _Figure:
    """Remembers poses and when they came."""

    def __init__(self) -> None:
        self.poses: list[FigurePose] = []
        self.came = threading.Condition()

    def pose(self, pose: FigurePose) -> None:
        with self.came:
            self.poses.append(pose)
            self.came.notify_all()

    def wait(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.poses) >= count, timeout=10.0)

    @property
    def bends(self) -> list[float]:
        return [float(pose.rotations[1, 2]) for pose in self.poses]


def _player(motion: Nod) -> tuple[Player, _Figure]:
    figure = _Figure()
    player = Player(figure.pose)
    player.choose(motion)
    return player, figure


def test_it_goes_on_where_it_was_paused():
    player, figure = _player(Nod(100.0))
    player.play()
    figure.wait(5)
    player.pause()
    assert not player.plays
    paused = player.moment
    time.sleep(0.1)
    stood = len(figure.poses)
    time.sleep(0.15)
    assert len(figure.poses) == stood
    player.toggle()
    figure.wait(stood + 3)
    player.toggle()
    bends = figure.bends
    assert bends == sorted(bends)
    assert bends[stood] >= paused - 0.05


def test_speed_is_that_of_time():
    player, figure = _player(Nod(100.0))
    player.speed = 3.0
    begun = time.monotonic()
    player.play()
    figure.wait(10)
    player.pause()
    spent = time.monotonic() - begun
    assert figure.bends[9] == pytest.approx(3.0 * spent, abs=0.6)
    assert len(figure.poses) / spent > 8.0  # pictures a second, of the mesh


def test_a_moment_can_be_gone_to():
    player, figure = _player(Nod(4.0))
    player.go_to(0.25)
    assert figure.bends == [1.0]
    assert player.share == 0.25
    assert not player.plays
    player.choose(Nod(2.0))
    assert player.share == 0.0
    player.moment = 5.0
    assert player.share == 0.5


def test_the_way_over_the_ground_may_be_left_out():
    player, figure = _player(Nod(4.0))
    for player.on_the_spot in (True, False):
        player.go_to(0.5)
    assert [float(pose.travel[0]) for pose in figure.poses] == [0.0, 1.0]


def test_changes_are_told():
    player, figure = _player(Nod(4.0))
    told: list[bool] = []
    player.told = lambda: told.append(player.plays)
    player.play()
    player.play()
    figure.wait(1)
    player.pause()
    player.pause()
    assert told[0]
    assert not told[-1]


def test_without_a_motion_nothing_happens():
    figure = _Figure()
    player = Player(figure.pose)
    player.play()
    player.go_to(0.3)
    player.pause()
    assert not figure.poses
    assert (player.plays, player.share) == (False, 0.0)
    assert torch.equal(FigurePose(torch.zeros(2, 3)).travel, torch.zeros(3))
