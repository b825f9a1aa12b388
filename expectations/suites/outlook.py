"""What must hold of predictions and early warnings before they may replace what the app reads.

Belongs here: the shape of the three tables, and that a row is in order with itself and beside the others. Not here:
whether a prediction is calibrated or a warning is right (the models' backtests).
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule, SuiteSpec, between, columns_exactly, not_null, one_of, unique
from expectations.suites.told import adding_up, number

_PREDICTION: Final = ("student_id", "prediction_type", "prediction_date")
_TOPIC: Final = ("student_id", "warning_type", "subject")
_REVIEW: Final = ("tenant_id", "month", "warning_type")
_PARTS: Final = ("resolved_count", "confirmed_count", "dismissed_count")


def student_predictions() -> SuiteSpec:
    """One row per student, type and day of prediction; nobody need have any."""
    columns = (
        *(*_PREDICTION, "tenant_id", "subject", "target_period_start", "target_period_end", "prediction_score"),
        *("base_score", "confidence", "contributing_factors", "recommended_interventions", "reasoning", "basis"),
        "actual_outcome",
    )
    return SuiteSpec(
        name="student_predictions",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in ("subject", "actual_outcome"))),
            unique(*_PREDICTION),
            one_of("prediction_type", bounds.PREDICTION_TYPES),
            between("prediction_score", *bounds.PERCENTILE),
            between("base_score", *bounds.PERCENTILE),
            between("actual_outcome", *bounds.PERCENTILE),
            between("confidence", *bounds.SCORE),
        ),
        rules=(
            adding_up(
                "contributing_factors",
                ("factor", "impact", "description"),
                ("prediction_score - base_score", _explained),
                ("prediction_score", "base_score"),
            ),
            FrameRule(
                name="period_in_order",
                columns=("target_period_start", "target_period_end"),
                rule="must not end before it begins",
                violations=_ends_before_it_begins,
            ),
        ),
    )


def early_warnings() -> SuiteSpec:
    """One row per warning, open or ended; nobody need be warned of."""
    columns = (
        *(*_TOPIC, "detected_date", "id", "tenant_id", "severity", "probability", "detected_at", "resolved_at"),
        *("context_data", "recommended_actions", "reasoning"),
    )
    return SuiteSpec(
        name="early_warnings",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column != "resolved_at")),
            unique(*_TOPIC, "detected_date"),
            unique("id"),
            one_of("warning_type", bounds.WARNING_TYPES),
            one_of("severity", bounds.SEVERITIES),
            between("probability", *bounds.SCORE),
        ),
        rules=(
            FrameRule(
                name="one_open_warning",
                columns=(*_TOPIC, "resolved_at"),
                rule="must have one open warning at most",
                violations=lambda rows: int(rows.loc[rows["resolved_at"].isna(), list(_TOPIC)].duplicated().sum()),
            ),
            FrameRule(
                name="ends_after_it_begins",
                columns=("detected_at", "resolved_at"),
                rule="must not be resolved before it was detected",
                violations=_ends_too_soon,
            ),
        ),
    )


def warning_rule_reviews() -> SuiteSpec:
    """What came of an academy's warnings of a type in a month."""
    columns = (
        *(*_REVIEW, "raised_count", *_PARTS, "precision_share", "median_lead_days", "threshold"),
        *("proposed_threshold", "proposed_precision_share"),
    )
    open_columns = ("precision_share", "median_lead_days", "proposed_threshold", "proposed_precision_share")
    return SuiteSpec(
        name="warning_rule_reviews",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in open_columns)),
            unique(*_REVIEW),
            one_of("warning_type", bounds.WARNING_TYPES),
            *(between(column, 0) for column in ("raised_count", *_PARTS, "median_lead_days")),
            *(
                between(column, *bounds.SCORE)
                for column in ("precision_share", "threshold", "proposed_threshold", "proposed_precision_share")
            ),
        ),
        rules=(
            FrameRule(
                name="no_more_than_were_raised",
                columns=("raised_count", *_PARTS),
                rule="must each be at most raised_count",
                violations=_more_than_raised,
            ),
        ),
    )


def _explained(rows: pd.DataFrame) -> pd.Series:
    return number(rows, "prediction_score") - number(rows, "base_score")


def _ends_before_it_begins(rows: pd.DataFrame) -> int:
    start, end = (rows[column].astype("string") for column in ("target_period_start", "target_period_end"))
    return int((~(start <= end).fillna(value=False)).sum())


def _ends_too_soon(rows: pd.DataFrame) -> int:
    detected = pd.to_datetime(rows["detected_at"], errors="coerce", utc=True)
    resolved = pd.to_datetime(rows["resolved_at"], errors="coerce", utc=True)
    return int((detected.isna() | (resolved < detected)).sum())


def _more_than_raised(rows: pd.DataFrame) -> int:
    raised = number(rows, "raised_count")
    too_many = [number(rows, column) > raised for column in _PARTS]
    return int(pd.concat(too_many, axis=1).any(axis=1).sum())
