"""Builds the API reference from docstrings: python docs/build_api.py [FOLDER].

Anything that pdoc warns about, such as a name that does not resolve, ends it with an error.
"""

import sys
import warnings
from pathlib import Path

import pdoc

import nfield

_PACKAGES = ("nfield", "avatars", "distill", "viewer", "!.*[.]native", "!assets")


def build(folder: Path) -> int:
    """Writes the pages and returns how many there are."""
    # The package imports its own names when they are first asked for; pdoc only sees those that are there.
    vars(nfield).update({name: getattr(nfield, name) for name in nfield.__all__})
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="pdoc")
        pdoc.render.configure(docformat="google", math=True)
        pdoc.pdoc(*_PACKAGES, output_directory=folder)
    return len(list(folder.rglob("*.html")))


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "build/api")
    print(f"{build(place)} pages in {place}: open {place / 'index.html'}")  # noqa: T201
