"""Small candidates with rows that can be told apart."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import UUID

import pyarrow as pa

from orchestration.publishing import candidate
from orchestration.publishing.candidate import Candidate, Model, Validation
from orchestration.publishing.contracts import (
    EARLY_WARNINGS,
    FALLBACK_LEARNING_PATTERNS,
    FALLBACK_SCORE_PREDICTIONS,
    PUBLISHED_TABLES,
    SCORE_PREDICTIONS,
    SCORE_SUMMARIES,
    STUDENT_LEARNING_PATTERNS,
    STUDENT_PREDICTIONS,
    STUDENT_RISK_ANALYSIS,
    WARNING_RULE_REVIEWS,
)

TENANT = str(UUID(int=1))
CREATED = dt.datetime(2026, 11, 22, 19, 0, tzinfo=dt.UTC)
MODELS = {
    "recommender": Model(
        version="rec-1", trained_at="2026-11-23", metrics={"ndcg": 0.3}, baseline={"ndcg": 0.2}, in_use="links"
    ),
    "score_predictor": Model(
        version="score-1", trained_at="2026-11-23", metrics={"mae": 6.1}, baseline={"mae": 7.2}, in_use="hierarchical"
    ),
    **{
        name: Model(version=f"{name}-1", trained_at="2026-11-23", metrics={}, baseline={}, in_use=name)
        for name in ("learning_patterns", "subject_risk", "score_analysis", "outlook", "early_warnings")
    },
}
HELD = (Validation(suite="raw_students", success=True), Validation(suite="feat_student__profile", success=True))


def student(number: int) -> str:
    return str(UUID(int=1000 + number))


def content(number: int) -> str:
    return str(UUID(int=9000 + number))


def tables(
    students: int = 20, ranks: int = 5, *, text: str = '복습이 필요해요, "꼭"\n다음 권', score: float = 0.9
) -> dict[str, pa.Table]:
    """`students` × `ranks` recommendations and one short fallback list; nothing else."""
    keys = [(s, r) for s in range(students) for r in range(1, ranks + 1)]
    personal = pa.table(
        {
            "student_id": [student(s) for s, _ in keys],
            "rank": [r for _, r in keys],
            "tenant_id": [TENANT] * len(keys),
            "content_type": ["book"] * len(keys),
            "content_id": [content(r) for _, r in keys],
            "subject_group": pa.array(["수학" if r % 2 else None for _, r in keys], pa.string()),
            "subject_id": pa.array([None] * len(keys), pa.string()),
            "subject_rank": [r for _, r in keys],
            "score": [score / r for _, r in keys],
            "reasons": ['[{"code": "popular", "students": 12}]'] * len(keys),
            "reasoning": [text] * len(keys),
            "source": ["links"] * len(keys),
        }
    )
    levels = range(1, 4)
    fallback = pa.table(
        {
            "tenant_id": [TENANT for _ in levels],
            "school_type": ["HIGH" for _ in levels],
            "school_year_level": list(levels),
            "subject_group": ["" for _ in levels],
            "rank": [1 for _ in levels],
            "content_type": ["book" for _ in levels],
            "content_id": [content(level) for level in levels],
            "subject_id": pa.array([None for _ in levels], pa.string()),
            "score": [0.5 for _ in levels],
            "reasons": ["[]" for _ in levels],
            "reasoning": [text for _ in levels],
            "source": ["popular" for _ in levels],
        }
    )
    return {table.name: table.arrow_schema.empty_table() for table in PUBLISHED_TABLES} | {
        "content_recommendations": personal,
        "fallback_recommendations": fallback,
    }


def waiting(*students: int) -> pa.Table:
    """One content that each of `students` has begun and left; no rows for nobody."""
    ids = [student(number) for number in students]
    texts = {
        "student_id": ids,
        "tenant_id": [TENANT for _ in ids],
        "content_type": ["book" for _ in ids],
        "content_id": [content(1) for _ in ids],
        "subject_group": ["수학" for _ in ids],
        "subject_id": [None for _ in ids],
        "last_done_date": ["2026-11-01" for _ in ids],
        "reasons": ["[]" for _ in ids],
        "reasoning": ["이어서 마쳐 보세요." for _ in ids],
    }
    table = pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})
    ranks, shares = pa.array([1 for _ in ids], pa.int16()), pa.array([0.25 for _ in ids], pa.float32())
    return table.append_column("rank", ranks).append_column("done_share", shares)


SCALES = '{"rank_grade_levels": 9, "rank_grades": [3, 4]}'
FACTORS = '[{"code": "cohort_mean", "points": 50}, {"code": "past_exams", "points": 10, "text": "지난 시험이 높아요."}]'


def predicted(days: dict[str, str | None], students: int = 1, *, score: float = 60, of: int = 0) -> pa.Table:
    """A mock prediction in 수학 for each of `students`, from number `of` on, and each day with its type of exam."""
    said = {
        **{"subject_group": "수학", "exam_kind": "mock", "tenant_id": TENANT, "trend": "stable", "factors": FACTORS},
        **{"reasoning": "지난 시험과 비슷할 거예요.", "scale": "percentile", "scales": SCALES, "confidence": 0.6},
        **{"predicted_score": score, "lower": score - 10, "upper": score + 10, "lower_90": score - 15},
        **{"upper_90": score + 15, "interval_basis": "calibrated", "past_exam_count": 3, "basis": "hierarchical"},
    }
    rows = [
        {**said, "student_id": student(number), "target_date": dt.date.fromisoformat(day), "exam_type": exam}
        for number in range(of, of + students)
        for day, exam in days.items()
    ]
    return pa.Table.from_pylist(rows, SCORE_PREDICTIONS.arrow_schema)


def cohorts(*scores: float) -> pa.Table:
    """What a cohort reaches: the first of first years, the next of second years, and so on."""
    said = {
        **{"tenant_id": TENANT, "school_type": "HIGH", "subject_group": "수학", "exam_kind": "mock", "confidence": 0.2},
        **{"reasoning": "같은 학년의 평균이에요.", "scale": "percentile", "scales": "{}", "student_count": 40_000},
        **{"lower": 10, "upper": 90, "lower_90": 5, "upper_90": 95, "interval_basis": "uncalibrated"},
        "basis": "insufficient_data",
    }
    rows = [{**said, "school_year_level": year, "predicted_score": score} for year, score in enumerate(scores, 1)]
    return pa.Table.from_pylist(rows, FALLBACK_SCORE_PREDICTIONS.arrow_schema)


def analyzed(
    number: int = 0, *, times: tuple[str, ...] = ("evening", "night"), risk: float | None = 62.5
) -> dict[str, pa.Table]:
    """What the analysis of one student publishes: a row in each of its tables."""
    whose = {
        "student_id": student(number),
        "tenant_id": TENANT,
        "basis": "measured",
        "reasoning": "요즘 계획을 잘 지켜요.",
    }
    habits = {
        "preferred_study_times": list(times),
        "strong_days": [1, 3],
        "weak_days": [],
        "peak_productivity_hours": [20],
    }
    start, end = "2026-11-23", "2026-11-29"
    at = dt.datetime(2026, 11, 22, 15, 0, 0, 123_456, tzinfo=dt.UTC)
    found = {
        STUDENT_LEARNING_PATTERNS: {
            **{"frequently_incomplete_subjects": ["한국사", '따옴표 " 와 \\', "{쉼표, 괄호}", "", "NULL", "두\n줄"]},
            **{"overall_completion_rate": 71.5, "average_daily_study_minutes": 95, "total_plans_analyzed": 120},
            **{"study_time_analysis": "[]", "day_analysis": "[]", "subject_completion_analysis": "[]"},
            **{"analyzed_period_start": "2026-05-25", "analyzed_period_end": "2026-11-22", "change_points": "[]"},
            **{"evidence": "{}", "realistic_minutes": "[]"},
        },
        FALLBACK_LEARNING_PATTERNS: {"school_type": "HIGH", "school_year_level": 2, "student_count": 5},
        STUDENT_RISK_ANALYSIS: {
            **{"subject": "수학", "risk_score": risk, "recent_grade_trend": -1, "score_count": 4},
            **{"factors": "[]", "is_weak": risk is not None and risk >= 60, "legacy_differences": "[]"},
            **{"basis": "insufficient" if risk is None else "measured"},
        },
        SCORE_SUMMARIES: {"mock_summary": '{"avgPercentile": 71}'},
        STUDENT_PREDICTIONS: {
            **{"prediction_type": "subject_struggle", "prediction_date": dt.date(2026, 11, 23), "subject": "수학"},
            **{"target_period_start": start, "target_period_end": end, "prediction_score": 55.5, "base_score": 50},
            **{"confidence": 0.75, "contributing_factors": "[]", "recommended_interventions": "[]"},
        },
        EARLY_WARNINGS: {
            **{"warning_type": "subject_struggle", "subject": "수학", "detected_date": dt.date(2026, 11, 23)},
            **{"id": content(500 + number), "severity": "high", "probability": 0.875, "detected_at": at},
            **{"context_data": "{}", "recommended_actions": "[]"},
        },
        WARNING_RULE_REVIEWS: {
            **{"month": "2026-10", "warning_type": "burnout_risk", "raised_count": 6, "resolved_count": 3},
            **{"confirmed_count": 2, "dismissed_count": 1, "threshold": 0.625},
        },
    }
    return {
        table.name: pa.Table.from_pylist([{**habits, **whose, **row}], table.arrow_schema)
        for table, row in found.items()
    }


def write(
    folder: Path,
    run_id: str,
    rows: dict[str, pa.Table] | None = None,
    *,
    hours: float = 0,
    as_of: dt.date = dt.date(2026, 11, 23),
    validations: tuple[Validation, ...] = HELD,
    model_version: str = "rec-1",
) -> Candidate:
    """A candidate made `hours` after CREATED."""
    return candidate.write(
        folder,
        tables() if rows is None else rows,
        run_id=run_id,
        as_of=as_of,
        created_at=CREATED + dt.timedelta(hours=hours),
        models=MODELS | {"recommender": MODELS["recommender"].model_copy(update={"version": model_version})},
        validations=validations,
    )
