"""Interleaved timing: every variant in turn, round after round, so that a slow phase of the machine hits all alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """Seconds of one variant.

    Attributes:
        median: Median over the rounds.
        best: The fastest round.
        rounds: How often it ran.
    """

    median: float
    best: float
    rounds: int


def interleaved(variants: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Timing]:
    """Times all variants in turn, `rounds` times after one warm-up round.

    Args:
        variants: What to run, by name.
        rounds: Timed rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(rounds + 1):
        for name, run in variants.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: Timing(median(s), min(s), rounds) for name, s in seconds.items()}
