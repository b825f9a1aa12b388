"""What the app reads: numbers that add up, words that are true, and rows for whom there should be some."""

from __future__ import annotations

import datetime as dt
import json
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.horizons import exam_calendar, school_year_start, weekly_dates
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput
from ml_assets.score_prediction.model import ScorePredictor, fit
from ml_assets.score_prediction.publication import COHORTS, PREDICTIONS, _add_up, cohorts, predictions
from ml_assets.score_prediction.scale import grade_of_percentile
from ml_assets.score_prediction.texts import FACTORS
from tests.ml_assets.score_prediction.worlds import (
    AS_OF,
    Made,
    all_scores,
    as_known,
    courses_of,
    effort_of,
    students_of,
)

ONCE = "지난 시험이 한 번뿐이라 범위가 넓습니다."
NOT_IN_SUBJECT = "이 교과의 지난 시험이 없어 다른 교과와 또래의 성적으로 어림한 값이라 범위가 넓습니다."
NOT_OF_KIND = "이 종류의 지난 시험이 없어 이 교과의 다른 시험 성적으로 어림한 값입니다."
UNSURE = "아직 맞혀 본 기록이 없어 범위는 어림입니다."

BOTH = pytest.mark.parametrize("which", ["published", "boosted_published"])


def factors_of(rows: pd.DataFrame) -> list[list[dict]]:
    return [json.loads(text) for text in rows["factors"]]


def of(rows: pd.DataFrame, student: str, kind: str = "mock", group: str = "국어") -> pd.DataFrame:
    chosen = (rows["student_id"] == student) & (rows["exam_kind"] == kind) & (rows["subject_group"] == group)
    return rows[chosen].reset_index(drop=True)


@BOTH
def test_factors_add_up_in_tenths(which: str, request: pytest.FixtureRequest) -> None:
    rows = request.getfixturevalue(which)
    seen = set()
    for told, predicted in zip(factors_of(rows), rows["predicted_score"], strict=True):
        cohort, *parts = told
        assert cohort.keys() == {"code", "points"}
        assert cohort["code"] == "cohort_mean"
        tenths = [round(part["points"] * 10) for part in parts]
        assert sum(tenths) == round(predicted * 10) - round(cohort["points"] * 10)
        assert 0 not in tenths
        codes = [part["code"] for part in parts]
        assert codes == [code for code in FACTORS if code in codes]
        seen |= set(codes)
        for part in parts:
            assert part["text"].endswith(f"관련해 {part['points']:+.1f}점")
            assert part["text"].startswith(FACTORS[part["code"]])
    assert seen >= {"past_exams", "trend", "kind", "cohort"}
    assert ("effort" in seen) == (which == "boosted_published")


amounts = st.floats(-60, 60).map(lambda value: round(value, 3))


@given(st.lists(amounts, min_size=5, max_size=5), st.floats(0, 100))
def test_what_rounding_leaves_goes_to_the_largest(parts: list[float], cohort: float) -> None:
    cohort = round(cohort, 1)
    rows = pd.DataFrame([dict(zip(FACTORS, parts, strict=True))])
    rows = rows.assign(cohort_mean=cohort, predicted=round(cohort + sum(parts), 1))
    found = _add_up(rows).iloc[0]
    tenths = [round(found[code] * 10) for code in FACTORS]
    assert sum(tenths) == round(rows["predicted"].iloc[0] * 10) - round(cohort * 10)
    largest = int(np.argmax(np.abs(parts)))
    for place, (code, part) in enumerate(zip(FACTORS, parts, strict=True)):
        assert abs(found[code] - part) <= (0.35 if place == largest else 0.0501)


@BOTH
def test_words_are_korean_and_name_no_cause(which: str, request: pytest.FixtureRequest) -> None:
    rows = request.getfixturevalue(which)
    for text in [*rows["factors"].unique(), *rows["reasoning"].unique(), *FACTORS.values()]:
        assert re.search("[가-힣]", text) or text in {"[]"} or '"text"' not in text
        for word in ("때문", "because", "덕분", "탓", "nan", "None", "inf"):
            assert word not in text


def test_the_sentence_says_what_the_row_says(published: pd.DataFrame) -> None:
    units = {"percentile": "백분위", "raw_score": "원점수"}
    for row in published.sample(500, random_state=0).itertuples():
        kind = "모의고사" if row.exam_kind == "mock" else "내신"
        day = f"{row.target_date.month}월 {row.target_date.day}일"
        expected = (
            f"{row.subject_group} {kind}, {day}: {units[row.scale]} {row.predicted_score:g} "
            f"(열에 여덟은 {row.lower:g}~{row.upper:g})."
        )
        assert row.reasoning.startswith(expected)
        parts = sorted(json.loads(row.factors)[1:], key=lambda part: -abs(part["points"]))
        largest = [part for part in parts[:2] if abs(part["points"]) >= 0.5]
        assert ("또래 평균과의 차이에" in row.reasoning) == bool(largest)
        for part in largest:
            ties = sum(abs(other["points"]) == abs(part["points"]) for other in parts) > 1
            assert ties or f"{FACTORS[part['code']]} {part['points']:+.1f}점" in row.reasoning
        assert (ONCE in row.reasoning) == (row.past_exam_count == 1)
        assert UNSURE not in row.reasoning


@BOTH
def test_numbers_are_in_order(which: str, request: pytest.FixtureRequest) -> None:
    rows = request.getfixturevalue(which)
    assert list(rows.columns) == list(PREDICTIONS)
    assert not rows.duplicated([*SERIES, "target_date"]).any()
    bounds = rows[["lower_90", "lower", "predicted_score", "upper", "upper_90"]].to_numpy()
    assert (np.diff(bounds, axis=1) >= 0).all()
    assert bounds.min() >= 0
    assert bounds.max() <= 100
    np.testing.assert_array_equal(bounds, bounds.round(1))
    assert rows["confidence"].between(0, 1).all()
    assert (rows["interval_basis"] == "calibrated").all()
    assert rows["tenant_id"].eq("t1").all()
    key = rows[[*SERIES, "target_date"]]
    pd.testing.assert_frame_equal(key, key.sort_values([*SERIES, "target_date"], ignore_index=True))
    assert rows["past_exam_count"].dtype == np.int16
    assert rows["current_score"].isna().eq(rows["past_exam_count"] == 0).all()


def test_past_exams_are_counted_and_the_last_is_current(
    published: pd.DataFrame, class_input: ScorePredictionInput
) -> None:
    known = class_input.known[class_input.known["student_id"].isin(["s0003", "ten", "one"])]
    for (student, group, kind), rows in known.groupby(SERIES):
        told = of(published, student, kind, group)
        assert (told["past_exam_count"] == len(rows)).all()
        last = rows.sort_values(["day", "score_id"]).iloc[-1]
        if last["scale"] == "raw_score":
            assert (told["current_score"] == last["raw_score"]).all()
        elif last["percentile_basis"] == "percentile":
            assert told["current_score"].to_numpy() == pytest.approx(round(last["percentile"], 1), abs=0.051)


@BOTH
def test_grades_are_those_that_the_interval_touches(
    which: str, class_input: ScorePredictionInput, request: pytest.FixtureRequest
) -> None:
    rows = request.getfixturevalue(which)
    graded = set(class_input.known.dropna(subset=["rank_grade"])["student_id"])
    of_peers = 0
    for row in rows.sample(800, random_state=1).itertuples():
        told = json.loads(row.scales)
        assert ("rank_grades" in told) == (row.scale == "percentile")
        if row.scale != "percentile":
            continue
        levels = told["rank_grade_levels"]
        grid = np.append(np.arange(row.lower, row.upper, 0.01), row.upper)
        touched = sorted(set(grade_of_percentile(grid, levels).tolist()))
        assert told["rank_grades"] == touched
        # Who has no 등급 of their own has as many as the others of the year.
        assert levels == (5 if row.exam_kind == "internal" else 9)
        of_peers += levels == 5 and row.student_id not in graded
    assert of_peers > 0


def test_other_scales_rise_with_the_prediction(published: pd.DataFrame) -> None:
    rows = published[(published["scale"] == "percentile") & (published["exam_kind"] == "mock")]
    told = [json.loads(text) for text in rows["scales"]]
    for name, (low, high) in {"raw_score": (0, 100), "standard_score": (0, 200)}.items():
        values = pd.DataFrame([scales[name] for scales in told])[["lower", "predicted", "upper"]].to_numpy()
        assert (np.diff(values, axis=1) >= 0).all()
        assert values.min() >= low
        assert values.max() <= high
        for group in ("국어", "수학"):
            own = (rows["subject_group"] == group).to_numpy()
            order = np.argsort(rows["predicted_score"].to_numpy()[own], kind="stable")
            assert (np.diff(values[own, 1][order]) >= 0).all()
    # The class was made with 60 ± 15 raw points and 100 ± 20 standard ones.
    middle = [scales for scales, p in zip(told, rows["predicted_score"], strict=True) if 49 < p < 51]
    assert np.mean([scales["raw_score"]["predicted"] for scales in middle]) == pytest.approx(60, abs=2)
    assert np.mean([scales["standard_score"]["predicted"] for scales in middle]) == pytest.approx(100, abs=2)


def test_one_score_is_drawn_to_the_cohort_and_wide(published: pd.DataFrame) -> None:
    one, ten = of(published, "one"), of(published, "ten")
    assert (one["past_exam_count"] == 1).all()
    assert (ten["past_exam_count"] == 10).all()
    ordinary = one["exam_type"].isna()
    cohort = np.array([told[0]["points"] for told in factors_of(one)])
    assert (one["current_score"] == 75).all()
    assert ordinary.sum() > 20
    assert ((cohort < one["predicted_score"]) & (one["predicted_score"] < one["current_score"]))[ordinary].all()
    assert ((one["upper"] - one["lower"]) > (ten["upper"] - ten["lower"])).all()
    assert ((one["upper_90"] - one["lower_90"]) > (ten["upper_90"] - ten["lower_90"])).all()
    assert one["reasoning"].str.contains(ONCE, regex=False).all()
    assert not ten["reasoning"].str.contains(ONCE, regex=False).any()
    assert (one["trend"] == "unknown").all()
    assert not (ten["trend"] == "unknown").any()


def test_nobody_without_a_score_has_a_row(published: pd.DataFrame, published_cohorts: pd.DataFrame) -> None:
    assert "none" not in set(published["student_id"])
    assert len(published_cohorts) > 4
    assert list(published_cohorts.columns) == list(COHORTS)
    assert (published_cohorts["basis"] == "insufficient_data").all()
    assert published_cohorts["reasoning"].str.startswith("성적이 없어 또래의 성적으로 어림했습니다. ").all()
    # As many grades as the cohort has: five of 내신, nine of 모의고사.
    placed = published_cohorts[published_cohorts["scale"] == "percentile"]
    levels = placed["scales"].map(lambda told: json.loads(told)["rank_grade_levels"])
    assert set(zip(placed["exam_kind"], levels, strict=True)) == {("internal", 5), ("mock", 9)}


def test_a_subject_without_scores_is_told_as_such(published: pd.DataFrame) -> None:
    rows = of(published, "elsewhere", "mock", "수학")
    assert len(rows) > 26
    assert (rows["past_exam_count"] == 0).all()
    assert rows["reasoning"].str.contains(NOT_IN_SUBJECT, regex=False).all()
    assert not rows["reasoning"].str.contains(NOT_OF_KIND, regex=False).any()
    assert rows["current_score"].isna().all()
    own = of(published, "elsewhere", "mock", "국어")
    assert ((rows["upper"] - rows["lower"]).to_numpy() > (own["upper"] - own["lower"]).to_numpy()).all()


def test_a_kind_without_scores_is_told_by_the_other_kind(published: pd.DataFrame) -> None:
    """Who has mock exams of a subject is not told that there is no exam of it."""
    rows = of(published, "only mock", "internal", "수학")
    assert (rows["past_exam_count"] == 0).all()
    assert rows["reasoning"].str.contains(NOT_OF_KIND, regex=False).all()
    assert not rows["reasoning"].str.contains(NOT_IN_SUBJECT, regex=False).any()


def test_cohorts_are_of_their_students(
    class_model: ScorePredictor,
    class_input: ScorePredictionInput,
    published: pd.DataFrame,
    published_cohorts: pd.DataFrame,
) -> None:
    first = published[published["target_date"] == "2026-09-07"]
    students = class_input.students.set_index("student_id")["school_year_level"]
    widths = []
    for row in published_cohorts.itertuples():
        own = first[(first["subject_group"] == row.subject_group) & (first["exam_kind"] == row.exam_kind)]
        if row.school_year_level:
            own = own[own["student_id"].map(students) == row.school_year_level]
        assert row.student_count == own["student_id"].nunique() >= 5
        assert row.predicted_score == pytest.approx(own["predicted_score"].mean(), abs=4)
        assert row.lower_90 <= row.lower <= row.predicted_score <= row.upper <= row.upper_90
        widths.append((row.upper - row.lower, (own["upper"] - own["lower"]).mean()))
    ours, theirs = np.mean(widths, axis=0)
    assert ours > 1.05 * theirs, "nothing is known of who reads this"
    key = [*COHORTS[:5]]
    assert not published_cohorts.duplicated(key).any()
    assert set(published_cohorts["school_year_level"]) == {0, 1, 2, 3}


def test_small_cohorts_are_not_shown() -> None:
    scores = all_scores(Made(students=7, sits=1.0))
    scores = scores[scores["student_id"] < "s0005"]
    inputs = as_known(scores)
    config = ScorePredictionConfig(replay_most=1)
    model = fit(inputs, config)
    assert (cohorts(model, inputs)["student_count"] == 5).all()
    four = inputs.of_students(["s0000", "s0001", "s0002", "s0003"])
    assert cohorts(model, four).empty
    assert list(cohorts(model, four).columns) == list(COHORTS)


def test_days_are_mondays_and_known_exams(published: pd.DataFrame) -> None:
    rows = of(published, "one")
    days, types = rows["target_date"].dt.date, rows["exam_type"]
    weekly = set(days[types.isna()])
    assert weekly == {AS_OF + dt.timedelta(weeks=number) for number in range(26)}
    named = dict(zip(days[types.notna()], types[types.notna()], strict=True))
    assert named[dt.date(2026, 11, 19)] == "csat"
    assert named == {
        dt.date(2026, 10, 15): "education_office",
        dt.date(2026, 11, 19): "csat",
        dt.date(2027, 3, 25): "education_office",
        dt.date(2027, 5, 20): "education_office",
        dt.date(2027, 6, 3): "kice",
        dt.date(2027, 7, 8): "education_office",
        dt.date(2027, 9, 2): "kice",
    }
    school = of(published, "one", "internal")
    assert set(school["target_date"][school["exam_type"].notna()].dt.date) == {
        dt.date(2026, 12, 15), dt.date(2027, 7, 10)
    }  # fmt: skip


dates = st.dates(dt.date(2024, 1, 1), dt.date(2035, 12, 31))


@given(dates)
def test_weeks_begin_on_the_first_monday(as_of: dt.date) -> None:
    found = weekly_dates(as_of, 26)
    assert len(found) == 26
    assert all(day.weekday() == 0 for day in found)
    assert 0 <= (found[0] - as_of).days < 7
    assert {(b - a).days for a, b in pairwise(found)} == {7}


@given(dates, st.integers(0, 365))
def test_the_calendar_is_that_of_a_year(as_of: dt.date, days: int) -> None:
    found = exam_calendar(as_of, days)
    ahead = [(day - as_of).days for day in found["exam_date"]]
    assert all(0 <= number <= days for number in ahead)
    assert ahead == sorted(ahead)
    months = {
        "education_office": {3, 5, 7, 10}, "kice": {6, 9}, "csat": {11}, "school": {7, 12}
    }  # fmt: skip
    for row in found.itertuples():
        assert row.exam_date.month in months[row.exam_type]
        assert row.exam_kind == ("internal" if row.exam_type == "school" else "mock")
        if row.exam_type == "csat":
            assert row.exam_date.weekday() == 3
            assert 15 <= row.exam_date.day <= 21
    if days == 365:
        assert len(found) in {9, 10}


@pytest.mark.parametrize(("year", "day"), [(2024, 14 + 7), (2025, 20), (2026, 19), (2027, 18), (2028, 16)])
def test_the_csat_is_on_the_third_thursday_of_november(year: int, day: int) -> None:
    found = exam_calendar(dt.date(year, 1, 1), 365)
    assert found[found["exam_type"] == "csat"]["exam_date"].tolist() == [dt.date(year, 11, day)]


def test_school_years_start_in_march() -> None:
    days = pd.Series(pd.to_datetime(["2026-02-28", "2026-03-01", "2026-12-31", "2027-01-01"]))
    assert school_year_start(days).dt.strftime("%Y-%m-%d").tolist() == ["2025-03-01", *["2026-03-01"] * 2, "2026-03-01"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_handful_of_scores_is_published_as_a_guess(count: int) -> None:
    """Seven students and a few scores: fitted and told, by the baseline, and said to be one."""
    scores = all_scores(Made(students=7))
    known = scores[scores["known_date"] < pd.Timestamp(AS_OF)].tail(count)
    inputs = ScorePredictionInput(
        as_of=AS_OF, students=students_of(scores), scores=known, effort=effort_of(scores, AS_OF),
        courses=courses_of(scores),
    )  # fmt: skip
    model = fit(inputs)
    assert model.in_use == "shrunken_mean"
    rows, groups = predictions(model, inputs), cohorts(model, inputs)
    assert list(rows.columns) == list(PREDICTIONS)
    assert list(groups.columns) == list(COHORTS)
    assert rows["student_id"].nunique() == known["student_id"].nunique()
    assert (rows["interval_basis"] == "uncalibrated").all()
    assert (rows["basis"] == "shrunken_mean").all()
    assert rows["reasoning"].str.endswith(UNSURE).all()
    assert rows[["predicted_score", "lower", "upper"]].notna().all(axis=None)
    assert [json.loads(text)[0]["code"] for text in rows["factors"]] == ["cohort_mean"] * len(rows)


def test_middle_schools_have_no_mock_exams_on_their_calendar(class_model: ScorePredictor) -> None:
    scores = all_scores(Made(students=8))
    inputs = as_known(scores)
    middle = ScorePredictionInput(
        as_of=AS_OF, students=inputs.students.assign(school_type="MIDDLE"), scores=inputs.scores,
        effort=inputs.effort, courses=inputs.courses,
    )  # fmt: skip
    rows = predictions(class_model, middle)
    named = rows[rows["exam_type"].notna()]
    assert set(named["exam_kind"]) == {"internal"}
    nowhere = ScorePredictionInput(
        as_of=AS_OF, students=inputs.students.assign(school_type=None, school_year_level=None), scores=inputs.scores,
        effort=inputs.effort, courses=inputs.courses,
    )  # fmt: skip
    assert predictions(class_model, nowhere)["exam_type"].isna().all()
    assert set(cohorts(class_model, nowhere)["school_type"]) == {""}
