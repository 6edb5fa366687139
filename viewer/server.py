"""The web server: viser behind a guard, on a port of our own choosing, with a page's worth of state per client."""

import contextlib
import errno
import http
import io
import socket
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import viser
import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from nfield.errors import NFieldError, OptionError
from viewer.guard import Guard
from viewer.incoming import LOGGER, CheckedConnection
from viewer.interface import Home

_TRIES = 64
_BACKLOG = 64


class ViewerError(NFieldError):
    """The web server cannot be started."""


@dataclass(frozen=True)
class Listener:
    """A port that is ours.

    Attributes:
        socket: Bound and listening.
        host: As it was asked for.
        port: Its number.
        passed: Ports before it that were busy.
    """

    socket: socket.socket
    host: str
    port: int
    passed: tuple[int, ...] = ()


def listen(host: str, port: int) -> Listener:
    """Takes the first free port from `port` on; 0 takes any.

    Raises:
        OptionError: The address is not one of this machine, or no port is free.
    """
    passed: list[int] = []
    family, address = _resolved(host)
    for number in range(port, min(port + _TRIES, 1 << 16)):
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((address, number))
            taken.listen(_BACKLOG)
        except OSError as error:
            taken.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise OptionError(
                    f"--host: {host!r} cannot be listened on ({error.strerror}), expected an address of this machine; "
                    "127.0.0.1 is for this machine only, 0.0.0.0 for all of its networks"
                ) from error
            passed.append(number)
            continue
        return Listener(taken, host, taken.getsockname()[1], tuple(passed))
    raise OptionError(f"--port: {port} and the {len(passed) - 1} ports after it are busy; give another one to --port")


def _resolved(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise OptionError(f"--host: {host!r} is not an address; give for example 127.0.0.1 or 0.0.0.0") from error
    return family, str(address[0])


class _Server(viser.ViserServer):
    """Viser without its tunnel: no client's message makes this machine connect to another."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Never."""
        return None


def start_server(listener: Listener, guard: Guard, home: Home) -> viser.ViserServer:
    """Viser's server behind the guard.

    Viser has no access control and chooses its port itself. It opens its one socket, for page and websocket alike,
    through a function of the websockets library, which is replaced while it starts: that puts the guard before
    viser's own answers and hands our socket over.

    Args:
        listener: Where it listens.
        guard: Decides who is let in.
        home: Where the camera of a new page is.

    Raises:
        ViewerError: This version of viser opens its socket in another way, so that nothing would guard it.
    """
    # A reader who leaves in the middle of a picture is nothing to warn of.
    warnings.filterwarnings("ignore", "Queued a .* on a closed connection", UserWarning)
    with _guarded(listener, guard) as was_used, quiet():
        server = _Server(host="127.0.0.1", port=listener.port, verbose=False)
    if not was_used():
        stop_server(server)
        raise ViewerError(
            f"viser {viser.__version__} cannot be guarded by this version of nfield; install viser 1.1: "
            "pip install 'viser>=1.1,<1.2'"
        )
    server.gui.configure_theme(control_width="medium", show_logo=False, show_share_button=False)
    server.gui.main_panel.dock_right()
    server.gui.set_panel_label("nfield")
    server.scene.set_up_direction(home.up)
    server.scene.world_axes.visible = False
    server.initial_camera.position = home.position
    server.initial_camera.look_at = home.target
    server.initial_camera.up = home.up
    server.initial_camera.fov = home.field_of_view
    return server


def stop_server(server: viser.ViserServer) -> None:
    """Closes all connections and the port."""
    with quiet():
        server.stop()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what viser prints: addresses that lack the token, and that it stopped."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _guarded(listener: Listener, guard: Guard) -> Iterator[Callable[[], bool]]:
    """While this is entered, servers of the websockets library listen on our socket behind the guard."""
    original = websockets.asyncio.server.serve
    used: list[bool] = []

    def serve(handler: Any, _host: str, _port: int, *, process_request: Any, **options: Any) -> Any:  # noqa: ANN401
        used.append(True)
        first = _first_check(guard, process_request)
        own = {"create_connection": CheckedConnection, "logger": LOGGER}
        return original(handler, sock=listener.socket, process_request=first, **{**options, **own})

    websockets.asyncio.server.serve = serve
    try:
        yield lambda: bool(used)
    finally:
        websockets.asyncio.server.serve = original


def _first_check(
    guard: Guard, then: Callable[[ServerConnection, Request], Response | None]
) -> Callable[[ServerConnection, Request], Response | None]:
    """Viser's answer to what the guard lets through."""

    def check(connection: ServerConnection, request: Request) -> Response | None:
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        # Whatever viser does not answer as a page becomes a websocket.
        websocket = headers.get("upgrade", "").lower() == "websocket"
        verdict = guard.verdict(request.path, headers, websocket=websocket)
        if not verdict.passes:
            return _refusal(verdict.status, verdict.reason)
        if websocket:
            return None
        answer = then(connection, request)
        if answer is None:
            return _refusal(400, "This is neither a page nor a websocket.")
        for name, value in (verdict.headers or {}).items():
            answer.headers[name] = value
        return answer

    return check


def _refusal(status: int, reason: str) -> Response:
    body = f"{reason}\n".encode()
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
    headers["Connection"] = "close"
    return Response(status, http.HTTPStatus(status).phrase, headers, body)
