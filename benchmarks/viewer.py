"""First picture and pictures per second of `nfield view`, as a reader at a window of 1280x720 would see them.

    python benchmarks/viewer.py runs/lego
    python benchmarks/viewer.py runs/lego --chromium /usr/bin/chromium

The viewer runs in a process of its own, as it does for a reader. This one takes the browser's place, without drawing;
or it opens a browser without a screen, by playwright, and looks whether the picture is on the page.
"""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from nfield.saved_scene import load_scene_run
from viewer.measure import measure

_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_KINDS = ("first page of a new browser", "second page")
_MOMENTS = (1.0, 1.25, 1.5, 1.75, 2.0)
"""Seconds after which a page is looked at."""
_PANEL = 400
"""Columns at the right that the panel may cover."""


@contextmanager
def viewing(run: Path) -> Iterator[str]:
    """The address of a viewer of a run, as long as it lives."""
    command = [sys.executable, "-c", "import sys; from nfield.cli import main; sys.exit(main())"]
    words = ["view", str(run), "--port", "0", "--no-open"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        try:
            yield viewer.stdout.readline().split()[-1]
        finally:
            viewer.terminate()


def in_place_of_a_browser(run: Path, size: tuple[int, int], seconds: float, rounds: int) -> None:
    """Times pictures where they arrive."""
    orbit = load_scene_run(run).orbit
    cameras = replace(orbit, size=size, focal=orbit.focal * size[0] / orbit.size[0]).cameras(600)
    with viewing(run) as url:
        for _ in range(rounds):
            m = measure(url, cameras, seconds=seconds)
            print(
                f"first picture {m.first:.2f} s; moving {m.rate:.1f} pictures/s of {m.moving[1]}x{m.moving[0]}, "
                f"longest gap {m.longest:.2f} s; at rest {m.finest[1]}x{m.finest[0]} after {m.rest:.1f} s"
            )


def _colored(screenshot: bytes) -> bool:
    """Whether something that is neither grey nor white is on a screen."""
    pixels = np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"), np.float32)
    return float(((pixels.max(-1) - pixels.min(-1)) > 50.0).mean()) > 0.03


def in_a_browser(run: Path, size: tuple[int, int], chromium: Path, rounds: int) -> None:
    """Tells when the picture is on the page: of a browser that was just started, and of its next page.

    A screenshot takes a third of a second of both cores, so each page is looked at once, at one moment.
    """
    from playwright.sync_api import sync_playwright

    seen: dict[tuple[float, str], list[bool]] = {(moment, kind): [] for moment in _MOMENTS for kind in _KINDS}
    with viewing(run) as url, sync_playwright() as playwright:
        for moment in _MOMENTS * rounds:
            browser = playwright.chromium.launch(executable_path=str(chromium), args=_FLAGS)
            for kind in _KINDS:
                page = browser.new_page(viewport={"width": size[1], "height": size[0]})
                begun = time.monotonic()
                page.goto(url, wait_until="commit")
                page.wait_for_timeout(1e3 * (moment - (time.monotonic() - begun)))
                clip = {"x": 0, "y": 0, "width": size[1] - _PANEL, "height": size[0]}
                seen[moment, kind].append(_colored(page.screenshot(clip=clip)))
                page.close()
            browser.close()
    for (moment, kind), shown in seen.items():
        print(f"{moment:.2f} s after it was asked for, {kind}: picture on {sum(shown)} of {len(shown)} screens")


def main(
    run: Path,
    /,
    width: int = 1280,
    height: int = 720,
    seconds: float = 8.0,
    rounds: int = 3,
    chromium: Path | None = None,
) -> None:
    """Measures.

    Args:
        run: Folder that nfield train wrote.
        width: Of the window, pixels.
        height: Of the window, pixels.
        seconds: How long the camera moves in each round.
        rounds: Pages that are opened, one after the other; with a browser, how often it is started.
        chromium: A browser to open; a coloured subject is waited for.
    """
    if chromium is None:
        in_place_of_a_browser(run, (height, width), seconds, rounds)
    else:
        in_a_browser(run, (height, width), chromium, rounds)


if __name__ == "__main__":
    tyro.cli(main)
