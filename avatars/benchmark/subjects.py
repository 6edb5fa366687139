"""Who takes part: the generator's people, and what their truth depends on."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from avatars.benchmark.truth_cache import truth_key
from avatars.body import BodyModel
from avatars.body.saved_model import body_hash
from avatars.people import subjects
from avatars.people.subject import Subject
from nfield.errors import OptionError

_VERSION = 1
"""To be raised where the generator draws other pictures of the same people, or views are framed in another way."""


def chosen(names: Sequence[str], wardrobe: Path | None) -> Mapping[str, Subject]:
    """The people with the given names, or all there are, by name.

    Args:
        names: Empty for all.
        wardrobe: Folder of garments, for further people who wear them.

    Raises:
        OptionError: A name is unknown.
    """
    everyone = (*subjects.SUBJECTS, *(() if wardrobe is None else subjects.wardrobe_subjects(wardrobe)))
    people = {subject.name: subject for subject in everyone}
    unknown = [name for name in names if name not in people]
    if unknown:
        raise OptionError(f"--subjects: {unknown[0]!r} is nobody, expected some of: {', '.join(people)}")
    return {name: people[name] for name in names or people}


def key_of(subject: Subject) -> str:
    """What the person's truth depends on: truth that was drawn of another shipped body is not taken for today's."""
    return truth_key(_VERSION, subject, _shipped_body())


@cache
def _shipped_body() -> str:
    """The hash of the body that people are made of."""
    return body_hash(BodyModel.load())
