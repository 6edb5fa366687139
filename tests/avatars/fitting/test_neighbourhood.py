import torch

from avatars.fitting.neighbourhood import pixels_beside


def test_pixels_beside_a_person_lie_within_the_reach_and_outside():
    person = torch.zeros(9, 9, dtype=torch.bool)
    person[4, 4] = True
    beside = pixels_beside(person, 2)
    rows, columns = torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij")
    distance = torch.hypot((rows - 4).float(), (columns - 4).float())
    assert torch.equal(beside, (distance > 0.0) & (distance <= 2.0))


def test_beside_nobody_and_beside_a_full_picture_there_is_nothing():
    assert not pixels_beside(torch.zeros(6, 6, dtype=torch.bool), 3).any()
    assert not pixels_beside(torch.ones(6, 6, dtype=torch.bool), 3).any()
