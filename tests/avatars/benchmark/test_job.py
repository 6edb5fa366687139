"""A job's process: it draws the generator's truth, and measures against what it drew."""

from pathlib import Path

import pytest

from avatars.benchmark import subjects
from avatars.benchmark.cell import Cell, Settings, read_figures
from avatars.benchmark.job import Job, do
from avatars.benchmark.subjects import chosen, key_of
from avatars.benchmark.truth_cache import Draws, missing_views
from avatars.benchmark.views import ViewPlan, planned_views
from avatars.people.subjects import SUBJECTS
from avatars.people.truth import Truth
from nfield.errors import OptionError

PEOPLE = [subject.name for subject in SUBJECTS]


def test_truth_is_drawn_and_a_row_measured_against_it(
    painted_body: Draws, plan: ViewPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")
    monkeypatch.setattr(Truth, "of", staticmethod(lambda subject: painted_body))
    name, settings = PEOPLE[0], Settings(plan, None, 0)
    key = key_of(SUBJECTS[0])
    truth = Job(tmp_path, None, settings, name, key, None)
    do(truth)
    assert missing_views(truth.truth, [view.name for view in planned_views(plan)]) == []
    cell = Cell(name, "A", "mean colours")
    do(Job(tmp_path, None, settings, name, key, cell))
    figures = read_figures(cell.file(tmp_path))
    assert figures is not None
    assert figures["truth"] == key
    assert figures["source"]["iou"] > 0.95


def test_people_are_chosen_by_name_in_the_given_order():
    assert list(chosen([], None)) == PEOPLE
    assert list(chosen([PEOPLE[2], PEOPLE[0]], None)) == [PEOPLE[2], PEOPLE[0]]


def test_an_unknown_person_is_answered_with_the_known_ones():
    with pytest.raises(OptionError, match=PEOPLE[0]):
        chosen(["nobody"], None)


def test_people_have_keys_of_their_own_which_stay():
    keys = [key_of(subject) for subject in SUBJECTS]
    assert len(set(keys)) == len(keys) >= 8
    assert keys == [key_of(subject) for subject in SUBJECTS]


def test_truth_of_another_shipped_body_is_not_taken_for_todays(monkeypatch: pytest.MonkeyPatch):
    before = key_of(SUBJECTS[0])
    monkeypatch.setattr(subjects, "_shipped_body", lambda: "another")
    assert key_of(SUBJECTS[0]) != before


def test_a_wardrobe_adds_people_to_those_of_the_generator(shared_data: Path):
    folder = shared_data / "wardrobe"
    if not folder.is_dir():
        pytest.skip(f"there is no wardrobe in {shared_data}")
    more = list(chosen([], folder))
    assert more[: len(PEOPLE)] == PEOPLE
    assert len(more) > len(PEOPLE)
