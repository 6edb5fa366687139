"""Who is told how far a fit is."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

from nfield.training.loop import Hook


@runtime_checkable
class Watcher(Protocol):
    """Shows people what happens."""

    def tell(self, text: str) -> None:
        """Says what begins, or what was found."""
        ...

    def training(self, name: str) -> AbstractContextManager[Sequence[Hook]]:
        """Is entered around a stage's training; gives the training's hooks."""
        ...


class Silent:
    """Shows nothing."""

    def tell(self, text: str) -> None:
        """Says nothing."""

    @contextmanager
    def training(self, name: str) -> Iterator[Sequence[Hook]]:
        """No hooks."""
        yield ()
