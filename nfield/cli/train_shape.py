"""`nfield train MESH`: one mesh to a field of signed distances in a run folder."""

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
from nfield.encodings.initial_centers import CentersRule
from nfield.fields.distance import DISTANCES
from nfield.shapes.run import ShapePlan, ShapeRun, continue_run, load_truth, plan_of, start_run
from nfield.shapes.task import Sampling, distance_optim
from nfield.shapes.user_mesh import is_mesh
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.progress import TrainProgress
from nfield.training.quality import DISTANCE_ERROR
from nfield.training.run_lock import only_writer

_STEPS = 2000
_POOL = Sampling.pool
_EXAMPLES = (
    "nfield train armadillo.obj --out runs/armadillo",
    "nfield train armadillo.obj --field hash --out runs/armadillo-hash",
    "nfield train armadillo.obj --out runs/armadillo --resume --steps 8000",
)


@dataclass(frozen=True)
class TrainShapeOptions:
    """Fit signed distances of a mesh with radial bases (rbf) or a hash grid (hash) of the same size; Ctrl-C saves."""

    mesh: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MESH")]
    """OBJ, PLY, STL, GLB, glTF or OFF, anywhere and of any size; parts of a scene count together. Where it is open or
    crosses itself, the winding number says what is inside."""
    out: Path
    """Run folder to write: checkpoint, the surface in a picture, measures, log and curve."""
    field: str = "rbf"
    """rbf or hash; its options are below."""
    steps: int | None = None
    """Steps, over which the learning rates fall. Default: 2000, or the resumed run's."""
    minutes: float | None = None
    """Training time, instead of steps or as a second limit."""
    batch: int = Sampling.batch
    """Points of a step."""
    placing: CentersRule = "kmeans"
    """Where kernels go on the surface: K-means, or random, or a lattice around it to compare with."""
    seed: int = 0
    """Of everything random."""
    resolution: int = 256
    """Cubes along the longest edge of the surface that is measured and drawn at the end."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    resume: bool = False
    """Continue the run in the folder with the options it was started with; --steps or --minutes may extend it."""
    save_every: float = 30.0
    """Seconds of training between two saves, more where they take long; the first comes after the first step."""
    typed: Typed = ()


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Whether a command line names a mesh where the data belong: not as the value of an option.

    >>> is_asked_for(["scan.ply", "--out", "run"]), is_asked_for(["data", "--out", "run.ply"])
    (True, False)
    """
    return names_data(arguments, is_mesh)


def parse(arguments: Sequence[str]) -> TrainShapeOptions:
    """Options of this command and of the chosen field."""
    name = chosen_backend(arguments, DISTANCES, default="rbf")
    typed = with_options_of(TrainShapeOptions, DISTANCES[name](), name=name)
    options = parse_options(typed, arguments, command="train", examples=_EXAMPLES)
    return replace(options, typed=named(arguments))


def run(options: TrainShapeOptions) -> None:
    """Trains, or continues to."""
    at_least(options.seed, 0, name="--seed")
    at_least(options.batch, 256, name="--batch")
    at_least(options.resolution, 8, name="--resolution")
    positive(options.save_every, name="--save-every", unit="seconds")
    resume = goes_on(options.out, resume=options.resume)
    with only_writer(options.out):
        _train(replace(options, resume=resume))


def _train(options: TrainShapeOptions) -> None:
    console, device = Console(highlight=False, soft_wrap=True), chosen_device(options.device)
    with console.status("reading the mesh and placing the kernels"):
        begun = _continued(options, device) if options.resume else _started(options, device)
    mesh = begun.task.truth.mesh
    for note in mesh.notes:
        console.print(f"note: {note}", style="dim", markup=False)
    console.print(
        f"{len(mesh.faces)} triangles; {begun.numbers['trainable']} trainable numbers, {begun.numbers['total']} with "
        f"the frozen ones; saving to {options.out}"
    )
    step = 0 if begun.state is None else begun.state.step
    share = 0.0 if begun.state is None else begun.plan.train.share(step, begun.state.seconds)
    with TrainProgress(console) as progress:
        save = PeriodicSave(begun.save, every=options.save_every)
        log = Log(
            options.out, begun.task.held_out_error, step=step, share=share, tested_on="held-out points",
            quality=DISTANCE_ERROR,
        )  # fmt: skip
        result = train(begun.task, begun.plan.train, hooks=(progress, save, log), state=begun.state)
    _finish(console, options, begun, result)


def _started(options: TrainShapeOptions, device: torch.device) -> ShapeRun:
    refuse_existing_run(options.out)
    steps = _STEPS if options.steps is None and options.minutes is None else options.steps
    budget = TrainConfig(options.minutes, steps, distance_optim(), options.seed)
    truth = load_truth(options.mesh)
    sampling = Sampling(batch=options.batch, pool=max(_POOL, options.batch))
    plan = ShapePlan(str(options.mesh.resolve()), budget, options.placing, sampling, truth.mesh.world)
    config = options.field_options  # pyright: ignore[reportAttributeAccessIssue]
    begun = start_run(options.out, plan, config, truth, device=device)
    options.out.mkdir(parents=True, exist_ok=True)
    return begun


def _continued(options: TrainShapeOptions, device: torch.device) -> ShapeRun:
    checkpoint = load_checkpoint(options.out)
    plan = plan_of(checkpoint, where=options.out)
    begun = {"field": backend_of(checkpoint), "placing": plan.placing, "batch": plan.sampling.batch}
    require_as_begun(options, checkpoint, {**begun, "seed": plan.train.seed})
    budget = plan.train.with_budget(minutes=options.minutes, steps=options.steps)
    plan = replace(plan, train=budget, mesh=str(options.mesh.resolve()))
    return continue_run(options.out, plan, checkpoint, load_truth(options.mesh), device=device)


def _finish(console: Console, options: TrainShapeOptions, begun: ShapeRun, result: TrainResult) -> None:
    out, state = options.out, result.state
    again = f"nfield train {options.mesh} --out {out} --resume"
    if was_stopped(console, result, again=again) or was_spent(console, result, begun.state):
        return
    with console.status("measuring the surface"):
        found = begun.evaluate(state, resolution=options.resolution)
    rate = state.step * begun.plan.sampling.batch / max(state.seconds, 1e-9) / 1e6
    console.print(f"fitted in {state.step} steps, {state.seconds:.0f} s ({rate:.2f} million points a second):")
    console.print(quality(found))
    console.print(f"see surface.png and curve.png in {out}; the checkpoint is {out / FILE}")


def quality(found: dict) -> str:
    """The measures in a line: IoU, normals, Chamfer distance, distances off the surface."""
    return (
        f"IoU {found['iou']:.4f}, normals {found['normal_error']:.2f}° off ({found['normal_floor']:.2f}° between two "
        f"draws of the mesh itself), Chamfer {found['chamfer']:.2g}, distances {found['off_surface_error']:.2%} off"
    )
