"""What came of a search for poses: what is refused, and what a user should know."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from nfield.data.posing.photos import LEAST
from nfield.data.posing.registration import Features
from nfield.errors import DataError

_FEW_FEATURES = 100
"""Of a picture: with fewer, hardly any two pictures match."""
_NAMED = 8
_BETTER = (
    "take pictures that overlap by two thirds, walking around what is photographed instead of turning on the spot, of "
    "things with texture, sharp, evenly lit, while nothing moves"
)


def require_features(features: Features, *, where: Path) -> None:
    """Refuses pictures that show nothing to find again."""
    bare = [name for name, count in features.counts.items() if count < _FEW_FEATURES]
    if len(features.counts) - len(bare) >= LEAST:
        return
    typical = median(features.counts.values())
    raise DataError(
        f"{where}: {len(bare)} of its {len(features.counts)} pictures show hardly anything that could be found again "
        f"({typical:.0f} features each, expected some hundred), so none was registered; take them sharper, larger, "
        "with more light, and put things with texture (newspapers, a patterned cloth) around what has none"
    )


def require_registered(models: Sequence[Sequence[str]], features: Features, *, where: Path) -> None:
    """Refuses what gave no model."""
    registered, total = len(models[0]) if models else 0, len(features.counts)
    if registered >= LEAST:
        return
    pairs = total * (total - 1) // 2
    raise DataError(
        f"{where}: {registered} of its {total} pictures could be registered ({features.matching} of {pairs} pairs show "
        f"the same), expected at least {LEAST}; {_BETTER}"
    )


def notes_on(models: Sequence[Sequence[str]], names: Sequence[str], *, where: Path) -> tuple[str, ...]:
    """What a user should know, a sentence each.

    Args:
        models: Names of the pictures in each model, the largest first.
        names: Of all pictures.
        where: Where they came from.
    """
    registered = set(models[0])
    lost = [name for name in names if name not in registered]
    if not lost:
        return (f"{where}: all {len(names)} pictures were registered",)
    notes = [f"{where}: {len(registered)} of {len(names)} pictures were registered; left out: {_listed(lost)}"]
    notes += [
        f"{where}: {len(others)} of those are registered with each other, but not with the rest ({_listed(others)}); "
        "pictures between the two would join them"
        for model in models[1:]
        if len(others := [name for name in model if name not in registered]) >= LEAST
    ]
    if 2 * len(registered) <= len(names):
        notes.append(f"{where}: only half of the pictures or less could be used; {_BETTER}")
    return tuple(notes)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
