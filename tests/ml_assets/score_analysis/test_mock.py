"""Mock exams by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ml_assets.score_analysis.worlds import mock, term, told


def sitting(date: str, percentile: float = 60.0) -> list[dict[str, Any]]:
    """A whole sitting: 국어 and 수학 at `percentile`, two 탐구 at 20 more and less, a third one far below."""
    return [
        mock("국어", date, percentile, 3.0, 120.0),
        mock("수학", date, percentile, 4.0, 110.0),
        mock("영어", date, 92.5, 2.0, percentile_basis="absolute_grade"),
        mock("한국사", date, 98.0, 1.0, percentile_basis="absolute_grade"),
        mock("사회", date, percentile + 20, 3.0, 62.0, subject="one"),
        mock("사회", date, percentile - 20, 5.0, 52.0, subject="two"),
        mock("과학", date, 1.0, 9.0, 30.0, subject="three"),
    ]


def test_a_sitting() -> None:
    found = told(sitting("2026-06-01"), "mock_summary")
    assert found["avgPercentile"] == 60
    assert found["totalStdScore"] == 120 + 110 + 62 + 52
    # 영어 2, 국어 3 and the best 탐구 3: neither 한국사 1 nor 수학 4.
    assert found["best3GradeSum"] == 8
    assert (found["inquiryCount"], found["examCount"]) == (2, 1)
    assert (found["latestExamDate"], found["latestExamType"]) == ("2026-06-01", "kice")
    assert found["comparison"] is None
    assert found["trend"] is None
    assert found["reasons"] == {"avgPercentile": None, "trend": "too_few_exams", "comparison": "one_exam"}


def test_one_inquiry_counts_alone_and_says_so() -> None:
    rows = [row for row in sitting("2026-06-01") if row["subject_id"] not in ("two", "three")]
    found = told(rows, "mock_summary")
    assert (found["avgPercentile"], found["inquiryCount"]) == (round((60 + 60 + 80) / 3, 1), 1)


def test_a_score_entered_twice_is_one_subject() -> None:
    again = mock("사회", "2026-06-01", 79.0, 3.0, 61.0, subject="one", score_id="again")
    assert told([*sitting("2026-06-01"), again], "mock_summary")["avgPercentile"] == 60


@pytest.mark.parametrize(("left_out", "reason"), [("국어", "no_korean"), ("수학", "no_mathematics")])
def test_an_area_that_was_not_sat_is_no_zero(left_out: str, reason: str) -> None:
    rows = [row for row in sitting("2026-06-01") if row["subject_group"] != left_out]
    found = told(rows, "mock_summary")
    assert found["avgPercentile"] is None
    assert found["totalStdScore"] is None
    assert found["reasons"]["avgPercentile"] == reason


def test_absolute_grades_have_no_place() -> None:
    """The percentile of 절대평가 is the middle of a 등급 and takes part in no average."""
    rows = [row | {"percentile_basis": "absolute_grade"} for row in sitting("2026-06-01")]
    found = told(rows, "mock_summary")
    assert found["avgPercentile"] is None
    assert found["best3GradeSum"] == 8


def test_two_grades_are_no_sum_of_three() -> None:
    rows = [mock("국어", "2026-06-01", 60.0, 3.0), mock("영어", "2026-06-01", None, 2.0)]
    assert told(rows, "mock_summary")["best3GradeSum"] is None


def test_change_from_the_sitting_before() -> None:
    rows = sitting("2026-03-01", 50.0) + sitting("2026-06-01", 60.0)
    assert told(rows, "mock_summary")["comparison"] == {
        "previousExamDate": "2026-03-01",
        "avgPercentileChange": 10,
        "totalStdScoreChange": 0,
        "best3GradeSumChange": 0,
    }


DATES = ("2025-03-01", "2025-06-01", "2025-09-01", "2025-10-01", "2026-03-01", "2026-06-01")


@pytest.mark.parametrize(
    ("places", "trend", "change"),
    [
        ((40, 40, 40, 45, 45, 45), "상승", 5),
        ((40, 40, 40, 44, 44, 44), "유지", 4),
        ((70, 60, 60, 60), "하락", -10),
        ((70, 60, 60), None, None),
    ],
)
def test_trend(places: tuple[float, ...], trend: str | None, change: float | None) -> None:
    rows = [row for date, place in zip(DATES[-len(places) :], places, strict=True) for row in sitting(date, place)]
    found = told(rows, "mock_summary")
    assert (found["trend"], found["trendChange"]) == (trend, change)


def test_sittings_of_one_day_by_two_setters_are_two() -> None:
    other = [row | {"exam_type": "private", "score_id": row["score_id"] + "x"} for row in sitting("2026-06-01", 70.0)]
    assert told([*sitting("2026-06-01"), *other], "mock_summary")["examCount"] == 2


def test_no_mock_exam_is_no_summary() -> None:
    assert told([term("국어", "2026-07-10", 2.0)], "mock_summary") is None
