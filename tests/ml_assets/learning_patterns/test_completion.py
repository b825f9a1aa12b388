from __future__ import annotations

import json

import numpy as np
import pytest

from ml_assets.learning_patterns.completion import subject_trends, verdict, weekly_rate
from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.model import habits, placed
from ml_assets.learning_patterns.publication import patterns
from ml_assets.learning_patterns.shrinkage import Rates
from tests.ml_assets.learning_patterns.worlds import AS_OF, World, academy

CONFIG = LearningPatternConfig()
TUESDAYS = range(1, 84, 7)  # the cut-off is a Wednesday
MONDAYS = range(2, 84, 7)


def rates_of(done: list[float], seen: list[float]) -> Rates:
    kept, total = np.array([done]), np.array([seen])
    return Rates(kept + 1, total - kept + 1, total)


def test_a_strong_day_needs_plans_and_certainty():
    found = verdict(rates_of([2, 10, 39, 30], [2, 12, 40, 40]), 0.7, True, CONFIG)
    assert found.told.tolist() == [[False, False, True, False]]
    assert found.is_measured.tolist() == [True]


def test_without_a_strong_day_it_is_measured_only_where_that_is_sure():
    sure = verdict(rates_of([2, 3], [40, 40]), 0.7, True, CONFIG)
    unsure = verdict(rates_of([2, 28], [40, 40]), 0.7, True, CONFIG)
    nothing = verdict(rates_of([0, 0], [2, 0]), 0.7, True, CONFIG)
    assert [own.is_measured.item() for own in (sure, unsure, nothing)] == [True, False, False]


def test_a_weekday_on_which_everything_is_done_is_strong_and_its_neighbour_weak():
    world = academy(30)
    world.student("weekly")
    for _ in range(3):
        world.plan("weekly", TUESDAYS)
        world.plan("weekly", MONDAYS, done=False)
    row = patterns(world.input()).set_index("student_id").loc["weekly"]
    assert row["strong_days"] == [2]
    assert row["weak_days"] == [1]
    days = {day["dayOfWeek"]: day for day in json.loads(row["day_analysis"])}
    assert days[2]["planCount"] == days[2]["completedCount"] == 36
    assert days[1]["completionRate"] < 30 < 70 < days[2]["completionRate"]
    assert days[2]["lower"] < days[2]["completionRate"] < days[2]["upper"]
    assert days[0]["planCount"] == 0
    assert days[0]["completionRate"] is None


def test_a_subject_left_undone_is_named_and_a_few_plans_are_not_enough():
    world = academy(30)
    world.student("avoids")
    world.plan("avoids", range(1, 40), subject="수학")
    world.plan("avoids", range(1, 30), done=False, subject="영어")
    world.plan("avoids", [1, 2], done=False, subject="국어")
    row = patterns(world.input()).set_index("student_id").loc["avoids"]
    assert row["frequently_incomplete_subjects"] == ["영어"]
    subjects = {own["subject"]: own for own in json.loads(row["subject_completion_analysis"])}
    assert subjects["영어"]["incompletedCount"] == 29
    assert subjects["수학"]["completedCount"] == 39


def test_a_student_with_one_plan_has_no_rate():
    world = academy(30)
    world.student("one")
    world.plan("one", [5])
    row = patterns(world.input()).set_index("student_id").loc["one"]
    assert np.isnan(row["overall_completion_rate"])
    assert np.isnan(row["avg_weekly_completion_rate"])
    assert row["total_plans_analyzed"] == 1
    assert row["basis"] == "insufficient"
    evidence = json.loads(row["evidence"])
    assert {figure["status"] for figure in evidence.values()} == {"insufficient"}


def test_a_rate_of_few_plans_is_drawn_to_the_cohort():
    world = academy(30)
    world.student("few")
    world.plan("few", range(1, 7), done=False)
    row = patterns(world.input()).set_index("student_id").loc["few"]
    assert 20 < row["overall_completion_rate"] < 70


def test_the_mean_of_weekly_rates_counts_every_week_alike():
    planned = np.array([[30.0, 3.0, 0.0]] * 200)
    done = np.array([[30.0, 0.0, 0.0]] * 200)
    overall = Rates(done.sum(axis=1) + 1, (planned - done).sum(axis=1) + 1, planned.sum(axis=1))
    found = weekly_rate(planned, done, overall, CONFIG)
    assert (found.weeks == 2).all()
    assert 0.5 < found.mean[0] < 0.8
    assert found.lower[0] < found.mean[0] < found.upper[0]


def test_a_trend_of_a_subject_has_a_direction_where_it_is_sure():
    world = World()
    world.student("up")
    world.student("level")
    for week in range(12):
        days = [2 + 7 * week] * 10
        world.plan("up", days[: 10 - week * 9 // 11], done=True)
        world.plan("up", days[10 - week * 9 // 11 :], done=False)
        world.plan("level", days[:5], done=True)
        world.plan("level", days[5:], done=False)
    inputs = world.input()
    found = subject_trends(placed(inputs.weekly, inputs.students), AS_OF, CONFIG)
    # In order of id: level, up.
    assert found["trend"].tolist() == ["stable", "improving"]
    assert found["slope"].iloc[1] == pytest.approx(0.08, abs=0.02)


def test_hours_have_a_completion_of_their_own():
    inputs = academy(8).input()
    found = habits(inputs, CONFIG)
    assert found.curve.seen.sum() == 0
    assert patterns(inputs)["daily_completion_curve"].isna().all()
