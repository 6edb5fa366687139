"""Steps of two trainings in turns, and what `nfield bench steps` makes of them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import trimesh
from torch import Tensor, nn

from nfield.bench.steps import FIELDS, Training, in_turns
from nfield.cli import main
from nfield.data.picture_files import write_png
from nfield.training.loop import TrainConfig
from nfield.training.task import Moment


class Counting:
    """Notes its steps in a list that it shares with another."""

    def __init__(self, name: str, told: list[tuple[str, int]]) -> None:
        self.name, self.told, self.value = name, told, nn.Parameter(torch.ones(3))

    def modules(self) -> Mapping[str, nn.Module]:
        return {}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"values": [self.value]}

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Tensor]:
        self.told.append((self.name, moment.step))
        return {"square": self.value.square().sum()}

    def measures(self) -> dict[str, float]:
        return {}

    def state(self) -> dict[str, float]:
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        assert not state


def test_rounds_are_steps_of_the_one_and_then_of_the_other():
    told: list[tuple[str, int]] = []
    trainings = {name: Training(Counting(name, told), TrainConfig(None, 1), 3) for name in ("a", "b")}
    seconds = in_turns(trainings, rounds=2, steps=3)
    turns = [[(name, 3 * turn + step) for step in range(3)] for turn in range(3) for name in "ab"]
    assert told == [step for turn in turns for step in turn]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    assert all(time > 0.0 for times in seconds.values() for time in times)


def test_the_command_compares_fields_of_one_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    row, column = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    write_png(tmp_path / "waves.png", torch.stack([torch.sin(0.5 * row), torch.cos(0.4 * column), row / 40], -1).abs())
    trimesh.creation.icosphere(subdivisions=2).export(tmp_path / "ball.ply")
    files = ["--picture", str(tmp_path / "waves.png"), "--mesh", str(tmp_path / "ball.ply")]
    out = tmp_path / "steps.json"
    assert main(["bench", "steps", *files, "--rounds", "1", "--steps", "10", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert [times["what"] for times in found["times"]] == ["picture", "signed distance", "scene"]
    for times in found["times"]:
        assert set(times["milliseconds"]) == set(FIELDS)
        assert times["ratio"] == pytest.approx(times["milliseconds"]["rbf"] / times["milliseconds"]["hash"], abs=1e-3)
        assert times["what"] not in ("signed distance", "scene") or (
            0 <= times["numbers"]["hash"] - times["numbers"]["rbf"] < 50
        )
    assert "times as long as hash" in capsys.readouterr().out


def test_too_few_steps_are_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "steps", "--steps", "3"]) == 2
    assert "--steps" in capsys.readouterr().err
