"""A tiny scene, and a run on it that several tests look at."""

from pathlib import Path

import pytest
import torch

from nfield.cli import main
from nfield.data.analytic import write_synthetic

TINY = [
    *("--samples", "4096", "--hash.levels", "6", "--hash.log2-table-size", "12"),
    *("--hash.finest-resolution", "64", "--hash.hidden", "32"),
]
"""Options of a training whose steps take milliseconds."""


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write_synthetic(folder, generator=torch.Generator().manual_seed(0), n_train=8, n_test=2, size=(16, 20))
    return folder


@pytest.fixture(scope="session")
def tiny_options() -> list[str]:
    return TINY


@pytest.fixture(scope="session")
def finished_run(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", str(scene_folder), "--out", str(run), "--steps", "20", *TINY]) == 0
    return run
