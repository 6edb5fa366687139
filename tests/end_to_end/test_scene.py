"""From photos to a film with the commands that users type, on a scene with a closed form."""

import json
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from PIL import Image

from nfield.cli import main
from nfield.data.analytic import write_synthetic


def test_a_scene_is_trained_measured_and_filmed(tmp_path: Path):
    data, run = tmp_path / "data", tmp_path / "run"
    write_synthetic(data, generator=torch.Generator().manual_seed(0), n_train=24, n_test=3, size=(40, 40))
    size = "--hash.levels 8 --hash.log2-table-size 14 --hash.finest-resolution 128 --hash.hidden 32"
    budget = "--steps 300 --samples 16384"
    assert main(["train", str(data), "--out", str(run), *budget.split(), *size.split()]) == 0
    assert main(["eval", str(run)]) == 0
    result = json.loads((run / "eval.json").read_text())
    assert len(result["views"]) == 3
    assert result["mean"]["psnr"] > 20.0
    assert result["mean"]["ssim"] > 0.7
    assert main(["render", str(run), "--frames", "6", "--size", "41", "41"]) == 0
    frames = sorted((run / "render" / "frames").iterdir())
    assert [path.name for path in frames] == [f"{index:03d}.png" for index in range(6)]
    first = np.asarray(Image.open(frames[0]))
    assert first.shape == (41, 41, 3)
    assert first[0, 0].min() > 240
    assert first.min() < 150
    frame_count, seconds = imageio_ffmpeg.count_frames_and_secs(str(run / "render" / "orbit.mp4"))
    assert frame_count == 6
    assert abs(seconds - 6 / 30) < 0.05
