"""The risk and the weak subjects: what moves them, and what does not."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.levels import fit
from ml_assets.subject_risk.publication import RISKS, risks
from ml_assets.subject_risk.risk import WEAK_SUBJECTS, figures, weak_subjects
from tests.ml_assets.subject_risk.worlds import AS_OF, frames, made, placed, score

MONTHS = [date.strftime("%Y-%m-%d") for date in pd.date_range("2024-09-01", periods=20, freq="MS")]


def series(student: str, group: str, percentiles: list[float], kind: str = "mock") -> list[dict[str, Any]]:
    """One exam a month with these percentiles, the last of them in April 2026."""
    dates = MONTHS[len(MONTHS) - len(percentiles) :]
    return [placed(student, group, date, value, kind) for date, value in zip(dates, percentiles, strict=True)]


def row(rows: pd.DataFrame, student: str, group: str = "국어") -> pd.Series:
    return rows.set_index(["student_id", "subject_group"]).loc[(student, group)]


def test_rows_have_the_columns_and_one_key() -> None:
    inputs, _, _ = made(students=40)
    rows = risks(inputs)
    assert list(rows.columns) == list(RISKS)
    assert not rows.duplicated(["student_id", "subject"]).any()
    assert rows["risk_score"].dropna().between(0, 100).all()
    assert rows["recent_grade_trend"].isin([-1, 0, 1]).all()
    for name in ("consistency_score", "mastery_estimate", "legacy_risk_score"):
        assert rows[name].dropna().between(0, 100).all(), name


def test_factors_add_up_to_the_risk() -> None:
    rows = risks(made(students=60)[0]).dropna(subset=["risk_score"])
    total = rows["factors"].map(lambda text: sum(part["points"] for part in json.loads(text)))
    assert total.to_numpy() == pytest.approx(rows["risk_score"].to_numpy(), abs=1e-6)
    assert {part["code"] for text in rows["factors"] for part in json.loads(text)} >= {"level", "spread", "no_gain"}


def test_no_data_is_no_risk_and_not_none() -> None:
    """Studied without a score, and with a single one: insufficient, and it says so."""
    inputs = frames([placed("a", "국어", "2026-03-01", 10.0)], studied=[("a", "수학"), ("b", "영어")])
    rows = risks(inputs).set_index(["student_id", "subject"])
    assert rows.index.tolist() == [("a", "국어"), ("a", "수학"), ("b", "영어")]
    assert rows["risk_score"].isna().all()
    assert (rows["basis"] == "insufficient").all()
    assert not rows["is_weak"].any()
    assert (rows["factors"] == "[]").all()
    assert (rows["legacy_differences"] == '["no_data_is_zero"]').all()
    assert rows["score_count"].tolist() == [1, 0, 0]
    assert "1번뿐" in rows.loc[("a", "국어"), "reasoning"]
    assert "시험이 없어" in rows.loc[("b", "영어"), "reasoning"]


def test_direction() -> None:
    rising = np.linspace(20, 80, 20).tolist()
    rows = series("up", "국어", rising) + series("down", "국어", rising[::-1]) + series("same", "국어", [50.0] * 20)
    found = risks(frames(rows)).set_index("student_id")
    assert found["recent_grade_trend"].to_dict() == {"up": 1, "down": -1, "same": 0}
    assert found.loc["down", "grade_change"] > 0 > found.loc["up", "grade_change"]
    codes = found["factors"].map(lambda text: {part["code"] for part in json.loads(text)})
    assert "decline" in codes["down"]
    assert "decline" not in codes["up"]
    assert "내려가는" in found.loc["down", "reasoning"]


def test_two_exams_are_no_direction() -> None:
    """One bad day after one good one is noise."""
    assert risks(frames(series("a", "국어", [60.0, 40.0])))["recent_grade_trend"].tolist() == [0]


def test_the_order_of_rows_does_not_matter_and_the_exams_date_does() -> None:
    inputs = frames(series("a", "국어", np.linspace(80, 20, 20).tolist()))
    shuffled = replace(inputs, scores=inputs.scores.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(risks(inputs), risks(shuffled))
    turned = inputs.scores.assign(
        exam_date=inputs.scores["exam_date"].to_numpy()[::-1], known_date=pd.Timestamp("2026-09-06")
    )
    assert risks(replace(inputs, scores=turned))["recent_grade_trend"].tolist() == [1]


def test_coursework_that_is_handed_in_early_is_not_of_the_future() -> None:
    """It is known before the day on which it is due, and that may lie after the cut-off."""
    inputs = frames(series("a", "국어", [40.0, 60.0]))
    due = pd.Timestamp(inputs.as_of) + pd.Timedelta(days=20)
    early = inputs.scores.assign(exam_date=[inputs.scores["exam_date"].iloc[0], due])
    [weak] = weak_subjects(replace(inputs, scores=early)).itertuples()
    assert weak.last_exam_date == inputs.scores["known_date"].iloc[1]


def test_the_day_of_entry_after_the_exam_does_not_matter() -> None:
    """A bulk import after the fact changes nothing."""
    inputs = frames(series("a", "국어", np.linspace(80, 20, 20).tolist(), "internal"))
    late = inputs.scores.assign(known_date=pd.Timestamp("2026-09-06"))
    pd.testing.assert_frame_equal(risks(inputs), risks(replace(inputs, scores=late)))


def test_grade_systems_do_not_matter_where_a_place_is_known() -> None:
    values = [40.0, 55.0, 45.0, 60.0]
    nine = [dict(one, rank_grade=5.0, rank_grade_levels=9.0) for one in series("a", "국어", values, "internal")]
    five = [dict(one, rank_grade=3.0, rank_grade_levels=5.0) for one in series("a", "국어", values, "internal")]
    columns = [name for name in RISKS if not name.startswith("legacy")]
    pd.testing.assert_frame_equal(risks(frames(nine))[columns], risks(frames(five))[columns])


def test_hard_and_easy_exams_do_not_make_a_student_unsteady() -> None:
    raw = [40.0, 95.0] * 6
    steady = [dict(one, raw_score=points) for one, points in zip(series("a", "국어", [50.0] * 12), raw, strict=True)]
    same = [dict(one, raw_score=60.0) for one in series("a", "국어", [50.0] * 12)]
    ours = [risks(frames(rows))["risk_score"].item() for rows in (steady, same)]
    old = [risks(frames(rows))["legacy_risk_score"].item() for rows in (steady, same)]
    assert ours[0] == ours[1]
    assert old[0] - old[1] == 20.0


def test_weak_is_behind_ones_own_other_groups() -> None:
    good, fair = [96.0] * 10, [75.0] * 10
    found = weak_subjects(frames(series("a", "국어", good) + series("a", "수학", good) + series("a", "영어", fair)))
    assert list(found.columns) == list(WEAK_SUBJECTS)
    assert found["is_weak"].tolist() == [False, False, True]
    assert row(found, "a", "영어")["need"] > 0.5
    assert row(found, "a", "국어")["need"] == 0.0
    assert found["own_percentile"].eq(found["own_percentile"].iloc[0]).all()
    assert found["own_percentile"].iloc[0] == pytest.approx(found["percentile"].mean(), abs=0.06)


def test_at_risk_everywhere_is_weak_where_it_is_not_better() -> None:
    worst = [0.5, 3.0] * 10
    rows = figures(frames(series("a", "국어", worst) + series("a", "수학", worst)), SubjectRiskConfig(weak_risk=45.0))
    assert (rows["risk_score"] >= 45).all()
    assert rows["is_weak"].all()
    assert not figures(frames(series("a", "국어", worst)), SubjectRiskConfig(weak_risk=99.0))["is_weak"].any()


def test_one_bad_day_is_not_weak() -> None:
    rows = series("a", "국어", [90.0] * 10) + series("a", "수학", [5.0])
    assert not weak_subjects(frames(rows))["is_weak"].any()


def test_study_without_gain_costs_more_than_study_with() -> None:
    rising = np.linspace(20, 80, 20).tolist()
    pairs = {("gain", "국어"): 40.0, ("none", "국어"): 40.0}
    rows = figures(frames(series("gain", "국어", rising) + series("none", "국어", rising[::-1]), done=pairs))
    found = rows.set_index("student_id")
    assert found.loc["none", "points_no_gain"] > 4.5 > 0.5 > found.loc["gain", "points_no_gain"]
    assert found.loc["gain", "improvement_rate"] > 0 > found.loc["none", "improvement_rate"]


def test_unknown_study_is_neither_none_nor_all() -> None:
    rows = figures(frames(series("a", "국어", [50.0] * 5), done={("a", "국어"): 1.0}))
    assert rows["points_no_gain"].tolist() == [2.5]
    assert rows["improvement_rate"].isna().all()


def test_a_student_who_returns_after_years_is_judged_by_the_new_exams() -> None:
    old = [placed("a", "국어", f"2016-{month:02}-01", 5.0) for month in range(3, 12)]
    new = series("a", "국어", [80.0] * 4)
    back, fresh = (
        risks(frames(rows)).drop(columns=["legacy_risk_score", "legacy_differences"]) for rows in (old + new, new)
    )
    pd.testing.assert_frame_equal(back, fresh)


def test_ten_years_of_exams_count_three() -> None:
    dates = pd.date_range("2016-01-01", "2026-08-01", freq="MS").strftime("%Y-%m-%d")
    rows = risks(frames([placed("a", "국어", date, 50.0) for date in dates]))
    assert rows["score_count"].tolist() == [36]


def test_raw_scores_among_ours_are_enough() -> None:
    """Learners of whom only raw scores are known, placed among themselves, have a risk."""
    values = {"percentile_basis": "raw_score_among_ours", "raw_score": 70.0}
    rows = risks(frames([dict(one, **values) for one in series("a", "aaa", [40.0, 55.0, 45.0])]))
    assert rows["basis"].tolist() == ["scores"]
    assert rows["risk_score"].notna().all()


def test_raw_scores_without_a_place_are_enough_where_many_sat_the_exam() -> None:
    rng = np.random.default_rng(0)
    rows = [
        score(f"s{number:02}", "aaa", date, raw_score=float(np.clip(60 + number - 20 + rng.normal(), 0, 100)))
        for number in range(40)
        for date in MONTHS[:4]
    ]
    found = risks(frames(rows))
    assert found["risk_score"].notna().all()
    assert found["risk_score"].corr(pd.Series(np.arange(40.0)), method="spearman") < -0.95


def test_nobody_has_no_row() -> None:
    rows = risks(frames([]))
    assert rows.empty
    assert list(rows.columns) == list(RISKS)
    assert weak_subjects(frames([])).empty


def test_a_student_alone_gets_the_rows_of_the_batch() -> None:
    inputs, _, _ = made(students=50)
    config = SubjectRiskConfig()
    model = fit(inputs, config)
    batch = risks(inputs, config, model)
    alone = risks(inputs.of_students(["s0003"]), config, model)
    pd.testing.assert_frame_equal(alone, batch[batch["student_id"] == "s0003"].reset_index(drop=True))


def test_the_other_academy_changes_nothing_under_one_model() -> None:
    inputs, _, _ = made(students=40)
    config = SubjectRiskConfig()
    model = fit(inputs, config)
    own = inputs.students.loc[inputs.students["tenant_id"] == "t0", "student_id"].tolist()
    both = risks(inputs, config, model)
    assert both.groupby("student_id")["tenant_id"].nunique().max() == 1
    pd.testing.assert_frame_equal(
        risks(inputs.of_students(own), config, model), both[both["tenant_id"] == "t0"].reset_index(drop=True)
    )


def test_the_next_night_without_news_is_the_same() -> None:
    """Rows do not creep with the calendar, so that an unchanged student costs no write."""
    inputs, _, _ = made(students=30)
    pd.testing.assert_frame_equal(risks(inputs), risks(replace(inputs, as_of=AS_OF + dt.timedelta(days=1))))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1, 99), min_size=2, max_size=12), st.floats(0.5, 30))
def test_a_better_last_exam_never_lowers_the_level(values: list[float], more: float) -> None:
    better = [*values[:-1], min(99.0, values[-1] + more)]
    model = fit(frames([]), SubjectRiskConfig())
    before, after = (figures(frames(series("a", "국어", each)), model=model) for each in (values, better))
    assert after["level"].item() >= before["level"].item() - 1e-9
    assert after["points_level"].item() <= before["points_level"].item()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=0, max_size=12), st.sampled_from(["mock", "internal"]))
def test_any_percentiles_give_a_risk_within_its_range(values: list[float], kind: str) -> None:
    rows = risks(frames(series("a", "국어", values, kind), studied=[("a", "국어")]))
    assert len(rows) == 1
    if len(values) < 2:
        assert rows["risk_score"].isna().all()
    else:
        assert 0 <= rows["risk_score"].item() <= 100
        assert 0 <= rows["consistency_score"].item() <= 100
        assert 0 <= rows["mastery_estimate"].item() <= 100
