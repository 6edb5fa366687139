"""The page in a real browser, without a screen; skipped where there is no playwright or no Chromium."""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nfield.cameras import Cameras
from nfield.rendering.image import Image as Rendered
from nfield.rendering.image import ShouldStop
from tests.viewer.subjects import Serve, flat_view, subject
from viewer.interface import Subject

_FLAGS = [
    *("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_PANEL = 330
"""Columns at the right that the panel may cover."""
_VIEWPORT = {"width": 820, "height": 420}
_PATIENCE = 40.0
_TOKEN = "a-token-of-some-length"

Pixels = np.ndarray


def _chromium() -> str | None:
    names = (os.environ.get("NFIELD_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install 'nfield[dev]'")
    executable = _chromium()
    if executable is None:
        pytest.skip("Chromium is not installed; apt-get install chromium, or name it in NFIELD_CHROMIUM")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and what it complained of and asked for."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def pixels(self) -> Pixels:
        """The scene, without the panel, in [0, 1]."""
        clip = {"x": 0, "y": 0, "width": _VIEWPORT["width"] - _PANEL, "height": _VIEWPORT["height"]}
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")
        return np.asarray(shot, np.float32) / 255.0

    def until(self, reached: Callable[[Pixels], object]) -> Pixels:
        """Waits until the scene looks so."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            pixels = self.pixels()
            if reached(pixels):
                return pixels
            self.page.wait_for_timeout(100)
        raise AssertionError("the page does not show what was waited for")

    def still(self) -> Pixels:
        """Waits until nothing changes any more."""
        last = self.pixels()
        for _ in range(100):
            self.page.wait_for_timeout(250)
            pixels = self.pixels()
            if np.abs(pixels - last).max() < 0.02:
                return pixels
            last = pixels
        raise AssertionError("the page does not come to rest")

    def pick(self, label: str, option: str):
        """Chooses in a list."""
        self.page.get_by_role("combobox", name=label, exact=True).click()
        self.page.get_by_role("option", name=option, exact=True).click()


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    page = browser.new_page(viewport=_VIEWPORT)
    opened = Tab(page)
    page.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("websocket", lambda socket: opened.requests.append(socket.url))
    yield opened
    page.close()


def _colored(pixels: Pixels):
    """Share of pixels that are neither white nor grey nor black."""
    return float((pixels.max(-1) - pixels.min(-1) > 0.2).mean())


def test_a_scene_is_shown_without_errors_or_foreign_requests_and_follows_the_mouse(tab: Tab, serve: Serve):
    viewer = serve()
    tab.page.goto(viewer.url)
    tab.until(lambda pixels: _colored(pixels) > 0.05)
    tab.page.get_by_text("exact").wait_for()
    before = tab.still()
    tab.page.mouse.move(200, 300)
    tab.page.mouse.down()
    for step in range(1, 6):
        tab.page.mouse.move(200 + 30 * step, 300)
    tab.page.mouse.up()
    after = tab.still()
    assert np.abs(after - before).mean() > 0.02
    assert _colored(after) > 0.05
    tab.pick("channel", "opacity")
    tab.until(lambda pixels: _colored(pixels) < 0.03 and pixels[150:].min() < 0.05)
    assert tab.errors == []
    own = (f"http://localhost:{viewer.listener.port}/", f"ws://localhost:{viewer.listener.port}")
    foreign = [url for url in tab.requests if not url.startswith((*own, "data:", "blob:"))]
    assert foreign == []
    assert any(url.startswith(own[1]) for url in tab.requests)


def test_a_slider_moves_the_figure(tab: Tab, serve: Serve, stick: Subject):
    tab.page.goto(serve(stick).url)
    tab.until(lambda pixels: _colored(pixels) > 0.5)  # its field, which fills the window
    tab.pick("shown", "mesh")
    before = tab.until(lambda pixels: _colored(pixels) < 0.2)
    before = tab.still()
    tab.page.get_by_text("Pose: stick").click()
    value = tab.page.get_by_role("textbox").filter(visible=True).nth(2)
    value.scroll_into_view_if_needed()
    value.fill("70")
    value.press("Enter")
    after = tab.until(lambda pixels: np.abs(pixels - before).mean() > 0.005)
    tab.pick("shown", "field")
    tab.until(lambda pixels: np.abs(pixels[200:] - [0.9, 0.3, 0.2]).mean() < 0.1)
    assert after.shape == before.shape
    assert tab.errors == []


def test_two_runs_are_shown_beside_each_other(tab: Tab, serve: Serve):
    red, blue = subject("red", flat_view(1.0, 0.0, 0.0)), subject("blue", flat_view(0.0, 0.0, 1.0))
    tab.page.goto(serve(red, blue).url)

    def both(pixels: Pixels):
        strip = pixels[250:300].mean(0)
        return np.abs(strip[:150] - [1, 0, 0]).max() < 0.1 and np.abs(strip[-150:] - [0, 0, 1]).max() < 0.1

    tab.until(both)
    tab.pick("two runs", "wipe")
    tab.until(both)
    assert tab.errors == []


def test_the_token_is_needed_and_enough(tab: Tab, serve: Serve):
    viewer = serve(token=_TOKEN)
    refused = tab.page.goto(viewer.url.partition("?")[0])
    assert refused.status == 403
    assert "needs the token" in tab.page.content()
    assert not any(url.startswith("ws") for url in tab.requests)
    tab.page.goto(viewer.url)
    tab.until(lambda pixels: _colored(pixels) > 0.05)


def test_a_failing_render_is_read_in_the_page(tab: Tab, serve: Serve):
    def broken(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Rendered | None:
        raise ValueError("the field is not a number")

    tab.page.goto(serve(subject("weak", broken)).url)
    tab.page.get_by_text("the field is not a number").first.wait_for()
    assert tab.errors == []
