"""`nfield train PICTURE`: one picture to a signal in a run folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console

from nfield.checkpoint import FILE, backend_of, load_checkpoint
from nfield.cli.options import (
    at_least,
    chosen_backend,
    chosen_device,
    goes_on,
    names_data,
    parse_options,
    positive,
    refuse_existing_run,
    with_options_of,
)
from nfield.cli.outcome import was_spent, was_stopped
from nfield.cli.resuming import Typed, named, require_as_begun
from nfield.data.picture import is_picture
from nfield.encodings.initial_centers import CentersRule
from nfield.fields.signal import SIGNALS
from nfield.pictures.initialisation import EXPONENT
from nfield.pictures.run import (
    ImagePlan,
    ImageRun,
    continue_run,
    plan_of,
    prepare_picture,
    start_run,
)
from nfield.pictures.task import batch_pixels, image_optim
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.progress import TrainProgress
from nfield.training.run_lock import only_writer

_STEPS, _PASSES = 5000, 40
_EXAMPLES = (
    "nfield train photo.png --field rbf --out runs/photo",
    "nfield train photo.png --field hash --out runs/photo-hash --size 256 256",
    "nfield train photo.png --field rbf --out runs/photo --resume --steps 10000",
)


@dataclass(frozen=True)
class TrainImageOptions:
    """Fit a picture with adaptive radial bases (rbf) or a hash grid (hash) of the same size; Ctrl-C saves and stops."""

    picture: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PICTURE")]
    """PNG (8 or 16 bits), JPEG or another common picture, or OpenEXR."""
    out: Path
    """Run folder to write: checkpoint, decoded picture, error map, kernels, log and curve."""
    field: str = "rbf"
    """rbf or hash; its options are below."""
    steps: int | None = None
    """Steps, over which the learning rates fall. Default: 5000, and in large pictures as many as see each pixel 40
    times; or the resumed run's."""
    minutes: float | None = None
    """Training time, instead of steps or as a second limit."""
    size: tuple[int, int] | None = None
    """Height and width to which the picture is made smaller."""
    placing: CentersRule = "kmeans"
    """Where kernels go: weighted K-means, or random, weighted (random by weight) or lattice to compare with."""
    exponent: float = EXPONENT
    """Power of a pixel's change that weighs it for kmeans and weighted; larger ones crowd kernels at edges."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    resume: bool = False
    """Continue the run in the folder with the options it was started with; --steps or --minutes may extend it."""
    save_every: float = 30.0
    """Seconds of training between two saves, more where they take long; the first comes after the first step."""
    typed: Typed = ()


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Whether a command line names a picture where the data belong: not as the value of an option.

    >>> is_asked_for(["photo.png", "--out", "run"]), is_asked_for(["data", "--out", "run.png"])
    (True, False)
    """
    return names_data(arguments, is_picture)


def parse(arguments: Sequence[str]) -> TrainImageOptions:
    """Options of this command and of the chosen signal."""
    name = chosen_backend(arguments, SIGNALS, default="rbf")
    typed = with_options_of(TrainImageOptions, SIGNALS[name](), name=name)
    options = parse_options(typed, arguments, command="train", examples=_EXAMPLES)
    return replace(options, typed=named(arguments))


def run(options: TrainImageOptions) -> None:
    """Trains, or continues to."""
    at_least(options.exponent, 0.0, name="--exponent")
    at_least(options.seed, 0, name="--seed")
    positive(options.save_every, name="--save-every", unit="seconds")
    resume = goes_on(options.out, resume=options.resume)
    with only_writer(options.out):
        _train(replace(options, resume=resume))


def _train(options: TrainImageOptions) -> None:
    console, device = Console(highlight=False, soft_wrap=True), chosen_device(options.device)
    with console.status("placing the kernels"):
        begun = _continued(options, device) if options.resume else _started(options, device)
    trained, total = begun.task.signal.counts()
    height, width = begun.plan.size
    console.print(
        f"{width}x{height} pixels of {begun.plan.channels} channels; {trained} trainable numbers, {total} with the "
        f"frozen ones ({total / (width * height):.2f} a pixel); saving to {options.out}"
    )
    step = 0 if begun.state is None else begun.state.step
    share = 0.0 if begun.state is None else begun.plan.train.share(step, begun.state.seconds)
    with TrainProgress(console) as progress:
        save = PeriodicSave(begun.save, every=options.save_every)
        log = Log(options.out, begun.psnr, step=step, share=share, tested_on=begun.watched)
        result = train(begun.task, begun.plan.train, hooks=(progress, save, log), state=begun.state)
    _finish(console, options, begun, result)


def _started(options: TrainImageOptions, device: torch.device) -> ImageRun:
    refuse_existing_run(options.out)
    picture = prepare_picture(options.picture, size=options.size)
    given = options.steps is not None or options.minutes is not None
    steps = options.steps if given else default_steps(picture.size)
    budget = TrainConfig(options.minutes, steps, image_optim(picture.size), options.seed)
    plan = ImagePlan(
        str(options.picture.resolve()), budget, options.placing, picture.size, picture.channels, options.exponent
    )
    config = options.field_options  # pyright: ignore[reportAttributeAccessIssue]
    begun = start_run(options.out, plan, config, picture, device=device)
    options.out.mkdir(parents=True, exist_ok=True)
    return begun


def default_steps(size: tuple[int, int]) -> int:
    """Steps of training where nobody gives any.

    >>> default_steps((256, 256)), default_steps((4000, 6000))
    (5000, 10240)
    """
    return max(_STEPS, _PASSES * size[0] * size[1] // batch_pixels(size))


def _continued(options: TrainImageOptions, device: torch.device) -> ImageRun:
    checkpoint = load_checkpoint(options.out)
    plan = plan_of(checkpoint, where=options.out)
    begun = {"field": backend_of(checkpoint), "size": plan.size, "placing": plan.placing, "exponent": plan.exponent}
    require_as_begun(options, checkpoint, {**begun, "seed": plan.train.seed})
    plan = replace(plan, train=plan.train.with_budget(minutes=options.minutes, steps=options.steps))
    picture = prepare_picture(options.picture, size=plan.size)
    plan = replace(plan, picture=str(options.picture.resolve()))
    return continue_run(options.out, plan, checkpoint, picture, device=device)


def _finish(console: Console, options: TrainImageOptions, begun: ImageRun, result: TrainResult) -> None:
    out, state = options.out, result.state
    again = f"nfield train {options.picture} --out {out} --resume"
    if was_stopped(console, result, again=again) or was_spent(console, result, begun.state):
        return
    found = begun.finish(state)
    console.print(f"fitted in {state.step} steps, {state.seconds:.0f} s: {quality(found)}")
    console.print(f"see decoded.png, error.png and, for rbf, kernels.png in {out}; the checkpoint is {out / FILE}")


def quality(found: dict) -> str:
    """For example: PSNR 48.12 dB (47.90 dB after rounding to 8 bits), SSIM 0.9961."""
    shown = [
        "PSNR " + ("infinite" if found["psnr"] is None else f"{found['psnr']:.2f} dB"),
        "("
        + ("equal" if found["psnr_8bit"] is None else f"{found['psnr_8bit']:.2f} dB")
        + " after rounding to 8 bits)",
    ]
    return " ".join(shown) + ("" if found["ssim"] is None else f", SSIM {found['ssim']:.4f}")
