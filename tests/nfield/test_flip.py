"""FLIP by its package: equal, opposite and shifted pictures."""

import sys

import pytest
import torch

from nfield.errors import BackendUnavailable
from nfield.flip import flip_map, require_flip

pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")


def test_equal_pictures_do_not_flicker(generator: torch.Generator):
    picture = torch.rand(20, 30, 3, generator=generator)
    assert flip_map(picture, picture.clone()).shape == (20, 30)
    assert float(flip_map(picture, picture.clone()).abs().max()) < 1e-6


def test_black_on_white_is_one():
    assert float(flip_map(torch.zeros(40, 40, 3), torch.ones(40, 40, 3)).mean()) == pytest.approx(0.97, abs=0.04)


def test_it_grows_with_the_difference(generator: torch.Generator):
    picture = 0.5 * torch.rand(30, 30, 3, generator=generator)
    errors = [float(flip_map(picture + step, picture).mean()) for step in (0.02, 0.1, 0.3)]
    assert errors == sorted(errors)


def test_it_is_large_only_where_pictures_differ(generator: torch.Generator):
    picture = torch.rand(60, 60, 3, generator=generator)
    other = picture.clone()
    other[:10] = 1.0 - other[:10]
    errors = flip_map(other, picture)
    assert float(errors[30:].max()) < 1e-6 < 0.1 < float(errors[:10].mean())


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    with pytest.raises(BackendUnavailable, match=r"FLIP .* pip install 'nfield\[bench\]'"):
        require_flip()
