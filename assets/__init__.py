"""Data that the project ships: body model, perception weights, samples. See NOTICE for sources and licences."""

from pathlib import Path

_ROOT = Path(__file__).parent


def path(name: str) -> Path:
    """The file or folder of a shipped asset, for example `path("body/body.npz")`.

    Raises:
        FileNotFoundError: Where nothing of that name is shipped.
    """
    found = _ROOT / name
    if not found.exists():
        raise FileNotFoundError(f"{name!r} is not a shipped asset (looked in {_ROOT})")
    return found
