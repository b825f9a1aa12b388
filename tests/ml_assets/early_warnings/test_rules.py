"""Each plain rule on the day it begins, the day it ends, and what it must not know yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ml_assets.early_warnings.inputs import PlainRuleInput
from ml_assets.early_warnings.rules import ALERTS, FALLING, IDLE, MISSED, RULES, SILENT, STALLED, plain_alerts
from tests.ml_assets.early_warnings.worlds import day

DAYS = [day(number) for number in range(100)]


def daily(rows: list[tuple[str, int, int, int, int, float | None]]) -> pd.DataFrame:
    names = ["student_id", "activity_date", "planned_count", "done_on_time_count", "ticked_count", "net_seconds"]
    made = pd.DataFrame(rows, columns=names)
    return made.assign(activity_date=[day(number) for number in made["activity_date"]])


def active(numbers: list[int], student: str = "s1") -> pd.DataFrame:
    return daily([(student, number, 1, 1, 1, None) for number in numbers])


def scores(rows: list[tuple[str, str | None, int, int, float]], column: str = "percentile") -> pd.DataFrame:
    """student, subject, day of the exam, day on which it is known, score."""
    made = pd.DataFrame(rows, columns=["student_id", "subject_id", "exam_date", "known_date", column])
    for name in ("exam_date", "known_date"):
        made[name] = [day(number) for number in made[name]]
    other = "raw_score" if column == "percentile" else "percentile"
    return made.assign(subject_group="수학", **{other: np.nan})


def courses(*ids: str, start: int = 0, subject_id: str | None = "c1") -> pd.DataFrame:
    return pd.DataFrame(
        {"student_id": list(ids), "subject_group": "수학", "subject_id": subject_id, "course_start_date": day(start)}
    )


def frames(**given: pd.DataFrame) -> PlainRuleInput:
    return PlainRuleInput(
        given.get("daily", daily([])), given.get("scores", scores([])), given.get("courses", courses())
    )


def held(rule: str, student: str = "s1", **given: pd.DataFrame) -> dict[int, float]:
    """Numbers of the days on which a rule holds for a student, with its value."""
    found = plain_alerts(frames(**given), DAYS)
    own = found[(found["rule"] == rule) & (found["student_id"] == student)]
    return {(when.date() - day(0)).days: value for when, value in zip(own["alert_date"], own["value"], strict=True)}


def test_idle_after_seven_days_and_silent_after_fourteen() -> None:
    given = {"daily": active([0, 5, 40])}
    assert held(IDLE, **given) == {n: n - 6 for n in range(13, 34)} | {n: n - 41 for n in range(48, 69)}
    assert held(SILENT, **given) == {n: n - 6 for n in range(20, 34)} | {n: n - 41 for n in range(55, 69)}


def test_timed_study_is_activity_and_a_plan_alone_is_none() -> None:
    given = {"daily": daily([("s1", 0, 0, 0, 0, 600.0), ("s1", 8, 1, 0, 0, None)])}
    assert min(held(IDLE, **given)) == 8
    assert max(held(IDLE, **given)) == 8 + 28
    # Who never began is idle from the first plan on.
    assert held(IDLE, daily=daily([("s1", 0, 1, 0, 0, None)])) == {n: n for n in range(7, 29)}


def test_who_is_away_for_four_weeks_is_asked_after_by_no_rule() -> None:
    assert max(held(IDLE, daily=active([0]))) == 28
    back = {"daily": active([0, 90])}
    assert [n for n in held(IDLE, **back) if n > 28] == [98, 99]


def test_completion_stalls_under_two_fifths_of_three_plans_or_more() -> None:
    def planned(done: int, count: int) -> dict[int, float]:
        return held(STALLED, daily=daily([("s1", 20, count, done, done, None)]))

    assert planned(1, 3) == {n: pytest.approx(2 / 3) for n in range(21, 35)}
    assert planned(2, 5) == {}
    assert planned(0, 2) == {}
    two = daily([("s1", 20, 2, 0, 0, None), ("s1", 30, 2, 0, 0, None)])
    assert held(STALLED, daily=two) == dict.fromkeys(range(31, 35), 1.0)


def test_two_falls_in_a_row_count_for_four_weeks_once_known() -> None:
    rows = [("s1", None, 0, 1, 80.0), ("s1", None, 10, 11, 70.0), ("s1", None, 20, 25, 65.0)]
    for column in ("percentile", "raw_score"):
        assert held(FALLING, scores=scores(rows, column)) == dict.fromkeys(range(26, 54), 15.0)
    risen = [*rows, ("s1", None, 30, 31, 66.0)]
    assert held(FALLING, scores=scores(risen)) == dict.fromkeys(range(26, 32), 15.0)
    assert held(FALLING, scores=scores([*rows[:2], ("s1", None, 20, 25, 70.0)])) == {}


def test_scores_fall_in_the_order_in_which_they_became_known() -> None:
    late = [("s1", None, 0, 1, 80.0), ("s1", None, 10, 30, 70.0), ("s1", None, 20, 25, 60.0)]
    assert held(FALLING, scores=scores(late)) == {}
    entered_at_once = [(*row[:3], 30, row[4]) for row in late]
    assert held(FALLING, scores=scores(entered_at_once)) == dict.fromkeys(range(31, 59), 20.0)


def test_a_fall_is_not_made_of_two_scales_or_two_subjects() -> None:
    three = [("s1", None, 0, 1, 80.0), ("s1", None, 10, 11, 70.0), ("s1", None, 20, 25, 65.0)]
    mixed = pd.concat([scores(three[:2]), scores(three[2:], "raw_score")])
    assert held(FALLING, scores=mixed) == {}
    subjects = scores([("s1", f"c{place}", *rest[2:]) for place, rest in enumerate(three)])
    assert held(FALLING, scores=subjects) == {}


CLASS = ("s1", "s2", "s3", "s4")


def test_an_assessment_is_missed_for_two_weeks_when_half_the_course_has_a_score() -> None:
    sat = [("s2", "c1", 10, 12, 50.0), ("s3", "c1", 10, 13, 50.0), ("s4", "c1", 10, 14, 50.0)]
    assert held(MISSED, scores=scores(sat), courses=courses(*CLASS)) == dict.fromkeys(range(15, 25), 1.0)
    assert held(MISSED, "s4", scores=scores(sat), courses=courses(*CLASS)) == {}
    # Two scores do not show that it was sat, and neither do three of eight learners.
    assert held(MISSED, scores=scores(sat[:2]), courses=courses(*CLASS)) == {}
    assert held(MISSED, scores=scores(sat), courses=courses(*CLASS, "s5", "s6", "s7", "s8")) == {}


def test_a_late_score_ends_it_and_two_missed_are_worse() -> None:
    sat = [(name, "c1", exam, exam, 50.0) for name in CLASS[1:] for exam in (10, 15)]
    late = [*sat, ("s1", "c1", 10, 18, 50.0)]
    assert held(MISSED, scores=scores(late), courses=courses(*CLASS)) == {
        **dict.fromkeys(range(11, 16), 1.0),
        **dict.fromkeys(range(16, 19), 2.0),
        **dict.fromkeys(range(19, 30), 1.0),
    }


def test_nobody_misses_what_was_before_their_course_or_of_another_one() -> None:
    sat = scores([(name, "c1", 10, 10, 50.0) for name in CLASS[1:]])
    later = pd.concat([courses(*CLASS[1:]), courses("s1", start=11)])
    assert held(MISSED, scores=sat, courses=later) == {}
    assert held(MISSED, scores=sat, courses=courses(*CLASS, start=11)) == {}
    assert held(MISSED, scores=sat, courses=courses(*CLASS, start=10)) != {}
    unknown = pd.concat([courses(*CLASS[1:]), courses("s1", subject_id=None)])
    assert held(MISSED, scores=sat, courses=unknown) == {}


def random_frames(seed: int) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    names = [f"s{number}" for number in range(6)]
    days = [(name, number) for name in names for number in range(60) if rng.random() < 0.3]
    rows = [(name, number, int(rng.integers(3)), 0, int(rng.integers(2)), None) for name, number in days]
    exams = [
        (name, "c1", exam, exam + int(rng.integers(0, 30)), float(rng.integers(100)))
        for name in names
        for exam in (5, 20, 33, 47)
        if rng.random() < 0.8
    ]
    return {"daily": daily(rows), "scores": scores(exams), "courses": courses(*names)}


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_nothing_of_the_day_or_later_is_known(seed: int, number: int) -> None:
    given = random_frames(seed)
    cut = pd.Timestamp(day(number)).date()
    before = {
        "daily": given["daily"][given["daily"]["activity_date"] < cut],
        "scores": given["scores"][given["scores"]["known_date"] < cut],
        "courses": given["courses"],
    }
    assert_frame_equal(plain_alerts(frames(**before), [cut]), plain_alerts(frames(**given), [cut]))


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_days_and_students_do_not_depend_on_each_other(seed: int) -> None:
    given = random_frames(seed)
    together = plain_alerts(frames(**given), DAYS[:60])
    apart = pd.concat([plain_alerts(frames(**given), [one]) for one in DAYS[10:60:7]], ignore_index=True)
    same = together[together["alert_date"].isin(pd.to_datetime(DAYS[10:60:7]))]
    order = ["rule", "alert_date", "student_id"]
    assert_frame_equal(apart.sort_values(order).reset_index(drop=True), same.reset_index(drop=True))
    shuffled: dict[str, Any] = {name: rows.sample(frac=1, random_state=seed) for name, rows in given.items()}
    assert_frame_equal(plain_alerts(frames(**shuffled), DAYS[:60]), together)


def test_nobody_and_no_days() -> None:
    for found in (plain_alerts(frames(), DAYS), plain_alerts(frames(**random_frames(1)), [])):
        assert found.empty
        assert {name: str(kind) for name, kind in found.dtypes.items()} == ALERTS
    assert set(plain_alerts(frames(**random_frames(1)), DAYS)["rule"]) == set(RULES)


def test_ten_years_of_plans_are_as_good_as_one() -> None:
    years = [*range(-3650, 1)]
    assert held(IDLE, daily=active(years)) == held(IDLE, daily=active([0]))
