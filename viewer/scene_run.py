"""What a run of kind "radiance" shows: its field from anywhere, and the cameras that it was trained from."""

from pathlib import Path

import torch

from nfield.cameras import Cameras, Orbit
from nfield.checkpoint import Checkpoint, file_of
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.rendering.image import Image, ShouldStop
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import load_scene_run
from nfield.training.run_folder import RUN_FILE, read_json
from nfield.types import triple
from viewer.camera import field_of_view
from viewer.interface import Home, Subject, View

CHUNK = 1 << 13
"""Rays between two looks at whether a picture is still wanted."""


def load_subject(run: Path, *, motion: Path | None = None, device: torch.device = CPU) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: Nothing that a scene could follow.
        device: Where its field is rendered.

    Raises:
        CheckpointError: The folder holds no scene that can be used.
        OptionError: A motion is given.
    """
    refuse_motion(run, motion, what="scene")
    saved = load_scene_run(run, device=device)
    numbers = read_json(run / RUN_FILE)
    measured = read_json(run / "eval.json").get("mean")
    mean = measured.get("psnr") if isinstance(measured, dict) else None
    qualities = {"PSNR, held-out views": mean, "PSNR, last test": numbers.get("last_test_psnr")}
    facts = {name: f"{value:.2f} dB" for name, value in qualities.items() if isinstance(value, int | float)}
    facts |= run_facts(run, saved.checkpoint)
    views, home = {"scene": scene_view(saved.shown)}, home_of(saved.orbit)
    return Subject(run.resolve().name, "scene", views, home, facts, cameras=saved.cameras)


def refuse_motion(run: Path, motion: Path | None, *, what: str) -> None:
    """Refuses a motion for what has no joints."""
    if motion is not None:
        raise OptionError(f"--motion: {run} holds a {what}, which has no joints; leave --motion out, or give an avatar")


def scene_view(shown: SceneRenderer) -> View:
    """The view of a field's renderer."""

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        return shown.image_unless(should_stop, camera.resized(size), 0, chunk=CHUNK)

    return view


def home_of(orbit: Orbit) -> Home:
    """The first camera of an orbit."""
    angle = field_of_view(orbit.focal, orbit.size[0])
    return Home(triple(orbit.target + orbit.start), triple(orbit.target), triple(orbit.up), angle)


def run_facts(run: Path, checkpoint: Checkpoint) -> dict[str, str]:
    """Size and training of a run, as lines for the page."""
    count = sum(tensor.numel() for tensor in checkpoint.part("field").values())
    return {
        "field": type(checkpoint.config)
        .__name__.removesuffix("Config")
        .removesuffix("Signal")
        .removesuffix("Distance")
        .lower(),
        "numbers": f"{count / 1e6:.2f} million",
        "checkpoint": f"{file_of(run).stat().st_size / 1e6:.1f} MB",
        "training": f"{checkpoint.step} steps, {checkpoint.seconds:.0f} s",
    }
