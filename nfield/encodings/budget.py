"""How many radial bases a size affords: a field of them is made as large as a hash grid it is compared with.

NeuRBF's paper counts trained numbers only; its release sizes the field so that all numbers, the frozen centres and
shapes included, are as many as the hash grid's. Both counts are kept apart here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Numbers of a field with radial bases.

    Attributes:
        reference: All numbers of the field that it is compared with.
        fixed: Numbers that it has beside the kernels: its own grid, networks and bias.
        trained: Trained numbers of a kernel, its features.
        frozen: Frozen numbers of a kernel: D of its centre and those of its shape.
    """

    reference: int
    fixed: int
    trained: int
    frozen: int

    @property
    def kernels(self) -> int:
        """Kernels that fit, possibly none.

        >>> Budget(reference=142_755, fixed=33_280 + 6_723 + 36, trained=32, frozen=2 + 3).kernels
        2776
        """
        return max(0, (self.reference - self.fixed) // (self.trained + self.frozen))

    def total(self, kernels: int) -> int:
        """All numbers of a field with so many kernels."""
        return self.fixed + kernels * (self.trained + self.frozen)

    def trainable(self, kernels: int) -> int:
        """Those that are trained."""
        return self.fixed + kernels * self.trained
