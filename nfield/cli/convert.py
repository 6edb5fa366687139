"""`nfield convert`: a trained run to the same thing in another architecture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from distill.active import ActiveConfig
from distill.compare import Nearness, Pair, compared, telling_poses
from distill.fidelity import FidelityGoal
from distill.report import figures, summary, write_report
from distill.run import ConvertPlan, ConvertRun, continue_conversion, convert_plan_of, start_conversion
from distill.source import Source
from distill.task import DistillConfig
from nfield.cameras import Cameras
from nfield.checkpoint import backend_of, load_checkpoint
from nfield.cli.convert_splats import convert_splats
from nfield.cli.kinds import is_splats, kind_at
from nfield.cli.options import (
    at_least,
    budget_minutes,
    chosen_backend,
    goes_on,
    parse_options,
    peeked,
    positive,
    refuse_existing_run,
    with_options_of,
)
from nfield.cli.outcome import was_stopped
from nfield.cli.resuming import Typed, named, require_as_begun
from nfield.errors import DataError, OptionError
from nfield.fields import BACKENDS
from nfield.training.evaluation import over, spread
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.progress import TrainProgress
from nfield.training.run_lock import only_writer
from nfield.training.scene import preset, preset_of
from nfield.training.scene_run import plan_of

_MINUTES = 5.0
_WATCHED = 2
_JUDGES, _JUDGED = 4, 200  # cameras, and pixels of the longer side of their pictures at most
_EXAMPLES = (
    "nfield convert runs/lego --to vm --out runs/lego-vm",
    "nfield convert runs/lego --to mlp --out runs/lego-mlp --minutes 10",
    "nfield convert runs/lego --to mlp --out runs/lego-mlp --resume --minutes 20",
    "nfield convert runs/lego --to vm --out runs/lego-vm --fidelity 33",
    "nfield convert runs/me --to vm --out runs/me-vm",
    "nfield convert scene.ply --to hash --out runs/scene (Gaussian splats, anybody's)",
)


@dataclass(frozen=True)
class ConvertOptions:
    """Convert a trained run to another architecture, without photos; Ctrl-C saves and stops, --resume continues."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train, fit or convert wrote: the teacher; or a PLY file of Gaussian splats."""
    to: str
    """Backend of the student; its options are below."""
    out: Path
    """Run folder to write: checkpoint, report.html, report.json and pictures."""
    minutes: float | None = None
    """Training time, without evaluation and saving. Default: 5, or the resumed conversion's."""
    steps: int | None = None
    """Steps, instead of minutes or as a second limit."""
    fidelity: float | None = None
    """Stop as soon as the student is so near to its teacher, in decibels: PSNR of views between the teacher's cameras.
    Default: never, or the resumed conversion's."""
    schedule: Literal["progressive", "joint", "rendered"] = "progressive"
    """Which levels are compared when: the paper's stages, all at once, or colours of rays alone."""
    active: tuple[Literal["poses", "rays", "points"], ...] = ()
    """What was hard comes again (PVD-AL): poses, turned a little; rays; points that make the pixels."""
    fresh: bool = False
    """Start from nothing, not with what the student can take over: small networks, values at nodes."""
    freeze: bool = False
    """Keep small networks that were taken over as they are."""
    samples: int | None = None
    """Samples of a step, which the number of rays follows. Default: the backend's."""
    views: int = 8
    """Views for the report."""
    data: Path | None = None
    """Where the teacher's data set lies now, if it was moved; its photos are used for the report only."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    resume: bool = False
    """Continue the conversion in the folder with the options it was started with; --minutes, --steps or --fidelity may
    extend it."""
    save_every: float = 60.0
    """Seconds of training between two saves, more where they take long; the first comes after the first step."""
    typed: Typed = ()


def parse(arguments: Sequence[str]) -> ConvertOptions:
    """Options of this command and of the chosen backend; defaults of the latter follow from the budget."""
    if peeked(arguments, "--to") is None:  # help, or a complaint that it is missing
        return parse_options(ConvertOptions, arguments, command="convert", examples=_EXAMPLES)
    name = chosen_backend(arguments, BACKENDS, default="", option="--to")
    config = preset(budget_minutes(arguments, default=_MINUTES), backend=name).field
    typed = with_options_of(ConvertOptions, config, name=name)
    options = parse_options(typed, arguments, command="convert", examples=_EXAMPLES)
    return replace(options, typed=named(arguments))


def run(options: ConvertOptions) -> None:
    """Converts, or continues to."""
    _check(options)
    resume = goes_on(options.out, resume=options.resume)
    with only_writer(options.out):
        do = convert_splats if is_splats(options.run) else _convert
        do(replace(options, resume=resume))


def _convert(options: ConvertOptions) -> None:
    console = Console(highlight=False, soft_wrap=True)
    begun = _continued(options) if options.resume else _started(options)
    kept = f"; inherits {' and '.join(begun.inherited)}" if begun.inherited else ""
    levels = ", ".join(sorted(level.value for level in begun.task.levels))
    console.print(f"comparing {levels}{kept}; saving to {options.out}")
    watched = telling_poses(begun.source.teacher, _WATCHED, generator=torch.Generator().manual_seed(1))
    with TrainProgress(console, label="converting") as progress:
        save = PeriodicSave(begun.save, every=options.save_every)
        step, seconds = (0, 0.0) if begun.state is None else (begun.state.step, begun.state.seconds)
        log = Log(
            options.out,
            Nearness.of(begun.source.teacher, begun.task.student, watched),
            step=step,
            share=begun.plan.train.share(step, seconds),
        )
        goal = _goal(begun)
        result = train(begun.task, begun.plan.train, hooks=(progress, save, log), state=begun.state, enough=goal)
    _finish(console, options, begun, result)


def _goal(begun: ConvertRun) -> FidelityGoal | None:
    """Tells when the student is near enough, where that was asked for."""
    if begun.plan.fidelity is None:
        return None
    teacher = begun.source.teacher
    cameras = telling_poses(teacher, _JUDGES, generator=torch.Generator().manual_seed(3))
    scale = min(1.0, _JUDGED / max(cameras.size))  # Looked at often, so small.
    height, width = (max(1, round(edge * scale)) for edge in cameras.size)
    judges = cameras.resized((height, width))
    return FidelityGoal(Nearness.of(teacher, begun.task.student, judges), begun.plan.fidelity)


def _check(options: ConvertOptions) -> None:
    at_least(options.views, 1, name="--views")
    at_least(options.samples, 1024, name="--samples")
    at_least(options.seed, 0, name="--seed")
    if options.fidelity is not None:
        positive(options.fidelity, name="--fidelity", unit="decibels")
    positive(options.save_every, name="--save-every", unit="seconds")
    if options.schedule == "rendered" and "points" in options.active:
        raise OptionError(
            "--active: has points, but --schedule rendered compares no points; leave them out, or take another schedule"
        )
    if options.out.resolve() == options.run.resolve():
        raise OptionError(f"--out: is the teacher's own folder {options.run}; give another one")


def _started(options: ConvertOptions) -> ConvertRun:
    refuse_existing_run(options.out)
    source = _source(options)
    config = options.field_options  # pyright: ignore[reportAttributeAccessIssue]
    chosen = preset_of(config)
    minutes = _MINUTES if options.minutes is None and options.steps is None else options.minutes
    budget = TrainConfig(minutes, options.steps, chosen.optim, options.seed)
    active = ActiveConfig(**dict.fromkeys(options.active, True))
    samples = options.samples or chosen.radiance.samples
    distill = DistillConfig(schedule=options.schedule, samples=samples, active=active)
    plan = ConvertPlan(str(options.run.resolve()), budget, distill, not options.fresh, options.freeze, options.fidelity)
    options.out.mkdir(parents=True, exist_ok=True)
    return start_conversion(options.out, plan, config, source)


def _continued(options: ConvertOptions) -> ConvertRun:
    checkpoint = load_checkpoint(options.out)
    plan = convert_plan_of(checkpoint, where=options.out)
    begun = {
        "to": backend_of(checkpoint),
        "schedule": plan.distill.schedule,
        "active": tuple(name for name in ("poses", "rays", "points") if getattr(plan.distill.active, name)),
        "fresh": not plan.inherit,
        "freeze": plan.freeze,
        "samples": plan.distill.samples,
        "seed": plan.train.seed,
    }
    given = replace(options, active=tuple(sorted(options.active, key=("poses", "rays", "points").index)))
    require_as_begun(given, checkpoint, begun)
    budget = plan.train.with_budget(minutes=options.minutes, steps=options.steps)
    fidelity = plan.fidelity if options.fidelity is None else options.fidelity
    plan = replace(plan, run=str(options.run.resolve()), train=budget, fidelity=fidelity)
    source = _source(options)
    return continue_conversion(options.out, plan, checkpoint, source)


def _source(options: ConvertOptions) -> Source:
    kind = kind_at(options.run)
    return kind.source(options.run, kind.device(options.device))


def _finish(console: Console, options: ConvertOptions, begun: ConvertRun, result: TrainResult) -> None:
    out, state = options.out, result.state
    again = f"nfield convert {options.run} --to {options.to} --out {out} --resume"
    if was_stopped(console, result, again=again):
        return
    with console.status("learning the student's own occupancy grid"):
        begun.learn_grid()
    begun.save(state)
    pairs, views = _pairs(console, options, begun)
    report = figures(begun, state, pairs, views=views)
    write_report(out, report, pairs)
    console.print(f"{state.step} steps in {state.seconds:.0f} s: {summary(report)}")
    if begun.plan.fidelity is not None and not result.enough:
        console.print(
            f"the budget was spent before {begun.plan.fidelity:g} dB were reached; to go on: {again} --minutes M"
        )
    kind_at(out).finish_conversion(begun, console)
    console.print(f"see report.html and compare/ in {out} (teacher, student, difference); next: nfield render {out}")


def _pairs(console: Console, options: ConvertOptions, begun: ConvertRun) -> tuple[list[Pair], str]:
    """Views of teacher and student: held-out photos' where the data are there, else random ones between cameras."""
    teacher = begun.source.teacher
    photographed = _photographed(options, begun)
    if photographed is not None:
        cameras, names, photos = photographed
        words = "held-out photos"
    else:
        cameras = telling_poses(teacher, options.views, generator=torch.Generator().manual_seed(2))
        names, photos = [f"random view {index}" for index in range(options.views)], None
        words = "random cameras between those of the teacher"
    pairs = []
    with console.status("comparing teacher and student") as status:
        views = compared(teacher, begun.task.student, begun.sampler, cameras, names=names, photos=photos)
        for pair in views:
            pairs.append(pair)
            status.update(f"comparing teacher and student: {len(pairs)} of {len(names)} views")
    return pairs, words


def _photographed(
    options: ConvertOptions, begun: ConvertRun
) -> tuple[Cameras, list[str], list[Float[Tensor, "h w 3"]]] | None:
    """Cameras, names and pictures of held-out photos; None where there are none, or not any more."""
    checkpoint = begun.source.checkpoint
    if "plan" not in checkpoint.extra:
        return None
    plan = plan_of(checkpoint, where=options.run)
    try:
        scene = plan.load_scene(options.data)
    except DataError:
        if options.data is not None:
            raise
        return None
    chosen = torch.tensor(spread(len(scene.test), options.views))
    behind = torch.tensor(begun.source.teacher.shown.background)
    images = scene.test.subset(chosen)
    return images.cameras, list(images.names), [over(images.image(index), behind) for index in range(len(images))]
