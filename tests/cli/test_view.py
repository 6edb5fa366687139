import json
import os
import signal
import time
from pathlib import Path

import pytest

from nfield.checkpoint import FILE
from nfield.cli import main
from viewer.app import Viewer
from viewer.headless_client import fetch_page
from viewer.server import listen


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
    with (taken := listen("127.0.0.1", 0)).socket:
        assert main(["view", str(finished_run), "--check", "--port", str(taken.port)]) == 0
    assert f"port {taken.port} is busy, trying the next" in capsys.readouterr().out


def test_ctrl_c_ends_it_well(finished_run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def interrupt(viewer: Viewer) -> None:
        assert "<html" in fetch_page(viewer.url)[0]
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10.0)

    monkeypatch.setattr(Viewer, "wait", interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell began with &
    try:
        assert main(["view", str(finished_run), "--port", "0", "--host", "0.0.0.0", "--no-open"]) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    address, *_, closed = capsys.readouterr().out.strip().splitlines()
    url = address.split()[-1]
    assert "?token=" in url
    assert closed == "closed"
    with pytest.raises(OSError, match="refused"):
        fetch_page(url)


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
