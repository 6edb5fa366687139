"""A process that makes examples; a module of its own, as processes that are spawned cannot look into `__main__`."""

from collections.abc import Iterable
from pathlib import Path

import torch

from assets.build.completion.examples import can_be_told, made_example
from avatars.body import BodyModel
from avatars.crowd.person import Split

NAME = "{:06d}.npz"
"""Of an example's file."""


def make_examples(folder: Path, split: Split, numbers: Iterable[int]) -> None:
    """Makes the examples of some builds that are not in a folder yet, on one thread."""
    torch.set_num_threads(1)
    model = BodyModel.load()
    for number in numbers:
        path = folder / NAME.format(number)
        if not path.is_file() and can_be_told(split, number):
            made_example(split, model, number).save(path)
