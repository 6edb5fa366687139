"""An edited field answers where its points are."""

import copy

import pytest
import torch

from nfield.devices import on_device
from nfield.fields.edited import EditedField, Piece, within
from nfield.fields.recolor import Recolor
from tests.nfield.fields.test_edited import ELSEWHERE, REGION, source


@pytest.mark.usefixtures("no_core")
def test_an_edited_field_on_a_device_answers_as_on_the_cpu(device: torch.device, generator: torch.Generator):
    sources = source("hash", generator), source("dense", generator)
    changes = (Recolor(REGION, only=(0.5, 0.4, 0.3), paint=(0.1, 0.2, 0.9)), Recolor(saturation=0.5))
    pieces = within(Piece(0), REGION), Piece(1, ELSEWHERE, (), (REGION,), changes)
    here = EditedField(sources, pieces)
    there = copy.deepcopy(here).to(device)
    points = 2.0 * torch.rand(200, 3, generator=generator) - 1.0
    dirs = torch.nn.functional.normalize(points, dim=-1)
    expected = here(points, dirs)
    for answer in (there.fused, there.compose):
        found = answer(*on_device((points, dirs), device))
        assert found.color.device == device
        seen = expected.presence > 0.0
        assert torch.equal(found.presence.cpu(), expected.presence)
        assert torch.allclose(found.log_density.cpu()[seen], expected.log_density[seen], atol=1e-4)
        assert torch.allclose(found.color.cpu()[seen], expected.color[seen], atol=1e-4)
