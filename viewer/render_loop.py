"""One thread that renders for one page: the latest camera wins, coarse first, finer while nothing changes."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor

from nfield.cameras import Cameras
from nfield.rendering.image import Image
from viewer.frame_budget import FrameBudget, Size
from viewer.interface import View

_LOG = logging.getLogger(__name__)

Picture = Callable[[Image], UInt8[Tensor, "h w 3"]]
"""Which of the channels of a rendered image is looked at, and how."""


@dataclass(frozen=True)
class Request:
    """What a page wants to see.

    Attributes:
        view: What is looked at.
        camera: From where; its size is that of the window.
        picture: Makes a picture of what was rendered.
        settle: Seconds without another request before it is begun. One that settles is shown only while nothing newer
            was asked for, because something else stands for it meanwhile.
        patience: Seconds after which its first picture is given up where a newer request waits; None is the budget's.
    """

    view: View
    camera: Cameras
    picture: Picture
    settle: float = 0.0
    patience: float | None = None

    @property
    def window(self) -> Size:
        """Height and width of the finest picture."""
        return self.camera.size


@dataclass(frozen=True)
class Shown:
    """A rendered picture.

    Attributes:
        pixels: sRGB.
        seconds: From the beginning of its rendering.
        finest: Whether no finer one follows.
        request: What it answers.
    """

    pixels: UInt8[Tensor, "h w 3"]
    seconds: float
    finest: bool
    request: Request


class RenderLoop:
    """Renders the newest request.

    The first picture of a request is coarse and is finished even when a newer one has come, or a camera in motion would
    never be followed; finer ones are given up at once.

    Args:
        show: Takes each picture, on the loop's thread.
        complain: Takes the message of a rendering that failed, and None after the next one that did not.
        budget: Chooses sizes.
    """

    def __init__(
        self, show: Callable[[Shown], None], complain: Callable[[str | None], None], budget: FrameBudget | None = None
    ) -> None:
        self.budget = budget or FrameBudget()
        self._show, self._complain = show, complain
        self._changed = threading.Condition()
        self._newest: Request | None = None
        self._since = 0.0
        self._begun: Request | None = None
        self._closed, self._failed = False, False
        self._thread = threading.Thread(target=self._run, name="viewer-render", daemon=True)
        self._thread.start()

    def request(self, request: Request) -> None:
        """Asks for pictures; what was asked for before is forgotten."""
        with self._changed:
            self._newest, self._since = request, time.monotonic()
            self._changed.notify_all()

    def forget(self) -> None:
        """Asks for nothing any more."""
        with self._changed:
            self._newest = None

    def is_newest(self, request: Request) -> bool:
        """Whether nothing was asked for after it."""
        return self._newest is request

    def close(self, timeout: float = 5.0) -> None:
        """Ends the thread, in the middle of a picture if need be."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (request := self._next()) is not None:
            try:
                self._answer(request)
            except Exception as error:  # Whatever a view raises is the page's to show; the loop lives on.
                if not self._closed:
                    _LOG.debug("a rendering failed", exc_info=True)
                    self._failed = True
                    self._complain(str(error) or type(error).__name__)

    def _next(self) -> Request | None:
        """Waits for a request that was not begun yet and has settled; None after the end."""
        with self._changed:
            while not self._closed:
                request = self._newest
                if request is None or request is self._begun:
                    self._changed.wait()
                    continue
                left = self._since + request.settle - time.monotonic()
                if left <= 0.0:
                    self._begun = request
                    return request
                self._changed.wait(left)
        return None

    def _answer(self, request: Request) -> None:
        """Renders a request at one size after the other."""
        size: Size | None = self.budget.first(request.window)
        first = request.settle <= 0.0
        while size is not None and not self._closed:
            finer = self.budget.finer(size, request.window)
            finished = self._picture(request, size, moving=first, finest=finer is None)
            if not finished or not self.is_newest(request):
                return
            size, first = finer, False

    def _picture(self, request: Request, size: Size, *, moving: bool, finest: bool) -> bool:
        """Renders and shows one picture; says whether it was finished."""
        started = time.monotonic()
        # What a view does before it asks for the first time, such as posing a figure, does not depend on the size.
        prepared: list[float] = []
        patience = (request.patience or self.budget.config.patience) if moving else 0.0

        def should_stop() -> bool:
            now = time.monotonic()
            prepared.append(now)
            late = now - started > patience
            return self._closed or (late and not self.is_newest(request))

        image = request.view(request.camera, size, should_stop)
        if image is None:
            if moving:
                self.budget.learn_given_up()
            return False
        pixels = request.picture(image)
        if not self._closed and (moving or self.is_newest(request)):
            self._recover()
            self._show(Shown(pixels, time.monotonic() - started, finest, request))
        self.budget.learn(size, time.monotonic() - (prepared[0] if prepared else started))
        return True

    def _recover(self) -> None:
        if self._failed:
            self._failed = False
            self._complain(None)
