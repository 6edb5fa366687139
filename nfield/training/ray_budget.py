"""How many rays a step takes, so that its samples, which cost the time, stay at a number."""


class RayBudget:
    """The number of rays that gives a wanted number of samples, learned from step to step.

    Args:
        first: Rays of the first step.
        most: Rays of a step at most.
    """

    def __init__(self, *, first: int, most: int) -> None:
        self.rays = float(first)
        self._most = float(most)

    @property
    def count(self) -> int:
        """Rays of the next step."""
        return int(self.rays)

    def learn(self, *, rays: int, samples: int, goal: float) -> None:
        """Moves towards the number that gives `goal` samples, at most by half at once.

        Args:
            rays: Rays of the last step.
            samples: How many samples they had.
            goal: How many they should have had.
        """
        wanted = rays * goal / max(samples, 1)
        self.rays = min(max(wanted, 0.5 * rays, 32.0), 1.5 * rays, self._most)
