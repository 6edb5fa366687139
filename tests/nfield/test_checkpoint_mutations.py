"""The JSON of checkpoints, wrong in three hundred ways for each kind of run: each is taken or refused in a line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from distill.run import continue_conversion, convert_plan_of
from distill.splat_run import continue_splat_conversion, splat_plan_of
from distill.splat_teacher import SplatTeacher
from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import convert_splats, main
from nfield.cli.kinds import kind_at
from nfield.data.analytic import write_synthetic
from nfield.data.picture import load_picture
from nfield.data.picture_files import write_png
from nfield.data.scenes import load_scene
from nfield.export.splat_file import read_splats, write_splats
from nfield.pictures import run as image_run
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.saved_scene import load_scene_run
from nfield.training import scene_run
from tests.mutations import check_refusals
from tests.splat_ball import red_ball

COUNT = 300
SMALL = [
    *("--samples", "1024", "--hash.levels", "2", "--hash.log2-table-size", "6"),
    *("--hash.finest-resolution", "8", "--hash.hidden", "8"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutations")
    generator = torch.Generator().manual_seed(0)
    write_synthetic(folder / "data", generator=generator, n_train=3, n_test=1, size=(12, 12))
    write_png(folder / "noise.png", torch.rand(12, 12, 3, generator=generator))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _small_grids() -> Iterator[None]:
    """Grids of occupancy that take no time to make."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("nfield.training.scene.sampler_options", lambda images: OccupancyConfig(resolution=8, steps=16))
        yield


@pytest.fixture(scope="module")
def scene(folder: Path) -> Path:
    run = folder / "scene"
    assert main(["train", str(folder / "data"), "--out", str(run), "--steps", "1", "--test-renders", "0", *SMALL]) == 0
    return run


def _read_scene(run: Path) -> Callable[[Path], None]:
    data = load_scene(scene_run.plan_of(load_checkpoint(run), where=run).data)

    def reads(run: Path) -> None:
        kind_at(run).subject(run, motion=None)
        checkpoint = load_checkpoint(run)
        plan = scene_run.plan_of(checkpoint, where=run)
        begun = scene_run.continue_run(run, plan, checkpoint, data)
        assert begun.state is not None
        begun.setup.task.restore(begun.state.numbers)

    return reads


def test_of_scenes(scene: Path):
    _check(scene, _read_scene(scene), seed=1)


def test_of_conversions(scene: Path, folder: Path):
    run = folder / "student"
    words = ["convert", str(scene), "--to", "hash", "--out", str(run), "--steps", "1", "--views", "1", *SMALL]
    assert main(words) == 0
    source = kind_at(scene).source(scene)

    def reads(run: Path) -> None:
        load_scene_run(run)
        checkpoint = load_checkpoint(run)
        begun = continue_conversion(run, convert_plan_of(checkpoint, where=run), checkpoint, source)
        begun.checkpoint(begun.state)  # pyright: ignore[reportArgumentType]

    _check(run, reads, seed=2)


def test_of_edited_scenes(scene: Path, folder: Path):
    run = folder / "edited"
    box = ["--box", "-9", "-9", "-9", "0.1", "9", "9"]
    assert main(["edit", "move", str(scene), *box, "--turn", "20", "--copy", "--out", str(run)]) == 0
    grey = folder / "grey"
    assert main(["edit", "recolor", str(run), "--hue", "20", "--paint", "red", *box, "--out", str(grey)]) == 0
    _check(grey, lambda run: kind_at(run).subject(run, motion=None), seed=4)


def test_of_conversions_of_splats(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(convert_splats, "_VIEWS", 4)
    monkeypatch.setattr(convert_splats, "_EDGE", 16)
    monkeypatch.setattr("nfield.training.scene.sampler_options", lambda images: OccupancyConfig(resolution=8, steps=16))
    file, run = folder / "ball.ply", folder / "from-splats"
    write_splats(file, red_ball(torch.Generator().manual_seed(0), count=100))
    words = ["convert", str(file), "--to", "hash", "--out", str(run), "--steps", "1", "--views", "1", *SMALL]
    assert main(words) == 0
    teacher = SplatTeacher.of(read_splats(file))

    def reads(run: Path) -> None:
        load_scene_run(run)
        checkpoint = load_checkpoint(run)
        continue_splat_conversion(run, splat_plan_of(checkpoint, where=run), checkpoint, teacher)

    _check(run, reads, seed=5)


def test_of_pictures(folder: Path):
    run = folder / "picture"
    assert main(["train", str(folder / "noise.png"), "--field", "rbf", "--out", str(run), "--steps", "1"]) == 0
    picture = load_picture(folder / "noise.png")

    def reads(run: Path) -> None:
        checkpoint = load_checkpoint(run)
        plan = image_run.plan_of(checkpoint, where=run)
        image_run.continue_run(run, plan, checkpoint, picture)

    _check(run, reads, seed=3)


def _check(run: Path, reads: Callable[[Path], None], *, seed: int) -> None:
    """Lets mutations of a run's checkpoint be read."""
    with safe_open(run / FILE, framework="pt") as file:
        header = json.loads(file.metadata()["nfield"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    changed = run.with_name(f"{run.name}-{seed}")
    changed.mkdir()

    def read(document: Any) -> None:
        save_file(tensors, changed / FILE, {"nfield": json.dumps(document)})
        reads(changed)

    check_refusals(header, read, count=COUNT, seed=seed, named=str(changed))
