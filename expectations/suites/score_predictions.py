"""What must hold of score predictions before they may replace what the app reads.

Belongs here: the shape of the two tables, and that a row is in order with itself. Not here: whether factors add up to
the prediction and are true (the model's tests), or how good predictions are (`ml_assets.evaluation`).
"""

from __future__ import annotations

from typing import Final

import duckdb
import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule, SuiteSpec, between, columns_exactly, not_null, one_of, rising, unique

_SERIES: Final = ("student_id", "subject_group", "exam_kind", "target_date")
_COHORT: Final = ("tenant_id", "school_type", "school_year_level", "subject_group", "exam_kind")
_NUMBERS: Final = ("predicted_score", "lower", "upper", "lower_90", "upper_90", "confidence")
_BOUNDS: Final = rising("lower_90", "lower", "predicted_score", "upper", "upper_90", within=bounds.PERCENTILE)

# An array of {code, points, text}: first the mean that everything else is counted from, which needs no words.
_WELL_TOLD: Final = """
    with told as (
        select case when json_valid(factors) then
            from_json(factors, '[{"code": "VARCHAR", "points": "DOUBLE", "text": "VARCHAR"}]')
        end as factors
        from (select factors::varchar as factors from rows)
    )
    select count(*) from told
    where
        factors[1].code = 'cohort_mean' and isfinite(factors[1].points)
        and len(list_filter(
            factors[2:], lambda factor: factor.code in $codes and isfinite(factor.points) and factor.text <> ''
        )) = len(factors) - 1
"""


def score_predictions() -> SuiteSpec:
    """One prediction per student, subject group, kind of exam and day; nobody need have scores."""
    columns = (
        *_SERIES,
        *("tenant_id", "current_score", *_NUMBERS, "trend", "factors", "reasoning", "scale", "scales", "exam_type"),
        *("interval_basis", "past_exam_count", "basis"),
    )
    return SuiteSpec(
        name="score_predictions",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in ("current_score", "exam_type"))),
            unique(*_SERIES),
            between("current_score", *bounds.PERCENTILE),
            between("confidence", *bounds.SCORE),
            between("past_exam_count", 0),
            one_of("exam_kind", bounds.EXAM_KINDS),
            one_of("trend", bounds.TRENDS),
            one_of("scale", bounds.PREDICTED_SCALES),
            one_of("interval_basis", bounds.INTERVAL_BASES),
        ),
        rules=(
            _BOUNDS,
            FrameRule(
                name="factors_are_told",
                columns=("factors",),
                rule=f"must be cohort_mean with its points, then any of {', '.join(bounds.FACTOR_CODES)} with points "
                "and text",
                violations=_badly_told,
            ),
        ),
    )


def fallback_score_predictions() -> SuiteSpec:
    """What a cohort of an academy reaches in a subject group and kind of exam, for students without their own."""
    columns = (
        *_COHORT,
        *(*_NUMBERS, "reasoning", "scale", "scales", "interval_basis", "student_count", "basis"),
    )
    return SuiteSpec(
        name="fallback_score_predictions",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*columns),
            unique(*_COHORT),
            between("confidence", *bounds.SCORE),
            between("student_count", bounds.LEAST_STUDENTS),
            one_of("exam_kind", bounds.EXAM_KINDS),
            one_of("scale", bounds.PREDICTED_SCALES),
            one_of("interval_basis", bounds.INTERVAL_BASES),
        ),
        rules=(_BOUNDS,),
    )


def _badly_told(rows: pd.DataFrame) -> int:
    with duckdb.connect() as database:
        database.register("rows", rows[["factors"]])
        [(well_told,)] = database.execute(_WELL_TOLD, {"codes": list(bounds.FACTOR_CODES)}).fetchall()
    return len(rows) - int(well_told)
