"""What a build's training tells while it goes on."""

import time


class TrainingLog:
    """Tells every ten seconds how far a training is, with running means of its losses."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._mean: dict[str, float] = {}

    def __call__(self, minutes: float, steps: int, losses: dict[str, float]) -> None:
        """Take note of a step."""
        for name, value in losses.items():
            self._mean[name] = 0.95 * self._mean.get(name, value) + 0.05 * value
        if time.monotonic() - self._last > 10.0:
            self._last = time.monotonic()
            told = "  ".join(f"{name} {value:.4g}" for name, value in self._mean.items())
            print(f"{minutes:6.1f} min  step {steps}  {told}", flush=True)
