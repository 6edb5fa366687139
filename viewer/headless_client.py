"""A reader without a browser: opens the page and its websocket, moves a camera, takes the pictures that come."""

import io
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec.msgpack
import viser
import zstandard
from PIL import Image
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from nfield.cameras import Cameras
from viewer.camera import field_of_view, quaternions
from viewer.page import FAILED
from viewer.server import ViewerError

_PATIENCE = 60.0


@dataclass(frozen=True)
class Received:
    """A picture as it came.

    Attributes:
        jpeg: The file.
        moment: When, in seconds of `time.monotonic`.
    """

    jpeg: bytes
    moment: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        with Image.open(io.BytesIO(self.jpeg)) as image:
            return image.height, image.width

    def image(self) -> Image.Image:
        """The picture."""
        return Image.open(io.BytesIO(self.jpeg)).convert("RGB")


def fetch_page(url: str) -> tuple[str, dict[str, str]]:
    """The page's HTML, and the headers that a websocket of this page sends."""
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        cookie = answer.headers.get("Set-Cookie", "")
        html = answer.read().decode("utf-8")
    split = urllib.parse.urlsplit(url)
    headers = {"Origin": f"{split.scheme}://{split.netloc}"}
    return html, {**headers, **({"Cookie": cookie.partition(";")[0]} if cookie else {})}


class HeadlessClient:
    """One connection, as the page opens it.

    Args:
        url: That the viewer printed.
    """

    def __init__(self, url: str) -> None:
        split = urllib.parse.urlsplit(url)
        self.html, headers = fetch_page(url)
        origin = headers.pop("Origin")
        self._socket: ClientConnection = connect(
            f"ws://{split.netloc}/", origin=Origin(origin), additional_headers=headers, max_size=None, compression=None,
            subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
        )  # fmt: skip

    def __enter__(self) -> "HeadlessClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def look(self, camera: Cameras) -> None:
        """Moves the camera, as the page does while it is dragged."""
        pose = camera.world_from_camera[0].numpy()
        height, width = camera.size
        forward = pose[:3, 2]
        self.send(
            "ViewerCameraMessage",
            wxyz=quaternions(pose[None, :3, :3])[0].tolist(),
            position=pose[:3, 3].tolist(),
            fov=field_of_view(float(camera.intrinsics[0, 1, 1]), height),
            near=0.01,
            far=1000.0,
            image_height=height,
            image_width=width,
            look_at=(pose[:3, 3] + forward).tolist(),
            up_direction=(-pose[:3, 1]).tolist(),
        )

    def send(self, kind: str, **fields: object) -> None:
        """Sends one of viser's messages."""
        self._socket.send(msgspec.msgpack.encode({"type": kind, **fields}))

    def messages(self, seconds: float) -> Iterator[Mapping[str, Any]]:
        """What comes within a time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            try:
                data = self._socket.recv(timeout=left)
            except TimeoutError:
                return
            assert isinstance(data, bytes)
            yield from _unpacked(data)

    def pictures(self, seconds: float) -> Iterator[Received]:
        """The pictures that come within a time."""
        for message in self.messages(seconds):
            if _is_picture(message):
                yield Received(message["rgb_data"], time.monotonic())


def check_page(url: str, camera: Cameras, *, patience: float) -> str:
    """Sees to it that a viewer works: its page answers, and something to see comes; says what.

    Args:
        url: Of the viewer.
        camera: From where.
        patience: Seconds until the picture has to be there.

    Raises:
        ViewerError: Something else came, or nothing.
    """
    try:
        with HeadlessClient(url) as client:
            if "<html" not in client.html:
                raise ViewerError(f"{url}: what came is not a page; is something else listening there?")
            client.look(camera)
            return _first_sight(client, url, patience)
    except (OSError, WebSocketException) as error:
        raise ViewerError(f"{url}: does not answer ({error}); see whether another program hinders it") from error


def _first_sight(client: HeadlessClient, url: str, patience: float) -> str:
    for message in client.messages(patience):
        if _is_picture(message):
            height, width = Received(message["rgb_data"], time.monotonic()).size
            return f"a picture of {width} x {height}"
        if message["type"] == "GaussianSplatsMessage":
            return "a cloud of splats, which the browser draws,"
        if message["type"] == "NotificationShowMessage" and message["props"]["title"] == FAILED:
            raise ViewerError(f"{url}: the page shows no picture: {message['props']['body']}")
    raise ViewerError(f"{url}: no picture came within {patience:.0f} s; this machine may be busy, try again")


def _is_picture(message: Mapping[str, Any]) -> bool:
    """Whether a message brings what was rendered; the white behind a mesh comes as a PNG."""
    return message["type"] == "BackgroundImageMessage" and message["format"] == "jpeg"


def _unpacked(data: bytes) -> list[Mapping[str, Any]]:
    """Messages of a frame: sizes before and after compression in 8 bytes each, MessagePack under zstd, raw arrays."""
    full, packed = (int.from_bytes(data[first : first + 8], "little") for first in (0, 8))
    plain = zstandard.ZstdDecompressor().decompress(data[16 : 16 + packed], max_output_size=full)
    return msgspec.msgpack.decode(plain)["messages"]
