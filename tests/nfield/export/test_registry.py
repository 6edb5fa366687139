"""The registry of exports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nfield.errors import OptionError
from nfield.export import EXPORTS, Export, Tell, export_of, register


@dataclass(frozen=True)
class _Stone:
    about: str = "a stone"
    suffix: str = ".stone"
    endings: tuple[str, ...] = ()
    options: None = None

    def write(self, run: Path, out: Path, options: Any, tell: Tell) -> None:
        out.write_text("stone")


@pytest.fixture
def _stones(monkeypatch: pytest.MonkeyPatch):
    for kind in tuple(EXPORTS):
        monkeypatch.delitem(EXPORTS, kind)
    register("hill", "stone", _Stone())
    yield
    EXPORTS.pop("hill")


@pytest.mark.usefixtures("_stones")
def test_an_export_is_found_by_kind_and_name(tmp_path: Path):
    found = export_of("hill", "stone", where=tmp_path)
    assert isinstance(found, Export)
    assert found == _Stone()


@pytest.mark.usefixtures("_stones")
def test_what_cannot_be_exported_is_said(tmp_path: Path):
    with pytest.raises(OptionError, match="runs of kind 'image' cannot be exported, those of these kinds can: hill"):
        export_of("image", "stone", where=tmp_path)
    with pytest.raises(OptionError, match="'fbx', expected one of stone for a run of kind 'hill'"):
        export_of("hill", "fbx", where=tmp_path)
