"""The build of the completion network: what its examples hold, and that it learns, is measured and goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import assets.build.completion.examples as examples
import assets.build.completion.training as training
from assets.build.completion.__main__ import Options, main
from assets.build.completion.examples import Example, can_be_told, made_example
from assets.build.completion.making import NAME, make_examples
from assets.build.completion.measures import corrections
from assets.build.completion.training import Feed, Learner, Lesson, Plan, lesson_loss
from avatars.benchmark.views import ViewPlan
from avatars.body import BodyModel
from avatars.crowd.person import Split, drawn_build
from avatars.surface.learned.network import CompletionNetwork
from nfield.errors import DataError


@pytest.fixture(scope="module")
def example() -> Example:
    """A coarse one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "DYES", 2)
        patch.setattr(examples, "_PHOTO", 256)
        patch.setattr(examples, "_TEXTURE", 128)
        patch.setattr(examples, "_VIEWS", ViewPlan(4, (0.0,), (), 0, 160))
        return made_example(Split.TRAINING, BodyModel.load(), 1)


@pytest.fixture(scope="module")
def folder(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("examples")
    example.save(path / NAME.format(1))
    return path


def test_an_example_holds_a_person_from_all_sides(example: Example):
    told, (truth, seen) = example.evidence(0), example.true(0)
    assert len(told.place) > 3000
    assert float(told.place[:, 1].max() - told.place[:, 1].min()) == pytest.approx(1.75, abs=0.12)
    front, back = told.normal[:, 2] > 0.7, told.normal[:, 2] < -0.7
    assert told.confidence[front].mean() > 0.4
    assert told.confidence[back].max() == 0.0
    assert seen[back].mean() > 0.3
    known = front & (told.confidence > 0.9) & (seen > 0.5)
    assert (told.rules[known] - told.photo[known]).abs().max() < 0.1
    assert (told.photo[known] - truth[known]).abs().mean() < 0.08
    assert (told.rules[back] - truth[back]).abs().mean() < 0.3


def test_dyes_differ_in_colours_alone(example: Example):
    assert len(example.rules) == 2
    first, second = example.evidence(0), example.evidence(1)
    assert torch.equal(first.place, second.place)
    assert (first.rules - second.rules).abs().mean() > 0.02


def test_files_come_back_and_others_are_refused(example: Example, tmp_path: Path):
    example.save(tmp_path / "one.npz")
    again = Example.load(tmp_path / "one.npz")
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(example).items())
    (tmp_path / "two.npz").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=r"two\.npz: is no example of a painted person"):
        Example.load(tmp_path / "two.npz")


def test_a_perfect_correction_has_no_loss_and_none_that_of_the_rules(example: Example):
    lesson = Lesson.of(example, 0)
    none, rules = lesson_loss(CompletionNetwork((8, 8, 16)), [lesson])
    assert float(none.detach()) == pytest.approx(rules, rel=1e-3)
    assert rules > 0.005
    _, nothing = lesson_loss(CompletionNetwork((8, 8, 16)), [replace(lesson, truth=lesson.rules)])
    assert nothing == pytest.approx(0.0, abs=1e-6)


def test_a_recoloured_lesson_is_that_of_recoloured_people(example: Example):
    factor, added = torch.tensor([0.9, 1.1, 1.0]), 0.03
    told = example.evidence(0)
    changed = replace(told, rules=told.rules * factor + added, photo=told.photo * factor + added)
    lesson = Lesson.of(example, 0)
    recolored = lesson.recolored(factor, added)
    torch.testing.assert_close(recolored.sheets, changed.on_sheets(), atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(recolored.truth - recolored.rules, (lesson.truth - lesson.rules) * factor)


def test_mirroring_twice_is_nothing(example: Example):
    lesson = Lesson.of(example, 1)
    twice = lesson.mirrored().mirrored()
    torch.testing.assert_close(twice.sheets, lesson.sheets)
    torch.testing.assert_close(twice.place, lesson.place)


def test_it_learns_saves_and_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "CompletionNetwork", lambda: CompletionNetwork((8, 8, 16)))
    feed = Feed(folder, 0)
    assert feed.refresh() == 2
    assert feed.refresh() == 2
    plan, saved = Plan(minutes=0.15, people=2), []
    learner = Learner(plan)
    before = sum(float(lesson_loss(learner.network, [lesson])[0].detach()) for lesson in feed.all())
    learner.learn(feed, save=lambda: saved.append(learner.state()), watch=lambda at, losses: None)
    after = sum(float(lesson_loss(learner.network, [lesson])[0].detach()) for lesson in feed.all())
    assert after < before
    going = Learner(plan)
    going.restore(saved[-1])
    assert going.progress == learner.progress
    back, side = corrections(learner.network, folder)
    assert (back.where, side.where) == ("back", "side")
    assert back.network < back.rules
    learner.write(tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").stat().st_size < 200_000


def test_examples_are_made_once(folder: Path):
    first = (folder / NAME.format(1)).stat().st_mtime_ns
    make_examples(folder, Split.TRAINING, iter([1]))
    assert (folder / NAME.format(1)).stat().st_mtime_ns == first


def test_who_wears_a_backpack_teaches_nothing(tmp_path: Path):
    worn = {number: [kind.name for _, kind in drawn_build(Split.TRAINING, number).worn] for number in range(20)}
    wearers = [number for number, names in worn.items() if "backpack" in names]
    assert wearers
    assert [number for number in worn if not can_be_told(Split.TRAINING, number)] == wearers
    make_examples(tmp_path, Split.TRAINING, wearers)
    assert not list(tmp_path.iterdir())


def test_nobody_waits_for_people_that_nobody_makes(tmp_path: Path):
    with pytest.raises(SystemExit, match="builds: there are 0, expected 6, and nobody makes any; give --makers"):
        main(Options(work=tmp_path, out=tmp_path / "weights.safetensors", makers=0))
    assert not (tmp_path / "weights.safetensors").exists()
