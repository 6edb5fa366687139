"""How soon the first picture comes, and how many a second while the camera moves: what a reader would see."""

import itertools
import time
from dataclasses import dataclass
from statistics import median

from nfield.cameras import Cameras
from viewer.headless_client import HeadlessClient, Received

_EVERY = 1.0 / 50.0
"""Seconds between two cameras, as a browser sends them."""
_TURN = 120


@dataclass(frozen=True)
class Measured:
    """What a reader would see.

    Attributes:
        first: Seconds from the request of the page to its first picture.
        rate: Pictures per second while the camera moves.
        longest: Seconds between two pictures at most.
        moving: Median height and width of those.
        finest: Height and width of the last picture at rest.
        rest: Seconds from the last camera to that picture.
    """

    first: float
    rate: float
    longest: float
    moving: tuple[int, int]
    finest: tuple[int, int]
    rest: float


def measure(url: str, cameras: Cameras, *, seconds: float = 6.0, patience: float = 60.0) -> Measured:
    """Opens the page, turns the camera, lets it rest.

    Args:
        url: Of the viewer.
        cameras: An orbit in the size of a window; its cameras follow each other 50 times a second.
        seconds: How long the camera moves.
        patience: How long it rests at most, until the finest picture has come.
    """
    opened = time.monotonic()
    with HeadlessClient(url) as client:
        client.look(cameras[:1])
        first = next(client.pictures(patience)).moment - opened
        begun = time.monotonic()
        came = _turn(client, cameras, seconds)
        stopped = time.monotonic()
        moments = [begun, *(picture.moment for picture in came)]
        sizes = [picture.size for picture in came]
        finest = came[-1]
        for picture in client.pictures(patience):
            finest = picture
            if picture.size == cameras.size:
                break
    height, width = (round(median(size[axis] for size in sizes)) for axis in (0, 1))
    return Measured(
        first=first,
        rate=len(came) / (stopped - begun),
        longest=max(later - earlier for earlier, later in itertools.pairwise(moments)),
        moving=(height, width),
        finest=finest.size,
        rest=finest.moment - stopped,
    )


def _turn(client: HeadlessClient, cameras: Cameras, seconds: float) -> list[Received]:
    """Moves the camera for a time, and collects what comes."""
    came: list[Received] = []
    begun = time.monotonic()
    step = 0
    while (spent := time.monotonic() - begun) < seconds:
        client.look(cameras[step % len(cameras) : step % len(cameras) + 1])
        step += 1
        came += client.pictures(max(begun + step * _EVERY - time.monotonic(), 1e-3) if spent < seconds else 0.0)
    return came
