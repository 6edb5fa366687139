"""The rows of the benchmark: each module here registers a family of methods."""

import importlib
import pkgutil
from collections.abc import Mapping

from avatars.benchmark.methods import ROWS, Method

_FIRST = ("today", "bare_body", "projection")
"""Modules whose rows open the table."""


def rows() -> Mapping[str, Method]:
    """All methods by the name of their row, in the order of the table."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    families = [f"{__name__}.{name}" for name in (*_FIRST, *(name for name in found if name not in _FIRST))]
    for family in families:
        importlib.import_module(family)
    return dict(sorted(ROWS.items(), key=lambda row: families.index(type(row[1]).__module__)))
