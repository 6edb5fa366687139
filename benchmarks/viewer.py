"""First picture and pictures per second of `nfield view`, as a reader at a window of 1280x720 would see them.

    python benchmarks/viewer.py runs/lego

The viewer runs in a process of its own, as it does for a reader; this one takes the browser's place, without drawing.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import tyro

from nfield.checkpoint import load_scene_run
from viewer.measure import measure


def main(run: Path, /, width: int = 1280, height: int = 720, seconds: float = 8.0, rounds: int = 3) -> None:
    """Measures.

    Args:
        run: Folder that nfield train wrote.
        width: Of the window, pixels.
        height: Of the window, pixels.
        seconds: How long the camera moves in each round.
        rounds: Pages that are opened, one after the other.
    """
    orbit = load_scene_run(run).orbit
    cameras = replace(orbit, size=(height, width), focal=orbit.focal * height / orbit.size[0]).cameras(600)
    command = [sys.executable, "-c", "import sys; from nfield.cli import main; sys.exit(main())"]
    words = ["view", str(run), "--port", "0", "--no-open"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        url = viewer.stdout.readline().split()[-1]
        for _ in range(rounds):
            m = measure(url, cameras, seconds=seconds)
            print(
                f"first picture {m.first:.2f} s; moving {m.rate:.1f} pictures/s of {m.moving[1]}x{m.moving[0]}, "
                f"longest gap {m.longest:.2f} s; at rest {m.finest[1]}x{m.finest[0]} after {m.rest:.1f} s"
            )
        viewer.terminate()


if __name__ == "__main__":
    tyro.cli(main)
