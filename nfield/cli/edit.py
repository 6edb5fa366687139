"""`nfield edit`: crop, erase, move, recolour or put together trained runs, whatever their architecture."""

from collections.abc import Sequence

from nfield.cli.edit_options import Chosen, parsed
from nfield.cli.kinds import kind_at


def parse(arguments: Sequence[str]) -> Chosen:
    """The action that stands first, and its options."""
    return parsed(arguments)


def run(chosen: Chosen) -> None:
    """Edits, or shows where something is, in the way of the kind of run."""
    kind_at(chosen.options.run).edit(chosen)
