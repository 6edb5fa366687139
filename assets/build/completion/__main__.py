"""The command; `python -m assets.build.completion --help` tells its options."""

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from assets.build.completion.making import make_examples
from assets.build.completion.measures import corrections
from assets.build.completion.training import Feed, Learner, Plan
from assets.build.learning import Makers, TrainingLog, write_state
from avatars.crowd.person import Split
from nfield.whole_file import write_atomically

_WEIGHTS = Path(__file__).parents[2] / "completion" / "network.safetensors"
_FEWEST = 6
"""Builds that must have been made before it learns."""


@dataclass(frozen=True)
class Options:
    """Train the completion network, from nothing."""

    minutes: float = 60.0
    """Of training."""
    work: Path = Path("build/completion")
    """Folder for painted people, for what training goes on from, and for the weights so far."""
    out: Path = _WEIGHTS
    """File to write at the end."""
    builds: int = 1000
    """To be made, at most; each gives three people."""
    held_out: int = 16
    """Builds to be measured on."""
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
    people, others = options.work / "training", options.work / "held_out"
    shares = [range(place, options.builds, options.makers) for place in range(options.makers)]
    makers = Makers(make_examples, [(people, Split.TRAINING, numbers) for numbers in shares])
    learner, feed = Learner(Plan(options.minutes, seed=options.seed)), Feed(people, options.seed)
    state = options.work / "state.pt"
    if options.resume and state.is_file():
        learner.restore(torch.load(state, weights_only=True))

    def save() -> None:
        write_state(state, learner.state())
        learner.write(options.work / options.out.name)

    try:
        makers.wait(lambda: list(people.glob("*.npz")), _FEWEST, of=f"{people}: builds")
        feed.refresh()
        learner.learn(feed, save=save, watch=TrainingLog())
    except KeyboardInterrupt:
        save()
        print(f"saved after {learner.progress.minutes:.1f} minutes; go on with --resume")
        return
    finally:
        makers.stop()
    write_atomically(options.out, (options.work / options.out.name).read_bytes())
    make_examples(others, Split.HELD_OUT, range(options.held_out))
    for line in corrections(learner.network, others):
        print(f"{line.where}: CIEDE2000 to the truth {line.network:.2f}, of the rules {line.rules:.2f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
