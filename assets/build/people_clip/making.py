"""A process that makes people; a module of its own, as processes that are spawned cannot look into `__main__`."""

from collections.abc import Iterable
from pathlib import Path

import torch

from assets.build.people_clip.batches import shard_path
from avatars.body import BodyModel
from avatars.crowd.person import Split
from avatars.crowd.shards import Crowd


def make_people(folder: Path, numbers: Iterable[int]) -> None:
    """Makes the pictures of some builds of the training half that are not in a folder yet, on one thread."""
    torch.set_num_threads(1)
    crowd = Crowd(Split.TRAINING, BodyModel.load())
    for number in numbers:
        path = shard_path(folder, number)
        if not path.is_file():
            crowd.shard(number).save(path)
