from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.learning_patterns.inputs import InvalidInputError, LaterActivity, LearningPatternInput
from tests.ml_assets.learning_patterns.worlds import AS_OF, World, academy


def frames() -> dict[str, pd.DataFrame]:
    return academy(6).frames()


def test_every_problem_is_named_at_once():
    given = frames()
    given["students"] = pd.concat([given["students"], given["students"].head(1)])
    given["daily"] = given["daily"].assign(done_count=lambda rows: rows["planned_count"] + 1)
    given["hours"] = given["hours"].assign(start_hour=24)
    given["kinds"] = given["kinds"].drop(columns="var_log_pace")
    given["subjects"] = given["subjects"].assign(planned_84d_count="many")
    given["weekly"] = given["weekly"].assign(planned_count=None)
    given["rhythm"] = given["rhythm"].assign(weekday_planned_count=[[1, 2]] * 6)
    with pytest.raises(InvalidInputError) as error:
        LearningPatternInput(as_of=AS_OF, **given)
    said = str(error.value)
    for name in ("students: 1 rows repeat", "daily: ", "kinds: no column var_log_pace", "subjects.planned_84d_count"):
        assert name in said
    assert "weekly.planned_count" in said
    assert "rhythm.weekday_planned_count" in said


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("hours", {"start_hour": 24}, "hours.start_hour"),
        ("daily", {"activity_date": pd.Timestamp(AS_OF)}, "at or after the cut-off"),
        ("daily", {"net_seconds": -1.0}, "below 0"),
        ("hours", {"done_count": 1}, "more done_count than planned_count"),
    ],
)
def test_values_out_of_range_are_refused(name, change, said):
    given = frames()
    first = given[name].head(1).assign(**change)
    given[name] = pd.concat([first, given[name].iloc[1:]])
    with pytest.raises(InvalidInputError, match=said):
        LearningPatternInput(as_of=AS_OF, **given)


def test_rows_of_students_who_are_not_listed_are_left_out():
    given = frames()
    given["students"] = given["students"].iloc[1:]
    inputs = LearningPatternInput(as_of=AS_OF, **given)
    assert "t1-s000" not in set(inputs.daily["student_id"]) | set(inputs.hours["student_id"])
    assert len(inputs.active(84)) == 5


def test_only_students_with_something_in_the_window_are_active():
    world = World()
    for name in ("now", "long ago", "never"):
        world.student(name)
    world.plan("now", [84])
    world.plan("long ago", [85])
    assert list(world.input().active(84)["student_id"]) == ["now"]


def test_nobody_at_all_is_no_error():
    assert World().input().active(84).empty


def test_later_activity_is_checked_too():
    spells = pd.DataFrame(
        {"student_id": ["a", "a"], "start_hour": [1, 1], "spell_count": [1, 1], "net_seconds": [1, 1]}
    )
    plans = pd.DataFrame({"student_id": [], "weekday": [], "planned_count": [], "done_count": []})
    with pytest.raises(InvalidInputError, match="spells: 1 rows repeat"):
        LaterActivity(spells=spells, plans=plans, items=pd.DataFrame({"student_id": []}))
