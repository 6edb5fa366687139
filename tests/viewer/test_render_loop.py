import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from nfield.cameras import Cameras
from nfield.rendering.image import Image, ShouldStop
from viewer.frame_budget import FrameBudget, FrameBudgetConfig
from viewer.pictures import color_picture
from viewer.render_loop import RenderLoop, Request, Shown

WINDOW = (96, 128)


def _camera(mark: float, window: tuple[int, int] = WINDOW):
    """A camera that is told from others by its place."""
    pose = torch.eye(4)
    pose[0, 3] = mark
    return Cameras(torch.eye(3)[None], pose[None], window)


def _mark(shown: Shown):
    return float(shown.request.camera.origins[0, 0])


def _plain(size: tuple[int, int]):
    return Image(torch.zeros(*size, 3), torch.ones(size), torch.ones(size))


class Slow:
    """A view that takes a time per chunk, and notes how it ended."""

    def __init__(self, chunk: float, chunks: int = 1) -> None:
        self.chunk, self.chunks = chunk, chunks
        self.begun: list[tuple[float, tuple[int, int]]] = []
        self.stopped = 0
        self.begins = threading.Event()

    def __call__(self, camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        self.begun.append((float(camera.origins[0, 0]), size))
        self.begins.set()
        for _ in range(self.chunks):
            if should_stop():
                self.stopped += 1
                return None
            time.sleep(self.chunk)
        return _plain(size)


class Screen:
    """What a page would show."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.messages: list[str | None] = []
        self._came = threading.Condition()

    def show(self, shown: Shown):
        with self._came:
            self.shown.append(shown)
            self._came.notify_all()

    def complain(self, message: str | None):
        with self._came:
            self.messages.append(message)
            self._came.notify_all()

    def wait(self, reached: Callable[[], object], seconds: float = 10.0):
        with self._came:
            assert self._came.wait_for(reached, seconds)


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def loop(screen: Screen) -> Iterator[RenderLoop]:
    loop = RenderLoop(screen.show, screen.complain, FrameBudget(FrameBudgetConfig(budget=0.01)))
    yield loop
    loop.close()


def test_a_picture_is_refined_up_to_the_window(loop: RenderLoop, screen: Screen):
    loop.request(Request(Slow(0.001), _camera(1.0), color_picture))
    screen.wait(lambda: screen.shown and screen.shown[-1].finest)
    sizes = [tuple(shown.pixels.shape[:2]) for shown in screen.shown]
    assert sizes[0] < WINDOW
    assert sizes[-1] == WINDOW
    assert sizes == sorted(sizes)


def test_the_latest_camera_wins(loop: RenderLoop, screen: Screen):
    view = Slow(0.05)
    loop.request(Request(view, _camera(0.0), color_picture))
    assert view.begins.wait(5.0)
    for mark in range(1, 30):
        loop.request(Request(view, _camera(float(mark)), color_picture))
    screen.wait(lambda: screen.shown and screen.shown[-1].finest)
    marks = [mark for mark, _ in view.begun]
    assert marks[-1] == 29.0
    assert set(marks) == {0.0, 29.0}


def test_a_camera_in_motion_is_followed(loop: RenderLoop, screen: Screen):
    view = Slow(0.01, chunks=2)
    until = time.monotonic() + 0.6
    mark = 0.0
    while time.monotonic() < until:
        mark += 1.0
        loop.request(Request(view, _camera(mark), color_picture))
        time.sleep(0.005)
    # Every request is outdated before its picture is done; still they come.
    assert len(screen.shown) > 5
    assert all(not shown.finest for shown in screen.shown)


def test_a_refinement_is_cancelled_between_chunks(loop: RenderLoop, screen: Screen):
    slow = Slow(0.02, chunks=500)
    loop.request(Request(Slow(0.0), _camera(1.0), color_picture, settle=0.0))
    screen.wait(lambda: screen.shown)
    refining = Request(slow, _camera(2.0), color_picture, settle=0.001)
    loop.request(refining)
    assert slow.begins.wait(5.0)
    asked = time.monotonic()
    loop.request(Request(Slow(0.0), _camera(3.0), color_picture))
    screen.wait(lambda: _mark(screen.shown[-1]) == 3.0)
    assert time.monotonic() - asked < 2.0
    assert slow.stopped == 1


def test_what_is_too_slow_while_moving_is_given_up_and_made_smaller(loop: RenderLoop, screen: Screen):
    slow = Slow(0.05, chunks=40)
    before = loop.budget.rate
    loop.request(Request(slow, _camera(1.0), color_picture))
    assert slow.begins.wait(5.0)
    loop.request(Request(Slow(0.0), _camera(2.0), color_picture))
    screen.wait(lambda: screen.shown)
    assert slow.stopped == 1
    assert loop.budget.rate != before
    assert all(_mark(shown) == 2.0 for shown in screen.shown)


def test_what_comes_before_the_rays_makes_no_picture_smaller(loop: RenderLoop, screen: Screen):
    def prepares(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        time.sleep(0.2)
        return None if should_stop() else _plain(size)

    before = loop.budget.rate
    loop.request(Request(prepares, _camera(1.0), color_picture))
    screen.wait(lambda: screen.shown)
    assert screen.shown[0].seconds > 0.2
    loop.close()
    assert loop.budget.rate > before


def test_a_request_that_settles_waits_and_yields(loop: RenderLoop, screen: Screen):
    view = Slow(0.0)
    started = time.monotonic()
    for mark in range(4):
        loop.request(Request(view, _camera(float(mark)), color_picture, settle=0.15))
        time.sleep(0.03)
    screen.wait(lambda: screen.shown)
    assert time.monotonic() - started > 0.15
    assert {mark for mark, _ in view.begun} == {3.0}


def test_what_settled_is_not_shown_after_something_newer(loop: RenderLoop, screen: Screen):
    release = threading.Event()

    def stubborn(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        release.wait(5.0)
        return _plain(size)

    loop.request(Request(stubborn, _camera(1.0), color_picture, settle=0.001))
    time.sleep(0.1)
    loop.request(Request(Slow(0.0), _camera(2.0), color_picture, settle=0.3))
    release.set()
    screen.wait(lambda: screen.shown)
    assert {_mark(shown) for shown in screen.shown} == {2.0}


def test_a_failing_view_is_told_once_it_fails_and_once_it_works(loop: RenderLoop, screen: Screen):
    def broken(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        raise ValueError("the field is not a number")

    loop.request(Request(broken, _camera(1.0), color_picture))
    screen.wait(lambda: screen.messages)
    assert screen.messages == ["the field is not a number"]
    assert screen.shown == []
    loop.request(Request(Slow(0.0), _camera(2.0), color_picture))
    screen.wait(lambda: screen.shown)
    assert screen.messages == ["the field is not a number", None]


def test_forgetting_leaves_nothing_to_do(loop: RenderLoop, screen: Screen):
    view = Slow(0.0)
    loop.request(Request(view, _camera(1.0), color_picture, settle=0.1))
    loop.forget()
    time.sleep(0.25)
    assert view.begun == []


def test_closing_ends_a_picture_between_chunks(screen: Screen):
    loop = RenderLoop(screen.show, screen.complain)
    slow = Slow(0.02, chunks=1000)
    loop.request(Request(slow, _camera(1.0), color_picture))
    assert slow.begins.wait(5.0)
    started = time.monotonic()
    loop.close()
    assert time.monotonic() - started < 2.0
    assert screen.shown == []
