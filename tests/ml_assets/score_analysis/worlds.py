"""Frames of single scores by hand."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd

from ml_assets.score_analysis.config import ScoreAnalysisConfig
from ml_assets.score_analysis.inputs import ScoreAnalysisInput
from ml_assets.score_analysis.summaries import summaries

AS_OF = dt.date(2026, 9, 7)
_VALUES = (
    *("percentile", "percentile_basis", "rank_grade", "rank_grade_levels", "standard_score", "credit_hours", "z_score"),
)
_COHORT = (
    *("tenant_id", "school_type", "school_year_level", "subject_group", "exam_kind", "student_count"),
    *("percentile_p25", "percentile_p50", "percentile_p75"),
)


def score(group: str, date: str, kind: str, student: str = "a", subject: str = "", **values: Any) -> dict[str, Any]:
    """One score; what is not given is unknown."""
    return {
        "score_id": f"{student}-{group}-{subject}-{kind}-{date}",
        "student_id": student,
        "subject_group": group,
        "subject_id": subject or group,
        "exam_kind": kind,
        "exam_type": "kice" if kind == "mock" else "school",
        "exam_date": date,
        "known_date": date,
        **dict.fromkeys(_VALUES),
        **values,
    }


def term(
    group: str, date: str, grade: float | None, hours: float | None = 4.0, levels: float = 9.0, **more: Any
) -> dict[str, Any]:
    """A school score."""
    values = {"rank_grade": grade, "rank_grade_levels": levels, "credit_hours": hours}
    return score(group, date, "internal", **(values | more))


def mock(
    group: str,
    date: str,
    percentile: float | None,
    grade: float | None = None,
    standard: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A score of a mock exam."""
    basis = None if percentile is None else "percentile"
    values = {"percentile": percentile, "percentile_basis": basis, "rank_grade": grade, "standard_score": standard}
    return score(group, date, "mock", rank_grade_levels=9.0, **(values | more))


def cohort(group: str, kind: str, count: int, tenant: str | None = "t1", low: float = 20.0) -> dict[str, Any]:
    """A cohort of second years whose quartiles are `low`, `low` + 20 and `low` + 40."""
    return dict(zip(_COHORT, (tenant, "HIGH", 2.0, group, kind, count, low, low + 20, low + 40), strict=True))


def frames(
    scores: list[dict[str, Any]], cohorts: list[dict[str, Any]] | None = None, tenants: dict[str, str] | None = None
) -> ScoreAnalysisInput:
    """Inputs of these scores; every student is in the second year of a high school."""
    rows = pd.DataFrame(scores, columns=list(score("", "", "")))
    students = sorted({"a", *rows["student_id"]})
    return ScoreAnalysisInput(
        as_of=AS_OF,
        students=pd.DataFrame(
            {
                "student_id": students,
                "tenant_id": [(tenants or {}).get(student, "t1") for student in students],
                "school_type": "HIGH",
                "school_year_level": 2.0,
            }
        ),
        scores=rows,
        benchmarks=pd.DataFrame(cohorts or [], columns=list(_COHORT)).astype({"student_count": "int64"}),
    )


def told(
    scores: list[dict[str, Any]],
    column: str,
    cohorts: list[dict[str, Any]] | None = None,
    config: ScoreAnalysisConfig | None = None,
) -> Any:
    """`column` of the one student, read."""
    text = summaries(frames(scores, cohorts), config)[column].item()
    return None if text is None else json.loads(text)
