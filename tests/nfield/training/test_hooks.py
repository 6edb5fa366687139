from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nfield.training import hooks
from nfield.training.hooks import Log, PeriodicSave
from nfield.training.loop import StepEvent, TrainState
from nfield.training.quality import DISTANCE_ERROR
from nfield.training.run_folder import read_log, write_log
from nfield.training.task import Moment


def _event(step: int, seconds: float, share: float, *, last: bool = False, interrupted: bool = False) -> StepEvent:
    def state() -> TrainState:
        return TrainState(step, seconds, {}, torch.zeros(1, dtype=torch.uint8), {})

    measures = {"psnr": 20.0, "rays": 100.0}
    return StepEvent(Moment(step, seconds, share), {"color": 0.1}, measures, last, interrupted, state)


def test_the_first_step_is_saved_and_then_saves_lie_no_further_apart_than_asked():
    saved: list[float] = []
    save = PeriodicSave(lambda state: saved.append(state.seconds), every=10.0)
    for second in range(1, 36):
        save(_event(second, float(second), second / 35))
    save(_event(35, 35.0, 1.0, last=True))
    assert saved == [1.0, 11.0, 21.0, 31.0, 35.0]


def test_a_resumed_training_is_saved_after_its_first_step_too():
    saved: list[float] = []
    save = PeriodicSave(lambda state: saved.append(state.seconds), every=10.0)
    for second in range(100, 121):
        save(_event(second, float(second), second / 200))
    assert saved == [100.0, 110.0, 120.0]


def test_the_log_evaluates_at_its_marks_and_at_the_end(tmp_path: Path):
    log = Log(tmp_path, lambda: 30.0)
    for step in range(0, 10_001, 100):
        log(_event(step, step / 100.0, step / 10_000))
    log(_event(10_000, 100.0, 1.0, last=True))
    rows = read_log(tmp_path)
    assert [row["step"] for row in rows if row["test_psnr"] is not None] == [500, 1000, 2000, 3500, 5000, 7500, 10_000]
    assert all(row["rays_per_second"] == 100 for row in rows[1:])
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_an_interrupted_training_is_not_evaluated(tmp_path: Path):
    log = Log(tmp_path, lambda: 1 / 0)
    log(_event(10, 1.0, 0.01))
    log(_event(10, 1.0, 0.01, last=True, interrupted=True))
    assert [row["test_psnr"] for row in read_log(tmp_path)] == [None]


def test_a_resumed_log_forgets_what_was_lost(tmp_path: Path):
    row = {"seconds": 1.0, "train_psnr": 20.0, "test_psnr": None, "rays_per_second": 1}
    write_log(tmp_path, [row | {"step": step} for step in (10, 20, 30)])
    log = Log(tmp_path, lambda: 30.0, step=20, share=0.2)
    log(_event(21, 1.0, 0.21))
    assert [row["step"] for row in read_log(tmp_path)] == [10, 20, 21]


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path):
    row = {"seconds": 1.0, "step": 1, "train_psnr": 20.0, "test_psnr": None, "rays_per_second": 1}
    write_log(tmp_path, [row, {**row, "step": "2"}, {**row, "test_psnr": [3]}])
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('[4]\n{"ste')
    assert read_log(tmp_path) == [row]


def test_a_log_of_another_quality_has_columns_of_its_own(tmp_path: Path):
    log = Log(tmp_path, lambda: 0.02, quality=DISTANCE_ERROR)
    event = _event(300, 1.0, 1.0, last=True)
    log(replace(event, measures={"error": 0.0123456}))
    (row,) = read_log(tmp_path)
    assert (row["train_error"], row["test_error"]) == (0.01235, 0.02)
    assert "test_psnr" not in row
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_saves_that_take_long_come_less_often(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(hooks.time, "perf_counter", lambda: now[0])
    saved: list[float] = []

    def save(state: TrainState) -> None:
        saved.append(state.seconds)
        now[0] += 3.0

    saves = PeriodicSave(save, every=10.0)
    for second in range(1, 71):
        saves(_event(second, float(second), second / 70))
    assert saved == [1.0, 31.0, 61.0]
