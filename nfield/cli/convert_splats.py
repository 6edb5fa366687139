"""`nfield convert FILE.ply`: Gaussian splats, ours or anybody's, to a field of any architecture."""

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from distill.fidelity import FidelityGoal
from distill.report import summary, write_report
from distill.splat_run import (
    SplatConversion,
    SplatPlan,
    continue_splat_conversion,
    splat_plan_of,
    start_splat_conversion,
)
from distill.splat_teacher import SplatTeacher
from nfield.checkpoint import backend_of, load_checkpoint
from nfield.cli.options import chosen_device, refuse_existing_run
from nfield.cli.outcome import was_stopped
from nfield.cli.resuming import require_as_begun
from nfield.errors import OptionError
from nfield.export.splat_file import read_splats
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.progress import TrainProgress
from nfield.training.scene import preset_of

if TYPE_CHECKING:  # it calls this module
    from nfield.cli.convert import ConvertOptions

_MINUTES = 5.0
_VIEWS, _EDGE = 150, 400
"""Views of the splats, and pixels along an edge of each."""
_WATCHED, _JUDGES = 2, 4
_OF_FIELDS = ("schedule", "active", "fresh", "freeze", "data")
"""Options that mean something to fields that teach alone."""


def convert_splats(options: "ConvertOptions") -> None:
    """Converts, or continues to; the run folder is locked."""
    for name in _OF_FIELDS:
        if name in options.typed:
            raise OptionError(
                f"--{name}: is for teachers that are fields, but {options.run} is a file of splats, of which only "
                "views are compared; leave it out"
            )
    console = Console(highlight=False, soft_wrap=True)
    with console.status("rendering views of the splats"):
        begun = _continued(options) if options.resume else _started(options)
    left_out = begun.teacher.left_out
    if left_out:
        console.print(f"note: {left_out} splats far from the others are left out", style="dim", markup=False)
    size = begun.plan.edge
    console.print(f"comparing {begun.plan.views} views of {size}x{size} pixels; saving to {options.out}")
    step, seconds = (0, 0.0) if begun.state is None else (begun.state.step, begun.state.seconds)
    share, fidelity = begun.plan.train.share(step, seconds), begun.plan.fidelity
    goal = None if fidelity is None else FidelityGoal(begun.nearness(_JUDGES), fidelity)
    with TrainProgress(console, label="converting") as progress:
        save = PeriodicSave(begun.save, every=options.save_every)
        log = Log(options.out, begun.nearness(_WATCHED), step=step, share=share)
        hooks = (progress, save, log)
        result = train(begun.setup.task, begun.plan.train, hooks=hooks, state=begun.state, enough=goal)
    _finish(console, options, begun, result)


def _started(options: "ConvertOptions") -> SplatConversion:
    refuse_existing_run(options.out)
    teacher = SplatTeacher.of(read_splats(options.run))
    config = options.field_options  # pyright: ignore[reportAttributeAccessIssue]
    chosen = preset_of(config)
    minutes = _MINUTES if options.minutes is None and options.steps is None else options.minutes
    budget = TrainConfig(minutes, options.steps, chosen.optim, options.seed)
    radiance = chosen.radiance.with_samples(options.samples)
    plan = SplatPlan(str(options.run.resolve()), budget, radiance, _VIEWS, _EDGE, options.fidelity)
    options.out.mkdir(parents=True, exist_ok=True)
    return start_splat_conversion(options.out, plan, config, teacher, device=chosen_device(options.device))


def _continued(options: "ConvertOptions") -> SplatConversion:
    checkpoint = load_checkpoint(options.out)
    plan = splat_plan_of(checkpoint, where=options.out)
    begun = {"to": backend_of(checkpoint), "samples": plan.radiance.samples, "seed": plan.train.seed}
    require_as_begun(options, checkpoint, begun)
    plan = replace(
        plan,
        file=str(options.run.resolve()),
        train=plan.train.with_budget(minutes=options.minutes, steps=options.steps),
        fidelity=plan.fidelity if options.fidelity is None else options.fidelity,
    )
    teacher = SplatTeacher.of(read_splats(options.run))
    return continue_splat_conversion(options.out, plan, checkpoint, teacher, device=chosen_device(options.device))


def _finish(console: Console, options: "ConvertOptions", begun: SplatConversion, result: TrainResult) -> None:
    out, state = options.out, result.state
    again = f"nfield convert {options.run} --to {options.to} --out {out} --resume"
    if was_stopped(console, result, again=again):
        return
    begun.save(state)
    with console.status("comparing splats and student"):
        pairs = begun.pairs(options.views)
    report = begun.report(state, pairs)
    write_report(out, report, pairs)
    console.print(f"{state.step} steps in {state.seconds:.0f} s: {summary(report)}")
    if begun.plan.fidelity is not None and not result.enough:
        goal = f"{begun.plan.fidelity:g} dB"
        console.print(f"the budget was spent before {goal} were reached; to go on: {again} --minutes M")
    console.print(f"see report.html and compare/ in {out} (splats, student, difference); next: nfield render {out}")
