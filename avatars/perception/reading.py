"""From a picture file to one person: which of several, by whose mask, and what to tell the user about it."""

from dataclasses import dataclass, replace

from jaxtyping import Float, UInt8
from torch import Tensor

from avatars.perception.cutout import Photo
from avatars.perception.group import Choice, Group
from avatars.perception.keypoints import Keypoints
from avatars.perception.person import MINIMUM_AGREEMENT, Person, PersonEstimator
from nfield.errors import OptionError


@dataclass(frozen=True)
class Reading:
    """One person in one picture.

    Attributes:
        person: Outline and landmarks.
        colors: sRGB to make the avatar from; no colour below alpha 0 is among them.
        group: All persons that were found; None where the user's landmarks said where to look.
        remarks: What the user should be told, a sentence each.
    """

    person: Person
    colors: UInt8[Tensor, "h w 3"]
    group: Group | None
    remarks: tuple[str, ...]


def read_person(
    estimator: PersonEstimator,
    photo: Photo,
    *,
    number: int | None = None,
    mask: Float[Tensor, "h w"] | None = None,
    keypoints: Keypoints | None = None,
) -> Reading:
    """The person of a number in a picture, or the largest; under a mask, the one whom the mask covers most.

    A mask from the user counts as it is. The alpha of a cut-out picture is the mask without what it holds of other
    persons, where it agrees with the person found in it; else the outline is searched for as in any photo. Call it
    with `photo.without_alpha()` to have the alpha ignored.

    Args:
        estimator: The nets.
        photo: The picture.
        number: Which person, 1 for the leftmost.
        mask: The user's own outline of the person.
        keypoints: The user's own landmarks.

    Raises:
        OptionError: Where there is no person of that number, or both a number and keypoints are given.
        NoPersonError: Where no person is found.
        DataError: Where the photo is too small, or the keypoints lie outside it.
    """
    if keypoints is not None and number is not None:
        raise OptionError(f"person {number} and keypoints both say who is meant: give one of the two")
    shown = photo.shown()
    outline = mask if mask is not None else photo.alpha
    group = estimator.find(shown) if keypoints is None else None
    choice = None if group is None else group.choose(number, within=outline)
    remarks = [choice.in_words()] if choice is not None else []
    if outline is None or mask is not None:
        person = estimator.estimate(shown, choice=choice, mask=mask, keypoints=keypoints)
        remarks.append("" if mask is not None else photo.remark)
    else:
        person, remark = _cut_out(estimator, shown, outline, choice, keypoints)
        remarks.append(remark)
    return Reading(person, photo.known_colors(), group, tuple(remark for remark in remarks if remark))


def _cut_out(
    estimator: PersonEstimator,
    shown: UInt8[Tensor, "h w 3"],
    alpha: Float[Tensor, "h w"],
    choice: Choice | None,
    keypoints: Keypoints | None,
) -> tuple[Person, str]:
    """The person under the alpha of a picture, or beside it where the two disagree; what to say about it."""
    own = alpha if choice is None else estimator.without_others(shown, alpha, choice)
    person = estimator.estimate(shown, choice=choice, mask=own, keypoints=keypoints)
    if person.quality.agreement >= MINIMUM_AGREEMENT:
        return person, "the picture's alpha channel is the mask"
    found = estimator.estimate(shown, choice=choice, keypoints=keypoints)
    kept = replace(found, alpha=found.alpha * (alpha > 0))
    return kept, (
        f"the picture's alpha channel is no mask and is ignored: it and the person found in the picture overlap by "
        f"{person.quality.agreement:.2f}, at least {MINIMUM_AGREEMENT} are needed"
    )
