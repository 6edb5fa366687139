"""`nfield fit`: one photo of a person to an avatar in a run folder."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from jaxtyping import Float, UInt8
from rich.console import Console
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.pose_file import BodyParameters, load_parameters, save_parameters
from avatars.body_fit import BodyFitConfig, BodyObservation, fit_body
from avatars.fitting.fit import FitConfig, FittedAvatar, Watch, fit_avatar
from avatars.perception import PersonEstimator, load_keypoints, load_mask, load_photo
from avatars.portrait import PersonPhoto, Portrait
from avatars.posed.avatar import FigureConfig
from avatars.posed.run import save_avatar
from avatars.report import figures, table, write_pictures, write_strip
from nfield.cameras import Cameras
from nfield.checkpoint import FILE
from nfield.cli.options import parse_options
from nfield.errors import CheckpointError, OptionError
from nfield.fields import HashConfig, RbfConfig
from nfield.training.loop import Hook, TrainConfig
from nfield.training.progress import TrainProgress
from nfield.training.run_folder import write_json

_LARGEST = 1280
_FIRST_SHARE = 1.0 / 8.0
_FIRST_PACE, _PHOTO_PACE = 300.0, 150.0
"""Steps a minute that each stage takes at least: a third of what two free cores do."""
_EXAMPLES = (
    "nfield fit photo.jpg --out runs/me",
    "nfield fit photo.jpg --out runs/me --mask mask.png --minutes 6",
    "nfield fit photo.jpg --out runs/me-rbf --field rbf",
    "nfield render runs/me --pose t-pose --orbit",
)


@dataclass(frozen=True)
class FitOptions:
    """Make a posable avatar from one photo of a person; Ctrl-C saves what exists and stops."""

    photo: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PHOTO")]
    """Picture that shows one person, best from head to feet."""
    out: Path
    """Run folder to write: avatar, report and pictures."""
    mask: Path | None = None
    """Picture of the photo's size, white where the person is. Default: found in the photo."""
    keypoints: Path | None = None
    """JSON file with the person's 33, 25 or 17 landmarks. Default: found in the photo."""
    body: Path | None = None
    """Parameters of the body (npz: pose, shape, global_t, focal_l). Default: fitted to the photo."""
    model: Path | None = None
    """Body model file in the SMPL format (npz or pkl). Default: the shipped one."""
    focal: float | None = None
    """Focal length in pixels of the photo. Default: that of --body, else it is fitted."""
    field: Literal["hash", "rbf"] = "hash"
    """Backend of the avatar's field: a hash grid, or one of the same size with adaptive radial bases."""
    minutes: float = 4.0
    """Training time; finding person and body comes before."""
    steps: int | None = None
    """Training steps of both stages each, as a second limit."""
    seed: int = 0
    """Of everything random."""
    overwrite: bool = False
    """Replace the avatar that the folder may hold."""


def parse(arguments: Sequence[str]) -> FitOptions:
    """Options of this command."""
    return parse_options(FitOptions, arguments, command="fit", examples=_EXAMPLES)


def run(options: FitOptions) -> None:
    """Fits, saves and reports."""
    _check(options)
    console = Console(highlight=False, soft_wrap=True)
    begun = time.perf_counter()
    model = BodyModel.load(options.model)
    person = find_person(options, model, console)
    found = time.perf_counter() - begun
    options.out.mkdir(parents=True, exist_ok=True)
    fitted = fit_avatar(model, person, fit_config(options), watch=progress(console))
    finish(options, person, fitted, console, before=found)


def fit_config(options: FitOptions) -> FitConfig:
    """How the avatar is made with a budget."""
    config = FitConfig(figure=_figure(options.field), seed=options.seed)
    first, photo = (
        TrainConfig(minutes, options.steps, budget.optim, least_steps=round(minutes * pace))
        for minutes, budget, pace in (
            (options.minutes * _FIRST_SHARE, config.first_budget, _FIRST_PACE),
            (options.minutes * (1.0 - _FIRST_SHARE), config.photo_budget, _PHOTO_PACE),
        )
    )
    return replace(config, first_budget=first, photo_budget=photo)


def _figure(backend: Literal["hash", "rbf"]) -> FigureConfig:
    """What an avatar is made of, by the backend of its field."""
    figure = FigureConfig()
    if backend == "hash":
        return figure
    assert isinstance(figure.field, HashConfig)
    return replace(figure, field=RbfConfig.as_large_as(figure.field))


def find_person(options: FitOptions, model: BodyModel, console: Console) -> PersonPhoto:
    """Who is where in the photo: found, or read from the user's files."""
    photo = load_photo(options.photo)
    size = (photo.shape[0], photo.shape[1])
    mask = None if options.mask is None else load_mask(options.mask, size)
    given = None if options.body is None else load_parameters(options.body, model)
    if mask is not None and given is not None:
        return _reduced(photo, mask, Portrait(given.pose, _camera(options, given, size)))
    console.print("finding the person")
    keypoints = None if options.keypoints is None else load_keypoints(options.keypoints)
    person = PersonEstimator.load().estimate(photo, mask=mask, keypoints=keypoints)
    if given is not None:
        return _reduced(photo, person.alpha, Portrait(given.pose, _camera(options, given, size)))
    console.print("fitting the body")
    seen = BodyObservation(person.keypoints, person.visibility, person.keypoints_world, person.alpha > 0.5, size)
    body = fit_body(model, seen, BodyFitConfig(focal=options.focal))
    if body.hidden_limbs:
        console.print(f"not visible, so their pose is a guess: {', '.join(body.hidden_limbs)}")
    return _reduced(photo, person.alpha, Portrait(body.pose, body.camera))


def _camera(options: FitOptions, given: BodyParameters, size: tuple[int, int]) -> Cameras:
    """The photo's, from what the user says, else from the parameters file, else one as wide as most."""
    if options.focal is not None:
        return Cameras.pinhole(options.focal, size)
    return given.camera(size) or Cameras.pinhole(math.hypot(*size), size)


def progress(console: Console) -> Watch:
    """Shows each stage on a console."""

    @contextmanager
    def stage(name: str) -> Iterator[Sequence[Hook]]:
        if name == "painting":
            console.print("painting the body")
            yield ()
            return
        with TrainProgress(console, label=name) as bar:
            yield (bar,)

    return stage


def finish(
    options: FitOptions, person: PersonPhoto, fitted: FittedAvatar, console: Console, *, before: float = 0.0
) -> None:
    """Saves the avatar, its report and its pictures; says how good it is.

    Args:
        options: The command's.
        person: The photo.
        fitted: The fit.
        console: Where to say so.
        before: Seconds spent on finding person and body.
    """
    out = options.out
    trained = sum(value for name, value in fitted.seconds.items() if name != "painting")
    save_avatar(out, fitted.avatar, step=fitted.steps, seconds=trained)
    portrait = person.portrait
    save_parameters(
        out / "body.npz", BodyParameters(portrait.pose, float(portrait.camera.focal_lengths[0, 0])), fitted.avatar.model
    )
    started = time.perf_counter()
    image = fitted.posed.image(portrait.camera, 0)
    write_pictures(out, person, image, fitted)
    generator = torch.Generator().manual_seed(options.seed)
    write_strip(out / "strip.png", fitted.avatar.upright(torch.zeros(24, 3), generator=generator))
    report = figures(person, image, fitted)
    seconds = {"finding the person": round(before, 1), **report["seconds"]}
    seconds["pictures"] = round(time.perf_counter() - started, 1)
    report = {**report, "seconds": seconds, "seconds_total": round(sum(seconds.values()), 1)}
    write_json(out / "report.json", report)
    console.print(table(report))
    if fitted.interrupted:
        console.print(f"stopped early; what exists is saved in {out}")
        return
    console.print(f"made in {report['seconds_total']:.0f} s: see source.png and strip.png in {out}")
    console.print(f"next: nfield render {out} --pose t-pose --orbit")


def _check(options: FitOptions) -> None:
    if (options.out / FILE).exists() and not options.overwrite:
        raise CheckpointError(
            f"{options.out}: already holds a run; add --overwrite to replace it, or give another folder to --out"
        )
    if options.focal is not None and not (0.0 < options.focal < math.inf):
        raise OptionError(f"--focal: is {options.focal:g}, expected a positive number of pixels")


def _reduced(photo: UInt8[Tensor, "h w 3"], alpha: Float[Tensor, "h w"], portrait: Portrait) -> PersonPhoto:
    """The photo, made smaller where it is larger than the avatar can show."""
    height, width = alpha.shape
    scale = min(1.0, _LARGEST / max(height, width))
    if scale < 1.0:
        size = (round(height * scale), round(width * scale))
        channels = torch.cat([photo.permute(2, 0, 1).to(torch.float32), alpha[None]])[None]
        small = torch.nn.functional.interpolate(channels, size, mode="area")[0]
        photo, alpha = small[:3].permute(1, 2, 0).round().to(torch.uint8).contiguous(), small[3].contiguous()
        portrait = replace(portrait, camera=portrait.camera.resized(size))
    return PersonPhoto(photo, alpha, portrait)
