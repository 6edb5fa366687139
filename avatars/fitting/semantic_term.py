"""ELICIT's semantic loss: crops of the avatar from all sides are to mean what the photo's crops mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.pose_file import read_pose
from avatars.fitting.rendering import RaySampling
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import FitStep
from avatars.fitting.weights import Constant, WeightSchedule
from avatars.semantic.crops import Crop
from avatars.semantic.directions import Direction, SidedPart
from avatars.semantic.encoder import EncoderSource, SemanticEncoder
from avatars.semantic.people_encoder import PeopleSource
from avatars.semantic.photo_meaning import BACKGROUNDS, FEWEST, PhotoMeaning
from avatars.semantic.sampling import FULL, PartSampling
from avatars.semantic.standing import Standing, drawn_elevation, rendered_crop, triangle_parts
from nfield.cameras import Cameras
from nfield.devices import on_host

_TRIES = 11
"""Cameras that are drawn until one sees enough of a part."""


@dataclass(frozen=True)
class SemanticTerm:
    """One minus the cosine between the meaning of a rendered crop and of its reference (ELICIT, eq. 5)."""

    name: str
    """See `Term.name`."""
    encoder: EncoderSource = field(default_factory=PeopleSource)
    """What knows the meaning of pictures and texts."""
    weight: WeightSchedule = Constant(0.1)  # noqa: RUF009 - frozen
    """See `Term.weight`."""
    sampling: PartSampling = field(default_factory=PartSampling)
    """Which parts are compared from where, and with what."""
    poses: tuple[str, ...] = ("t-pose", "a-pose", "walk")
    """Shipped poses in which the avatar is looked at, beside the photo's own."""
    size: int = 72
    """Edge of a rendered crop, pixels; the encoder sees it enlarged."""
    prompts: tuple[str, ...] = ()
    """What the person wears or carries where the photo does not look, in words."""
    prompted: tuple[str, ...] = (FULL, "torso")
    """Parts that the words are about."""
    words: float = 0.5
    """Share of the words in the reference of a part that they are about; the rest is the picture's."""

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """None: it renders crops of its own."""
        return ()

    def prepare(self, subject: FitSubject) -> None:
        """Loads the encoder, poses the avatar and encodes the words: see `Term.prepare`."""
        self._guide(subject)

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """See `Term.loss`."""
        return self._guide(step.subject).loss(on_host(step.generator))

    def _guide(self, subject: FitSubject) -> "SemanticGuide":
        return subject.once(self, lambda: SemanticGuide.of(self, subject))


@dataclass(frozen=True)
class _Look:
    """A crop that is to be rendered.

    Attributes:
        what: The part and the side.
        standing: The avatar in some pose.
        azimuth: Of the camera, degrees.
        elevation: Of the camera, degrees.
        camera: Sees the crop only.
        background: Index of `BACKGROUNDS`.
    """

    what: SidedPart
    standing: Standing
    azimuth: float
    elevation: float
    camera: Cameras
    background: int


class SemanticGuide:
    """What a term has prepared for one subject.

    Args:
        term: Its options.
        encoder: Frozen.
        figures: The avatar in its poses.
        photo: Gives the meaning of the photo's crops.
        words: Unit vectors of the words by side; empty where there are none.
    """

    def __init__(
        self,
        term: SemanticTerm,
        encoder: SemanticEncoder,
        figures: Sequence[Standing],
        photo: PhotoMeaning,
        words: Mapping[Direction, Tensor],
    ) -> None:
        self._term, self._encoder, self._figures, self._photo, self._words = term, encoder, figures, photo, words

    @staticmethod
    def of(term: SemanticTerm, subject: FitSubject) -> "SemanticGuide":
        """Prepares a term for a subject."""
        encoder, avatar = term.encoder.load(), subject.avatar
        poses = [subject.person.portrait.pose.rotations, *(read_pose(name, avatar.model) for name in term.poses)]
        figures = [Standing.of(avatar, rotations) for rotations in poses]
        sides = [side for side in Direction if side is not Direction.FRONT and term.prompts]
        words = {side: _mean(encoder.texts([f"{text}, {side.words}" for text in term.prompts])) for side in sides}
        photo = PhotoMeaning(subject.person, subject.posed, triangle_parts(avatar), encoder, term.size)
        return SemanticGuide(term, encoder, figures, photo, words)

    def loss(self, generator: torch.Generator) -> Float[Tensor, ""]:
        """The loss of one random crop; differentiable in the field's parameters."""
        look = self._drawn(generator)
        reference = self._reference(look, generator)
        shown = self._encoder.images(self._picture(look, generator))[0]
        return 1.0 - shown @ reference

    def _drawn(self, generator: torch.Generator) -> _Look:
        """What is looked at: a part of which a camera sees enough, else the whole person."""
        standing = self._figures[int(torch.randint(len(self._figures), (), generator=generator))]
        background = int(torch.randint(len(BACKGROUNDS), (), generator=generator))
        what = self._term.sampling.draw(generator)
        if not self._photo.shows(what.part):
            what = replace(what, part=FULL)
        for tried in range(_TRIES + 1):
            what = what if tried < _TRIES else replace(what, part=FULL)
            azimuth, elevation = what.direction.draw(generator), drawn_elevation(generator)
            look = self._at(what, standing, azimuth, elevation, background=background)
            if look is not None:
                return look
        raise AssertionError("a camera that looks at the whole person sees nothing of it")

    def _at(
        self, what: SidedPart, standing: Standing, azimuth: float, elevation: float, *, background: int
    ) -> _Look | None:
        """A crop around a part; None where the camera sees too little of it."""
        camera = standing.camera(azimuth, elevation)
        mask = standing.shows(what.part, camera)
        crop = Crop.around(mask, what.part)
        if crop is None or (what.part != FULL and int(mask.sum()) < FEWEST):
            return None
        return _Look(what, standing, azimuth, elevation, crop.camera(camera, 0, self._term.size), background)

    def _reference(self, look: _Look, generator: torch.Generator) -> Float[Tensor, "e"]:
        """What a crop is to mean: what the photo shows, or the avatar from a better known side, and the words."""
        sides = self._term.sampling.self_references.get(look.what, ())
        known = self._itself(look, sides, generator) if sides else None
        meaning = self._photo.of(look.what.part, look.background) if known is None else known
        side = look.what.direction
        if side not in self._words or look.what.part not in self._term.prompted:
            return meaning
        mixed = torch.lerp(meaning, self._words[side], self._term.words)
        return torch.nn.functional.normalize(mixed, dim=-1)

    @torch.no_grad()
    def _itself(self, look: _Look, sides: Sequence[Direction], generator: torch.Generator) -> Float[Tensor, "e"] | None:
        """The meaning of the avatar's own picture from the nearest of some sides; None where that shows too little."""
        azimuths = [side.nearest(look.azimuth) for side in sides]
        azimuth = min(azimuths, key=lambda angle: abs((angle - look.azimuth + 180.0) % 360.0 - 180.0))
        what = SidedPart(look.what.part, Direction.of(azimuth))
        known = self._at(what, look.standing, azimuth, look.elevation, background=look.background)
        return None if known is None else self._encoder.images(self._picture(known, generator))[0]

    def _picture(self, look: _Look, generator: torch.Generator) -> Float[Tensor, "1 3 s s"]:
        """A crop as the field shows it."""
        color = rendered_crop(look.standing.posed, look.camera, BACKGROUNDS[look.background], generator)
        return color.permute(2, 0, 1)[None]


def _mean(vectors: Float[Tensor, "b e"]) -> Float[Tensor, "e"]:
    return torch.nn.functional.normalize(vectors.mean(0), dim=-1)
