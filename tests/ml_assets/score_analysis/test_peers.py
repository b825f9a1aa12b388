"""Peers: the right cohort, and none that is too small."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.score_analysis.summaries import summaries
from tests.ml_assets.score_analysis.worlds import cohort, frames, mock, term, told


def peers(rows: list[dict[str, Any]], cohorts: list[dict[str, Any]]) -> Any:
    return told(rows, "peer_comparison", cohorts)


def test_the_own_academy_comes_first() -> None:
    cohorts = [cohort("국어", "mock", 9), cohort("국어", "mock", 90, None, 50.0), cohort("국어", "mock", 70, "t2", 0.0)]
    assert peers([mock("국어", "2026-06-01", 45.0)], cohorts) == [
        {
            "subjectGroup": "국어",
            "examKind": "mock",
            "studentPercentile": 45,
            "p25": 20,
            "p50": 40,
            "p75": 60,
            "cohortSize": 9,
            "scope": "academy",
            "position": "upper_half",
        }
    ]


def test_all_academies_where_the_own_one_is_too_small() -> None:
    cohorts = [cohort("국어", "mock", 4), cohort("국어", "mock", 90, None, 50.0)]
    found = peers([mock("국어", "2026-06-01", 45.0)], cohorts)
    assert [(each["scope"], each["cohortSize"]) for each in found] == [("all", 90)]


@pytest.mark.parametrize("count", [0, 4])
def test_a_small_cohort_is_not_shown(count: int) -> None:
    cohorts = [cohort("국어", "mock", count), cohort("국어", "mock", count, None)]
    assert peers([mock("국어", "2026-06-01", 45.0)], cohorts) is None


def test_another_academy_alone_is_not_shown() -> None:
    assert peers([mock("국어", "2026-06-01", 45.0)], [cohort("국어", "mock", 70, "t2")]) is None


def test_kinds_and_groups_are_apart() -> None:
    rows = [
        mock("국어", "2026-06-01", 45.0),
        term("국어", "2026-07-10", 2.0, percentile=90.0),
        mock("수학", "2026-06-01", 5.0),
    ]
    found = peers(rows, [cohort("국어", "mock", 9), cohort("국어", "internal", 9), cohort("영어", "mock", 9)])
    assert [(each["subjectGroup"], each["examKind"], each["studentPercentile"]) for each in found] == [
        ("국어", "internal", 90),
        ("국어", "mock", 45),
    ]


@pytest.mark.parametrize(
    ("percentile", "position"),
    [(60.0, "top_quarter"), (40.0, "upper_half"), (20.0, "lower_half"), (19.9, "bottom_quarter")],
)
def test_position(percentile: float, position: str) -> None:
    assert peers([mock("국어", "2026-06-01", percentile)], [cohort("국어", "mock", 9)])[0]["position"] == position


def test_the_last_three_exams_count_and_a_day_is_one() -> None:
    rows = [
        mock("국어", "2025-03-01", 0.0),
        mock("국어", "2025-06-01", 30.0),
        mock("국어", "2026-03-01", 60.0),
        mock("국어", "2026-06-01", 80.0),
        mock("국어", "2026-06-01", 100.0, subject="other"),
    ]
    assert peers(rows, [cohort("국어", "mock", 9)])[0]["studentPercentile"] == 60


def test_a_student_of_no_known_year_has_no_peers() -> None:
    inputs = frames([mock("국어", "2026-06-01", 45.0)], [cohort("국어", "mock", 9)])
    inputs.students["school_year_level"] = float("nan")
    assert summaries(inputs)["peer_comparison"].tolist() == [None]
