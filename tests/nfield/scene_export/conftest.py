"""Scenes to export: a trained tiny one, and whatever a test says is in a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nfield.saved_scene import SavedScene
from nfield.scene_export.formats import cameras, mesh, pointcloud, splats
from tests.cli.conftest import finished_run, scene_folder

__all__ = ["finished_run", "scene_folder"]


@pytest.fixture
def as_run(monkeypatch: pytest.MonkeyPatch) -> Callable[[SavedScene], Path]:
    """Lets every format find a scene in a run folder that does not exist."""

    def found(saved: SavedScene) -> Path:
        for module in (cameras, mesh, pointcloud, splats):
            monkeypatch.setattr(module, "load_scene_run", lambda _: saved)
        return Path("run")

    return found
