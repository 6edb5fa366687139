"""A fitted picture against the picture itself."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nfield.cli.eval import EvalOptions
from nfield.cli.train_image import quality
from nfield.training.image import straight
from nfield.training.image_run import continue_run, evaluation, load_image_run, prepare_picture
from nfield.training.run_folder import write_json


def evaluate(options: EvalOptions) -> None:
    """Measures, says what it found and writes it."""
    saved = load_image_run(options.run)
    plan = saved.plan if options.data is None else replace(saved.plan, picture=str(options.data.resolve()))
    picture = prepare_picture(options.data or Path(plan.picture), size=plan.size)
    run = continue_run(options.run, plan, saved.checkpoint, picture)
    fitted = straight(run.task.decoded())
    found = evaluation(run, fitted, step=saved.checkpoint.step, seconds=saved.checkpoint.seconds)
    write_json(options.run / "eval.json", found)
    numbers = found["numbers"]
    console = Console(highlight=False, soft_wrap=True)
    console.print(quality(found))
    console.print(
        f"{numbers['trainable']} trainable numbers, {numbers['total']} in all; {found['step']} steps in "
        f"{found['seconds']['training']:.0f} s of training; written to {options.run / 'eval.json'}"
    )
