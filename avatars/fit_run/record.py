"""What a fit was begun with, so that nobody goes on with anything else."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from avatars.body import BodyModel
from avatars.body.saved_model import body_hash
from avatars.photo_inputs import PhotoFiles
from nfield.errors import DataError, OptionError

_SHOWN = 3
"""Differences that a message names."""


@dataclass(frozen=True)
class InputFile:
    """A file as it was when the fit began."""

    path: str
    """Absolute."""
    sha256: str | None
    """Of its content; None where the file is not there."""

    @staticmethod
    def of(path: Path) -> "InputFile":
        """A file as it is."""
        there = path.is_file()
        return InputFile(str(path.resolve()), hashlib.sha256(path.read_bytes()).hexdigest() if there else None)


@dataclass(frozen=True)
class FitRecord:
    """The entry "plan" of a fit's run.json."""

    photo: InputFile
    """See `PhotoFiles`, here and below."""
    mask: InputFile | None
    keypoints: InputFile | None
    body: InputFile | None
    person: int | None
    use_alpha: bool
    focal: float | None
    model: str
    """SHA-256 of the body model."""
    options: Mapping[str, object]
    """Of the fit, as `described` gives them."""

    @staticmethod
    def of(files: PhotoFiles, model: BodyModel, config: object) -> "FitRecord":
        """The record of a fit that begins.

        Args:
            files: The photo, and what is known about it.
            model: The body.
            config: A dataclass of options.
        """
        mask, keypoints, body = (
            None if path is None else InputFile.of(path) for path in (files.mask, files.keypoints, files.body)
        )
        return FitRecord(
            photo=InputFile.of(files.photo),
            mask=mask,
            keypoints=keypoints,
            body=body,
            person=files.person,
            use_alpha=files.use_alpha,
            focal=files.focal,
            model=body_hash(model),
            options=described(config),
        )

    @property
    def files(self) -> PhotoFiles:
        """The photo, and what is known about it."""
        mask, keypoints, body = (
            None if file is None else Path(file.path) for file in (self.mask, self.keypoints, self.body)
        )
        return PhotoFiles(Path(self.photo.path), self.person, mask, self.use_alpha, keypoints, body, self.focal)

    def require_same(self, now: "FitRecord", *, where: Path) -> None:
        """Refuses to go on with anything else than the fit was begun with.

        Args:
            now: What is given now. Files that are not there any more pass: whoever still needs them will say so.
            where: The run folder, for messages.
        """
        for name in ("photo", "mask", "keypoints", "body"):
            _require_same_file(name, getattr(self, name), getattr(now, name), where)
        before, after = ({**_plain_options(one), **one.options} for one in (self, now))
        names = sorted({*before, *after})
        wrong = [name for name in names if before.get(name) != after.get(name)]
        if wrong:
            shown = ", ".join(f"{n} is {after.get(n)!r} and was {before.get(n)!r}" for n in wrong[:_SHOWN])
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise OptionError(
                f"{where}: was begun with other options ({shown}{more}); leave them out to go on with those, "
                "or begin anew with --overwrite"
            )


def described(config: object) -> dict[str, object]:
    """The values of a configuration by their places, with the names of the classes between: plain JSON, to be compared.

    >>> from avatars.surface.views import ViewsConfig
    >>> described(ViewsConfig(size=96))["size"]
    96
    """
    return dict(_described(config, ""))


def _described(value: Any, name: str) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - any value of an option
    parts = _parts(value)
    if parts is None:
        yield name, _plain(value)
        return
    if is_dataclass(value):
        yield name or "class", type(value).__name__
    for part, content in parts.items():
        yield from _described(content, f"{name}.{part}" if name else part)


def _plain(value: Any) -> object:  # noqa: ANN401 - any value of an option
    if isinstance(value, Enum):
        return value.name
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else value


def _parts(value: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - any value of an option
    """What a value consists of, by name; None for one that is whole."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): entry for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(index): entry for index, entry in enumerate(value)}
    return None


def _plain_options(record: FitRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in ("person", "use_alpha", "focal", "model")}


def _require_same_file(name: str, before: InputFile | None, now: InputFile | None, where: Path) -> None:
    if before is None or now is None:
        if before is not now:
            has, had = ("none" if file is None else file.path for file in (now, before))
            raise OptionError(f"{where}: was begun with another {name} (now {has}, then {had}); give the same one")
        return
    if now.sha256 is not None and now.sha256 != before.sha256:
        raise DataError(
            f"{now.path}: is not the {name} that {where} was begun with (its SHA-256 is {now.sha256[:12]}, that one's "
            f"was {str(before.sha256)[:12]}); put the old file back, or begin anew with --overwrite"
        )
