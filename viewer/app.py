"""The viewer as a whole: subjects behind a guarded server, a page for everybody who opens it."""

import contextlib
import threading
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

import viser

from nfield.errors import OptionError
from nfield.rendering.image import never
from viewer.camera import home_camera
from viewer.guard import Guard, is_loopback
from viewer.interface import Subject
from viewer.page import Page
from viewer.panels.cameras import add_cameras_panel
from viewer.panels.facts import add_facts_panel
from viewer.panels.motion import Player
from viewer.panels.picture import add_picture_panel
from viewer.panels.pose import add_pose_panel
from viewer.server import Listener, start_server, stop_server


@dataclass(frozen=True)
class _Open:
    """An open page and what plays on it."""

    page: Page
    player: Player | None

    def close(self) -> None:
        if self.player is not None:
            self.player.pause()
        self.page.close()


class Viewer:
    """Serves subjects until it is closed.

    Args:
        subjects: One, or two of the same kind, which share one picture.
        listener: Where it listens.
        token: What has to be known to look; None only on a loopback address.

    Raises:
        OptionError: The two subjects are of different kinds, or others could look without a token.
    """

    def __init__(self, subjects: Sequence[Subject], listener: Listener, *, token: str | None) -> None:
        _check(subjects, listener, token)
        self.subjects, self.listener, self.token = tuple(subjects), listener, token
        self._pages: dict[int, _Open] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.server = start_server(listener, Guard(listener.port, token), subjects[0].home)
        self.server.on_client_connect(self._open)
        self.server.on_client_disconnect(self._close)

    @property
    def url(self) -> str:
        """Where the page is, for a browser on this machine."""
        host = self.listener.host
        host = "localhost" if is_loopback(host) or host in ("0.0.0.0", "::") else host
        host = f"[{host}]" if ":" in host else host
        query = "" if self.token is None else f"?{urllib.parse.urlencode({'token': self.token})}"
        return f"http://{host}:{self.listener.port}/{query}"

    def wait(self) -> None:
        """Returns when the server was closed, from another thread."""
        self._ended.wait()

    def close(self) -> None:
        """Ends all pages and the server."""
        with self._lock:
            self._ended.set()
            pages = list(self._pages.values())
            self._pages.clear()
        for page in pages:
            page.close()
        stop_server(self.server)

    def _open(self, client: viser.ClientHandle) -> None:
        page = Page(client, self.subjects)
        add_picture_panel(page)
        add_cameras_panel(page)
        opened = _Open(page, add_pose_panel(page))
        add_facts_panel(page)
        with self._lock:
            if not self._ended.is_set() and client.client_id in self.server.get_clients():
                self._pages[client.client_id] = opened
                page.refresh()
                return
        opened.close()

    def _close(self, client: viser.ClientHandle) -> None:
        with self._lock:
            opened = self._pages.pop(client.client_id, None)
        if opened is not None:
            opened.close()


def _check(subjects: Sequence[Subject], listener: Listener, token: str | None) -> None:
    kinds = [subject.kind for subject in subjects]
    if len(set(kinds)) != 1:
        raise OptionError(
            f"the runs are of different kinds ({' and '.join(kinds)}), expected two of one kind; view each alone"
        )
    if token is None and not is_loopback(listener.host):
        raise OptionError(f"--host: {listener.host!r} can be reached by others, expected a token with it; add --token")


def warm_up(subjects: Sequence[Subject], *, height: int = 64) -> None:
    """Renders a small picture of each, so that the first reader does not wait for what only happens once.

    What fails here fails again in the page, where it is shown.
    """
    for subject in subjects:
        view = next(iter(subject.views.values()))
        with contextlib.suppress(Exception):
            view(home_camera(subject.home, (height, height)), (height, height), never)
