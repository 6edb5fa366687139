"""One photo of a person to a posable avatar in a run folder, in steps that can be called apart.

`fit_from_photo` does all of them: `load_inputs` -> `find_person` -> `paint` -> `fit_avatar` -> `save_fit`.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from avatars.body import BodyModel
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.body_fit import BodyFitConfig, BodyObservation, fit_body
from avatars.fitting.fit import FitBudget, FittedAvatar, fit_stages
from avatars.fitting.stages import AvatarStage, default_stages, picture_stages
from avatars.fitting.subject import FitSubject
from avatars.fitting.watcher import Silent, Watcher
from avatars.perception import Person, PersonEstimator, numbered_preview, read_person
from avatars.photo_inputs import PhotoFiles, PhotoInputs, load_inputs
from avatars.portrait import PersonPhoto, Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import save_avatar
from avatars.posed.warp import SkinningConfig
from avatars.report import figures, write_pictures
from avatars.surface.complete import Completion
from avatars.surface.dress import DressConfig
from avatars.surface.painted_body import PaintedBody, paint_body
from avatars.surface.solid import SolidConfig
from avatars.surface.texture_rules import TextureRules
from avatars.surface.vertex_rules import VertexRules
from avatars.surface.views import ViewsConfig
from avatars.turntable import Turntable
from nfield.errors import DataError
from nfield.training.run_folder import write_json

LARGEST = 1280
"""Pixels of a photo's longer side; larger photos show more than an avatar can."""

_LEAST_OVERLAP = 0.2


@dataclass(frozen=True)
class FitConfig:
    """How an avatar is made."""

    figure: FigureConfig = dataclasses.field(default_factory=FigureConfig)
    """What it is made of."""
    dress: DressConfig = dataclasses.field(default_factory=DressConfig)
    """How the body grows to the outline."""
    completion: Completion = dataclasses.field(default_factory=TextureRules)
    """How it is painted, and how what the photo does not show."""
    views: ViewsConfig = dataclasses.field(default_factory=ViewsConfig)
    """From where the painted body is pictured, for stages that look at pictures of it."""
    solid: SolidConfig = dataclasses.field(default_factory=SolidConfig)
    """Where points of it are drawn, for stages that look at points."""
    stages: tuple[AvatarStage, ...] = dataclasses.field(default_factory=default_stages)
    """How the field is trained."""
    budget: FitBudget = dataclasses.field(default_factory=FitBudget)
    """For how long, and with which seed."""

    @staticmethod
    def of_pictures() -> "FitConfig":
        """The method before texture space, kept to be measured against.

        The body is painted on its vertices, the field learns it from pictures, its density is free in a wide shell.
        """
        figure = FigureConfig(skinning=SkinningConfig(), room=0.02)
        dress = DressConfig(loose=False, hidden=True, fine_rounds=0)
        return FitConfig(figure=figure, dress=dress, completion=VertexRules(), stages=picture_stages())


@dataclass(frozen=True)
class SavedFit:
    """A fit in its run folder.

    Attributes:
        fitted: The avatar.
        report: What report.json holds.
    """

    fitted: FittedAvatar
    report: Mapping[str, Any]


def fit_from_photo(
    files: PhotoFiles,
    out: Path,
    config: FitConfig | None = None,
    *,
    model: BodyModel | None = None,
    watcher: Watcher | None = None,
) -> SavedFit:
    """Makes an avatar from one photo and saves it.

    Args:
        files: The photo, and what is known about it.
        out: Run folder; what it held of another avatar is replaced.
        config: Options.
        model: The body; the shipped one where it is left out.
        watcher: Shows progress.

    Raises:
        DataError: A file cannot be used, or the body does not lie where the mask is.
        NoPersonError: Nobody was found.
        BodyFitError: The photo shows too little of the body.
    """
    config, watcher = config or FitConfig(), watcher or Silent()
    clock = _Clock()
    model = model or BodyModel.load()
    found = find_person(load_inputs(files, model), model, watcher=watcher)
    person = found.person
    clock.mark("finding the person")
    generator = torch.Generator().manual_seed(config.budget.seed)
    subject = prepare(paint(model, person, config, watcher=watcher), person, config, generator=generator)
    clock.mark("painting")
    fitted = fit_avatar(subject, config, generator=generator, watcher=watcher)
    report = save_fit(out, found, fitted, seconds=clock.marks, seed=config.budget.seed)
    return SavedFit(fitted, report)


@dataclass(frozen=True)
class FoundPerson:
    """Who was found in a photo.

    Attributes:
        person: The photo, the matte, the body's pose and the camera.
        hidden: Parts of the body that the photo does not show, in words.
        remarks: What the user should be told, a sentence each.
        preview: The photo with all persons numbered, where it shows several.
    """

    person: PersonPhoto
    hidden: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    preview: Image.Image | None = None


def find_person(inputs: PhotoInputs, model: BodyModel, *, watcher: Watcher | None = None) -> FoundPerson:
    """Who is where in a photo: what the user did not give is found and fitted.

    Args:
        inputs: The photo, and what is known about it.
        model: The body.
        watcher: Is told what begins, and what the user should know.
    """
    watcher, body = watcher or Silent(), inputs.body
    if inputs.alpha is not None and body is not None:
        portrait = Portrait(body.pose, inputs.camera(body))
        return FoundPerson(PersonPhoto(inputs.photo.known_colors(), inputs.alpha, portrait).at_most(LARGEST))
    watcher.tell("finding the person")
    reading = read_person(
        PersonEstimator.load(), inputs.photo, number=inputs.person, mask=inputs.alpha, keypoints=inputs.keypoints
    )
    for remark in reading.remarks:
        watcher.tell(remark)
    several = reading.group is not None and len(reading.group.persons) > 1
    preview = numbered_preview(inputs.photo.shown(), reading.group.persons) if several and reading.group else None
    if body is not None:
        portrait, hidden = Portrait(body.pose, inputs.camera(body)), ()
    else:
        portrait, hidden = _fitted_body(reading.person, inputs, model, watcher)
    person = PersonPhoto(reading.colors, reading.person.alpha, portrait).at_most(LARGEST)
    return FoundPerson(person, hidden, reading.remarks, preview)


def _fitted_body(
    found: Person, inputs: PhotoInputs, model: BodyModel, watcher: Watcher
) -> tuple[Portrait, tuple[str, ...]]:
    """The body's pose and camera, and the parts of it that the photo does not show."""
    watcher.tell("fitting the body")
    seen = BodyObservation(found.keypoints, found.visibility, found.keypoints_world, found.alpha > 0.5, inputs.size)
    fit = fit_body(model, seen, BodyFitConfig(focal=inputs.focal))
    if fit.hidden_limbs:
        parts = ", ".join(fit.hidden_limbs)
        watcher.tell(f"the photo does not show these, so their pose and their colours are a guess: {parts}")
    return Portrait(fit.pose, fit.camera), fit.hidden_limbs


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


def prepare(body: PaintedBody, person: PersonPhoto, config: FitConfig, *, generator: torch.Generator) -> FitSubject:
    """An avatar that has learned nothing yet, and all that it is to learn from.

    Args:
        body: The painted body.
        person: The photo.
        config: Options.
        generator: Draws the field's first values.
    """
    avatar = Avatar.start(body.model, body.dressed, person.portrait, config.figure, generator)
    posed = avatar.posed(person.portrait.pose)
    return FitSubject(person, body, avatar, posed, config.views, config.solid, config.budget.seed)


def fit_avatar(
    subject: FitSubject, config: FitConfig, *, generator: torch.Generator, watcher: Watcher | None = None
) -> FittedAvatar:
    """Trains the avatar by the stages of `config`.

    Args:
        subject: From `prepare`; its avatar's field is changed.
        config: Options.
        generator: Draws where the posed field is looked at to find its empty parts.
        watcher: Shows progress.
    """
    return fit_stages(subject, config.stages, config.budget, generator=generator, watcher=watcher or Silent())


def save_fit(
    out: Path, found: FoundPerson, fitted: FittedAvatar, *, seconds: Mapping[str, float], seed: int
) -> dict[str, Any]:
    """Writes checkpoint, body parameters, pictures and report of a fit; gives the report.

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
        found.preview.save(out / "persons.png")
    save_avatar(out, avatar, step=fitted.steps, seconds=sum(fitted.seconds.values()))
    focal = float(camera.focal_lengths[0, 0])
    save_parameters(out / "body.npz", BodyParameters(person.portrait.pose, focal), avatar.model)
    clock = _Clock()
    image = fitted.posed.image(camera, 0)
    write_pictures(out, person, image, avatar)
    at_rest = avatar.model.rest_rotations
    around = Turntable.of(avatar.upright(at_rest, generator=torch.Generator().manual_seed(seed)))
    around.write_strip(out / "strip.png")
    quality = {**figures(person, image, fitted), "turntable": around.figures()}
    clock.mark("pictures")
    rounded = {name: round(value, 1) for name, value in {**seconds, **fitted.seconds, **clock.marks}.items()}
    report = {
        **quality,
        "not_shown_by_the_photo": list(found.hidden),
        "remarks": list(found.remarks),
        "seconds": rounded,
        "seconds_total": round(sum(rounded.values()), 1),
    }
    write_json(out / "report.json", report)
    return report


def _check_overlap(model: BodyModel, person: PersonPhoto) -> None:
    """An error where body and mask have little in common."""
    overlap = person.body_overlap(model)
    if overlap < _LEAST_OVERLAP:
        raise DataError(
            f"the body covers only {100.0 * overlap:.0f} % of what it and the person mask cover together; "
            "check that mask and body parameters belong to this photo, or let both be found without giving them"
        )


class _Clock:
    """Seconds from mark to mark."""

    def __init__(self) -> None:
        self._last, self.marks = time.perf_counter(), dict[str, float]()

    def mark(self, name: str) -> None:
        """Notes the seconds since the last mark."""
        now = time.perf_counter()
        self.marks[name], self._last = now - self._last, now
