from pathlib import Path

import pytest
import torch

from nfield.bench.device import SceneCheck, Stage, field_speed, measured, nearest_centers, seconds_of
from nfield.devices import CPU


def test_a_stage_that_fails_says_why_and_the_next_begins():
    def fails() -> dict[str, float]:
        raise RuntimeError("no device")

    found = dict(measured([Stage("first", fails), Stage("second", lambda: {"steps": 3})]))
    assert found["first"]["failed"] == "RuntimeError: no device"
    assert str(found["first"]["where"]).rpartition(":")[0].endswith("test_device.py")
    assert found["second"]["steps"] == 3


def test_the_median_leaves_the_first_call_out():
    calls: list[int] = []
    assert seconds_of(lambda: calls.append(1), CPU, rounds=3) >= 0.0
    assert len(calls) == 4


def test_speed_counts_points():
    speeds = field_speed(CPU, 256)
    assert set(speeds) == {"forward, million points/s", "forward and backward, million points/s"}


def test_a_training_leaves_a_run_that_both_devices_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.bench.device._ANALYTIC_VIEWS", 6)
    monkeypatch.setattr("nfield.bench.device._ANALYTIC_SIZE", (16, 16))
    check = SceneCheck(torch.device("cpu"), tmp_path)
    facts = check.training("hash", 0.2)
    assert facts["views"] == 4
    assert facts["steps"] > 0
    assert facts["rays/s"] > 0
    assert check.same_pictures()["largest difference"] == 0.0
    equal = check.equal_steps(2)
    assert equal["psnr"] == equal["the CPU's"]


def test_nearest_centres_are_compared_with_the_cpus():
    assert nearest_centers(CPU, centers=100, points=50)["different"] == 0
