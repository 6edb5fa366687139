"""The command; `python -m assets.build.people_clip --help` tells its options."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from assets.build.people_clip.batches import shard_path, whole_pairs
from assets.build.people_clip.making import make_people
from assets.build.people_clip.training import Learner, Plan
from assets.build.learning import Makers, TrainingLog, write_state
from avatars.body import BodyModel
from avatars.crowd.measures import Knowledge, knowledge
from avatars.crowd.person import Split
from avatars.crowd.shards import Crowd, Shard
from avatars.semantic.open_clip_encoder import OpenClipSource
from nfield.whole_file import write_atomically

_SEMANTIC = Path(__file__).parents[2] / "semantic"
_FEWEST = 24
"""Pairs of builds that must have been made before it learns."""

_PEOPLE = 100
"""Of the held-out half, whom the model is measured on."""

_ALL_SIDES = ("full",) * 12
_ALL_VIEWS = frozenset(("front", "side", "back"))


@dataclass(frozen=True)
class Options:
    """Train the image-text model of people, from nothing."""

    minutes: float = 240.0
    """Of training."""
    work: Path = Path("build/people_clip")
    """Folder for pictures of people, for what training goes on from, and for the weights so far."""
    out: Path = _SEMANTIC / "people.safetensors"
    """File to write at the end."""
    architecture: Path = _SEMANTIC / "people.json"
    """In open_clip's format."""
    builds: int = 4000
    """To be made, at most; each gives 112 pictures."""
    makers: int = 1
    """Processes that make people."""
    threads: int = 1
    """Of training."""
    seed: int = 0
    """Of everything random."""
    resume: bool = False
    """Go on with the training in the folder."""


def main(options: Options) -> None:
    """Makes people, learns from them, measures on others."""
    torch.set_num_threads(options.threads)
    people = options.work / "training"
    shares = [range(place, options.builds, options.makers) for place in range(options.makers)]
    makers = Makers(make_people, [(people, numbers) for numbers in shares])
    learner, state = Learner(options.architecture, Plan(options.minutes, seed=options.seed)), options.work / "state.pt"
    if options.resume and state.is_file():
        learner.restore(torch.load(state, weights_only=True))

    def save() -> None:
        write_state(state, learner.state())
        learner.write(options.work / options.out.name)

    try:
        makers.wait(lambda: whole_pairs(people), _FEWEST, of=f"{people}: pairs of people")
        learner.learn(people, save=save, watch=TrainingLog())
    except KeyboardInterrupt:
        save()
        print(f"saved after {learner.progress.minutes:.1f} minutes; go on with --resume")
        return
    finally:
        makers.stop()
    write_atomically(options.out, (options.work / options.out.name).read_bytes())
    _report(measured(options.architecture, options.out, options.work))


def measured(architecture: Path, weights: Path, work: Path) -> Knowledge:
    """What the model knows about held-out people, who are made where they are not there yet."""
    folder, number = work / "held_out", 0
    crowd, shards = Crowd(Split.HELD_OUT, BodyModel.load(), _ALL_SIDES), []
    while len(shards) < _PEOPLE:
        path = shard_path(folder, number)
        if not path.is_file():
            crowd.shard(number).save(path)
        shard = Shard.load(path)
        if {view.view for view in shard.viewpoints} >= _ALL_VIEWS:
            shards.append(shard)
        number += 2
    return knowledge(OpenClipSource(str(architecture), str(weights)).load(), shards)


def _report(known: Knowledge) -> None:
    for name, value in dataclasses.asdict(known).items():
        print(f"{name}: {value:.3g}")


if __name__ == "__main__":
    main(tyro.cli(Options))
