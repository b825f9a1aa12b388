"""What must hold of risks and of score summaries before they may replace what the app reads.

Belongs here: the shape of the two tables, and that a row is in order with itself. Not here: who is at risk.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule, SuiteSpec, between, columns_exactly, not_null, unique
from expectations.suites.told import adding_up, number

_OPEN: Final = (
    *("risk_score", "consistency_score", "mastery_estimate", "recent_3_avg_grade", "grade_change", "score_variance"),
    *("improvement_rate", "legacy_risk_score"),
)
_COHORT_SIZE: Final = rf'"(?:{"|".join(bounds.COHORT_SIZES)})"\s*:\s*(-?\d+)'


def student_risk_analysis() -> SuiteSpec:
    """One row per student and subject group; nobody need have any."""
    columns = (
        *("student_id", "subject", "tenant_id", "risk_score", "recent_grade_trend", "consistency_score"),
        *("mastery_estimate", "recent_3_avg_grade", "grade_change", "score_variance", "improvement_rate", "factors"),
        *("is_weak", "score_count", "legacy_risk_score", "legacy_differences", "reasoning", "basis"),
    )
    return SuiteSpec(
        name="student_risk_analysis",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*(column for column in columns if column not in _OPEN)),
            unique("student_id", "subject"),
            between("risk_score", *bounds.PERCENTILE),
            between("recent_grade_trend", *bounds.GRADE_TRENDS),
            between("consistency_score", *bounds.PERCENTILE),
            between("mastery_estimate", *bounds.PERCENTILE),
            between("legacy_risk_score", *bounds.PERCENTILE),
            between("recent_3_avg_grade", *bounds.RANK_GRADES),
            between("score_variance", 0),
            between("score_count", 0),
        ),
        rules=(
            adding_up(
                "factors",
                ("code", "points", "text"),
                ("risk_score", lambda rows: number(rows, "risk_score")),
                ("risk_score",),
                unless_null=True,
            ),
            FrameRule(
                name="insufficient_has_no_risk",
                columns=("basis", "risk_score", "is_weak"),
                rule=f"must have no risk, and not be weak, exactly where basis is {bounds.INSUFFICIENT}",
                violations=_risk_of_too_little,
            ),
        ),
    )


def score_summaries() -> SuiteSpec:
    """What the scores of a student come to; nobody need have scores."""
    columns = ("student_id", "tenant_id", "internal_summary", "mock_summary", "strategy_summary", "peer_comparison")
    return SuiteSpec(
        name="score_summaries",
        columns=columns,
        min_rows=0,
        expectations=(columns_exactly(*columns), *not_null("student_id", "tenant_id"), unique("student_id")),
        rules=(
            FrameRule(
                name="peers_are_enough",
                columns=("peer_comparison",),
                rule=f"must say with how many students it compares ({', '.join(bounds.COHORT_SIZES)}), "
                f"{bounds.LEAST_STUDENTS} or more",
                violations=_too_few_peers,
            ),
        ),
    )


def _risk_of_too_little(rows: pd.DataFrame) -> int:
    is_insufficient = rows["basis"].eq(bounds.INSUFFICIENT)
    has_no_risk = number(rows, "risk_score").isna()
    is_weak = rows["is_weak"].fillna(value=False).astype(bool)
    return int(((is_insufficient != has_no_risk) | (has_no_risk & is_weak)).sum())


def _too_few_peers(rows: pd.DataFrame) -> int:
    compared = rows["peer_comparison"].dropna().astype(str)
    sizes = compared.map(lambda text: min(map(int, re.findall(_COHORT_SIZE, text)), default=0))
    return int((sizes < bounds.LEAST_STUDENTS).sum())
