"""What a kind of run answers to the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from rich.console import Console

from distill.run import ConvertRun
from distill.source import Source
from nfield.devices import CPU
from viewer.interface import Subject

if TYPE_CHECKING:  # the commands look kinds up, so they import this module
    from nfield.cli.edit_options import Chosen
    from nfield.cli.eval import EvalOptions
    from nfield.cli.render import RenderOptions


@runtime_checkable
class RunKind(Protocol):
    """A kind of run; the module that defines one imports the room of its exports (`nfield.export`), if there is one.

    What a kind cannot do it refuses by an error that says what can: each method may raise a `CheckpointError` or an
    `OptionError`.
    """

    @property
    def name(self) -> str:
        """As checkpoints name it."""
        ...

    def device(self, asked: str) -> torch.device:
        """The device for what --device asks.

        Raises:
            OptionError: It cannot be used, or not for runs of this kind.
        """
        ...

    def measure(self, options: "EvalOptions") -> None:
        """Measures a run against what it was made from, says what it found and writes `eval.json`."""
        ...

    def render(self, options: "RenderOptions") -> None:
        """Writes pictures or a film of a run; says where."""
        ...

    def source(self, run: Path, device: torch.device = CPU) -> Source:
        """A run as what a conversion starts from, which is then done on a device."""
        ...

    def edit(self, chosen: "Chosen") -> None:
        """Writes an edited copy of a run, or says where it is."""
        ...

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """What only this kind shows of a finished conversion, beside the report.

        Args:
            begun: The conversion.
            console: Is told.
        """
        ...

    def subject(self, run: Path, *, motion: Path | None, device: torch.device = CPU) -> Subject:
        """What the viewer shows of a run.

        Args:
            run: The folder.
            motion: A further motion for the player of what has joints.
            device: Where its field answers.
        """
        ...
