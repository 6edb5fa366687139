import pytest

from distill.schedule import SCHEDULES, schedule_named
from nfield.errors import OptionError


@pytest.mark.parametrize("name", SCHEDULES)
def test_stages_follow_one_another_to_the_end(name: str):
    ends = [stage.until for stage in SCHEDULES[name].stages]
    assert ends == sorted(set(ends))
    assert ends[-1] == 1.0
    assert SCHEDULES[name].at(1.0) is SCHEDULES[name].stages[-1]
    assert SCHEDULES[name].at(0.0) is SCHEDULES[name].stages[0]


def test_a_stage_ends_where_the_next_begins():
    schedule = SCHEDULES["progressive"]
    first, second = schedule.stages[:2]
    assert schedule.at(first.until - 1e-9) is first
    assert schedule.at(first.until) is second


def test_unknown_schedule_is_named():
    with pytest.raises(OptionError, match="progressive, joint, rendered"):
        schedule_named("slow")
