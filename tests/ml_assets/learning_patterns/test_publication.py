from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_assets.learning_patterns.cohorts import COHORTS, cohort_patterns
from ml_assets.learning_patterns.config import SLOTS
from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.learning_patterns.publication import PATTERNS, patterns
from tests.ml_assets.learning_patterns.worlds import AS_OF, World, academy

JSON = (
    *("study_time_analysis", "day_analysis", "subject_completion_analysis", "daily_completion_curve", "weekly_pattern"),
    *("subject_performance_trend", "fatigue_indicators", "evidence", "weekly_rhythm", "change_points"),
    "realistic_minutes",
)
NULLABLE = {"daily_completion_curve", "subject_performance_trend", "weekly_rhythm"}


def strict(text: str) -> object:
    def refuse(name: str) -> object:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def check(rows: pd.DataFrame) -> None:
    """What the table's constraints and its readers ask of every row."""
    assert list(rows.columns) == list(PATTERNS)
    assert rows["student_id"].is_unique
    for name in JSON:
        assert rows[name].dropna().map(strict).map(lambda value: isinstance(value, (dict, list))).all()
        assert name in NULLABLE or rows[name].notna().all()
    assert rows["overall_completion_rate"].dropna().between(0, 100).all()
    assert rows["avg_weekly_completion_rate"].dropna().between(0, 1).all()
    assert (rows["average_daily_study_minutes"].dropna() >= 0).all()
    assert rows["preferred_study_times"].map(lambda told: set(told) <= set(SLOTS) and len(told) <= 2).all()
    assert rows["peak_productivity_hours"].map(lambda told: len(told) <= 3 and all(0 <= h <= 23 for h in told)).all()
    assert set(rows["basis"]) <= {"measured", "insufficient"}
    dates = rows[["analyzed_period_start", "analyzed_period_end"]]
    assert dates.apply(lambda own: own.str.fullmatch(r"\d{4}-\d{2}-\d{2}")).all(axis=None)
    assert (rows["analyzed_period_start"] <= rows["analyzed_period_end"]).all()
    for evidence in rows["evidence"].map(strict):
        for figure in evidence.values():
            assert {"status", "n", "minimum", "lower", "upper"} <= set(figure)
            assert figure["status"] in {"measured", "insufficient"}
            if figure["lower"] is not None:
                assert figure["lower"] <= figure["upper"]
            if figure["status"] == "measured":
                assert figure["n"] >= figure["minimum"]


def hard_cases() -> World:
    """Students that a table of habits is not made for."""
    world = academy(12)
    for name in ("one plan", "ten years", "checkboxes", "returns", "left", "nothing", "one spell", "ahead"):
        world.student(name, school=None, year=None)
    world.plan("one plan", [84])
    world.plan("ten years", range(1, 546))
    world.study("ten years", range(1, 546))
    world.plan("checkboxes", range(1, 200))
    world.study("returns", range(400, 546))
    world.study("returns", range(1, 20))
    world.plan("left", range(100, 200))
    world.study("one spell", [1], hour=0, minutes=1 / 60)
    world.plan("ahead", range(1, 84), done=False)
    return world


def test_every_row_keeps_the_contract():
    rows = patterns(hard_cases().input())
    check(rows)
    assert not {"left", "nothing"} & set(rows["student_id"])
    rows = rows.set_index("student_id")
    assert rows.loc["one plan", "basis"] == "insufficient"
    assert rows.loc["one spell", "basis"] == "insufficient"
    assert rows.loc["checkboxes", "basis"] == "measured"
    assert rows.loc["ten years", "total_plans_analyzed"] == 84
    assert rows.loc["ten years", "analyzed_period_start"] == "2026-08-05"
    assert rows.loc["one plan", "analyzed_period_end"] == "2026-10-27"
    assert rows.loc["ahead", "overall_completion_rate"] < 10
    assert json.loads(rows.loc["returns", "evidence"])["weekly_rhythm"]["status"] == "insufficient"


def test_nobody_has_tables_without_rows():
    assert list(patterns(World().input()).columns) == list(PATTERNS)
    assert patterns(World().input()).empty
    assert list(cohort_patterns(World().input()).columns) == list(COHORTS)


def test_a_student_alone_in_the_world():
    world = World()
    world.student("alone")
    world.plan("alone", range(1, 60))
    world.study("alone", range(1, 60), hour=9)
    rows = patterns(world.input())
    check(rows)
    assert rows["preferred_study_times"].iloc[0] == ["morning"]
    assert cohort_patterns(world.input()).empty


def test_the_order_of_rows_changes_nothing():
    frames = hard_cases().frames()
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in frames.items()}
    one, other = (LearningPatternInput(as_of=AS_OF, **own) for own in (frames, mixed))
    pd.testing.assert_frame_equal(patterns(one), patterns(other))
    pd.testing.assert_frame_equal(cohort_patterns(one), cohort_patterns(other))


EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 545), st.integers(0, 23), st.booleans(), st.floats(0.1, 700)),
    max_size=60,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
def test_whatever_is_logged_makes_rows_that_keep_the_contract(events):
    world = World()
    for number in range(4):
        world.student(f"s{number}", f"t{number % 2}")
    for number, day, hour, is_plan, minutes in events:
        if is_plan:
            world.plan(f"s{number}", [day], done=hour % 2 == 0)
        else:
            world.study(f"s{number}", [day], hour, minutes)
            world.work(f"s{number}", [minutes])
    rows = patterns(world.input())
    if len(rows):
        check(rows)
    else:
        assert all(day > 84 for _, day, *_ in events)


def both() -> tuple[World, World, World]:
    morning, evening = academy(12, tenant="t1", hour=9), academy(14, seed=1, tenant="t2", hour=19)
    together = World(
        morning.students + evening.students,
        morning.plans + evening.plans,
        morning.sessions + evening.sessions,
        morning.works + evening.works,
    )
    return morning, evening, together


def test_two_academies_never_mix_in_what_a_cohort_is_told():
    morning, evening, together = both()
    apart = pd.concat([cohort_patterns(own.input()) for own in (morning, evening)], ignore_index=True)
    pd.testing.assert_frame_equal(cohort_patterns(together.input()), apart)


def test_cohorts_are_those_of_the_academy_its_types_and_years():
    _, _, together = both()
    rows = cohort_patterns(together.input())
    assert list(rows.columns) == list(COHORTS)
    assert not rows.duplicated(["tenant_id", "school_type", "school_year_level"]).any()
    assert (rows["student_count"] >= 5).all()
    # Four of twelve in each year: too few; of fourteen there are five, five and four.
    assert rows[["school_type", "school_year_level"]].apply(tuple, axis=1).tolist() == [
        *(("", 0), ("HIGH", 0)),
        *(("", 0), ("HIGH", 0), ("HIGH", 1), ("HIGH", 2)),
    ]
    assert rows["school_year_level"].dtype == "int16"
    whole = rows[rows["school_type"] == ""].set_index("tenant_id")
    assert whole.loc["t1", "preferred_study_times"][0] == "morning"
    assert abs(whole.loc["t2", "peak_productivity_hours"][0] - 19) <= 1
    assert whole.loc["t1", "overall_completion_rate"] == pytest.approx(70, abs=3)
    assert whole.loc["t1", "average_daily_study_minutes"] == pytest.approx(60, abs=5)


def test_a_figure_of_fewer_than_five_students_is_not_shown():
    world = World()
    for number in range(8):
        world.student(f"s{number}")
        world.plan(f"s{number}", range(1, 60))
    for number in range(4):
        world.study(f"s{number}", range(1, 60), hour=9)
    (row,) = cohort_patterns(world.input()).query("school_type == ''").to_dict("records")
    assert row["student_count"] == 8
    assert row["overall_completion_rate"] > 80
    assert row["preferred_study_times"] == row["peak_productivity_hours"] == []
    assert pd.isna(row["average_daily_study_minutes"])
    assert pd.isna(row["avg_session_duration_minutes"])


def test_a_student_of_unknown_school_counts_once():
    world = World()
    for number in range(6):
        world.student(f"s{number}", school=None, year=None)
        world.plan(f"s{number}", range(1, 60))
    rows = cohort_patterns(world.input())
    assert rows["student_count"].tolist() == [6]
    assert (rows["overall_completion_rate"] == 100).all()
