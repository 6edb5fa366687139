import torch

from avatars.perception.matte import PixelBox, person_box, person_pieces


def test_box_holds_points_and_mask_with_a_margin():
    mask = torch.zeros(200, 300)
    mask[50:101, 100:121] = 1
    assert person_box(torch.tensor([[110.0, 70.0], [140.0, 80.0]]), mask) == PixelBox(94, 42, 146, 108)


def test_box_stays_in_the_photo():
    box = person_box(torch.tensor([[-40.0, -10.0], [500.0, 900.0]]), torch.zeros(200, 300))
    assert box == PixelBox(0, 0, 300, 200)
    outside = person_box(torch.tensor([[900.0, 900.0], [901.0, 901.0]]), torch.zeros(200, 300))
    assert box.of(torch.zeros(200, 300)).numel() > 0
    assert outside.of(torch.zeros(200, 300)).numel() > 0


def test_loose_piece_away_from_the_body_is_dropped_with_its_fringe():
    alpha, body = torch.zeros(20, 20), torch.zeros(20, 20)
    alpha[2:12, 2:10] = 0.9
    alpha[14:18, 14:18], alpha[14:18, 18] = 0.8, 0.3
    body[2:12, 2:10] = 1
    kept = person_pieces(alpha, body)
    assert torch.equal(kept[:13], alpha[:13])
    assert kept[13:].sum() == 0


def test_separate_shoe_within_the_body_mask_stays():
    alpha, body = torch.zeros(20, 20), torch.zeros(20, 20)
    alpha[2:12, 2:10] = alpha[14:18, 4:8] = 0.9
    body[2:19, 2:10] = 1
    assert torch.equal(person_pieces(alpha, body), alpha)


def test_holes_and_soft_edges_stay():
    alpha = torch.zeros(20, 20)
    alpha[2:16, 2:16] = 1.0
    alpha[6:9, 6:9], alpha[16, 2:16] = 0.0, 0.3
    assert torch.equal(person_pieces(alpha, torch.ones(20, 20)), alpha)


def test_empty_alpha_stays_empty():
    assert person_pieces(torch.full((4, 4), 0.4), torch.ones(4, 4)).sum() == 0
