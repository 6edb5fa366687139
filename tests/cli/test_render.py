"""`nfield render`: its options, and films that are stopped."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
import torch
from PIL import Image
from rich.console import Console

from nfield.cli import main
from nfield.cli.film import write_film
from nfield.cli.render import RenderOptions


def _complaint(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert main(["render", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--motion", "walk"], "--motion: {run} holds a scene, which has no joints; leave --motion out"),
        (["--camera", "front"], "--camera: {run} holds a scene, which has no joints; leave --camera out"),
        (["--camera", "follow"], "--camera: {run} holds a scene"),
        (["--frames", "3", "--seconds", "2"], "--frames: --seconds says the same in another way"),
        (["--fps", "0"], "--fps: is 0, expected a positive number of pictures per second"),
        (["--seconds", "-1"], "--seconds: is -1, expected a positive number of seconds"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    words: list[str], expected: str, finished_run: Path, capsys: pytest.CaptureFixture[str]
):
    assert expected.format(run=finished_run) in _complaint(capsys, finished_run, *words)


def test_orbit_is_no_option_any_more(finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["render", str(finished_run), "--orbit"]) == 2
    assert "--orbit" in capsys.readouterr().err


def test_a_scene_is_filmed_as_long_and_as_fast_as_asked_for(finished_run: Path, tmp_path: Path):
    words = ["--seconds", "0.5", "--fps", "10", "--size", "16", "16", "--out", str(tmp_path)]
    assert main(["render", str(finished_run), *words]) == 0
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "orbit.mp4"))
    assert (count, seconds) == (5, pytest.approx(0.5, abs=0.02))


def test_lengths_follow_from_what_is_given():
    run = Path("run")
    turn = RenderOptions(run).turn()
    assert (turn.count, turn.rate, turn.seconds) == (60, 30.0, 2.0)
    assert RenderOptions(run, frames=7).turn().count == 7
    assert RenderOptions(run, fps=10.0).turn().count == 60
    assert RenderOptions(run, seconds=3.0).turn().count == 90
    motion = RenderOptions(run, fps=24.0).length(rate=15.0, seconds=2.0)
    assert (motion.count, motion.rate) == (48, 24.0)
    assert RenderOptions(run, seconds=0.001).length(rate=15.0, seconds=2.0).count == 1


def _frames(stop: int) -> Iterator[torch.Tensor]:
    """Grey pictures that become lighter; Ctrl-C comes before the one with this number."""
    for index in range(20):
        if index == stop:
            os.kill(os.getpid(), signal.SIGINT)
        yield torch.full((32, 48, 3), index / 20.0)


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_ctrl_c_leaves_what_can_be_played(stop: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell began with &
    try:
        with pytest.raises(KeyboardInterrupt):
            write_film(Console(soft_wrap=True), tmp_path, _frames(stop), count=20, name="grey", rate=10.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(list((tmp_path / "frames").glob("*.png"))) == stop if stop else not (tmp_path / "frames").exists()
    if stop:
        assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "grey.mp4"))[0] == stop
        assert f"stopped after {stop} of 20 frames: see grey.mp4" in capsys.readouterr().out
        with Image.open(tmp_path / "strip.png") as strip:
            assert strip.height == 32
