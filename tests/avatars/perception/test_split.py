import math
from dataclasses import replace

import torch

from avatars.perception.landmarks import LANDMARK_NAMES
from avatars.perception.limbs import near_limbs, pixels_per_metre
from avatars.perception.matte import PixelBox
from avatars.perception.split import share_of
from tests.avatars.perception.people import reading

SIZE = (300, 400)
WHOLE = PixelBox(0, 0, 400, 300)


def two_touching() -> torch.Tensor:
    """A green and a blue person on grey; their clothes meet at column 200."""
    image = torch.full((1, 3, *SIZE), 90.0)
    image[:, :, 60:240, 160:200] = torch.tensor([20.0, 200.0, 20.0])[:, None, None]
    image[:, :, 60:240, 200:240] = torch.tensor([20.0, 20.0, 200.0])[:, None, None]
    return image


def test_pixels_go_to_their_owner_up_to_the_edge_in_the_colours():
    """Both rough masks reach over the common edge; the colours say where it is."""
    left, right = reading((180.0, 150.0)), reading((220.0, 150.0))
    share = share_of(two_touching(), WHOLE, left, [right])
    assert float(share[60:240, 162:198].mean()) > 0.97
    assert float(share[60:240, 202:238].mean()) < 0.03
    assert torch.equal(share_of(two_touching(), WHOLE, right, [left]), 1.0 - share)


def test_what_both_masks_hold_goes_to_whose_limbs_are_near():
    """Both masks claim everything, as the net's do where people hug: limbs alone tell them apart."""
    everything = torch.ones(256, 256)
    left = reading((130.0, 150.0), mask=everything)
    right = reading((270.0, 150.0), mask=everything)
    share = share_of(torch.full((1, 3, *SIZE), 90.0), WHOLE, left, [right])
    assert float(share[80:240, 110:150].mean()) > 0.97
    assert float(share[80:240, 250:290].mean()) < 0.03


def test_others_outside_the_box_claim_nothing_in_it():
    box = PixelBox(120, 40, 240, 260)
    far = reading((900.0, 150.0))
    assert torch.equal(share_of(two_touching(), box, reading((180.0, 150.0)), [far]), torch.ones(220, 120))


def test_share_of_a_large_photo_has_the_size_of_its_box():
    image = torch.nn.functional.interpolate(two_touching(), scale_factor=4.0)
    left, right = reading((720.0, 600.0), 400.0), reading((880.0, 600.0), 400.0)
    share = share_of(image, PixelBox(0, 0, 1600, 1200), left, [right])
    assert share.shape == (1200, 1600)
    assert float(share[300:900, 660:780].mean()) > 0.97
    assert float(share[300:900, 820:940].mean()) < 0.03


def test_flesh_ends_at_its_radius_and_fades():
    person = reading((200.0, 150.0))
    assert math.isclose(pixels_per_metre(person), 100.0, rel_tol=1e-4)
    wrist, ankle = (person.points[LANDMARK_NAMES.index(f"left_{part}")] for part in ("knee", "ankle"))
    middle = (wrist + ankle) / 2
    outwards = torch.tensor([[5.0, 0.0], [13.0, 0.0], [25.0, 0.0]])
    found = near_limbs(person, middle + outwards)
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0 - (0.13 - 0.07) / 0.12, 0.0]), atol=1e-3, rtol=0.0)


def test_limbs_that_are_not_seen_claim_nothing():
    person = reading((200.0, 150.0))
    knee, ankle = (person.points[LANDMARK_NAMES.index(f"left_{part}")] for part in ("knee", "ankle"))
    shin = ((knee + ankle) / 2)[None]
    visibility = torch.ones(33)
    visibility[25:] = 0.0
    assert float(near_limbs(person, shin)) == 1.0
    assert float(near_limbs(replace(person, visibility=visibility), shin)) == 0.0
    assert float(near_limbs(replace(person, visibility=torch.zeros(33)), shin)) == 1.0
