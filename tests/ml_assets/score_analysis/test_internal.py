"""School scores by hand."""

from __future__ import annotations

import pytest
from scipy.stats import norm

from tests.ml_assets.score_analysis.worlds import score, term, told


def internal(rows: list[dict]) -> dict:
    return told(rows, "internal_summary")


def test_gpa_is_by_credit_hours_and_then_over_terms() -> None:
    rows = [
        term("국어", "2025-07-10", 1.0, 4.0),
        term("수학", "2025-07-10", 4.0, 2.0),
        term("국어", "2025-12-15", 3.0, 4.0),
    ]
    found = internal(rows)
    assert found["gpaTrend"] == [
        {"schoolYear": 2025, "semester": 1, "gradeLevels": 9, "gpa": 2, "creditHours": 6, "scoreCount": 2},
        {"schoolYear": 2025, "semester": 2, "gradeLevels": 9, "gpa": 3, "creditHours": 4, "scoreCount": 1},
    ]
    assert (found["averageGpa"], found["gradeLevels"], found["termCount"]) == (2.5, 9, 2)


def test_a_term_known_in_january_is_of_the_year_before() -> None:
    trend = internal([term("국어", "2026-01-12", 2.0)])["gpaTrend"]
    assert (trend[0]["schoolYear"], trend[0]["semester"]) == (2025, 2)


def test_grades_of_five_and_of_nine_are_never_in_one_mean() -> None:
    rows = [
        term("국어", "2025-07-10", 9.0),
        term("국어", "2026-07-10", 2.0, levels=5.0),
        term("수학", "2026-07-10", 3.0, levels=5.0),
    ]
    found = internal(rows)
    assert (found["averageGpa"], found["gradeLevels"], found["termCount"]) == (2.5, 5, 1)
    assert [(each["gradeLevels"], each["gpa"]) for each in found["gpaTrend"]] == [(9, 9), (5, 2.5)]
    korean = {each["subjectGroup"]: each for each in found["subjectStrength"]}["국어"]
    assert (korean["averageGrade"], korean["gradeLevels"]) == (2, 5)


def test_z_index_is_by_credit_hours() -> None:
    rows = [
        term("국어", "2026-07-10", 2.0, 4.0, z_score=1.5),
        term("수학", "2026-07-10", 2.0, 2.0, z_score=0.0),
        term("영어", "2026-07-10", 2.0, 9.0),
    ]
    found = internal(rows)
    assert (found["zIndex"], found["zBand"], found["zBasis"]) == (1.0, "우수", "raw_scores")


@pytest.mark.parametrize(("z", "band"), [(1.0, "우수"), (0.99, "평균"), (-0.5, "평균"), (-0.51, "미흡")])
def test_bands(z: float, band: str) -> None:
    assert internal([term("국어", "2026-07-10", 2.0, z_score=z)])["zBand"] == band


def test_without_means_z_is_read_off_the_own_place_and_never_off_a_grade() -> None:
    ranked = {"percentile": 84.13, "percentile_basis": "class_rank"}
    graded = {"percentile": 98.0, "percentile_basis": "rank_grade_9"}
    found = internal([term("국어", "2026-07-10", 2.0, **ranked), term("수학", "2026-07-10", 1.0, **graded)])
    assert (found["zIndex"], found["zBasis"]) == (round(norm.ppf(0.8413), 2), "places")


def test_what_cannot_be_told_is_null_and_says_why() -> None:
    found = internal([term("체육", "2026-07-10", None)])
    assert found["averageGpa"] is None
    assert found["zIndex"] is None
    assert found["zBand"] is None
    assert found["gpaTrend"] == []
    assert found["termCount"] == 0
    assert found["reasons"] == {"averageGpa": "no_rank_grade_with_credit_hours", "zIndex": "no_place_with_credit_hours"}
    assert [each["subjectGroup"] for each in found["subjectStrength"]] == ["체육"]


def test_strength_is_by_place_and_the_unknown_comes_last() -> None:
    rows = [
        term("국어", "2026-07-10", 3.0, percentile=70.0),
        term("수학", "2026-07-10", 2.0, 4.0, percentile=95.0),
        term("수학", "2025-12-15", 2.0, 2.0, percentile=80.0),
        term("가정", "2026-07-10", None),
    ]
    found = [
        (each["subjectGroup"], each["rank"], each["averagePercentile"]) for each in internal(rows)["subjectStrength"]
    ]
    assert found == [("수학", 1, 90), ("국어", 2, 70), ("가정", None, None)]


def test_no_school_score_is_no_summary() -> None:
    assert internal([score("국어", "2026-06-01", "mock", percentile=50.0)]) is None
