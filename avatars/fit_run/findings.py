"""What was found before the training: who is where in the photo, and the painted body; written and read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from avatars.body import BodyModel
from avatars.finding import FoundPerson
from avatars.portrait import PersonPhoto
from avatars.surface.appearance import Appearance, VertexColors
from avatars.surface.dressed import DressedSurface
from avatars.surface.painted_body import PaintedBody
from avatars.surface.textured import Texture
from nfield.errors import CheckpointError
from nfield.tensor_file import load_values, save_values

APPEARANCES: dict[str, type[Appearance]] = {"texture": Texture, "vertices": VertexColors}
"""Ways in which a surface's colours are saved, by name; a surface with others is painted again."""

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Timed(Generic[_Found]):
    """What was found, and how long that took.

    Attributes:
        value: What.
        seconds: How long.
    """

    value: _Found
    seconds: float


@dataclass(frozen=True)
class _SavedPerson:
    """What is written of a `FoundPerson`."""

    person: PersonPhoto
    hidden: tuple[str, ...]
    remarks: tuple[str, ...]
    seconds: float


def save_person(path: Path, found: Timed[FoundPerson]) -> None:
    """Writes who was found; the preview is a picture of its own.

    Args:
        path: The file.
        found: Who.
    """
    value = found.value
    save_values(path, {"found": _SavedPerson(value.person, value.hidden, value.remarks, found.seconds)})


def load_person(path: Path) -> Timed[FoundPerson]:
    """What `save_person` wrote, without the preview.

    Raises:
        CheckpointError: The file is damaged.
    """
    saved = load_values(path).value("found", _SavedPerson)
    return Timed(FoundPerson(saved.person, saved.hidden, saved.remarks), saved.seconds)


def save_painted(path: Path, painted: Timed[PaintedBody]) -> None:
    """Writes a painted body, if its appearance is one of `APPEARANCES`.

    Args:
        path: The file.
        painted: The body; its model is a file of its own.
    """
    body = painted.value
    kind = next((name for name, known in APPEARANCES.items() if type(body.appearance) is known), None)
    if kind is None:
        return
    facts = {"appearance kind": kind, "seconds": painted.seconds}
    save_values(path, {"dressed": body.dressed, "appearance": body.appearance, **facts})


def load_painted(path: Path, model: BodyModel) -> Timed[PaintedBody]:
    """What `save_painted` wrote.

    Args:
        path: The file.
        model: The body that was painted.

    Raises:
        CheckpointError: The file is damaged.
    """
    saved = load_values(path)
    appearance = saved.value("appearance", _appearance_named(saved.value("appearance kind", str), path))
    body = PaintedBody.of(model, saved.value("dressed", DressedSurface), appearance)
    return Timed(body, saved.value("seconds", float))


def _appearance_named(name: str, path: Path) -> type[Appearance]:
    if name not in APPEARANCES:
        raise CheckpointError(
            f"{path}: appearance kind is {name!r}, expected one of {', '.join(APPEARANCES)}; "
            f"remove {path.name} and the body is painted again"
        )
    return APPEARANCES[name]
