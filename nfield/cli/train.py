"""`nfield train`: photos to a radiance field in a run folder; pictures go to `train_image`, meshes to `train_shape`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from rich.console import Console

from nfield.checkpoint import Checkpoint, backend_of, load_checkpoint
from nfield.cli import train_image, train_shape
from nfield.cli.options import (
    at_least,
    budget_minutes,
    chosen_backend,
    chosen_device,
    goes_on,
    parse_options,
    positive,
    refuse_existing_run,
    with_options_of,
)
from nfield.cli.outcome import was_spent, was_stopped
from nfield.cli.posing import posed_data, resumed_data
from nfield.cli.resuming import Typed, named, require_as_begun
from nfield.data.conventions import Convention
from nfield.data.posing import MOST_FRAMES
from nfield.data.scenes import load_scene
from nfield.fields import BACKENDS
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import TrainConfig, TrainResult, train
from nfield.training.progress import TrainProgress
from nfield.training.radiance import RadianceConfig
from nfield.training.run_folder import read_log
from nfield.training.run_lock import only_writer
from nfield.training.scene import preset, preset_of
from nfield.training.scene_run import ScenePlan, SceneRun, continue_run, plan_of, start_run

_MINUTES = 5.0
_EXAMPLES = (
    "nfield train data/lego --out runs/lego --minutes 3",
    "nfield train data/fox --out runs/fox --size 480 270",
    "nfield train shots/from-colmap --out runs/shots --refine-cameras",
    "nfield train photos --out runs/photos (a folder of photos, or walk.mp4: their poses are found first)",
    "nfield train data/lego --out runs/lego --resume --minutes 15",
    "nfield train photo.png --field rbf --out runs/photo (see nfield train photo.png --help)",
    "nfield train armadillo.obj --out runs/armadillo (see nfield train armadillo.obj --help)",
)


@dataclass(frozen=True)
class TrainOptions:
    """Train a radiance field on photos; Ctrl-C saves and stops, --resume continues."""

    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATA")]
    """Folder of COLMAP, LLFF, Polycam, Record3D or transforms files (NeRF-synthetic, instant-ngp, nerfstudio), or such
    a file; or a folder of photos or a video, whose poses are found with pycolmap."""
    out: Path
    """Run folder to write: checkpoint, log, curve and test renders."""
    field: str = "hash"
    """Backend of the field; its options are below."""
    minutes: float | None = None
    """Training time, without evaluation and saving. Default: 5, or the resumed run's."""
    steps: int | None = None
    """Steps, instead of minutes or as a second limit."""
    size: tuple[int, int] | None = None
    """Height and width to which the photos are made smaller."""
    downscale: int | None = None
    """Whole number by which the photos are made smaller. Default: so that the longer edge has at most 800 pixels."""
    convention: Convention | None = None
    """How poses of a transforms file are written. Default: opengl, unless that makes no sense of the cameras."""
    poses: Path | None = None
    """Folder for poses that are found, which several runs may share. Default: poses in the run folder."""
    frames: int = MOST_FRAMES
    """Frames to choose from a video, at most: sharp ones, at equal distances of motion."""
    samples: int | None = None
    """Samples of a step, which the number of rays follows. Default: by the budget."""
    refine_cameras: bool = False
    """Learn small corrections of the cameras' places and directions, for poses that are not exact."""
    refine_exposure: bool = False
    """Learn exposure and white balance of each photo, for photos that differ in them."""
    distortion: float = 0.0
    """Weight of what draws the weights on each ray together, against floaters; mip-NeRF 360 takes 0.01."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    resume: bool = False
    """Continue the run in the folder with the options it was started with; --minutes or --steps may extend it."""
    save_every: float = 30.0
    """Seconds of training between two saves, more where they take long; the first comes after the first step."""
    views: int = 4
    """Held-out views for the evaluations during training."""
    test_renders: int = 8
    """Held-out views rendered into test/ at the end."""
    typed: Typed = ()


_Options = TrainOptions | train_image.TrainImageOptions | train_shape.TrainShapeOptions


def parse(arguments: Sequence[str]) -> _Options:
    """Options of this command and of the chosen backend; defaults of the latter follow from the budget."""
    for single in (train_image, train_shape):
        if single.is_asked_for(arguments):
            return single.parse(arguments)
    name = chosen_backend(arguments, BACKENDS, default="hash")
    config = preset(budget_minutes(arguments, default=_MINUTES), backend=name).field
    typed = with_options_of(TrainOptions, config, name=name)
    options = parse_options(typed, arguments, command="train", examples=_EXAMPLES)
    return replace(options, typed=named(arguments))


def run(options: _Options) -> None:
    """Trains, or continues to."""
    if isinstance(options, train_image.TrainImageOptions):
        return train_image.run(options)
    if isinstance(options, train_shape.TrainShapeOptions):
        return train_shape.run(options)
    _check(options)
    resume = goes_on(options.out, resume=options.resume)
    with only_writer(options.out):
        _train(replace(options, resume=resume))


def _train(options: TrainOptions) -> None:
    console = Console(highlight=False, soft_wrap=True)
    device = chosen_device(options.device)
    begun = _continued(options, device) if options.resume else _started(options, device)
    train_images, size = begun.scene.train, begun.plan.size
    for note in begun.scene.notes:
        console.print(f"note: {note}", style="dim", markup=False)
    console.print(
        f"{len(train_images)} views to train on, {len(begun.scene.test)} held out, {size[1]}x{size[0]} pixels; "
        f"saving to {options.out}"
    )
    with TrainProgress(console) as progress:
        save = PeriodicSave(begun.save, every=options.save_every)
        step, share = _start(begun)
        log = Log(options.out, lambda: begun.mean_psnr(options.views), step=step, share=share)
        result = train(begun.setup.task, begun.plan.train, hooks=(progress, save, log), state=begun.state)
    _finish(console, options, begun, result)


def _check(options: TrainOptions) -> None:
    at_least(options.views, 1, name="--views")
    at_least(options.test_renders, 0, name="--test-renders")
    at_least(options.samples, 1024, name="--samples")
    at_least(options.seed, 0, name="--seed")
    at_least(options.frames, 3, name="--frames")
    at_least(options.distortion, 0.0, name="--distortion")
    positive(options.save_every, name="--save-every", unit="seconds")


def _started(options: TrainOptions, device: torch.device) -> SceneRun:
    refuse_existing_run(options.out)
    config = options.field_options  # pyright: ignore[reportAttributeAccessIssue]
    chosen = preset_of(config)
    minutes = _MINUTES if options.minutes is None and options.steps is None else options.minutes
    budget = TrainConfig(minutes, options.steps, chosen.optim, options.seed)
    data = posed_data(options.data, options.poses or options.out / "poses", frames=options.frames)
    scene = load_scene(data, size=options.size, downscale=options.downscale, convention=options.convention)
    radiance = _radiance(options, chosen.radiance)
    size = scene.train.cameras.size
    plan = ScenePlan(str(data.resolve()), budget, radiance, size, options.convention, options.downscale, options.frames)
    options.out.mkdir(parents=True, exist_ok=True)
    return start_run(options.out, plan, config, scene, device=device)


def _radiance(options: TrainOptions, preset: RadianceConfig) -> RadianceConfig:
    """What a step does: as the budget affords, and as the options say."""
    return replace(
        preset.with_samples(options.samples),
        refine_cameras=options.refine_cameras,
        refine_exposure=options.refine_exposure,
        distortion=options.distortion,
    )


def _continued(options: TrainOptions, device: torch.device) -> SceneRun:
    checkpoint = load_checkpoint(options.out)
    plan = plan_of(checkpoint, where=options.out)
    require_as_begun(options, checkpoint, _begun(plan, checkpoint))
    plan = replace(plan, train=plan.train.with_budget(minutes=options.minutes, steps=options.steps))
    data = resumed_data(options.data, (Path(plan.data), options.out / "poses"))
    plan, scene = replace(plan, data=str(data.resolve())), plan.load_scene(data)
    return continue_run(options.out, plan, checkpoint, scene, device=device)


def _begun(plan: ScenePlan, checkpoint: Checkpoint) -> dict[str, Any]:
    """Options that a run was begun with and cannot change."""
    return {
        "field": backend_of(checkpoint),
        "size": plan.size,
        "downscale": plan.downscale,
        "convention": plan.convention,
        "frames": plan.frames,
        "samples": plan.radiance.samples,
        "refine_cameras": plan.radiance.refine_cameras,
        "refine_exposure": plan.radiance.refine_exposure,
        "distortion": plan.radiance.distortion,
        "seed": plan.train.seed,
    }


def _start(begun: SceneRun) -> tuple[int, float]:
    """Steps that are done, and the share of the budget that is spent."""
    if begun.state is None:
        return 0, 0.0
    return begun.state.step, begun.plan.train.share(begun.state.step, begun.state.seconds)


def _finish(console: Console, options: TrainOptions, begun: SceneRun, result: TrainResult) -> None:
    out, state = options.out, result.state
    again = f"nfield train {options.data} --out {out} --resume"
    if was_stopped(console, result, again=again) or was_spent(console, result, begun.state):
        return
    begun.write_test_renders(options.test_renders)
    rows = read_log(out)
    quality = f"{rows[-1]['test_psnr']:.2f} dB on {min(options.views, len(begun.scene.test))} held-out views"
    console.print(f"trained {state.step} steps in {state.seconds:.0f} s: {quality}; see curve.png and test/ in {out}")
    console.print(f"next: nfield eval {out}, or nfield render {out}")
