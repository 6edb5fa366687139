import subprocess
import sys

import pytest

from nfield.cli import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, text in COMMANDS.items():
        assert f"  {name}" in shown
        assert text in shown


def test_help_does_not_wait_for_torch():
    code = "import sys; from nfield.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize("command", ["train", "eval", "render", "view", "doctor"])
def test_help_of_a_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: nfield {command}" in shown
    assert f"\n  nfield {command}" in shown.split("examples:")[1]


def test_no_command_shows_the_usage(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    assert "usage: nfield COMMAND" in capsys.readouterr().err


def test_an_unknown_command_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]):
    assert main(["trian"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: 'trian' is not a command, expected one of {', '.join(COMMANDS)};")
    assert error.count("\n") == 1


def test_an_unknown_option_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["eval", "somewhere", "--vews", "3"]) == 2
    assert "--vews" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nfield 0.")


def test_the_doctor_reports_without_complaint(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for subject in ("python", "torch", "native core", "CUDA", "nerfacc", "assets/body/body.npz"):
        assert f"\n{subject} " in shown
    assert "missing" not in shown
