import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nfield.checkpoint import FILE
from nfield.cli import main
from viewer.probe import fetch_page

CODE = "import sys; from nfield.cli import main; sys.exit(main())"


def _complaint(capsys: pytest.CaptureFixture[str], *words: object):
    capsys.readouterr()
    assert main(["view", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_check_fetches_the_page_and_a_picture(finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["view", str(finished_run), "--check", "--port", "0"]) == 0
    shown = capsys.readouterr().out
    assert "the page answers, and a picture of" in shown
    assert "viser" not in shown


def test_a_busy_port_is_told(finished_run: Path, capsys: pytest.CaptureFixture[str]):
    from viewer.server import listen

    with (taken := listen("127.0.0.1", 0)).socket:
        assert main(["view", str(finished_run), "--check", "--port", str(taken.port)]) == 0
    assert f"port {taken.port} is busy, trying the next" in capsys.readouterr().out


def test_ctrl_c_ends_it_well(finished_run: Path):
    words = ["view", str(finished_run), "--port", "0", "--host", "0.0.0.0", "--no-open"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[-1]
        assert "?token=" in url
        assert "<html" in fetch_page(url)[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_runs_that_are_missing_or_foreign(tmp_path: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert "does not exist" in _complaint(capsys, tmp_path / "nowhere")
    assert "does not exist" in _complaint(capsys, finished_run, tmp_path / "nowhere")
    (tmp_path / FILE).write_text(json.dumps({"not": "a checkpoint"}))
    assert "is damaged or cut off" in _complaint(capsys, tmp_path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--port", "70000"], "--port: is 70000, expected a number from 0 to 65535"),
        (["--token", "short"], "--token: expected at least 16"),
        (["--token", "a token with spaces in it"], "--token: expected at least 16"),
        (["--host", "203.0.113.7", "--port", "0"], "cannot be listened on"),
        (["--motion", "dance.npz"], "has no joints"),
    ],
)
def test_options_out_of_range(words: list[str], expected: str, finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert expected in _complaint(capsys, finished_run, *words)
