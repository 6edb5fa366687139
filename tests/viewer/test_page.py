"""A page as its reader sees it, through the websocket."""

import time
from collections.abc import Callable

import numpy as np

from nfield.cameras import Cameras
from nfield.rendering.image import Image, ShouldStop
from tests.viewer.subjects import HOME, Serve, analytic_view, flat_view, subject
from viewer.camera import home_camera
from viewer.headless_client import HeadlessClient, Received
from viewer.interface import Home, Subject
from viewer.page import FAILED

WINDOW = (60, 80)
SIDE = Home((3.2, 0.0, 1.0), HOME.target, HOME.up, HOME.field_of_view)


def _finest(client: HeadlessClient, window: tuple[int, int] = WINDOW):
    """The picture that fills the window, as numbers in [0, 1]."""
    for picture in client.pictures(20.0):
        if picture.size == window:
            return _array(picture)
    raise AssertionError("no picture of the window's size came")


def _array(picture: Received):
    return np.asarray(picture.image(), np.float32) / 255.0


def _expected(home: Home):
    camera = home_camera(home, WINDOW)
    image = analytic_view(camera, WINDOW, lambda: False)
    assert image is not None
    return image.color.numpy()


def _wait(client: HeadlessClient, found: Callable[[dict], bool]):
    for message in client.messages(20.0):
        if found(dict(message)):
            return message
    raise AssertionError("what was waited for did not come")


def test_the_page_shows_what_the_camera_sees(serve: Serve):
    with HeadlessClient(serve().url) as client:
        for home in (HOME, SIDE):
            client.look(home_camera(home, WINDOW))
            assert np.abs(_finest(client) - _expected(home)).mean() < 0.02
    assert np.abs(_expected(HOME) - _expected(SIDE)).mean() > 0.05


def test_two_readers_have_cameras_of_their_own(serve: Serve):
    viewer = serve()
    with HeadlessClient(viewer.url) as first, HeadlessClient(viewer.url) as second:
        first.look(home_camera(HOME, WINDOW))
        second.look(home_camera(SIDE, WINDOW))
        assert np.abs(_finest(first) - _expected(HOME)).mean() < 0.02
        assert np.abs(_finest(second) - _expected(SIDE)).mean() < 0.02


def test_a_failing_render_is_shown_and_the_server_lives_on(serve: Serve):
    broken: list[bool] = [True]

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        if broken:
            raise ValueError("the field is not a number")
        return analytic_view(camera, size, should_stop)

    with HeadlessClient(serve(subject("weak", view)).url) as client:
        client.look(home_camera(HOME, WINDOW))
        note = _wait(client, lambda message: message["type"] == "NotificationShowMessage")
        assert note["props"]["title"] == FAILED
        assert note["props"]["body"] == "the field is not a number"
        broken.clear()
        client.look(home_camera(SIDE, WINDOW))
        assert np.abs(_finest(client) - _expected(SIDE)).mean() < 0.02


def test_cameras_that_cannot_be_are_ignored(serve: Serve):
    with HeadlessClient(serve().url) as client:
        good = home_camera(HOME, WINDOW)
        client.look(good)
        _finest(client)
        for wrong in ({"fov": float("nan")}, {"fov": 0.0}, {"image_height": 0}, {"position": (float("inf"), 0.0, 0.0)}):
            message = {
                "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, 0.0), "fov": 1.0, "near": 0.01, "far": 10.0,
                "image_height": 50, "image_width": 50, "look_at": (0.0, 0.0, 1.0), "up_direction": (0.0, 1.0, 0.0),
            }  # fmt: skip
            client.send("ViewerCameraMessage", **{**message, **wrong})
        assert list(client.pictures(0.3)) == []
        client.look(home_camera(SIDE, WINDOW))
        assert np.abs(_finest(client) - _expected(SIDE)).mean() < 0.02


def test_huge_windows_get_pictures_that_fit_in_memory(serve: Serve):
    with HeadlessClient(serve(subject("flat", flat_view(0.5, 0.5, 0.5))).url) as client:
        client.look(home_camera(HOME, (30000, 40000)))
        sizes = [picture.size for picture in client.pictures(0.8)]
    assert sizes
    assert max(height * width for height, width in sizes) <= 1.01 * (1 << 20)


def test_two_runs_share_a_picture(serve: Serve):
    red, blue = subject("red", flat_view(1.0, 0.0, 0.0)), subject("blue", flat_view(0.0, 0.0, 1.0))
    with HeadlessClient(serve(red, blue).url) as client:
        client.look(home_camera(HOME, WINDOW))
        picture = _finest(client)
    assert np.abs(picture[:40, :35] - [1.0, 0.0, 0.0]).max() < 0.1
    assert np.abs(picture[:40, 45:] - [0.0, 0.0, 1.0]).max() < 0.1


def _sliders(client: HeadlessClient):
    """Identifiers of the page's sliders by label."""
    found = {}
    for message in client.messages(3.0):
        if message["type"] == "GuiSliderMessage":
            found[message["props"]["label"]] = message["uuid"]
        if len(found) == 3:
            break
    return found


def test_a_slider_moves_the_bones_and_then_the_field_is_shown(serve: Serve, stick: Subject):
    with HeadlessClient(serve(stick).url) as client:
        client.look(home_camera(stick.home, WINDOW))
        uuid = _sliders(client)["bend z"]
        client.send("GuiUpdateMessage", uuid=uuid, updates={"value": 90.0})
        turned = _wait(client, lambda message: message["type"] == "SetBoneOrientationMessage")
        assert turned["bone_index"] == 1
        np.testing.assert_allclose(turned["wxyz"], [0.5**0.5, 0.0, 0.0, 0.5**0.5], atol=1e-3)
        shown = _finest(client)
        # The stick's field is red while it is bent.
        assert np.abs(shown - [0.9, 0.3, 0.2]).max() < 0.1


def test_closing_the_page_ends_its_threads(serve: Serve):
    viewer = serve()
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(HOME, WINDOW))
        _finest(client)
        (opened,) = viewer._pages.values()
        thread = opened.page.loop._thread
        assert thread.is_alive()
    until = time.monotonic() + 10.0
    while thread.is_alive() and time.monotonic() < until:
        time.sleep(0.02)
    assert not thread.is_alive()
    assert viewer._pages == {}
