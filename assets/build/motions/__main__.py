"""Writes assets/motions/: `python -m assets.build.motions`."""

from pathlib import Path

from assets.build.motions.build import build
from avatars.body import BodyModel

if __name__ == "__main__":
    folder = Path(__file__).parents[2] / "motions"
    for name, text in build(BodyModel.load()).items():
        (folder / f"{name}.json").write_text(text)
        print(f"{name}: {len(text) / 1e3:.0f} kB")
