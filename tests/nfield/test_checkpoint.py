import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nfield.checkpoint import FILE, FORMAT, Checkpoint, kind_of, load_checkpoint, load_field, save_checkpoint
from nfield.errors import CheckpointError
from nfield.fields import BACKENDS, BuildContext, HashConfig, HashField
from nfield.saved_scene import load_scene_run
from nfield.types import Box

TINY = HashConfig(levels=2, log2_table_size=8, finest_resolution=32, hidden=32)


@pytest.fixture
def built(generator: torch.Generator) -> HashField:
    return TINY.build(BuildContext(Box.cube(1.5), generator))


@pytest.fixture
def saved(built: HashField) -> Checkpoint:
    tensors = {f"field.{name}": value for name, value in built.state_dict().items()}
    return Checkpoint("radiance", TINY, Box.cube(1.5), tensors, 7, 1.5, {"rays": 512.0}, {"plan": {"data": "here"}})


def _edit_header(path: Path, **changes: object) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["nfield"])
    save_file(load_file(path), path, {"nfield": json.dumps(header | changes)})


def _message(run: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(run)
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value)
    return str(caught.value)


def test_a_loaded_field_answers_like_the_saved_one(tmp_path: Path, built: HashField, saved: Checkpoint):
    save_checkpoint(tmp_path, saved)
    loaded = load_checkpoint(tmp_path)
    points = torch.rand(64, 3) * 2.0 - 1.0
    dirs = torch.nn.functional.normalize(torch.randn(64, 3), dim=-1)
    expected, found = built(points, dirs), load_field(loaded, where=tmp_path)(points, dirs)
    assert torch.equal(expected.color, found.color)
    assert torch.equal(expected.log_density, found.log_density)


def test_everything_but_the_tensors_comes_back_as_it_was(tmp_path: Path, saved: Checkpoint):
    save_checkpoint(tmp_path, saved)
    loaded = load_checkpoint(tmp_path)
    assert loaded.field == TINY
    assert (loaded.kind, loaded.step, loaded.seconds) == ("radiance", 7, 1.5)
    assert loaded.numbers == {"rays": 512.0}
    assert loaded.extra == {"plan": {"data": "here"}}
    assert torch.equal(loaded.box.low, saved.box.low)


def test_a_missing_checkpoint_is_named(tmp_path: Path):
    assert "does not exist" in _message(tmp_path / "nowhere")
    assert "does not exist" in _message(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, saved: Checkpoint, share: float):
    path = save_checkpoint(tmp_path, saved)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "damaged or cut off" in _message(tmp_path)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path):
    save_file({"weight": torch.zeros(2)}, tmp_path / FILE)
    assert "was not written by nfield" in _message(tmp_path)


def test_values_that_are_not_numbers_are_refused(tmp_path: Path, saved: Checkpoint):
    table = torch.full_like(saved.tensors["field.grid.table"], torch.nan)
    save_checkpoint(tmp_path, replace(saved, tensors={**saved.tensors, "field.grid.table": table}))
    assert "field.grid.table holds values that are not numbers" in _message(tmp_path)


def test_another_format_is_refused(tmp_path: Path, saved: Checkpoint):
    _edit_header(save_checkpoint(tmp_path, saved), format=99)
    assert f"has format 99, expected {FORMAT};" in _message(tmp_path)


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path: Path, saved: Checkpoint):
    _edit_header(save_checkpoint(tmp_path, saved), backend="telepathy")
    assert f"'telepathy', expected one of {', '.join(BACKENDS)}" in _message(tmp_path)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"levels": "many"}, "config.levels: is 'many', expected a value of type int"),
        ({"layers": 3}, "unknown option 'layers'"),
        ({"log_density_range": [1.0]}, "expected 2 values"),
        ([1], "expected an object of options"),
    ],
)
def test_a_backends_options_are_checked_against_their_types(
    tmp_path: Path, saved: Checkpoint, config: object, expected: str
):
    _edit_header(save_checkpoint(tmp_path, saved), config=config)
    assert expected in _message(tmp_path)


def test_tensors_that_do_not_fit_the_options_are_refused(tmp_path: Path, saved: Checkpoint):
    _edit_header(save_checkpoint(tmp_path, saved), config={"levels": 3})
    with pytest.raises(CheckpointError, match="do not fit its options"):
        load_field(load_checkpoint(tmp_path), where=tmp_path)


def test_a_scene_without_its_record_is_refused(tmp_path: Path, saved: Checkpoint):
    save_checkpoint(tmp_path, saved)
    with pytest.raises(CheckpointError, match="scene: lacks the entry 'background'"):
        load_scene_run(tmp_path)


def test_another_kind_of_run_is_not_taken_for_a_scene(tmp_path: Path, saved: Checkpoint):
    save_checkpoint(tmp_path, replace(saved, kind="avatar"))
    assert load_checkpoint(tmp_path).kind == "avatar"
    with pytest.raises(CheckpointError, match="kind 'avatar', expected 'radiance'"):
        load_scene_run(tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, saved: Checkpoint, monkeypatch: pytest.MonkeyPatch):
    save_checkpoint(tmp_path, saved)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nfield.whole_file.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, replace(saved, step=8))
    assert load_checkpoint(tmp_path).step == 7
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_kind_is_told_without_the_tensors(tmp_path: Path, saved: Checkpoint, monkeypatch: pytest.MonkeyPatch):
    save_checkpoint(tmp_path, saved)
    monkeypatch.setattr("nfield.checkpoint._tensors", None)
    assert kind_of(tmp_path) == "radiance"
    with pytest.raises(CheckpointError, match="does not exist"):
        kind_of(tmp_path / "elsewhere")
