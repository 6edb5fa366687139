from dataclasses import replace

import pytest
import torch
from PIL import Image

from avatars.perception.group import Group, claimed, covered, found_person, in_order, in_window, same_body
from avatars.perception.matte import PixelBox
from avatars.perception.preview import numbered_preview
from nfield.errors import OptionError
from tests.avatars.perception.people import reading, somebody

SIZE = (300, 900)


@pytest.fixture
def group() -> Group:
    return Group(in_order([somebody(600.0, metre=110.0), somebody(150.0), somebody(400.0)]))


def test_persons_are_numbered_from_left_to_right(group: Group):
    assert [person.column for person in group.persons] == pytest.approx([150.0, 400.0, 600.0])
    assert group.choose(1).person is group.persons[0]
    assert group.choose(3).number == 3


def test_without_a_number_the_largest_is_taken_and_the_others_are_named(group: Group):
    choice = group.choose()
    assert choice.number == 3
    assert choice.others == group.persons[:2]
    assert choice.in_words() == (
        "the photo shows 3 persons, numbered from left to right: number 3 is taken, the largest, at columns 567 to "
        "633; not taken: number 1 at columns 120 to 180, number 2 at columns 370 to 430"
    )


def test_one_person_needs_no_words():
    assert Group((somebody(100.0),)).choose().in_words() == ""


@pytest.mark.parametrize("number", [0, 4, -1])
def test_number_out_of_range_says_how_many_there_are(group: Group, number: int):
    message = rf"^person {number}: the photo shows 3 persons; give a number from 1 \(leftmost\) to 3 \(rightmost\)$"
    with pytest.raises(OptionError, match=message):
        group.choose(number)


def test_second_person_of_one_says_that_there_is_one():
    with pytest.raises(OptionError, match=r"^person 2: the photo shows one person; leave the number out$"):
        Group((somebody(100.0),)).choose(2)


def test_mask_tells_who_is_meant(group: Group):
    mask = torch.zeros(SIZE)
    mask[:, 340:460] = 1.0
    choice = group.choose(within=mask)
    assert choice.number == 2
    assert "number 2 is taken, whom the mask covers most" in choice.in_words()
    assert group.choose(1, within=mask).number == 1
    assert covered(group.persons[1], mask) == pytest.approx(group.persons[1].area, rel=0.02)
    assert covered(group.persons[0], mask) == 0.0


def test_body_that_was_found_twice_counts_once():
    first, again = somebody(150.0), somebody(154.0, metre=98.0)
    assert same_body(first.landmarks, again.landmarks)
    assert in_order([first, again]) == (first,)
    assert not same_body(first.landmarks, somebody(190.0).landmarks)


def test_legs_taken_for_a_small_person_are_dropped():
    whole = somebody(150.0)
    legs = found_person(0.6, reading((150.0, 200.0), 40.0), SIZE)
    assert claimed(legs.landmarks, [whole.landmarks]) > 0.9
    assert in_order([whole, legs]) == (whole,)
    assert claimed(whole.landmarks, []) == 0.0


def test_box_and_area_end_at_the_photo():
    cut = somebody(0.0)
    assert (cut.box.left, cut.box.right) == (0, 30)
    assert cut.area == pytest.approx(somebody(300.0).area / 2, rel=0.05)


def test_hidden_landmarks_make_a_person_smaller():
    plain = reading((150.0, 150.0))
    hidden = replace(plain, visibility=torch.full((33,), 0.5))
    assert found_person(0.9, hidden, SIZE).area == pytest.approx(found_person(0.9, plain, SIZE).area / 2)


def test_square_seen_from_a_window_covers_the_same_pixels():
    crop = reading((150.0, 140.0)).crop
    plane = torch.zeros(256, 256)
    plane[48:218, 98:158] = 1.0
    box = PixelBox(100, 40, 220, 260)
    whole = box.of(crop.paste(plane, SIZE))
    assert torch.equal(in_window(crop, box, 1.0).paste(plane, (220, 120)), whole)
    half = in_window(crop, box, 0.5).paste(plane, (110, 60))
    pooled = torch.nn.functional.avg_pool2d(whole[None, None], 2)[0, 0]
    assert float((half - pooled).abs().mean()) < 0.01


def test_preview_draws_a_numbered_box_and_leaves_the_rest(group: Group):
    image = torch.full((*SIZE, 3), 200, dtype=torch.uint8)
    picture = numbered_preview(image, group.persons)
    assert isinstance(picture, Image.Image)
    assert picture.size == (900, 300)
    for person in group.persons:
        assert picture.getpixel((person.box.left, person.box.bottom - 1)) != (200, 200, 200)
        assert picture.getpixel((person.box.right + 60, 5)) == (200, 200, 200)
    assert bool((image == 200).all())
    numbers = {picture.crop((p.box.left, p.box.top, p.box.left + 40, p.box.top + 40)).tobytes() for p in group.persons}
    assert len(numbers) == 3
