"""The loss of meaning, with an encoder that only knows mean colours."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from avatars.fitting.rendering import StepRenderings
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import FitStage, guided_stages
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import FitStep, Term
from avatars.semantic.directions import Direction, SidedPart
from avatars.semantic.photo_meaning import BACKGROUNDS, PhotoMeaning
from avatars.semantic.sampling import FULL, PartSampling
from avatars.semantic.standing import VIEW_SIZE, Standing, drawn_elevation, triangle_parts
from tests.avatars.semantic.encoders import MeanColor, MeanColorSource

_POSES = ("t-pose",)


@pytest.fixture
def encoder():
    return MeanColor()


def _term(encoder: MeanColor, **options: object) -> SemanticTerm:
    return SemanticTerm("meaning", MeanColorSource(encoder), poses=_POSES, size=16, **options)


def _only(part: str, *shares: float, own: bool = False) -> PartSampling:
    """One part, from front, left, right and back as often as given."""
    both = {SidedPart(part, side): (Direction.FRONT,) for side in Direction if own}
    return PartSampling({part: (1.0, shares)}, both)


def _loss(term: SemanticTerm, subject: FitSubject, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return term.loss(FitStep(0, 0.0, generator, subject, StepRenderings({}, generator)))


def _standing(subject: FitSubject) -> Standing:
    return Standing.of(subject.avatar, torch.zeros(24, 3))


def test_it_is_a_term_without_rays_of_its_own_sampling(encoder: MeanColor):
    assert isinstance(_term(encoder), Term)
    assert _term(encoder).samplings == ()
    assert hash(_term(encoder)) == hash(_term(encoder))


def test_a_camera_at_a_persons_left_sees_the_left_arm_and_not_the_right_one(subject: FitSubject):
    standing = _standing(subject)
    left = standing.camera(90.0, 0.0)
    assert int(standing.shows("left hand", left).sum()) > 200
    assert int(standing.shows("right hand", left).sum()) < 10
    before, behind = standing.camera(0.0, 0.0), standing.camera(180.0, 0.0)
    columns = [standing.shows("left arm", camera).any(0).nonzero()[:, 0].float().mean() for camera in (before, behind)]
    assert columns[0] > VIEW_SIZE / 2 > columns[1]  # Its left is our right, and from behind our left.


def test_the_whole_person_is_in_the_picture_and_parts_are_pieces_of_it(subject: FitSubject):
    standing = _standing(subject)
    camera = standing.camera(30.0, 10.0)
    whole = standing.shows(FULL, camera)
    rim = torch.ones_like(whole)
    rim[1:-1, 1:-1] = False
    assert not (whole & rim).any()
    parts = [standing.shows(part, camera) for part in ("head", "torso", "left leg", "right hand")]
    assert sum(part.long() for part in parts).max() == 1
    assert all(bool((part <= whole).all()) for part in parts)


def test_elevations_stay_near_the_horizon(generator: torch.Generator):
    drawn = torch.tensor([drawn_elevation(generator) for _ in range(2000)])
    assert drawn.abs().max() <= 20.0
    assert abs(float(drawn.std()) - 8.0) < 0.6


def test_the_photos_crops_are_over_the_background_that_is_asked_for(subject: FitSubject, encoder: MeanColor):
    """The photo is one colour on the person: its torso, which fills its crop, is that; the whole person is mixed."""
    person = subject.person
    meaning = PhotoMeaning(person, subject.posed, triangle_parts(subject.avatar), encoder, 16)
    assert meaning.shows("torso")
    first, second = meaning.of(FULL, 0), meaning.of(FULL, 1)
    assert float(first @ second) < 0.95
    torch.testing.assert_close(meaning.of(FULL, 0), first, atol=0, rtol=0)
    assert len(encoder.pictures) == 2  # Each once.
    white, black = encoder.pictures
    assert white.amax() > 0.99
    assert black.amax() < 0.25
    assert len(BACKGROUNDS) > 2


def test_a_part_that_the_photo_does_not_show_means_what_the_person_does(subject: FitSubject, encoder: MeanColor):
    nobody = replace(subject.posed, vertices=subject.posed.vertices + torch.tensor([9.0, 0.0, 0.0]))
    parts = triangle_parts(subject.avatar)
    assert not PhotoMeaning(subject.person, nobody, parts, encoder, 16).shows("head")
    meaning = PhotoMeaning(subject.person, subject.posed, torch.ones_like(parts), encoder, 16)
    assert not meaning.shows("head")
    torch.testing.assert_close(meaning.of("head", 2), meaning.of(FULL, 2))


def test_the_loss_is_one_minus_the_cosine_of_the_crop_and_the_photos(subject: FitSubject, encoder: MeanColor):
    term = _term(encoder, sampling=_only("torso", 1.0, 0.0, 0.0, 0.0))
    loss = float(_loss(term, subject).detach())
    reference, shown = encoder.pictures[-2:]
    cosine = float((encoder.images(reference) * encoder.images(shown)).sum())
    assert loss == pytest.approx(1.0 - cosine, abs=1e-5)
    assert shown.shape == (1, 3, 16, 16)


def test_where_the_photo_is_no_reference_the_avatar_is_its_own(subject: FitSubject, encoder: MeanColor):
    """From behind, compared with its own front: with the photo's, the same field has another loss."""
    term = _term(encoder, sampling=_only("torso", 0.0, 0.0, 0.0, 1.0, own=True))
    own, photo = _loss(term, subject), _loss(replace(term, sampling=_only("torso", 0.0, 0.0, 0.0, 1.0)), subject)
    assert abs(float(own.detach() - photo.detach())) > 1e-4


def test_words_turn_the_reference_behind_and_leave_the_front_alone(subject: FitSubject, encoder: MeanColor):
    plain = _term(encoder, sampling=_only("torso", 0.0, 0.0, 0.0, 1.0))
    red, green = (replace(plain, prompts=(word,), words=1.0) for word in ("red", "green"))
    losses = [float(_loss(term, subject).detach()) for term in (plain, red, green)]
    assert len({round(value, 4) for value in losses}) == 3
    assert "red, seen from behind" in encoder.asked
    assert not any("front" in text for text in encoder.asked)
    for sampling in (_only("torso", 1.0, 0.0, 0.0, 0.0), _only("left arm", 0.0, 0.0, 0.0, 1.0)):
        first, second = (float(_loss(replace(term, sampling=sampling), subject).detach()) for term in (plain, red))
        assert first == pytest.approx(second, abs=1e-6)


def test_the_loss_has_the_gradient_of_its_value(subject: FitSubject, encoder: MeanColor, generator: torch.Generator):
    term = _term(encoder, sampling=_only("torso", 0.0, 0.0, 0.0, 1.0))
    parameters = [p for group in subject.avatar.canonical.field.param_groups().values() for p in group]
    for parameter in parameters:
        parameter.grad = None
    _loss(term, subject).backward()
    steps = [p.grad / max(float(p.grad.norm()), 1e-12) if p.grad is not None else None for p in parameters]

    def moved(length: float) -> float:
        with torch.no_grad():
            for parameter, step in zip(parameters, steps, strict=True):
                if step is not None:
                    parameter.add_(length * step)
            return float(_loss(term, subject).detach())

    expected = sum(float((p.grad * s).sum()) for p, s in zip(parameters, steps, strict=True) if s is not None)
    length = 2e-2
    ahead = moved(length)
    behind = moved(-2.0 * length)
    moved(length)
    assert abs((ahead - behind) / (2.0 * length) - expected) < 0.05 * abs(expected) + 1e-5


def test_what_lies_behind_comes_to_mean_what_the_photo_shows(subject: FitSubject, encoder: MeanColor):
    """Trained by the words and nothing else, the back turns blue."""
    term = _term(encoder, sampling=_only("torso", 0.0, 0.0, 0.0, 1.0), prompts=("blue",), words=1.0)
    groups = subject.avatar.canonical.field.param_groups()
    optimizer = torch.optim.Adam([p for group in groups.values() for p in group], lr=0.02)
    before = float(_loss(term, subject, 99).detach())
    for step in range(40):
        optimizer.zero_grad()
        _loss(term, subject, step).backward()
        optimizer.step()
    after = float(_loss(term, subject, 99).detach())
    assert after < 0.6 * before
    color = encoder.pictures[-1][0].mean((1, 2))
    assert color[2] > color[0]
    assert color[2] > color[1]


def test_a_subject_prepares_a_term_once(subject: FitSubject, encoder: MeanColor):
    term, before = _term(encoder), len(subject.kept)
    term.prepare(subject)
    kept = dict(subject.kept)
    _loss(term, subject)
    assert dict(subject.kept) == kept
    assert len(kept) == before + 1


def test_the_guided_stages_are_the_usual_ones_and_one_that_imagines(encoder: MeanColor):
    stages = guided_stages(_term(encoder))
    assert sum(stage.budget.share for stage in stages) == pytest.approx(1.0)
    last = stages[-1]
    assert isinstance(last, FitStage)
    assert [term.name for term in last.terms] == ["color", "silhouette", "surface", "solid", "meaning"]
    assert "imagining" in last.name
