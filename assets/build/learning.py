"""What the builds that train something share: how far they are, their log, and the processes that make examples."""

import io
import math
import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class Progress:
    """Where a training is; minutes are spent on steps alone."""

    minutes: float
    steps: int

    def after(self, seconds: float) -> "Progress":
        """One step further."""
        return Progress(self.minutes + seconds / 60.0, self.steps + 1)

    def rate(self, minutes: float, *, warm: int) -> float:
        """Share of the largest learning rate: up in steps, down along a cosine of time.

        Args:
            minutes: Of the whole training.
            warm: Steps over which it rises.
        """
        done = min(self.minutes / minutes, 1.0)
        return min((self.steps + 1) / warm, 1.0) * max(0.5 + 0.5 * math.cos(math.pi * done), 0.01)


Watch = Callable[[Progress, dict[str, float]], None]
"""Told of each step and its losses."""


class TrainingLog:
    """A `Watch` that tells every ten seconds how far a training is, with running means of its losses."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._mean: dict[str, float] = {}

    def __call__(self, progress: Progress, losses: dict[str, float]) -> None:
        """Take note of a step."""
        for name, value in losses.items():
            self._mean[name] = 0.95 * self._mean.get(name, value) + 0.05 * value
        if time.monotonic() - self._last > 10.0:
            self._last = time.monotonic()
            told = "  ".join(f"{name} {value:.4g}" for name, value in self._mean.items())
            print(f"{progress.minutes:6.1f} min  step {progress.steps}  {told}", flush=True)


class Makers:
    """Processes that make examples, from when it is made until `stop`.

    Args:
        make: What each of them runs.
        shares: Its arguments, of each.
    """

    def __init__(self, make: Callable[..., None], shares: Iterable[tuple[Any, ...]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = [context.Process(target=make, args=share, daemon=True) for share in shares]
        for process in self._processes:
            process.start()

    def wait(self, made: Callable[[], Sequence[object]], fewest: int, *, of: str) -> None:
        """Until there are enough examples to begin.

        Args:
            made: Those that there are.
            fewest: How many there must be.
            of: What they are and where, for the message.

        Raises:
            SystemExit: There are too few, and nobody makes any.
        """
        while len(made()) < fewest:
            if not any(process.is_alive() for process in self._processes):
                raise SystemExit(
                    f"{of}: there are {len(made())}, expected {fewest}, and nobody makes any; "
                    "give --makers 1 or more and enough --builds"
                )
            time.sleep(1.0)

    def stop(self) -> None:
        """At once; who is stopped leaves no half file."""
        for process in self._processes:
            process.terminate()


def write_state(path: Path, state: dict[str, Any]) -> None:
    """What a training goes on from; the file is whole or not there."""
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(path, content.getvalue())


def write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Weights in half precision; the file is whole or not there."""
    unfinished = path.with_suffix(".part")
    save_file({name: value.detach().half().contiguous() for name, value in weights.items()}, unfinished)
    write_atomically(path, unfinished.read_bytes())
    unfinished.unlink()
