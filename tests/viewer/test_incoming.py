"""Rubbish on the viewer's port: a line and a closed connection for it, and pictures for everybody else."""

import io
import logging
import math
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec.msgpack
import pytest
import viser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.mutations import mutated
from tests.viewer.subjects import HOME, Serve
from viewer.app import Viewer
from viewer.camera import home_camera
from viewer.headless_client import HeadlessClient
from viewer.incoming import LOGGER, Rubbish, require_message

CAMERA: dict[str, Any] = {
    "type": "ViewerCameraMessage", "wxyz": [1.0, 0.0, 0.0, 0.0], "position": [0.0, 1.0, 5.0], "fov": 0.7, "near": 0.01,
    "far": 1000.0, "image_height": 60, "image_width": 80, "look_at": [0.0, 1.0, 0.0], "up_direction": [0.0, 1.0, 0.0],
}  # fmt: skip


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """What is told about connections; nothing else may be told anywhere."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    LOGGER.addHandler(handler)
    yield told
    LOGGER.removeHandler(handler)
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err + told.getvalue()


def _connected(viewer: Viewer) -> ClientConnection:
    protocol = [Subprotocol(f"viser-v{viser.__version__}")]
    return connect(f"ws://127.0.0.1:{viewer.listener.port}/", subprotocols=protocol, compression=None, max_size=None)


def _closes(connection: ClientConnection, *, seconds: float = 10.0) -> int | None:
    """The code with which the server ends a connection."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            connection.recv(timeout=max(0.1, end - time.monotonic()))
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code
    raise AssertionError("the connection stays open")


def _is_served(viewer: Viewer) -> bool:
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(HOME, (60, 80)))
        return next(client.pictures(20.0)).size[0] > 0


def test_messages_of_the_page_pass():
    require_message(msgspec.msgpack.encode(CAMERA))
    require_message(msgspec.msgpack.encode({**CAMERA, "fov": 1, "image_height": 7}))
    require_message(msgspec.msgpack.encode({**CAMERA, "fov": math.nan}))  # of a window without an area
    require_message(msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": "a", "updates": {"value": 0.5}}))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({**CAMERA, "wxyz": "abcd"}, "no message"),
        ({**CAMERA, "wxyz": [1.0, 0.0]}, "no message"),
        ({**CAMERA, "image_width": 1 << 60}, "without bounds"),
        ({**CAMERA, "image_width": 1.5}, "no message"),
        ({**CAMERA, "more": 1}, "no message"),
        ({"type": "NoSuchMessage"}, "no message"),
        ({"type": ["ViewerCameraMessage"]}, "no message"),
        ({}, "no message"),
        ([], "no message"),
        (7, "no message"),
    ],
)
def test_what_no_page_sends_is_told(content: Any, expected: str):
    with pytest.raises(Rubbish, match=expected):
        require_message(msgspec.msgpack.encode(content))


def test_bytes_of_any_kind_are_messages_or_rubbish():
    chance, whole = random.Random(0), msgspec.msgpack.encode(CAMERA)
    frames = [chance.randbytes(chance.randrange(200)) for _ in range(300)]
    frames += [whole[: chance.randrange(len(whole))] for _ in range(100)]
    frames += [msgspec.msgpack.encode(wrong) for _, wrong in mutated(CAMERA, count=300, seed=0) if _packs(wrong)]
    frames += [b"\x91" * 5000 + b"\x00", b"\xdd\xff\xff\xff\xff"]
    refused: list[str] = []
    for frame in frames:
        try:
            require_message(frame)
        except Rubbish as rubbish:
            refused.append(str(rubbish))
    assert len(refused) > 500
    assert not any("\n" in words for words in refused)


def _packs(content: Any) -> bool:
    try:
        return bool(msgspec.msgpack.encode(content))
    except (OverflowError, TypeError):
        return False


@pytest.mark.parametrize("frame", [b"\x00\xff rubbish", b"", "text", msgspec.msgpack.encode({**CAMERA, "fov": "x"})])
def test_rubbish_costs_a_line_and_the_connection(frame: bytes | str, serve: Serve, lines: io.StringIO):
    viewer = serve()
    with _connected(viewer) as connection:
        connection.send(frame)
        assert _closes(connection) == 1003
    assert lines.getvalue().count("\n") == 1
    assert lines.getvalue().startswith("closed a connection: it sent ")
    assert _is_served(viewer)


def test_a_frame_without_end_is_not_kept(serve: Serve, lines: io.StringIO):
    viewer = serve()
    with _connected(viewer) as connection:
        connection.send(bytes(51 * 1024 * 1024))
        assert _closes(connection) == 1009
    assert _is_served(viewer)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local",
    ],
)
def test_who_speaks_no_http_gets_at_most_a_line(start: bytes, serve: Serve, lines: io.StringIO):
    viewer = serve()
    with socket.create_connection(("127.0.0.1", viewer.listener.port), timeout=10) as connection:
        connection.sendall(start)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
    assert _is_served(viewer)
    assert lines.getvalue().count("\n") <= 1


def test_half_a_frame_harms_nobody(serve: Serve, lines: io.StringIO):
    viewer = serve()
    connection = _connected(viewer)
    whole = msgspec.msgpack.encode(CAMERA)
    # A header that promises more bytes than come: final frame of binary data, masked, 120 bytes.
    connection.socket.sendall(b"\x82" + bytes([0x80 | 120]) + b"mask" + whole[:20])
    connection.socket.shutdown(socket.SHUT_RDWR)
    connection.socket.close()
    assert _is_served(viewer)
    assert lines.getvalue().count("\n") <= 1


def test_values_that_viser_cannot_use_are_a_line(serve: Serve, lines: io.StringIO):
    viewer = serve()
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(HOME, (60, 80)))
        uuids = [message["uuid"] for message in client.messages(1.0) if message["type"].startswith("Gui")]
        for uuid in uuids:
            for value in ("nonsense", [1, 2], None, {}, -5):
                client.send("GuiUpdateMessage", uuid=uuid, updates={"value": value})
                client.send("GuiUpdateMessage", uuid=uuid, updates={"no_such_property": value})
        list(client.messages(1.0))
    assert _is_served(viewer)
    assert "a message could not be handled (" in lines.getvalue()


def test_many_clients_with_rubbish_leave_the_others_their_pictures(serve: Serve, lines: io.StringIO):
    viewer, rounds = serve(), 5

    def spoil(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(rounds):
            with _connected(viewer) as connection:
                connection.send(chance.randbytes(100))
                _closes(connection)

    clients = [threading.Thread(target=spoil, args=(seed,)) for seed in range(4)]
    for client in clients:
        client.start()
    assert _is_served(viewer)
    for client in clients:
        client.join()
    assert lines.getvalue().count("\n") == rounds * len(clients)
    assert _is_served(viewer)
