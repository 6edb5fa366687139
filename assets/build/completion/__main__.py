"""The command; `python -m assets.build.completion --help` tells its options."""

import io
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
import tyro

from assets.build.completion.making import make_examples
from assets.build.completion.measures import corrections
from assets.build.completion.training import Feed, Learner, Plan
from assets.build.training_log import TrainingLog
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
    makers = _makers(people, options)
    learner, feed = Learner(Plan(options.minutes, seed=options.seed)), Feed(people, options.seed)
    state, log = options.work / "state.pt", TrainingLog()
    if options.resume and state.is_file():
        learner.restore(torch.load(state, weights_only=True))

    def save() -> None:
        content = io.BytesIO()
        torch.save(learner.state(), content)
        write_atomically(state, content.getvalue())
        learner.write(options.work / options.out.name)

    try:
        _wait_for_people(makers, people)
        feed.refresh()
        learner.learn(feed, save=save, watch=lambda at, losses: log(at.minutes, at.steps, losses))
    except KeyboardInterrupt:
        save()
        print(f"saved after {learner.progress.minutes:.1f} minutes; go on with --resume")
        return
    finally:
        for maker in makers:
            maker.terminate()
    write_atomically(options.out, (options.work / options.out.name).read_bytes())
    make_examples(others, Split.HELD_OUT, range(options.held_out))
    for line in corrections(learner.network, others):
        print(f"{line.where}: CIEDE2000 to the truth {line.network:.2f}, of the rules {line.rules:.2f}")


def _makers(folder: Path, options: Options) -> list[BaseProcess]:
    """Processes that make people, begun."""
    shares = [range(place, options.builds, options.makers) for place in range(options.makers)]
    context = multiprocessing.get_context("spawn")
    makers: list[BaseProcess] = [
        context.Process(target=make_examples, args=(folder, Split.TRAINING, numbers), daemon=True) for numbers in shares
    ]
    for maker in makers:
        maker.start()
    return makers


def _wait_for_people(makers: Sequence[BaseProcess], folder: Path) -> None:
    """Until there are enough of them to begin."""
    while (made := len(list(folder.glob("*.npz")))) < _FEWEST:
        if not any(maker.is_alive() for maker in makers):
            raise SystemExit(
                f"{folder}: holds {made} builds, expected {_FEWEST}, and nobody makes any; "
                "give --makers 1 or more and enough --builds"
            )
        time.sleep(1.0)


if __name__ == "__main__":
    main(tyro.cli(Options))
