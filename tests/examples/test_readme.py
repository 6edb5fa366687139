"""What the README shows runs."""

import re
from pathlib import Path
from typing import Any

import pytest

_README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_python_block_runs(capsys: pytest.CaptureFixture[str]):
    (block,) = re.findall(r"```python\n(.*?)```", _README.read_text(), re.DOTALL)
    exec(compile(block, str(_README), "exec"), {})
    assert "tensor" in capsys.readouterr().out


def test_the_python_block_about_motions_runs():
    path = _README.parent / "docs" / "motions.md"
    (block,) = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(block, str(path), "exec"), found)
    assert found["posture"].rotations.shape == (24, 3)
    assert found["clip"].rate == pytest.approx(24.0, abs=0.5)


def test_every_command_it_names_exists():
    from nfield.cli import COMMANDS

    named = set(re.findall(r"^nfield (\w+)", _README.read_text(), re.MULTILINE))
    assert named <= set(COMMANDS)


def test_every_document_it_names_exists():
    text = _README.read_text()
    assert all((_README.parent / name).exists() for name in re.findall(r"`(docs/[\w.]+)`", text))
