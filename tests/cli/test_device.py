"""--device: every command has it, and says what cannot be used."""

import json
from pathlib import Path

import pytest
import torch

from nfield.bench.device import Stage
from nfield.cli import bench_gpu, main

COMMANDS = ("train", "fit", "eval", "render", "convert", "export", "view", "bench gpu")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_computes_has_the_option(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([*command.split(), "--help"]) == 0
    assert "--device" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("asked", ["cuda", "cuda:1", "gpu"])
def test_a_device_that_cannot_be_used_is_an_error(asked: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["bench", "gpu", "--device", asked, "--out", str(tmp_path / "gpu.json")]) == 2
    assert "error: --device" in capsys.readouterr().err
    assert not (tmp_path / "gpu.json").exists()


def test_the_check_writes_after_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "gpu.json"

    def second() -> dict[str, int]:
        return {"parts before": len(json.loads(out.read_text())) - 2}

    monkeypatch.setattr(bench_gpu, "stages", lambda *_: [Stage("one", dict), Stage("two", second)])
    assert main(["bench", "gpu", "--device", "cpu", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["device"] == "CPU"
    assert found["two"]["parts before"] == 1


def test_the_check_has_all_parts(tmp_path: Path):
    options = bench_gpu.parse(["--device", "cpu", "--seconds", "3"])
    names = [stage.name for stage in bench_gpu.stages(options, torch.device("cpu"), tmp_path)]
    assert {"hash, 3 s", "hash, 12 s", "rbf, 2 s", "hash to vm", "fit of the sample", "an avatar on both"} <= set(names)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("name", ["photo.png", "part.stl"])
def test_pictures_and_meshes_ask_for_a_device_as_scenes_do(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / name).touch()
    assert main(["train", str(tmp_path / name), "--out", str(tmp_path / "run"), "--device", "cuda"]) == 2
    assert "error: --device" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["view", "render"])
def test_files_of_splats_take_no_gpu(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "cloud.ply").touch()
    assert main([command, str(tmp_path / "cloud.ply"), "--device", "cuda"]) == 2
    assert "files of splats are computed on the CPU only" in capsys.readouterr().err
