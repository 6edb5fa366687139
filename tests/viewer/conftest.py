"""Viewers that show known subjects."""

from collections.abc import Iterator, Sequence

import pytest

from tests.viewer.subjects import Serve, Stick, flat_view, subject
from viewer.app import Viewer
from viewer.interface import Home, Subject
from viewer.server import listen


@pytest.fixture
def stick() -> Subject:
    figure = Stick.make()
    home = Home((0.0, 1.0, 5.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), 0.7)
    return Subject("stick", "avatar", {"stick": flat_view(0.2, 0.4, 0.9)}, home, {"bones": "2"}, figure=figure)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts viewers on free ports; closes them after the test."""
    viewers: list[Viewer] = []

    def start(*subjects: Subject, token: str | None = None, host: str = "127.0.0.1") -> Viewer:
        shown: Sequence[Subject] = subjects or [subject()]
        viewers.append(Viewer(shown, listen(host, 0), token=token))
        return viewers[-1]

    yield start
    for viewer in viewers:
        viewer.close()
