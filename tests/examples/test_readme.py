"""What the README shows runs."""

import importlib
import re
import shlex
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


def _commands() -> list[str]:
    """Lines of README and docs that call nfield, without what is said about them."""
    texts = [path.read_text() for path in (_README, *sorted((_README.parent / "docs").glob("*.md")))]
    blocks = [block for text in texts for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)]
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("nfield ")]
    return sorted({re.split(r"\s#", line)[0].strip() for line in lines})


@pytest.mark.parametrize("line", _commands())
def test_every_command_that_is_shown_is_understood(line: str):
    """It is parsed; what the commands then do is tested elsewhere."""
    _, command, *words = shlex.split(line)
    if "--help" not in words and command != "doctor":
        options = importlib.import_module(f"nfield.cli.{command}").parse(words)
        assert options is not None


def test_every_document_it_names_exists():
    text = _README.read_text()
    assert all((_README.parent / name).exists() for name in re.findall(r"`(docs/[\w.]+)`", text))
