"""One file that holds a trained field and all that a resumed training needs, written atomically.

`checkpoint.safetensors` in a run folder holds tensors by name (`field.*`, `sampler.*`, `cameras.*`, `optimizer.*`,
`generator`), and as its metadata one JSON document: the format, the kind of run, the backend with its options, the
field's box, and where the training was. Nothing in it is code. A compact file (`nfield.compact_file`) holds the same
without what only a training needs.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nfield.compact_file import CompactFile, Rounding, is_compact, write_compact
from nfield.config_json import from_json, to_json, typed
from nfield.errors import CheckpointError, NFieldError
from nfield.fields import BACKENDS, BuildContext, Field, FieldConfig
from nfield.fields.distance import DISTANCES, DistanceConfig
from nfield.fields.edited import EditedConfig
from nfield.fields.signal import SIGNALS, SignalConfig
from nfield.types import Box, Triple
from nfield.whole_file import write_atomically

FORMAT = 2
FILE = "checkpoint.safetensors"
DAMAGED = "train again, or take the folder from a backup"
"""What to do about a checkpoint that is not whole, for messages."""
_KEY = "nfield"

_Entry = TypeVar("_Entry")

Config = FieldConfig | SignalConfig | DistanceConfig
"""Options of what may be trained."""

Registry = Mapping[str, type[FieldConfig] | type[SignalConfig] | type[DistanceConfig]]


_REGISTRIES: Mapping[str, Registry] = {"image": SIGNALS, "distance": DISTANCES}
"""What may be trained, by name, in kinds of runs that hold no radiance field."""
_MADE: Registry = {"edited": EditedConfig}
"""Radiance fields that are made of trained ones."""


def _registry(kind: str) -> Registry:
    """What a kind of run may hold, by name."""
    return _REGISTRIES.get(kind, {**BACKENDS, **_MADE})


@dataclass(frozen=True)
class _Header:
    """The JSON document of a checkpoint; see `Checkpoint`."""

    format: int
    kind: str
    backend: str
    config: object
    box: tuple[Triple, Triple]
    step: int
    seconds: float
    numbers: Mapping[str, float]
    extra: Mapping[str, object]


@dataclass(frozen=True)
class Checkpoint:
    """What is saved of a run.

    Attributes:
        kind: What was trained: "radiance" for a scene, "image" for a picture, "distance" for a mesh; other kinds bring
            tensors and entries of `extra` of their own.
        config: Options of the field's backend, or of a signal.
        box: World box that the field covers, metres; of a picture its rectangle, see `nfield.fields.signal`.
        tensors: By name: `field.*`, `sampler.*`, `cameras.*`, `optimizer.*`, `generator`.
        step: Training steps done.
        seconds: Training time spent.
        numbers: Running numbers of the task.
        extra: Further JSON values by name, for example the sampler's options.
    """

    kind: str
    config: Config
    box: Box
    tensors: Mapping[str, Shaped[Tensor, "..."]]
    step: int = 0
    seconds: float = 0.0
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def field(self) -> FieldConfig:
        """Options of the radiance field; a picture has none."""
        if not isinstance(self.config, FieldConfig):
            raise CheckpointError(f"the run is of kind {self.kind!r} and holds no radiance field; give that of a scene")
        return self.config

    def require_kind(self, kind: str, *, where: Path, made_by: str) -> None:
        """Refuses a run of another kind.

        Args:
            kind: What is expected.
            where: The run folder, for the message.
            made_by: The command that makes such runs.
        """
        if self.kind != kind:
            raise CheckpointError(
                f"{where}: holds a run of kind {self.kind!r}, expected {kind!r}; give a folder that {made_by} wrote"
            )

    def entry(self, name: str, kind: type[_Entry], *, where: Path) -> _Entry:
        """An entry of `extra` as a dataclass, checked against its types.

        Args:
            name: Of the entry.
            kind: The dataclass.
            where: The run folder, for messages.

        Raises:
            CheckpointError: It is missing or not of these types; the message names the file and the key.
        """
        return from_json(kind, self.extra.get(name, {}), where=f"{file_of(where)}: {name}")

    def value(self, name: str, kind: Any, *, default: Any, where: Path) -> Any:  # noqa: ANN401 - of the type that is asked
        """An entry of `extra` as a plain type, checked.

        Args:
            name: Of the entry.
            kind: For example float, or tuple[str, ...].
            default: What stands for an entry that is missing.
            where: The run folder, for messages.
        """
        return typed(kind, self.extra[name], f"{file_of(where)}: {name}") if name in self.extra else default

    def part(self, name: str) -> dict[str, Shaped[Tensor, "..."]]:
        """The tensors whose names start with `name.`, without that start."""
        return {key[len(name) + 1 :]: value for key, value in self.tensors.items() if key.startswith(f"{name}.")}


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> Path:
    """Writes a run folder's checkpoint in one go: a reader finds the old file or the new one, never half of one.

    Args:
        run: The run folder; made if it does not exist.
        checkpoint: What to write.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    path = run / FILE
    write_atomically(path, save(tensors, {_KEY: _document(checkpoint)}))
    return path


def save_compact(
    path: Path,
    checkpoint: Checkpoint,
    tensors: Mapping[str, Shaped[Tensor, "..."]],
    rounding: Mapping[str, Rounding],
) -> None:
    """Writes a checkpoint as a compact file, which `load_checkpoint` reads like any other.

    Args:
        path: The file.
        checkpoint: What it says of itself is written.
        tensors: What of it is kept, by name.
        rounding: How tensors are rounded, by name.
    """
    write_compact(path, {_KEY: _document(checkpoint)}, tensors, rounding)


def _document(checkpoint: Checkpoint) -> str:
    header = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        "backend": backend_of(checkpoint),
        "config": to_json(checkpoint.config),
        "box": [checkpoint.box.low.tolist(), checkpoint.box.high.tolist()],
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "numbers": dict(checkpoint.numbers),
        "extra": dict(checkpoint.extra),
    }
    return json.dumps(header)


def backend_of(checkpoint: Checkpoint) -> str:
    """The name of what a run holds: of a radiance field's backend, of a picture's or a mesh's field."""
    return next(name for name, config in _registry(checkpoint.kind).items() if config is type(checkpoint.config))


def load_checkpoint(run: Path) -> Checkpoint:
    """The checkpoint of a run folder.

    Args:
        run: The folder, or the file itself.

    Raises:
        CheckpointError: The file is missing, damaged, of another format or of an unknown backend.
    """
    path, header = _header(run)
    return _checked(path, header, _tensors(path))


def kind_of(run: Path) -> str:
    """The kind of a run, from its checkpoint's header alone.

    Raises:
        CheckpointError: As `load_checkpoint`, as far as the header tells.
    """
    return _header(run)[1].kind


def extra_of(run: Path) -> Mapping[str, Any]:
    """The further JSON values of a run, from its checkpoint's header alone.

    Raises:
        CheckpointError: As `load_checkpoint`, as far as the header tells.
    """
    return _header(run)[1].extra


def load_field(checkpoint: Checkpoint, *, where: Path) -> Field:
    """The field that a checkpoint holds.

    Args:
        checkpoint: The checkpoint.
        where: Its run folder, for messages.
    """
    with building(where):
        built = checkpoint.field.build(BuildContext(checkpoint.box))
    restore_module(built, checkpoint.part("field"), where=f"{where}: field")
    return built.eval()


@contextmanager
def building(where: Path) -> Iterator[None]:
    """What goes wrong while things are built from a checkpoint's options is put down to it.

    Args:
        where: The run folder.
    """
    try:
        yield
    except CheckpointError:
        raise
    except (NFieldError, ValueError, RuntimeError, TypeError, MemoryError, ArithmeticError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{file_of(where)}: its options cannot be used ({reason}); {DAMAGED}") from error


def restore_module(module: nn.Module, tensors: Mapping[str, Shaped[Tensor, "..."]], *, where: str) -> None:
    """Loads a module's tensors, all of them and no others.

    Args:
        module: What is changed.
        tensors: By name in the module.
        where: Run and part, for messages.
    """
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{where}: its tensors do not fit its options ({reason}); {DAMAGED}") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if is_compact(path):
        yield CompactFile(path)
        return
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: is damaged or cut off ({error}), expected a whole safetensors file; {DAMAGED}"
        ) from error


def beside(run: Path, name: str) -> Path:
    """Where what is made from a run is written: in its folder, or beside a compact file and by its name."""
    return run / name if run.is_dir() else run.with_name(f"{run.stem}-{name}")


def file_of(run: Path) -> Path:
    """The file of a run folder, or the file itself."""
    return run / FILE if run.is_dir() else run


def _header(run: Path) -> tuple[Path, _Header]:
    """The file of a run, and its JSON document, of the format and the types that are known."""
    path = file_of(run)
    if not path.is_file():
        raise CheckpointError(
            f"{path}: does not exist, expected the checkpoint of a run; give the folder that nfield train --out wrote"
        )
    with _opened(path) as file:
        metadata = file.metadata() or {}
    try:
        document = json.loads(metadata[_KEY])
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: was not written by nfield, expected a checkpoint; {DAMAGED}") from error
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is int and found != FORMAT:
        raise CheckpointError(
            f"{path}: has format {found}, expected {FORMAT}; use the version of nfield that wrote it, or train again"
        )
    return path, from_json(_Header, document, where=f"{path}: header")


def _tensors(path: Path) -> dict[str, Tensor]:
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary


def _checked(path: Path, header: _Header, tensors: Mapping[str, Tensor]) -> Checkpoint:
    known = _registry(header.kind)
    if header.backend not in known:
        raise CheckpointError(
            f"{path}: holds a field of the unknown backend {header.backend!r}, "
            f"expected one of {', '.join(known)}; install what provides it, or train again"
        )
    _require_finite(path, tensors)
    low, high = header.box
    return Checkpoint(
        kind=header.kind,
        config=from_json(known[header.backend], header.config, where=f"{path}: config"),
        box=Box(torch.tensor(low), torch.tensor(high)),
        tensors=tensors,
        step=header.step,
        seconds=header.seconds,
        numbers=header.numbers,
        extra=header.extra,
    )


def _require_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: {name} holds values that are not numbers, expected finite ones; {DAMAGED}")
