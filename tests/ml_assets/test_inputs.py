from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from ml_assets.recommender.inputs import InvalidInputError, RecommenderInput
from tests.ml_assets.worlds import AS_OF, World


@pytest.fixture
def frames() -> dict[str, Any]:
    world = World()
    world.student("s1", ("수학", None), school_year_level=2)
    world.content("c1")
    world.content("c2")
    world.uses = [("s1", "c1", 3), ("s1", "c1", 20)]
    return world.frames()


def problems(frames: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as raised:
        RecommenderInput(**frames)
    return str(raised.value)


def test_every_problem_is_named_at_once(frames: dict[str, Any]) -> None:
    frames["students"] = frames["students"].drop(columns=["tenant_id", "school_type"])
    frames["contents"] = frames["contents"].assign(is_active="yes", school_year_min=1.5)
    frames["student_subjects"] = frames["student_subjects"].assign(subject_group=None)
    frames["interactions"] = frames["interactions"].assign(first_done_date="2024-04-01", student_id=7)
    message = problems(frames)
    for expected in (
        "students: missing columns tenant_id, school_type",
        "contents.is_active: must be true or false",
        "contents.school_year_min: must be whole number",
        "student_subjects.subject_group: 1 of 1 rows are null",
        "interactions.first_done_date: must be date",
        "interactions.student_id: must be text",
    ):
        assert expected in message


@pytest.mark.parametrize("column", ["first_planned_date", "first_done_date", "last_done_date"])
@pytest.mark.parametrize("days", [0, 30])
def test_the_future_is_refused(frames: dict[str, Any], column: str, days: int) -> None:
    later = pd.Timestamp(AS_OF) + pd.Timedelta(days=days)
    frames["interactions"] = frames["interactions"].assign(**{column: later})
    assert f"interactions.{column}: 1 rows are dated at or after the cut-off 2024-05-01" in problems(frames)


def test_repeated_and_unlisted_ids_are_refused(frames: dict[str, Any]) -> None:
    frames["students"] = pd.concat([frames["students"]] * 2)
    assert "students: 1 rows repeat a combination of student_id" in problems(frames)
    frames["contents"] = frames["contents"][frames["contents"]["content_id"] == "c2"]
    frames["students"] = frames["students"].head(1)
    assert "1 rows name a content not in contents, e.g. c1" in problems(frames)


def test_a_first_use_after_the_last_is_refused(frames: dict[str, Any]) -> None:
    frames["interactions"] = frames["interactions"].assign(last_done_date=pd.Timestamp("2020-01-01"))
    assert "first_done_date without, or after, their last_done_date" in problems(frames)


def test_what_is_weak_is_checked_at_the_door(frames: dict[str, Any]) -> None:
    world = World()
    world.standings = [("s1", "수학", 20.0, True), ("s1", "국어", 60.0, False)]
    weak = world.weak_subjects()
    wrong = weak.assign(percentile=100.5, own_percentile=-1.0, need=[1.01, 0.5], last_exam_date=AS_OF)
    message = problems({**frames, "weak_subjects": wrong})
    for expected in (
        "weak_subjects.percentile: 2 rows are not within 0 to 100",
        "weak_subjects.own_percentile: 2 rows are not within 0 to 100",
        "weak_subjects.need: 1 rows are not within 0 to 1",
        "weak_subjects.last_exam_date: 2 rows are dated at or after the cut-off",
    ):
        assert expected in message
    assert "weak_subjects: missing columns is_weak" in problems(
        {**frames, "weak_subjects": weak.drop(columns="is_weak")}
    )
    assert "weak_subjects.is_weak: must be true or false" in problems(
        {**frames, "weak_subjects": weak.assign(is_weak=1.0)}
    )
    assert "weak_subjects.need: 1 of 2 rows are null" in problems(
        {**frames, "weak_subjects": weak.assign(need=[None, 0.5])}
    )
    assert "weak_subjects: 2 rows repeat a combination of student_id, subject_group" in problems(
        {**frames, "weak_subjects": pd.concat([weak, weak])}
    )


def test_the_cut_off_is_a_day(frames: dict[str, Any]) -> None:
    assert "as_of: must be a date without a time" in problems({**frames, "as_of": dt.datetime(2024, 5, 1)})  # noqa: DTZ001


def test_types_of_any_driver_give_the_same_frames(frames: dict[str, Any]) -> None:
    expected = RecommenderInput(**frames)
    other = dict(frames)
    dates = ["first_planned_date", "first_done_date", "last_done_date"]
    other["interactions"] = frames["interactions"].assign(**{c: frames["interactions"][c].dt.date for c in dates})
    other["interactions"]["done_count"] = other["interactions"]["done_count"].astype("Int32")
    other["students"] = frames["students"].astype(object)
    other["contents"] = frames["contents"].convert_dtypes()
    found = RecommenderInput(**other)
    for name in ("students", "contents", "student_subjects", "interactions"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))


def test_the_frames_given_stay_as_they_are(frames: dict[str, Any]) -> None:
    before = {name: frame.copy() for name, frame in frames.items() if name != "as_of"}
    inputs = RecommenderInput(**frames)
    inputs.as_known_before(AS_OF - dt.timedelta(days=14))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frames[name], frame)


def test_an_earlier_day_knows_what_had_begun_by_then() -> None:
    world = World()
    world.student("s1", ("수학", None))
    for name in ("kept on", "later", "long ago", "on the shelf", "planned, done later"):
        world.content(name)
    world.uses = [("s1", "kept on", 30), ("s1", "kept on", 2), ("s1", "later", 5), ("s1", "long ago", 40)]
    world.uses += [("s1", "planned, done later", 3)]
    world.shelf = [("s1", "on the shelf")]
    frames = world.frames()
    planned = frames["interactions"]["content_id"] == "planned, done later"
    frames["interactions"].loc[planned, "first_planned_date"] = pd.Timestamp("2024-04-02")
    known = RecommenderInput(**frames).as_known_before(dt.date(2024, 4, 17)).interactions.set_index("content_id")
    assert list(known.index) == ["kept on", "long ago", "on the shelf", "planned, done later"]
    assert known.loc["kept on", "last_done_date"] == pd.Timestamp("2024-04-16")
    assert known.loc["long ago", "last_done_date"] == pd.Timestamp("2024-03-22")
    assert pd.isna(known.loc["planned, done later", "first_done_date"])
    assert known.loc["planned, done later", "done_count"] == 0
    assert known.loc["planned, done later", "first_planned_date"] == pd.Timestamp("2024-04-02")


def test_an_earlier_day_knows_what_was_weak_only_of_who_had_no_exam_since(frames: dict[str, Any]) -> None:
    """One exam of any subject group moves where the student stands in all of them."""
    world = World()
    world.standings = [
        (student, group, 50.0, True) for student in ("before", "since", "that day") for group in ("국어", "수학")
    ]
    weak = world.weak_subjects()
    day = dt.date(2024, 4, 17)
    dates = [day - dt.timedelta(days=60), day - dt.timedelta(days=1), day - dt.timedelta(days=60), AS_OF]
    dates[3] -= dt.timedelta(days=1)
    weak["last_exam_date"] = [*dates, day - dt.timedelta(days=60), day]
    known = RecommenderInput(**{**frames, "weak_subjects": weak}).as_known_before(day).weak_subjects
    assert known["student_id"].tolist() == ["before", "before"]


def test_what_was_done_ahead_of_its_plan_was_planned_by_then() -> None:
    """Done early, and read before the day it was planned for: as many plans as were done, not fewer."""
    world = World()
    world.student("s", ("수학", None))
    world.content("c")
    world.uses = [("s", "c", 20), ("s", "c", 18)]
    frames = world.frames()
    frames["interactions"] = frames["interactions"].assign(
        first_planned_date=pd.Timestamp(AS_OF) - pd.Timedelta(days=3)
    )
    before = RecommenderInput(**frames).as_known_before(AS_OF - dt.timedelta(days=10))
    assert before.interactions[["planned_count", "done_count"]].to_numpy().tolist() == [[2, 2]]
