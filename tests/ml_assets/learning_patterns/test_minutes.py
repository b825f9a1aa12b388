from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning_patterns.minutes import ratio
from ml_assets.learning_patterns.publication import patterns
from tests.ml_assets.learning_patterns.worlds import World, academy


def row_of(world: World, student: str = "s") -> pd.Series:
    return patterns(world.input()).set_index("student_id").loc[student]


def one() -> World:
    world = academy(10)
    world.student("s")
    return world


def test_nothing_but_checkboxes_has_no_minutes_at_all():
    world = one()
    world.plan("s", range(1, 60))
    row = row_of(world)
    assert pd.isna(row["average_daily_study_minutes"])
    assert pd.isna(row["avg_session_duration_minutes"])
    assert all(day["avgDuration"] is None for day in json.loads(row["weekly_pattern"]).values())
    assert all(slot["totalMinutes"] is None for slot in json.loads(row["study_time_analysis"]))
    assert row["overall_completion_rate"] > 70
    assert json.loads(row["weekly_rhythm"])["unit"] == "completions"


def test_averages_are_over_timed_days_and_sessions_only():
    world = one()
    world.plan("s", range(1, 60))
    world.study("s", [3, 3, 10, 17, 24, 31], minutes=60)
    row = row_of(world)
    assert row["average_daily_study_minutes"] == 72  # 6 hours on 5 days
    assert row["avg_session_duration_minutes"] == 60
    week = json.loads(row["weekly_pattern"])
    assert week["sun"]["avgDuration"] == 72
    assert week["mon"]["avgDuration"] is None


def test_few_timed_days_have_no_average():
    world = one()
    world.study("s", [1, 2, 3, 4])
    row = row_of(world)
    assert pd.isna(row["average_daily_study_minutes"])
    assert json.loads(row["evidence"])["average_daily_study_minutes"]["n"] == 4


def test_the_deviation_of_a_mean_of_days_is_the_usual_one():
    values = np.array([30.0, 60, 90, 45])
    found = ratio(np.zeros(4, dtype=np.int64), 1, values, np.ones(4))
    assert found.value[0] == pytest.approx(values.mean())
    assert found.deviation[0] == pytest.approx(values.std(ddof=1) / 2)


@pytest.mark.parametrize(("days", "streak"), [([1, 2, 3, 5], 3), ([2, 3], 0), ([1], 1), (range(1, 100), 84)])
def test_a_streak_ends_with_the_day_before_the_cut_off(days, streak):
    world = one()
    world.plan("s", days)
    assert json.loads(row_of(world)["fatigue_indicators"])["streak_length"] == streak


def test_shorter_sessions_and_later_nights_are_seen_and_nothing_is_unknown():
    world = one()
    world.study("s", range(15, 57), hour=18, minutes=60)
    world.study("s", range(1, 15), hour=23, minutes=30)
    tired = json.loads(row_of(world)["fatigue_indicators"])
    assert tired["avg_session_decline"] is True
    assert tired["late_night_increase"] is True
    steady = one()
    steady.study("s", range(1, 57), hour=18, minutes=60)
    fresh = json.loads(row_of(steady)["fatigue_indicators"])
    assert fresh["avg_session_decline"] is False
    assert fresh["late_night_increase"] is False
    untimed = one()
    untimed.plan("s", range(1, 57))
    unknown = json.loads(row_of(untimed)["fatigue_indicators"])
    assert unknown["avg_session_decline"] is None
    assert unknown["late_night_increase"] is None
