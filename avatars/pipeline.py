"""One photo of a person to a posable avatar in a run folder, in steps that can be called apart.

`fit_from_photo` does all of them: `load_inputs` -> `find_person` -> `paint` -> `fit_avatar` -> `save_fit`. It keeps
what it knows in the run folder, so that a fit that was stopped or killed goes on from there.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from avatars.body import BodyModel
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.finding import FoundPerson, find_person
from avatars.fit_config import FitConfig
from avatars.fit_run.findings import Timed
from avatars.fit_run.folder import PERSONS_FILE, PROGRESS_FILE, FitFolder
from avatars.fit_run.keeper import RunKeeper
from avatars.fit_run.progress_picture import ProgressPicture
from avatars.fit_run.record import FitRecord
from avatars.fitting.fit import FittedAvatar, fit_stages
from avatars.fitting.keeper import Keeper
from avatars.fitting.subject import FitSubject
from avatars.fitting.watcher import Silent, Watcher
from avatars.photo_inputs import PhotoFiles, load_inputs
from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar
from avatars.posed.run import save_avatar
from avatars.report import figures, write_pictures
from avatars.surface.painted_body import PaintedBody, paint_body
from avatars.turntable import Turntable
from nfield.devices import CPU
from nfield.errors import DataError, NFieldError
from nfield.training.run_folder import write_json
from nfield.training.run_lock import only_writer

_LEAST_OVERLAP = 0.2

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class SavedFit:
    """A fit in its run folder.

    Attributes:
        fitted: The avatar.
        report: What report.json holds; None where the fit was stopped early, and can go on.
    """

    fitted: FittedAvatar
    report: Mapping[str, Any] | None


def fit_from_photo(
    files: PhotoFiles,
    out: Path,
    config: FitConfig | None = None,
    *,
    model: BodyModel | None = None,
    watcher: Watcher | None = None,
    overwrite: bool = False,
    resume: bool = False,
    device: torch.device = CPU,
) -> SavedFit:
    """Makes an avatar from one photo and saves it, again and again while it is made.

    Args:
        files: The photo, and what is known about it.
        out: Run folder.
        config: Options.
        model: The body; where it is left out, that of a run that is resumed, else the shipped one.
        watcher: Shows progress.
        overwrite: Whether another run in the folder is replaced, as soon as the photo shows a person.
        resume: Whether a fit of the same photo and options that the folder holds goes on, whatever ended it; where it
            holds none, one begins.
        device: Where the field learns and answers; all else is done on the CPU.

    Raises:
        RunInUseError: Somebody else writes into the folder.
        CheckpointError: The folder holds a run that may not be replaced, or one that cannot go on.
        OptionError: The run that is resumed was begun with other options.
        DataError: A file cannot be used, or the body does not lie where the mask is.
        NoPersonError: Nobody was found.
        BodyFitError: The photo shows too little of the body.
    """
    config, watcher, folder = config or FitConfig(), watcher or Silent(), FitFolder(out)
    with only_writer(out):
        model = model or (folder.body() if resume else None) or BodyModel.load()
        record = FitRecord.of(files, model, config)
        goes_on = folder.goes_on(record, overwrite=overwrite, resume=resume)
        if goes_on:
            watcher.tell(f"going on with the fit in {out}")
        found, body = _findings(folder, files, model, config, watcher, None if goes_on else record)
        generator = torch.Generator().manual_seed(config.budget.seed)
        subject = prepare(body.value, found.value.person, config, generator=generator, device=device)
        keeper = RunKeeper(folder, subject.avatar, (ProgressPicture(out / PROGRESS_FILE, subject),))
        fitted = fit_avatar(subject, config, generator=generator, watcher=watcher, keeper=keeper)
        if fitted.interrupted:
            return SavedFit(fitted, None)
        watcher.tell("rendering the pictures")
        seconds = {"finding the person": found.seconds, "painting": body.seconds}
        report = save_fit(out, found.value, fitted, seconds=seconds, seed=config.budget.seed)
        folder.finish()
        return SavedFit(fitted, report)


def _findings(
    folder: FitFolder,
    files: PhotoFiles,
    model: BodyModel,
    config: FitConfig,
    watcher: Watcher,
    record: FitRecord | None,
) -> tuple[Timed[FoundPerson], Timed[PaintedBody]]:
    """Who is in the photo, and the painted body: as they were kept, else found and painted now.

    Args:
        folder: Keeps both.
        files: The photo.
        model: The body.
        config: Options.
        watcher: Is told what begins.
        record: Of a fit that begins; None for one that goes on.
    """
    try:
        found = folder.person() if record is None else None
        if found is None:
            found = _found_now(folder, files, model, watcher, record)
        body = folder.painted(model)
        if body is None:
            person = found.value.person
            body = _timed(lambda: paint(model, person, config, watcher=watcher))
            folder.keep_painted(body)
    except NFieldError:
        if record is not None and not folder.holds_run:  # Going on would end here again.
            folder.forget()
        raise
    return found, body


def _found_now(
    folder: FitFolder, files: PhotoFiles, model: BodyModel, watcher: Watcher, record: FitRecord | None
) -> Timed[FoundPerson]:
    """Finds and keeps the person. Where another run is replaced, it goes only now: others may be better photos."""
    replaces = folder.holds_run
    inputs = load_inputs(files, model)
    if record is not None and not replaces:
        folder.begin(record, model)
    found = _timed(lambda: find_person(inputs, model, watcher=watcher))
    if record is not None and replaces:
        folder.begin(record, model)
    folder.keep_person(found)
    return found


def _timed(make: Callable[[], _Made]) -> Timed[_Made]:
    began = time.perf_counter()
    return Timed(make(), time.perf_counter() - began)


def paint(model: BodyModel, person: PersonPhoto, config: FitConfig, *, watcher: Watcher | None = None) -> PaintedBody:
    """The dressed body with colours everywhere.

    Args:
        model: The body.
        person: The photo.
        config: Options.
        watcher: Is told what begins.

    Raises:
        DataError: The body does not lie where the mask is.
    """
    _check_overlap(model, person)
    (watcher or Silent()).tell("painting the body")
    return paint_body(model, person, config.dress, config.completion)


def prepare(
    body: PaintedBody,
    person: PersonPhoto,
    config: FitConfig,
    *,
    generator: torch.Generator,
    device: torch.device = CPU,
) -> FitSubject:
    """An avatar that has learned nothing yet, and all that it is to learn from.

    Args:
        body: The painted body.
        person: The photo.
        config: Options.
        generator: Draws the field's first values.
        device: Where the field answers.
    """
    avatar = Avatar.start(body.model, body.dressed, person.portrait, config.figure, generator, device=device)
    posed = avatar.posed(person.portrait.pose)
    return FitSubject(person, body, avatar, posed, config.views, config.solid, config.budget.seed)


def fit_avatar(
    subject: FitSubject,
    config: FitConfig,
    *,
    generator: torch.Generator,
    watcher: Watcher | None = None,
    keeper: Keeper | None = None,
) -> FittedAvatar:
    """Trains the avatar by the stages of `config`.

    Args:
        subject: From `prepare`; its avatar's field is changed.
        config: Options.
        generator: Draws where the posed field is looked at to find its empty parts.
        watcher: Shows progress.
        keeper: Keeps what was reached, so that the fit can go on; nobody where it is left out.
    """
    watcher = watcher or Silent()
    return fit_stages(subject, config.stages, config.budget, generator=generator, watcher=watcher, keeper=keeper)


def save_fit(
    out: Path, found: FoundPerson, fitted: FittedAvatar, *, seconds: Mapping[str, float], seed: int
) -> dict[str, Any]:
    """Writes pictures, report, body parameters and, last, the checkpoint of a fit; gives the report.

    Args:
        out: The run folder.
        found: Who is where in the photo.
        fitted: The fit.
        seconds: What came before the stages took.
        seed: Of what is drawn for the pictures.
    """
    out.mkdir(parents=True, exist_ok=True)
    person, avatar = found.person, fitted.avatar
    camera = person.portrait.camera
    if found.preview is not None:
        found.preview.save(out / PERSONS_FILE)
    focal = float(camera.focal_lengths[0, 0])
    save_parameters(out / "body.npz", BodyParameters(person.portrait.pose, focal), avatar.model)
    began = time.perf_counter()
    image = fitted.posed.image(camera, 0)
    write_pictures(out, person, image, avatar)
    at_rest = avatar.model.rest_rotations
    around = Turntable.of(avatar.upright(at_rest, generator=torch.Generator().manual_seed(seed)))
    around.write_strip(out / "strip.png")
    quality = {**figures(person, image, fitted), "turntable": around.figures()}
    spent = {**seconds, **fitted.seconds, "pictures": time.perf_counter() - began}
    rounded = {name: round(value, 1) for name, value in spent.items()}
    report = {
        **quality,
        "not_shown_by_the_photo": list(found.hidden),
        "remarks": list(found.remarks),
        "seconds": rounded,
        "seconds_total": round(sum(rounded.values()), 1),
    }
    write_json(out / "report.json", report)
    # Last, because a fit goes on until its checkpoint says no more where it was.
    save_avatar(out, avatar, step=fitted.steps, seconds=sum(fitted.seconds.values()))
    return report


def _check_overlap(model: BodyModel, person: PersonPhoto) -> None:
    """An error where body and mask have little in common."""
    overlap = person.body_overlap(model)
    if overlap < _LEAST_OVERLAP:
        raise DataError(
            f"the body covers only {100.0 * overlap:.0f} % of what it and the person mask cover together; "
            "check that mask and body parameters belong to this photo, or let both be found without giving them"
        )
