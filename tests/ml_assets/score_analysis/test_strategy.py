"""The strategy: the app's rule, and what it says where a side is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.score_analysis.strategy import INSUFFICIENT, MESSAGES
from tests.ml_assets.score_analysis.test_mock import sitting
from tests.ml_assets.score_analysis.worlds import term, told


def strategy(rows: list[dict[str, Any]]) -> Any:
    return told(rows, "strategy_summary")


@pytest.mark.parametrize(
    ("gpa", "place", "z", "kind"),
    [
        (5.0, 50.0, 0.0, "BALANCED"),
        (5.0, 55.0, 9.0, "BALANCED"),
        (5.0, 56.0, 1.49, "MOCK_ADVANTAGE"),
        (5.0, 56.0, 1.5, "SPECIAL_HIGH_SCHOOL"),
        (5.0, 44.0, 9.0, "INTERNAL_ADVANTAGE"),
        (5.0, 45.0, 0.0, "BALANCED"),
    ],
)
def test_by_hand(gpa: float, place: float, z: float, kind: str) -> None:
    found = strategy([*sitting("2026-06-01", place), term("국어", "2026-07-10", gpa, z_score=z)])
    assert found["type"] == kind
    assert found["message"] == MESSAGES[kind]
    assert found["reason"] is None
    assert (found["internalPct"], found["mockPct"], found["difference"]) == (50, place, place - 50)


@pytest.mark.parametrize(
    ("levels", "grade", "percent"), [(9.0, 1.0, 100), (9.0, 9.0, 0), (5.0, 1.0, 100), (5.0, 3.0, 50)]
)
def test_the_worst_grade_of_either_system_is_nothing(levels: float, grade: float, percent: float) -> None:
    rows = [*sitting("2026-06-01"), term("국어", "2026-07-10", grade, levels=levels)]
    assert strategy(rows)["internalPct"] == percent


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([term("체육", "2026-07-10", None)], "no_gpa_and_no_mock_average"),
        (sitting("2026-06-01"), "no_gpa"),
        ([term("국어", "2026-07-10", 2.0)], "no_mock_average"),
    ],
)
def test_a_missing_side_is_said(rows: list[dict[str, Any]], reason: str) -> None:
    found = strategy(rows)
    assert found["type"] is None
    assert found["difference"] is None
    assert (found["reason"], found["message"]) == (reason, INSUFFICIENT[reason])


def test_the_latest_whole_sitting_counts() -> None:
    half = [row for row in sitting("2026-06-01", 10.0) if row["subject_group"] != "국어"]
    rows = [*sitting("2026-03-01", 70.0), *half, term("국어", "2026-07-10", 5.0)]
    assert strategy(rows)["mockPct"] == 70
