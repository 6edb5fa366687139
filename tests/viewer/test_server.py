import contextlib
import http.client
import socket
import urllib.error
import urllib.request

import pytest
import torch
import viser
import websockets.asyncio.server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from nfield.cameras import Cameras, Orbit
from nfield.errors import OptionError
from nfield.rendering.image import Image, ShouldStop
from tests.viewer.subjects import HOME, Serve, subject
from viewer.app import Viewer
from viewer.camera import home_camera
from viewer.guard import Guard
from viewer.headless_client import HeadlessClient, check_page
from viewer.measure import measure
from viewer.server import ViewerError, listen, start_server

TOKEN = "a-token-of-some-length"
PROTOCOL = [Subprotocol(f"viser-v{viser.__version__}")]


def _get(viewer: Viewer, target: str, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", viewer.listener.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def _websocket_status(viewer: Viewer, **headers: str):
    """200 where the websocket opens."""
    origin = headers.pop("Origin", None)
    try:
        with connect(
            f"ws://127.0.0.1:{viewer.listener.port}/",
            subprotocols=PROTOCOL,
            additional_headers=headers,
            origin=None if origin is None else Origin(origin),
        ):
            return 200
    except InvalidStatus as refused:
        return refused.response.status_code


def test_the_page_is_answered_and_nothing_else(serve: Serve):
    viewer = serve()
    status, headers, body = _get(viewer, "/")
    assert status == 200
    assert b"<html" in body
    assert headers["Cache-Control"] == "no-store"
    assert _get(viewer, "/../../../etc/passwd")[0] == 404
    assert _get(viewer, "/__init__.py")[0] == 404


def test_nothing_is_sent_without_the_token(serve: Serve):
    viewer = serve(token=TOKEN)
    for target in ("/", "/index.html", "/?token=wrong", "/favicon.ico"):
        status, headers, body = _get(viewer, target)
        assert status == 403
        assert b"<html" not in body
        assert "Set-Cookie" not in headers
        assert TOKEN.encode() not in body
    assert _websocket_status(viewer) == 403
    assert _websocket_status(viewer, Cookie=f"nfield-{viewer.listener.port}=wrong") == 403


def test_the_token_lets_page_and_websocket_in(serve: Serve):
    viewer = serve(token=TOKEN)
    status, headers, body = _get(viewer, f"/?token={TOKEN}")
    assert status == 200
    assert b"<html" in body
    assert _websocket_status(viewer, Cookie=headers["Set-Cookie"].partition(";")[0]) == 200
    assert TOKEN in viewer.url
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(HOME, (60, 80)))
        assert next(client.pictures(20.0)).size[0] > 0


def test_other_sites_cannot_use_an_open_viewer(serve: Serve):
    viewer = serve()
    own = f"127.0.0.1:{viewer.listener.port}"
    assert _websocket_status(viewer, Origin=f"http://{own}") == 200
    assert _websocket_status(viewer, Origin="https://evil.example") == 403
    assert _get(viewer, "/", Host="evil.example")[0] == 403


def test_a_connection_that_knew_the_token_carries_one_answer(serve: Serve):
    viewer = serve(token=TOKEN)
    with socket.create_connection(("127.0.0.1", viewer.listener.port), timeout=10) as connection:
        connection.sendall(f"GET /?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        # Ends because the server closes: nothing can be asked for after it.
        while data := connection.recv(1 << 16):
            received += data
    assert received.count(b"HTTP/1.1 200") == 1


def test_a_busy_port_moves_on_to_the_next():
    first = listen("127.0.0.1", 0)
    second = listen("127.0.0.1", first.port)
    with first.socket, second.socket:
        assert second.port > first.port
        assert second.passed[0] == first.port


@pytest.mark.parametrize(
    ("host", "expected"), [("203.0.113.7", "cannot be listened on"), ("no host", "not an address")]
)
def test_addresses_of_others_are_refused(host: str, expected: str):
    with pytest.raises(OptionError, match=expected):
        listen(host, 0)


def test_others_need_a_token():
    with listen("0.0.0.0", 0).socket as bound:
        listener = listen("0.0.0.0", 0)
        with listener.socket, pytest.raises(OptionError, match="--token"):
            Viewer([subject()], listener, token=None)
        assert bound


def test_two_kinds_cannot_share_a_page():
    listener = listen("127.0.0.1", 0)
    with listener.socket, pytest.raises(OptionError, match="different kinds \\(scene and avatar\\)"):
        Viewer([subject(), subject(kind="avatar")], listener, token=None)


def test_a_viser_that_cannot_be_guarded_is_not_served(monkeypatch: pytest.MonkeyPatch):
    original = websockets.asyncio.server.serve

    class Elsewhere(viser.ViserServer):
        def __init__(self, **options: object) -> None:
            websockets.asyncio.server.serve = original
            super().__init__(host="127.0.0.1", port=0, verbose=False)

    monkeypatch.setattr("viewer.server._Server", Elsewhere)
    listener = listen("127.0.0.1", 0)
    with listener.socket, pytest.raises(ViewerError, match="cannot be guarded"):
        start_server(listener, Guard(listener.port, None), HOME)


def test_no_message_opens_a_tunnel(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object):
        raise AssertionError("a tunnel was opened")

    monkeypatch.setattr("viser._viser.ViserTunnel", refuse)
    viewer = serve()
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(HOME, (60, 80)))
        client.send("ShareUrlRequest")
        assert next(client.pictures(20.0)).size[0] > 0
    assert viewer.server.request_share_url() is None


def test_the_check_tells_pages_from_other_servers(serve: Serve):
    camera = home_camera(HOME, (60, 80))
    assert check_page(serve().url, camera, patience=20.0).startswith("a picture of ")
    with pytest.raises(ViewerError, match="does not answer"):
        check_page("http://127.0.0.1:1/", camera, patience=1.0)


def test_the_check_tells_why_there_is_no_picture(serve: Serve):
    def broken(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        raise ValueError("the field is not a number")

    viewer = serve(subject("weak", broken))
    with pytest.raises(ViewerError, match="shows no picture: the field is not a number"):
        check_page(viewer.url, home_camera(HOME, (60, 80)), patience=20.0)


def test_measuring_sees_first_moving_and_finest_pictures(serve: Serve):
    orbit = Orbit(torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, -3.2, 1.0]), 160.0, (90, 120))
    found = measure(serve().url, orbit.cameras(50), seconds=0.4, patience=10.0)
    assert 0.0 < found.first < 10.0
    assert found.rate > 1.0
    assert found.longest < 5.0
    assert found.moving <= (90, 120)
    assert found.finest == (90, 120)


def test_a_closed_viewer_frees_its_port(serve: Serve):
    viewer = serve()
    viewer.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(viewer.url, timeout=5)
    with listen("127.0.0.1", viewer.listener.port).socket as again:
        assert again.getsockname()[1] == viewer.listener.port
