"""Rows of measures, their files, and the worst views."""

import csv
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.training.evaluation import View
from nfield.training.view_measures import Measures, Worst, available_measures, mean_of, write_csv


def _view(name: str, error: float, *, used: torch.Tensor | None = None) -> View:
    photo = torch.full((24, 36, 3), 0.5)
    return View(name, photo + error, photo, used)


def test_a_row_holds_the_closed_form_of_psnr_and_the_name():
    row = Measures(flip=False).of(_view("a.png", 0.1))
    assert row["view"] == "a.png"
    assert row["psnr"] == pytest.approx(20.0, abs=1e-3)
    assert set(row) == {"view", "psnr", "ssim"}


def test_flip_and_lpips_are_columns_where_they_are_measured():
    pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")

    def constant(image: torch.Tensor, reference: torch.Tensor) -> float:
        return float((image - reference).abs().mean())

    measures = Measures(flip=True, lpips=constant)
    row = measures.of(_view("a.png", 0.1))
    assert tuple(row) == ("view", *measures.names) == ("view", "psnr", "ssim", "flip", "lpips")
    assert row["lpips"] == pytest.approx(0.1, abs=1e-4)
    assert 0.0 < float(row["flip"]) < 1.0


def test_masked_pixels_change_nothing():
    pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")
    used = torch.ones(24, 36, dtype=torch.bool)
    used[:, 20:] = False
    clean, spoilt = _view("a.png", 0.1, used=used), _view("a.png", 0.1, used=used)
    spoilt.photo[:, 20:] = 0.0
    assert Measures(flip=True).of(clean) == Measures(flip=True).of(spoilt)


def test_without_flip_the_others_are_measured_and_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    measures, lacking = available_measures(None)
    assert measures.names == ("psnr", "ssim")
    assert lacking is not None
    assert "pip install 'nfield[bench]'" in lacking


def test_the_mean_is_that_of_each_column():
    rows = [{"view": "a", "psnr": 20.0, "ssim": 0.5}, {"view": "b", "psnr": 30.0, "ssim": 1.0}]
    assert mean_of(rows, ("psnr", "ssim")) == {"psnr": 25.0, "ssim": 0.75}  # pyright: ignore[reportArgumentType]


def test_rows_are_read_back_by_a_spreadsheet_s_reader(tmp_path: Path):
    rows = [{"view": 'a, "b".png', "psnr": 20.25, "ssim": 0.5}, {"view": "c.png", "psnr": math.inf, "ssim": 1.0}]
    write_csv(tmp_path / "eval.csv", rows)  # pyright: ignore[reportArgumentType]
    with (tmp_path / "eval.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["view"] for row in read] == ['a, "b".png', "c.png"]
    assert [float(row["psnr"]) for row in read] == [20.25, math.inf]


def test_the_worst_views_are_drawn_the_worst_first(tmp_path: Path):
    worst = Worst(2)
    (tmp_path / "worst").mkdir()
    (tmp_path / "worst" / "1_of_before.png").write_text("old")
    for name, error in (("a.png", 0.1), ("images/b.png", 0.3), ("c.png", 0.01), ("d.png", 0.2)):
        worst.see(_view(name, error))
    worst.write(tmp_path / "worst")
    assert sorted(path.name for path in (tmp_path / "worst").iterdir()) == ["1_images_b.png", "2_d.png"]
    drawn = np.array(Image.open(tmp_path / "worst" / "2_d.png")) / 255.0
    assert drawn.shape == (24, 3 * 36, 3)
    for part, value in enumerate((0.7, 0.5, 0.8)):  # rendered, photographed, four times their difference
        assert np.allclose(drawn[:, 36 * part : 36 * part + 36], value, atol=0.005)


def test_none_are_drawn_where_none_are_wanted(tmp_path: Path):
    worst = Worst(0)
    worst.see(_view("a.png", 0.1))
    worst.write(tmp_path / "worst")
    assert not (tmp_path / "worst").exists()
