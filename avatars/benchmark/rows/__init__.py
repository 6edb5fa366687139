"""The rows of the benchmark: each module here registers a family of methods."""

import importlib
import pkgutil
from collections.abc import Mapping

from avatars.benchmark.methods import ROWS, Method

_FIRST = ("today", "mean colours", "projection, mirrored fill")
"""Rows that open the table."""

_WITHOUT = " - "
"""Between the name of a method and what is left out of it, or done otherwise."""


def methods() -> tuple[str, ...]:
    """Names of the rows that are methods of their own, not ablations."""
    return tuple(name for name in rows() if _WITHOUT not in name)


def rows() -> Mapping[str, Method]:
    """All methods by the name of their row, in the order of the table: the first ones, then by the alphabet."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    others = sorted(name for name in ROWS if name not in _FIRST)
    return {name: ROWS[name] for name in (*_FIRST, *others)}
