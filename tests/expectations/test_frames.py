from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.outcome import ValidationOutcome
from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES
from expectations.runner import validate_frame
from expectations.spec import SuiteSpec, between, columns_exactly, not_null, numbered_from_one
from tests.expectations.planting import SECRET, breaking

AS_OF = dt.date(2026, 3, 2)
EVE = pd.Timestamp("2026-03-01")


def recommendations(students: int = 3, length: int = 4) -> pd.DataFrame:
    rank = np.tile(np.arange(1, length + 1), students)
    return pd.DataFrame(
        {
            "student_id": np.repeat([f"s{number:06d}" for number in range(students)], length),
            "rank": rank,
            "tenant_id": "t1",
            "content_type": "book",
            "content_id": [f"c{number}" for number in rank],
            "subject_group": "수학",
            "subject_id": None,
            "subject_rank": rank,
            "score": 1 / rank,
            "reasons": '[{"code": "studying"}]',
            "reasoning": SECRET,
            "source": "personal",
        }
    )


def fallback() -> pd.DataFrame:
    frame = recommendations(students=2).rename(columns={"student_id": "subject_group", "subject_group": "old"})
    frame[["school_type", "school_year_level"]] = ["HIGH", 2]
    columns = CANDIDATE_SUITES["fallback_recommendations"]().columns
    return frame[list(columns)]


def resumptions() -> pd.DataFrame:
    frame = recommendations(students=2, length=2).assign(done_share=[0.5, None, 0.0, 1.0], last_done_date="2026-02-01")
    return frame[list(CANDIDATE_SUITES["content_resumptions"]().columns)]


FACTORS = """[
    {"code": "cohort_mean", "points": 50.5}, {"code": "past_exams", "points": 9, "text": "지난 시험이 더 높아요."},
    {"code": "effort", "points": -1.5, "text": "계획을 덜 마쳤어요."}
]"""


def predictions() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1", "s2"], "target_date": pd.to_datetime(["2026-03-09"] * 3).date})
    frame["exam_kind"] = ["mock", "internal", "mock"]
    frame["current_score"] = [60.0, None, 0.0]
    frame["exam_type"] = ["kice", None, None]
    texts = {"subject_group": "수학", "tenant_id": "t1", "trend": "stable", "scale": "percentile", "scales": "{}"}
    texts |= {"interval_basis": "calibrated", "basis": "x", "reasoning": SECRET, "factors": FACTORS}
    frame = frame.assign(**texts, confidence=0.5, past_exam_count=3)
    frame[["lower_90", "lower", "predicted_score", "upper", "upper_90"]] = [0, 40.5, 58, 58, 100]
    return frame[list(CANDIDATE_SUITES["score_predictions"]().columns)]


def cohorts() -> pd.DataFrame:
    frame = predictions().assign(school_type="HIGH", school_year_level=[1, 1, 2], student_count=5)
    return frame[list(CANDIDATE_SUITES["fallback_score_predictions"]().columns)]


FIGURES = (
    *("preferred_study_times", "strong_days", "weak_days", "peak_productivity_hours", "overall_completion_rate"),
    *("average_daily_study_minutes", "avg_session_duration_minutes", "avg_weekly_completion_rate"),
)


def evidence(*insufficient: str) -> str:
    """All figures measured but these."""
    status = {name: "insufficient" if name in insufficient else "measured" for name in FIGURES}
    return json.dumps({name: {"status": status[name], "n": 12, "minimum": 5} for name in FIGURES})


def habits() -> pd.DataFrame:
    """Somebody with habits, and somebody of whom nothing is known."""
    frame = pd.DataFrame({"student_id": ["s1", "s2"], "evidence": [evidence(), evidence(*FIGURES)]})
    frame["preferred_study_times"] = [np.array(["evening", "night"], object), np.array([], object)]
    frame["strong_days"] = [np.array([0, 6]), np.array([], int)]
    frame["weak_days"] = [np.array([3]), np.array([], int)]
    frame["peak_productivity_hours"] = [np.array([0, 23]), np.array([], int)]
    frame["frequently_incomplete_subjects"] = [np.array(["한국사"], object), np.array([], object)]
    frame["overall_completion_rate"] = [100.0, None]
    frame["average_daily_study_minutes"] = [95, None]
    frame["avg_session_duration_minutes"] = [40, None]
    frame["avg_weekly_completion_rate"] = [1.0, None]
    texts = dict.fromkeys(["study_time_analysis", "day_analysis", "subject_completion_analysis"], "[]")
    texts |= dict.fromkeys(["change_points", "realistic_minutes"], "[]") | {"tenant_id": "t1", "basis": "x"}
    texts |= {"analyzed_period_start": "2025-12-08", "analyzed_period_end": "2026-03-01"}
    nothing = ("daily_completion_curve", "weekly_pattern", "subject_performance_trend", "fatigue_indicators")
    frame = frame.assign(**texts, **dict.fromkeys([*nothing, "weekly_rhythm"]), total_plans_analyzed=120)
    return frame[list(CANDIDATE_SUITES["student_learning_patterns"]().columns)]


def habits_of_cohorts() -> pd.DataFrame:
    frame = habits().assign(school_type="HIGH", school_year_level=[1, 2], student_count=5)
    return frame[list(CANDIDATE_SUITES["fallback_learning_patterns"]().columns)]


RISK_FACTORS = """[
    {"code": "level", "points": 30.2, "text": "등급이 낮아요."},
    {"code": "decline", "points": 12.0, "text": "떨어졌어요."}
]"""


def risks() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1", "s2"], "subject": ["수학", "영어", "수학"]})
    frame["risk_score"] = [42.2, None, 42.0]
    frame["basis"] = ["scores", "insufficient", "scores"]
    frame["factors"] = [RISK_FACTORS, "[]", RISK_FACTORS]
    frame["is_weak"] = [True, False, False]
    numbers = dict.fromkeys(["consistency_score", "mastery_estimate", "recent_3_avg_grade", "grade_change"], None)
    numbers |= dict.fromkeys(["score_variance", "improvement_rate", "legacy_risk_score"], None)
    frame = frame.assign(**numbers, tenant_id="t1", recent_grade_trend=-1, score_count=2, legacy_differences="[]")
    return frame.assign(reasoning=SECRET)[list(CANDIDATE_SUITES["student_risk_analysis"]().columns)]


def summaries() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s2", "s3"]})
    frame["peer_comparison"] = ['{"수학": {"percentile": 3, "student_count": 5}}', None, '[{"cohortSize": 12}]']
    frame = frame.assign(tenant_id="t1", internal_summary=None, mock_summary="{}", strategy_summary=None)
    return frame[list(CANDIDATE_SUITES["score_summaries"]().columns)]


IMPACTS = """[
    {"factor": "completion_drop", "impact": -12.5, "description": "지난주보다 줄었어요."},
    {"factor": "streak", "impact": 4.5, "description": "사흘째 이어가고 있어요."}
]"""


def outlooks() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1", "s2"]})
    frame["prediction_type"] = ["burnout_risk", "subject_struggle", "burnout_risk"]
    frame["subject"] = [None, "수학", None]
    frame["contributing_factors"] = [IMPACTS, IMPACTS, "[]"]
    frame["prediction_score"] = [52, 52.4, 60.3]
    frame["actual_outcome"] = [None, 0.0, 100.0]
    texts = {"target_period_start": "2026-03-02", "target_period_end": "2026-03-02", "recommended_interventions": "[]"}
    frame = frame.assign(**texts, tenant_id="t1", reasoning=SECRET, basis="additive", base_score=60, confidence=0.5)
    frame["prediction_date"] = pd.to_datetime(["2026-03-02"] * 3).date
    return frame[list(CANDIDATE_SUITES["student_predictions"]().columns)]


def warnings() -> pd.DataFrame:
    """One open, one ended, and one that is open after the other had ended."""
    at = pd.to_datetime(["2026-02-01", "2026-01-01", "2026-02-20"], utc=True)
    frame = pd.DataFrame({"student_id": ["s1", "s2", "s2"], "id": ["w1", "w2", "w3"], "detected_at": at})
    frame["resolved_at"] = pd.to_datetime([None, "2026-01-01", None], utc=True)
    frame["detected_date"] = at.date
    texts = {"warning_type": "subject_struggle", "subject": "수학", "tenant_id": "t1", "severity": "low"}
    texts |= {"context_data": "{}", "recommended_actions": "[]", "reasoning": SECRET}
    return frame.assign(**texts, probability=0.5)[list(CANDIDATE_SUITES["early_warnings"]().columns)]


def reviews() -> pd.DataFrame:
    frame = pd.DataFrame({"tenant_id": ["t1", "t2"], "month": "2026-02", "warning_type": "burnout_risk"})
    counts = {"raised_count": 5, "resolved_count": 5, "confirmed_count": 4, "dismissed_count": 2}
    shares = dict.fromkeys(["precision_share", "proposed_threshold", "proposed_precision_share"], None)
    frame = frame.assign(**counts, **shares, median_lead_days=None, threshold=0.5)
    return frame[list(CANDIDATE_SUITES["warning_rule_reviews"]().columns)]


def profile() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "student_id": ["s1", "s2", "s3"],
            "tenant_id": "t1",
            "school_type": ["HIGH", "MIDDLE", None],
            "school_year_level": pd.array([1, 3, None], dtype="Int16"),
            "curriculum_revision_year": 2022,
            "is_withdrawn": [False, True, False],
            "withdrawn_date": [pd.NaT, EVE, pd.NaT],
            "is_synthetic": False,
        }
    )


def subjects() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1"], "subject_group": ["수학", "영어"], "subject": ["미적분", None]})
    return frame.assign(since_date=EVE)


def catalogue() -> pd.DataFrame:
    columns = FEATURE_SUITES["feat_content__catalogue"](AS_OF).columns
    frame = pd.DataFrame(None, index=range(3), columns=columns, dtype=object)
    return frame.assign(content_id=["c1", "c2", "c3"], content_type=["book", "lecture", "custom"], is_active=True)


def interactions() -> pd.DataFrame:
    dates = ["shelved_date", "first_planned_date", "last_planned_date", "first_done_date", "last_done_date"]
    frame = pd.DataFrame({"student_id": ["s1", "s1", "s2"], "content_id": ["c1", "c2", "c1"]})
    frame[dates] = EVE
    frame.loc[2, dates] = pd.NaT
    return frame.assign(planned_count=[3, 0, 0], done_count=[3, 0, 0], done_units=[30, None, None])


def prerequisites() -> pd.DataFrame:
    return pd.DataFrame({"tenant_id": "t1", "content_id": ["c2", "c3"], "prerequisite_id": ["c1", "c1"]})


def scores() -> pd.DataFrame:
    frame = pd.DataFrame(
        {"student_id": ["s1", "s1"], "subject_group": ["수학", None], "exam_kind": ["mock", "internal"]}
    )
    return frame.assign(exam_count=2, last_exam_date=EVE, recent_percentile=[50.0, 60.0])


def exam_scores() -> pd.DataFrame:
    columns = FEATURE_SUITES["feat_student_exam__scores"](AS_OF).columns
    frame = pd.DataFrame(None, index=range(2), columns=columns, dtype=object)
    return frame.assign(
        score_id=["x1", "x2"],
        student_id="s1",
        tenant_id="t1",
        subject_group="수학",
        subject_id="m1",
        exam_kind=["internal", "mock"],
        exam_type=["school", "kice"],
        exam_date=[EVE, pd.Timestamp("2026-06-04")],
        known_date=EVE,
        course_day=[0, 95],
        raw_score=[88.0, None],
        percentile=[None, 50.0],
        rank_grade=[1, 9],
    )


def weekly_effort() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1"], "subject_group": "수학"})
    frame["week_start"] = [pd.Timestamp("2026-02-16"), pd.Timestamp("2026-02-23")]
    frame = frame.assign(planned_count=[3, 0], done_count=[1, 0], done_by_week_end_count=0, carried_over_count=0)
    return frame.assign(net_seconds=[None, 600.0])


def courses() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s1"], "subject_group": ["수학", "영어"], "subject_id": ["m1", None]})
    return frame.assign(course_start_date=[EVE, pd.Timestamp(AS_OF)])


def daily_activity() -> pd.DataFrame:
    columns = FEATURE_SUITES["feat_student__daily_activity"](AS_OF).columns
    frame = pd.DataFrame({"student_id": "s1", "activity_date": [pd.Timestamp("2026-02-28"), EVE]})
    frame = frame.assign(**dict.fromkeys(columns[2:], 0))
    return frame.assign(net_seconds=[None, 600.0], late_seconds=[None, 0.0])


def coming_week() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s2", "s3"], "planned_count": [0, 2, 2], "estimated_count": [0, 1, 0]})
    return frame.assign(planned_minutes=[0.0, 30.0, None])


def enrolments() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": "s1", "plan_group_id": ["g1", "g2"], "start_date": EVE})
    return frame.assign(end_date=pd.Timestamp("2026-06-30"), cancelled_date=[pd.NaT, EVE])


def hour_activity() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": "s1", "start_hour": [0, 23], "spell_count": [1, 0]})
    return frame.assign(net_seconds=[600.0, None], planned_count=[0, 2], done_count=[0, 1])


def kind_effort() -> pd.DataFrame:
    columns = FEATURE_SUITES["feat_student_kind__effort"](AS_OF).columns
    frame = pd.DataFrame({"student_id": "s1", "content_type": ["book", "free"], "subject_group": "수학"})
    counts = {"item_count": 1, "unit_item_count": [1, 0], "estimated_item_count": [1, 0]}
    logs = {"mean_log_minutes": [3.4, -0.1], "var_log_minutes": 0.0}
    frame = frame.assign(**counts, **logs)
    frame[["mean_log_unit_minutes", "mean_log_pace"]] = [[-0.5, -0.5], [None, None]]
    frame[["var_log_unit_minutes", "var_log_pace"]] = [[0.0, 0.0], [None, None]]
    return frame[list(columns)]


def rhythm() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": ["s1", "s2"]})
    frame["weekday_planned_count"] = [[0] * 7, [1] * 7]
    return frame.assign(weekday_done_count=frame["weekday_planned_count"])


def subject_activity() -> pd.DataFrame:
    frame = pd.DataFrame({"student_id": "s1", "subject_group": ["수학", "영어"]})
    return frame.assign(planned_84d_count=[3, 0], done_84d_count=[1, 0])


GOOD: dict[str, Callable[[], pd.DataFrame]] = {
    "content_recommendations": recommendations,
    "fallback_recommendations": fallback,
    "content_resumptions": resumptions,
    "score_predictions": predictions,
    "fallback_score_predictions": cohorts,
    "student_learning_patterns": habits,
    "fallback_learning_patterns": habits_of_cohorts,
    "student_risk_analysis": risks,
    "score_summaries": summaries,
    "student_predictions": outlooks,
    "early_warnings": warnings,
    "warning_rule_reviews": reviews,
    "feat_student__profile": profile,
    "feat_student__subjects": subjects,
    "feat_content__catalogue": catalogue,
    "feat_content__prerequisites": prerequisites,
    "feat_student_content__interactions": interactions,
    "feat_student_subject__scores": scores,
    "feat_student_exam__scores": exam_scores,
    "feat_student_subject__weekly_effort": weekly_effort,
    "feat_student_subject__courses": courses,
    "feat_student__daily_activity": daily_activity,
    "feat_student__coming_week": coming_week,
    "feat_student__enrolments": enrolments,
    "feat_student__rhythm": rhythm,
    "feat_student_hour__activity": hour_activity,
    "feat_student_kind__effort": kind_effort,
    "feat_student_subject__activity": subject_activity,
}


# Rules that compare rows, or columns of which one fault alone need break nothing. All others break with each fault in
# one of their columns.
LOOSE = {"one_open_warning", "insufficient_has_no_risk", "insufficient_is_not_told", "no_more_than_were_raised"}


def suite(name: str) -> SuiteSpec:
    return CANDIDATE_SUITES[name]() if name in CANDIDATE_SUITES else FEATURE_SUITES[name](AS_OF)


def failed(outcome: ValidationOutcome) -> set[tuple[str, str | None]]:
    return {(failure.expectation, failure.column) for failure in outcome.failures}


@pytest.mark.parametrize("name", GOOD)
def test_a_frame_in_order_passes(name: str) -> None:
    outcome = validate_frame(GOOD[name](), suite(name))

    assert outcome.failures == ()
    assert outcome.success
    assert outcome.rows == len(GOOD[name]())


@pytest.mark.parametrize("name", GOOD)
def test_each_expectation_on_values_catches_a_planted_row(name: str) -> None:
    """As many rows as expectations, each a list of its own, and each broken in one column."""
    asked = suite(name)
    faults = [(each, fault) for each in asked.expectations if (fault := breaking(each))]
    frame = pd.concat([GOOD[name]().head(1)] * len(faults), ignore_index=True).astype(object)
    names = ["student_id", "content_id", "subject_group", "score_id", "id", "subject", "month", "school_type"]
    names.append("plan_group_id")
    keys = [column for column in names if column in frame]
    frame[keys] = [[f"{key}{number}" for key in keys] for number in range(len(frame))]
    for number, (_, fault) in enumerate(faults):
        for column, value in fault.items():
            frame.loc[number, column] = value

    outcome = validate_frame(frame, asked)

    expected = {(each.kind, each.columns[0]): 1 for each, _ in faults}
    for rule in asked.rules:
        broken = sum(bool(set(fault) & set(rule.columns)) for _, fault in faults)
        if rule.name in LOOSE:
            broken = sum(rule.violations(frame.iloc[[number]]) for number in range(len(frame)))
        if broken:
            expected[(rule.name, ", ".join(rule.columns))] = broken
    assert {(failure.expectation, failure.column): failure.observed for failure in outcome.failures} == {
        key: f"{count} of {len(frame)} rows" for key, count in expected.items()
    }
    assert not outcome.success


@pytest.mark.parametrize(
    ("name", "columns"),
    [(name, each.columns) for name in GOOD for each in suite(name).expectations if each.kind == "unique"],
)
def test_a_repeated_key_is_caught(name: str, columns: tuple[str, ...]) -> None:
    frame = GOOD[name]()
    frame.loc[1, list(columns)] = frame.loc[0, list(columns)]

    outcome = validate_frame(frame, suite(name))

    assert ("unique", ", ".join(columns)) in failed(outcome)
    assert not outcome.success


@pytest.mark.parametrize("name", ["content_recommendations", "fallback_recommendations"])
def test_a_gap_in_the_ranks_is_caught(name: str) -> None:
    frame = GOOD[name]()
    frame = frame.drop(index=1)
    rule = suite(name).rules[0]

    outcome = validate_frame(frame, suite(name))

    assert failed(outcome) == {("numbered_from_one", ", ".join(rule.columns))}
    assert outcome.critical[0].observed == "2 of 7 rows" if name.startswith("fall") else "2 of 11 rows"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0, 1, 2, 3, 1.5, None])), max_size=6))
def test_ranks_are_in_order_exactly_when_each_list_is_one_to_its_length(rows: list[tuple[str, float | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["key", "rank"])
    lists = [[rank for key, rank in rows if key == one] for one in "ab"]
    is_in_order = all(None not in ranks and sorted(ranks) == list(range(1, len(ranks) + 1)) for ranks in lists)

    assert (numbered_from_one("rank", within=["key"]).violations(frame) == 0) == is_in_order


@pytest.mark.parametrize("name", [name for name in GOOD if suite(name).min_rows])
def test_an_empty_frame_fails(name: str) -> None:
    outcome = validate_frame(GOOD[name]().head(0), suite(name))

    assert failed(outcome) == {("row_count", None)}
    assert outcome.critical[0].observed == "0 rows"


# Written out, unlike the tests above, so that an expectation taken out of a suite is missed.
@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (0, "student_id", None),
        (0, "tenant_id", None),
        (0, "content_id", None),
        (0, "reasoning", None),
        (1, "content_id", "c1"),
        (1, "rank", 1),
        (0, "rank", 0),
        (0, "content_type", "video"),
        (0, "source", "guess"),
    ],
)
def test_a_candidate_that_readers_cannot_rely_on_is_refused(row: int, column: str, value: object) -> None:
    frame = recommendations()
    frame[column] = frame[column].where(frame.index != row, value)

    assert not validate_frame(frame, suite("content_recommendations")).success


@pytest.mark.parametrize(
    "bounds",
    [
        {"lower_90": 41}, {"lower": 58.5}, {"predicted_score": 40}, {"predicted_score": 58.5}, {"upper": 57.9},
        {"upper_90": 57}, {"lower_90": -0.1}, {"upper_90": 100.1}, {"upper": np.nan}, {"predicted_score": np.inf},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["score_predictions", "fallback_score_predictions"])
def test_bounds_that_do_not_rise_are_caught(name: str, bounds: dict[str, float]) -> None:
    frame = GOOD[name]().astype(dict.fromkeys(bounds, float))
    frame.loc[1, list(bounds)] = list(bounds.values())

    found = {str(failure) for failure in validate_frame(frame, suite(name)).critical}

    rule = "lower_90, lower, predicted_score, upper, upper_90 must rise, from 0 to 100 at most; found: 1 of 3 rows"
    assert rule in found


@pytest.mark.parametrize(
    "factors",
    [
        None, "", "{", SECRET, "{}", "[]", "null", "[1]", '"cohort_mean"',
        '[{"code": "cohort_mean"}]', '[{"code": "cohort_mean", "points": "many"}]',
        '[{"code": "past_exams", "points": 1, "text": "a"}]',
        '[{"code": "cohort_mean", "points": 50}, {"code": "past_exams", "points": 1}]',
        '[{"code": "cohort_mean", "points": 50}, {"code": "past_exams", "points": 1, "text": ""}]',
        '[{"code": "cohort_mean", "points": 50}, {"code": "past_exams", "text": "a"}]',
        '[{"code": "cohort_mean", "points": 50}, {"code": "luck", "points": 1, "text": "a"}]',
        '[{"code": "cohort_mean", "points": 50}, {"points": 1, "text": "a"}]',
        '[{"code": "cohort_mean", "points": 50}, null]',
        '[{"code": "cohort_mean", "points": 50}, {"code": "cohort_mean", "points": 1, "text": "a"}]',
    ],
)  # fmt: skip
def test_factors_that_are_told_badly_are_caught(factors: str | None) -> None:
    frame = predictions()
    frame.loc[1, "factors"] = factors

    (failure,) = (
        each for each in validate_frame(frame, suite("score_predictions")).critical if each.expectation != "not_null"
    )

    assert (failure.expectation, failure.observed) == ("factors_are_told", "1 of 3 rows")


@pytest.mark.parametrize("factors", ['[{"code": "cohort_mean", "points": 50}]', FACTORS])
def test_a_mean_alone_is_told_well(factors: str) -> None:
    assert validate_frame(predictions().assign(factors=factors), suite("score_predictions")).failures == ()


@pytest.mark.parametrize("score", [np.nan, np.inf, -0.1, 1.1])
def test_a_score_that_is_no_share_fails(score: float) -> None:
    frame = recommendations()
    frame.loc[2, "score"] = score

    assert {column for _, column in failed(validate_frame(frame, suite("content_recommendations")))} == {"score"}


def test_a_missing_column_is_named_and_the_rest_still_checked() -> None:
    frame = recommendations().drop(columns="tenant_id").assign(source="guess")

    outcome = validate_frame(frame, suite("content_recommendations"))

    assert failed(outcome) == {("column_exists", "tenant_id"), ("columns", None), ("one_of", "source")}
    assert str(outcome.failures[0]) == "tenant_id must exist and be readable; found: no such column"


def test_what_cannot_be_evaluated_is_critical_whatever_its_severity() -> None:
    lenient = SuiteSpec("t", (), 0, (*not_null("a"), between("a", 0, 1, "warning")))

    outcome = validate_frame(pd.DataFrame({"a": [SECRET, 1]}), lenient)

    (failure,) = outcome.failures
    assert (failure.severity, failure.observed) == ("critical", "could not be evaluated (TypeError)")


def test_a_warning_does_not_stop() -> None:
    lenient = SuiteSpec("t", (), 0, (between("a", 0, 1, "warning"),))

    outcome = validate_frame(pd.DataFrame({"a": [0, 2]}), lenient)

    assert [(failure.severity, failure.observed) for failure in outcome.failures] == [("warning", "1 of 2 rows")]
    assert outcome.success


def test_the_index_is_not_looked_at() -> None:
    frame = recommendations().set_index(pd.Index([7] * 12, name="student_id"))
    broken = frame.assign(score=[None, *frame["score"].iloc[1:]])

    assert validate_frame(frame, suite("content_recommendations")).failures == ()
    assert [str(each) for each in validate_frame(broken, suite("content_recommendations")).failures] == [
        "score must not be null; found: 1 of 12 rows"
    ]


def test_the_worst_comes_first() -> None:
    mixed = SuiteSpec("t", (), 0, (between("a", 0, 1, "warning"), *not_null("b")))

    outcome = validate_frame(pd.DataFrame({"a": [2.0], "b": [None]}), mixed)

    assert [failure.severity for failure in outcome.failures] == ["critical", "warning"]


def test_no_value_of_a_row_is_told(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    good = recommendations()
    frame = good.astype(object).assign(**dict.fromkeys(good.columns, SECRET))

    outcome = validate_frame(frame, suite("content_recommendations"))

    assert len(outcome.critical) >= 8
    printed = capfd.readouterr()
    told = json.dumps(outcome.to_dict(), ensure_ascii=False) + str(outcome) + printed.out + printed.err + caplog.text
    assert SECRET not in told
    assert "Calculating" not in told


@pytest.mark.parametrize("columns", ["ab", "ba", "aba"])
def test_columns_are_exactly_those_in_their_order(columns: str) -> None:
    asked = SuiteSpec("t", (), 0, (columns_exactly(*"ab"),))
    frame = pd.DataFrame([range(len(columns))], columns=list(columns))

    observed = [failure.observed for failure in validate_frame(frame, asked).critical]

    assert observed == ([] if columns == "ab" else [f"columns {', '.join(columns)}"])


def test_a_candidate_of_200_000_rows_is_checked_in_seconds() -> None:
    frame = recommendations(students=10_000, length=20)
    validate_frame(recommendations(), suite("content_recommendations"))  # imports

    started = time.process_time()
    outcome = validate_frame(frame, suite("content_recommendations"))

    assert outcome.success
    assert time.process_time() - started < 3
