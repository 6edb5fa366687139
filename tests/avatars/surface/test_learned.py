"""The sheets against closed forms, and the network's completion: what it may change, and what not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import avatars.surface.learned.sheets as sheets_module
from avatars.surface.complete import Completion
from avatars.surface.learned.completion import NetworkCompletion, corrected, shaded
from avatars.surface.learned.evidence import CHANNELS, PHOTO, RULES, SEEN, SHARE, Evidence
from avatars.surface.learned.network import CompletionNetwork
from avatars.surface.learned.sheets import CELL, EDGE, MIRRORED, SIDES, STATURE, Stature, read, shares, splat
from nfield.errors import DataError


@pytest.fixture
def evidence(generator: torch.Generator) -> Evidence:
    """Texels of a ball, of which the photo shows the front."""
    normal = torch.nn.functional.normalize(torch.randn(4000, 3, generator=generator), dim=-1)
    rules, photo = torch.rand(2, 4000, 3, generator=generator)
    confidence = normal[:, 2].clamp_min(0.0)
    kind = (torch.rand(4000, 3, generator=generator) < 0.3).float()
    return Evidence(0.5 * normal, normal, rules, photo, confidence, kind)


@pytest.fixture
def network() -> CompletionNetwork:
    """One that changes something."""
    torch.manual_seed(0)
    network = CompletionNetwork((8, 8, 16))
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return network.eval()


def test_shares_sum_to_one_and_follow_the_normal(evidence: Evidence):
    found = shares(evidence.normal)
    torch.testing.assert_close(found.sum(0), torch.ones(4000))
    assert shares(torch.tensor([[0.0, 0.0, -1.0]]))[:, 0].tolist() == [0, 0, 0, 0, 0, 1]
    assert (found.argmax(0)[evidence.normal[:, 0] > 0.9] == 0).all()


def test_everybody_has_one_stature():
    body = torch.tensor([[-0.9, -1.3, -0.1], [0.7, 0.7, 0.3]])
    placed = Stature.of(body).places(body)
    torch.testing.assert_close(placed[1] - placed[0], (body[1] - body[0]) * STATURE / 2.0)
    torch.testing.assert_close(placed.mean(0), torch.zeros(3))


def test_splatted_values_are_means_of_a_loop(evidence: Evidence):
    means, share = splat(evidence.place, evidence.normal, evidence.rules, evidence.confidence)
    column = (evidence.place[:, 0] / CELL + EDGE / 2).long()
    row = (EDGE / 2 - evidence.place[:, 1] / CELL).long()
    for i in range(0, 4000, 400):
        here = (row == row[i]) & (column == column[i])
        weight = shares(evidence.normal)[:, here] * evidence.confidence[here]
        total = weight.sum(1)
        for side in range(SIDES):
            if total[side] > 1e-4:
                mean = (weight[side, :, None] * evidence.rules[here]).sum(0) / total[side]
                torch.testing.assert_close(means[side, :, row[i], column[i]], mean, atol=1e-4, rtol=1e-4)
                assert float(share[side, row[i], column[i]]) == pytest.approx(
                    float(total[side] / total.sum()), abs=1e-4
                )


def test_values_of_a_cell_s_middle_come_back(generator: torch.Generator):
    values = torch.rand(SIDES, 2, EDGE, EDGE, generator=generator)
    place = torch.tensor([[(10 + 0.5 - EDGE / 2) * CELL, (EDGE / 2 - 20 - 0.5) * CELL, 0.3]])
    for side in range(SIDES):
        normal = torch.zeros(1, 3)
        normal[0, side % 3] = 1.0 if side < 3 else -1.0
        torch.testing.assert_close(read(values, place, normal)[0], values[side, :, 20, 10], atol=1e-4, rtol=1e-4)


def test_reading_is_linear_and_has_right_gradients(evidence: Evidence):
    values = torch.rand(SIDES, 1, EDGE, EDGE, dtype=torch.float64, requires_grad=True)
    place, normal = evidence.place[:5].double(), evidence.normal[:5].double()
    read(values, place, normal).sum().backward()
    assert values.grad is not None
    assert float(values.grad.sum()) == pytest.approx(5.0)
    moved = torch.rand_like(values)
    found = read(values + moved, place, normal) - read(values, place, normal)
    torch.testing.assert_close(found, read(moved, place, normal))


def test_many_points_are_read_as_few(monkeypatch: pytest.MonkeyPatch, evidence: Evidence):
    values = torch.rand(SIDES, 3, EDGE, EDGE)
    whole = read(values, evidence.place, evidence.normal)
    monkeypatch.setattr(sheets_module, "_CHUNK", 700)
    torch.testing.assert_close(read(values, evidence.place, evidence.normal), whole)
    assert read(values, evidence.place[:0], evidence.normal[:0]).shape == (0, 3)


def test_the_mirror_exchanges_left_and_right(evidence: Evidence):
    flip = torch.tensor([-1.0, 1.0, 1.0])
    mirrored = replace(evidence, place=evidence.place * flip, normal=evidence.normal * flip).on_sheets()
    torch.testing.assert_close(mirrored, evidence.on_sheets()[list(MIRRORED)].flip(-1), atol=1e-5, rtol=1e-4)


def test_evidence_is_in_the_channels_that_say_so(evidence: Evidence):
    plain = replace(evidence, rules=torch.full_like(evidence.rules, 0.25), photo=torch.ones_like(evidence.photo))
    sheets = plain.on_sheets()
    there = sheets[:, SHARE] > 1e-3
    assert sheets.shape == (SIDES, CHANNELS, EDGE, EDGE)
    assert sheets[:, RULES][there.expand(-1, 3, -1, -1)].sub(0.25).abs().max() < 1e-4
    torch.testing.assert_close(sheets[:, PHOTO], sheets[:, SEEN].expand(-1, 3, -1, -1))
    total = sheets[:, SHARE].sum(0)
    torch.testing.assert_close(total, (total > 0.5).float())


def test_an_untrained_network_changes_nothing(evidence: Evidence):
    torch.testing.assert_close(corrected(evidence, CompletionNetwork((8, 8, 16))), evidence.rules)


def test_what_the_photo_shows_is_left_alone(evidence: Evidence, network: CompletionNetwork):
    sure = replace(evidence, confidence=(evidence.normal[:, 2] > 0.0).float())
    changed = (corrected(sure, network) - sure.rules).abs().sum(-1)
    assert changed[sure.place[:, 2] > 0.035].max() == 0.0
    assert changed[sure.confidence == 0.0].mean() > 1e-3
    assert corrected(sure, network).min() >= 0.0
    assert corrected(sure, network).max() <= 1.0


def test_the_network_sets_in_softly():
    """Along a strip of which the photo shows one half: nothing inside of it, half at the border, all behind."""
    network = CompletionNetwork((8, 8, 16)).eval()
    torch.nn.init.constant_(network.head.bias, 0.05)
    place = torch.stack([torch.linspace(-0.1, 0.1, 401), torch.zeros(401), torch.zeros(401)], -1)
    front = torch.tensor([0.0, 0.0, 1.0]).expand(401, 3)
    grey = torch.full((401, 3), 0.5)
    strip = Evidence(place, front, grey, grey, (place[:, 0] > 0.0).float(), torch.zeros(401, 3))
    change = (corrected(strip, network) - grey).norm(dim=-1)
    share = change / change.max()
    assert float(change.max()) > 0.01
    assert share[place[:, 0] > 0.031].max() == 0.0
    assert float(share[200]) == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(share[place[:, 0] < -0.031], torch.ones(int((place[:, 0] < -0.031).sum())))
    assert (share.diff() <= 1e-6).all()
    hidden = replace(strip, confidence=torch.zeros(401))
    torch.testing.assert_close((corrected(hidden, network) - grey).norm(dim=-1), change.max().expand(401))


def test_no_colour_glows(evidence: Evidence, network: CompletionNetwork):
    """However sure the network is, it makes no colour lighter or darker by more than a third of it."""
    hidden = replace(evidence, confidence=torch.zeros_like(evidence.confidence))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    change = (corrected(hidden, network) - hidden.rules).norm(dim=-1)
    assert float((change / (hidden.rules + 0.02).norm(dim=-1)).max()) <= 0.3 + 1e-5
    assert float((change > 0.29 * (hidden.rules + 0.02).norm(dim=-1)).float().mean()) > 0.1


def test_shade_leaves_hues(generator: torch.Generator):
    color, shade = torch.rand(200, 3, generator=generator), 0.2 * torch.randn(200, 1, generator=generator)
    change = shaded(color, shade)
    torch.testing.assert_close(change.norm(dim=-1), shade[:, 0].abs())
    across = torch.linalg.cross(change, color + 0.02)
    assert across.norm(dim=-1).max() < 1e-6
    grey = shaded(torch.zeros(1, 3), torch.ones(1, 1))[0]
    assert grey.max() == grey.min() > 0.0


def test_shade_is_coarser_than_patterns(evidence: Evidence, network: CompletionNetwork):
    """Along a straight line over eight centimetres it is nearly straight."""
    with torch.no_grad():
        shade = network(evidence.on_sheets()[None])[0, :, 0]
    bend = (shade[:, 2:] - 2.0 * shade[:, 1:-1] + shade[:, :-2]).abs()
    assert shade.abs().max() > 0.01
    assert (bend < 1e-5).float().mean() > 0.45


def test_the_shipped_network_is_a_completion_and_can_be_replaced(tmp_path: Path):
    assert isinstance(NetworkCompletion(), Completion)
    assert sum(value.numel() for value in NetworkCompletion().network().parameters()) > 1e5
    file = tmp_path / "mine.safetensors"
    save_file(CompletionNetwork().state_dict(), file)
    assert float(NetworkCompletion(weights=str(file)).network().head.weight.detach().abs().max()) == 0.0


def test_files_that_hold_no_network_are_named(tmp_path: Path, network: CompletionNetwork):
    for name, content in (("rubbish", b"rubbish"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: holds no completion network"):
            NetworkCompletion(weights=str(tmp_path / name)).network()
    save_file(network.state_dict(), tmp_path / "other")
    with pytest.raises(DataError, match="other: holds no completion network"):
        NetworkCompletion(weights=str(tmp_path / "other")).network()
    with pytest.raises(DataError, match="missing: holds no completion network"):
        NetworkCompletion(weights=str(tmp_path / "missing")).network()
