"""Photos as users have them: two persons in one, somebody cut out already, masks and landmarks of their own."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import assets
from avatars.perception import Keypoints, Person, PersonEstimator, Photo, load_mask, load_photo, read_person
from nfield.errors import OptionError

SCALE = 0.5
SHIFT = 145
"""Columns between the two persons: the hand of one lies before the trousers of the other."""


@pytest.fixture(scope="module")
def estimator() -> PersonEstimator:
    return PersonEstimator.load()


@pytest.fixture(scope="module")
def sample() -> tuple[Tensor, Tensor]:
    """Colours in [0, 255] and true outline of the shipped person, at half the size."""
    photo = load_photo(assets.path("sample/photo.jpg")).permute(2, 0, 1)[None].float()
    mask = load_mask(assets.path("sample/photo_mask.png"), (1024, 1024))[None, None]
    colors, alpha = (F.interpolate(planes, scale_factor=SCALE, mode="area")[0] for planes in (photo, mask))
    return colors.permute(1, 2, 0), alpha[0]


@pytest.fixture(scope="module")
def pair(sample: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """A photo of two persons, the left one before the right one, and the true outline of each."""
    colors, alpha = sample
    wide = 512 + SHIFT
    image, left = torch.full((512, wide, 3), 60.0), torch.zeros(512, wide)
    image[:, :512], left[:, :512] = colors, alpha
    other, right = torch.zeros(512, wide, 3), torch.zeros(512, wide)
    other[:, SHIFT:], right[:, SHIFT:] = colors.flip(1)[..., [2, 0, 1]], alpha.flip(1)
    right = right * (1 - left)
    image = torch.lerp(image, other, right[..., None])
    return image.round().to(torch.uint8), left, right


def overlap(first: Tensor, second: Tensor) -> float:
    first, second = first > 0.5, second > 0.5
    return float((first & second).sum() / (first | second).sum())


def test_two_persons_are_found_from_left_to_right(estimator: PersonEstimator, pair: tuple[Tensor, Tensor, Tensor]):
    image, *outlines = pair
    group = estimator.find(image)
    assert len(group.persons) == 2
    for person, outline in zip(group.persons, outlines, strict=True):
        rows, columns = torch.nonzero(outline > 0.5, as_tuple=True)
        found = torch.tensor([person.box.left, person.box.right, person.box.top, person.box.bottom])
        truth = torch.stack([columns.amin(), columns.amax(), rows.amin(), rows.amax()])
        assert float((found - truth).abs().max()) < 40


@pytest.mark.parametrize("number", [1, 2])
def test_outline_of_one_of_two_holds_nothing_of_the_other(
    estimator: PersonEstimator, pair: tuple[Tensor, Tensor, Tensor], number: int
):
    image, *outlines = pair
    reading = read_person(estimator, Photo(image, None, ""), number=number)
    own, other = outlines[number - 1], outlines[2 - number]
    alpha = reading.person.alpha
    assert overlap(alpha, own) > 0.93
    assert float(alpha[(other > 0.5) & (own < 0.1)].mean()) < 0.02
    assert len(reading.remarks) == 1
    assert f"number {number} is taken, as asked" in reading.remarks[0]
    assert torch.equal(reading.colors, image)


def test_cut_out_of_two_gives_the_outline_of_one(estimator: PersonEstimator, pair: tuple[Tensor, Tensor, Tensor]):
    image, left, right = pair
    alpha = (left + right).clamp(0, 1)
    reading = read_person(estimator, Photo.of(image, alpha), number=2)
    assert overlap(reading.person.alpha, right) > 0.95
    assert reading.remarks[1] == "the picture's alpha channel is the mask"


@pytest.fixture(scope="module")
def cut_out(sample: tuple[Tensor, Tensor]) -> Photo:
    """The sample's person over colours that mean nothing."""
    colors, alpha = sample
    junk = torch.tensor([255.0, 0.0, 255.0])
    return Photo.of(torch.where((alpha > 0)[..., None], colors, junk).round().to(torch.uint8), alpha)


def test_alpha_of_a_cut_out_is_the_mask(estimator: PersonEstimator, cut_out: Photo):
    reading = read_person(estimator, cut_out)
    assert cut_out.alpha is not None
    assert torch.equal(reading.person.alpha, cut_out.alpha)
    assert reading.remarks == ("the picture's alpha channel is the mask",)
    assert not (reading.colors == torch.tensor([255, 0, 255], dtype=torch.uint8)).all(-1).any()


def test_alpha_that_is_no_outline_of_the_person_is_ignored(estimator: PersonEstimator, sample: tuple[Tensor, Tensor]):
    colors, outline = sample
    frame = torch.zeros_like(outline)
    frame[:, 40:470] = 1.0
    reading = read_person(estimator, Photo.of(colors.round().to(torch.uint8), frame))
    assert overlap(reading.person.alpha, outline) > 0.95
    assert reading.remarks[0].startswith(
        "the picture's alpha channel is no mask and is ignored: it and the person found in the picture overlap by 0."
    )
    assert float(reading.person.alpha[:, :40].max()) == 0.0


def test_mask_of_the_user_counts_as_it_is_and_says_who_is_meant(
    estimator: PersonEstimator, pair: tuple[Tensor, Tensor, Tensor]
):
    image, left, _ = pair
    reading = read_person(estimator, Photo(image, None, ""), mask=left)
    assert torch.equal(reading.person.alpha, left)
    assert "number 1 is taken, whom the mask covers most" in reading.remarks[0]


@pytest.fixture(scope="module")
def whole(estimator: PersonEstimator, cut_out: Photo) -> Person:
    return read_person(estimator, cut_out).person


def test_keypoints_without_hips_still_find_the_person(estimator: PersonEstimator, cut_out: Photo, whole: Person):
    known = torch.zeros(33)
    known[:17] = 1.0
    given = Keypoints(whole.keypoints * known[:, None], known)
    reading = read_person(estimator, cut_out, keypoints=given)
    assert reading.group is None
    assert overlap(reading.person.coarse_mask, whole.coarse_mask) > 0.6


def test_keypoints_and_a_number_contradict_each_other(estimator: PersonEstimator, cut_out: Photo, whole: Person):
    given = Keypoints(whole.keypoints, whole.visibility)
    with pytest.raises(OptionError, match=r"^person 2 and keypoints both say who is meant: give one of the two$"):
        read_person(estimator, replace(cut_out, alpha=None), number=2, keypoints=given)
