"""Who is where in a photo: what the user did not give is found and fitted."""

from dataclasses import dataclass

from PIL import Image

from avatars.body import BodyModel
from avatars.body_fit import BodyFitConfig, BodyObservation, fit_body
from avatars.fitting.watcher import Silent, Watcher
from avatars.perception import Person, PersonEstimator, numbered_preview, read_person
from avatars.photo_inputs import PhotoInputs
from avatars.portrait import PersonPhoto, Portrait

LARGEST = 1280
"""Pixels of a photo's longer side; larger photos show more than an avatar can."""


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
