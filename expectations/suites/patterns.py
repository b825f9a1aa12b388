"""What must hold of learning patterns before they may replace what the app reads.

Belongs here: the shape of the two tables, and that a row tells nothing for which it says to know too little. Not here:
whether a pattern is true (the model's tests and backtests).
"""

from __future__ import annotations

from typing import Final

import duckdb
import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule, SuiteSpec, between, columns_exactly, not_null, unique
from expectations.suites.told import each_within

_COHORT: Final = ("tenant_id", "school_type", "school_year_level")
_LISTS: Final = ("preferred_study_times", "strong_days", "weak_days", "peak_productivity_hours")
_NUMBERS: Final = (
    *("overall_completion_rate", "average_daily_study_minutes", "avg_session_duration_minutes"),
    "avg_weekly_completion_rate",
)
_WEEKDAYS: Final = range(bounds.WEEKDAYS[0], bounds.WEEKDAYS[1] + 1)
_HABITS: Final = (
    each_within("preferred_study_times", bounds.STUDY_TIMES),
    each_within("strong_days", _WEEKDAYS),
    each_within("weak_days", _WEEKDAYS),
    each_within("peak_productivity_hours", range(bounds.HOURS[0], bounds.HOURS[1] + 1)),
)


def student_learning_patterns() -> SuiteSpec:
    """One row per student with a history; nobody need have one."""
    columns = (
        *("student_id", "tenant_id", "preferred_study_times", "strong_days", "weak_days"),
        *("frequently_incomplete_subjects", "overall_completion_rate", "average_daily_study_minutes"),
        *("total_plans_analyzed", "study_time_analysis", "day_analysis", "subject_completion_analysis"),
        *("daily_completion_curve", "weekly_pattern", "subject_performance_trend", "fatigue_indicators"),
        *("peak_productivity_hours", "avg_session_duration_minutes", "avg_weekly_completion_rate"),
        *("analyzed_period_start", "analyzed_period_end", "evidence", "weekly_rhythm", "change_points"),
        *("realistic_minutes", "basis"),
    )
    open_columns = (
        *_NUMBERS,
        *(
            "daily_completion_curve",
            "weekly_pattern",
            "subject_performance_trend",
            "fatigue_indicators",
            "weekly_rhythm",
        ),
    )
    return SuiteSpec(
        name="student_learning_patterns",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in open_columns)),
            unique("student_id"),
            between("overall_completion_rate", *bounds.PERCENTILE),
            between("average_daily_study_minutes", 0, bounds.MINUTES_OF_A_DAY),
            between("avg_session_duration_minutes", 0, bounds.MINUTES_OF_A_DAY),
            between("avg_weekly_completion_rate", *bounds.SCORE),
            between("total_plans_analyzed", 0),
        ),
        rules=(
            *_HABITS,
            FrameRule(
                name="insufficient_is_not_told",
                columns=("evidence", *_LISTS, *_NUMBERS),
                rule="must be empty, or null, where evidence does not say that it was measured",
                violations=_told_without_evidence,
            ),
        ),
    )


def fallback_learning_patterns() -> SuiteSpec:
    """What a cohort of an academy has in common, for students without a row of their own."""
    columns = (
        *(*_COHORT, "preferred_study_times", "strong_days", "weak_days", "overall_completion_rate"),
        *("average_daily_study_minutes", "peak_productivity_hours", "avg_session_duration_minutes", "student_count"),
        "basis",
    )
    return SuiteSpec(
        name="fallback_learning_patterns",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in _NUMBERS)),
            unique(*_COHORT),
            between("overall_completion_rate", *bounds.PERCENTILE),
            between("average_daily_study_minutes", 0, bounds.MINUTES_OF_A_DAY),
            between("avg_session_duration_minutes", 0, bounds.MINUTES_OF_A_DAY),
            between("student_count", bounds.LEAST_STUDENTS),
        ),
        rules=_HABITS,
    )


def _told_without_evidence(rows: pd.DataFrame) -> int:
    """Rows whose evidence is no JSON object, or that tell a figure which was not measured."""
    told = {name: rows[name].map(lambda value: hasattr(value, "__len__") and len(value) > 0) for name in _LISTS}
    told |= {name: rows[name].notna() for name in _NUMBERS}
    asked = pd.DataFrame({"evidence": rows["evidence"].astype(object), **told}).reset_index(drop=True)
    guessed = " or ".join(
        f"({name} and json_extract_string(evidence, '$.{name}.status') is distinct from 'measured')" for name in told
    )
    with duckdb.connect() as database:
        database.register("rows", asked)
        [(in_order,)] = database.execute(
            "select count(*) from (select * replace (evidence::varchar as evidence) from rows)"
            f" where json_valid(evidence) and json_type(evidence) = 'OBJECT' and not ({guessed})"
        ).fetchall()
    return len(rows) - int(in_order)
