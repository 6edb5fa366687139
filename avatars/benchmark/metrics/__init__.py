"""How far pictures of an avatar are from the truth."""

from avatars.benchmark.metrics.colors import label_differences
from avatars.benchmark.metrics.likeness import Likeness, likeness
from avatars.benchmark.metrics.prints import Chest, print_on_back

__all__ = ["Chest", "Likeness", "label_differences", "likeness", "print_on_back"]
