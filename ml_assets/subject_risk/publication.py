"""The rows of serving.student_risk_analysis.

Belongs here: columns, and the old formula beside the risk. Not here: either of them.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import SubjectRiskInput
from ml_assets.subject_risk.legacy import differences
from ml_assets.subject_risk.levels import LevelModel, fit
from ml_assets.subject_risk.risk import figures

RISKS: Final = (
    *("student_id", "subject", "tenant_id", "risk_score", "recent_grade_trend", "consistency_score"),
    *("mastery_estimate", "recent_3_avg_grade", "grade_change", "score_variance", "improvement_rate", "factors"),
    *("is_weak", "score_count", "legacy_risk_score", "legacy_differences", "reasoning", "basis"),
)


def risks(
    inputs: SubjectRiskInput, config: SubjectRiskConfig | None = None, model: LevelModel | None = None
) -> pd.DataFrame:
    """RISKS of every student and subject group that is planned, studied or has a score, sorted by key.

    - risk_score: 0 to 100, higher is riskier; null with fewer than `min_exams` exams, and basis is then 'insufficient'
    - recent_grade_trend: +1 improving, -1 getting worse, 0 neither or unknown
    - consistency_score, mastery_estimate: 0 to 100, higher better, the app's formulas on the student's shrunk level and
      spread; null where insufficient
    - recent_3_avg_grade: 등급 of nine with decimals, mean of the last three exams; grade_change: of the last exam from
      the one before it of the same kind, positive is worse; null without such exams
    - score_variance: deviation of the student's places, in percentile points at the student's level
    - improvement_rate: 등급 gained since the first exam per 100 plans done; null where few plans are known
    - factors: JSON array of {code, points, text} that adds up to risk_score
    - score_count: exams with a place; several 과목 of one day are one
    - legacy_risk_score: the app's old formula, 0 to 100; legacy_differences: JSON array of the `legacy.DEFECTS` that
      explain its distance from risk_score
    - reasoning: Korean
    """
    config = config or SubjectRiskConfig()
    model = model or fit(inputs, config)
    rows = figures(inputs, config, model)
    old = differences(inputs, rows, config, model)
    found = rows.assign(
        subject=rows["subject_group"].str.lower(),
        score_count=rows["exam_count"],
        legacy_risk_score=old["old_risk"].round(1),
        legacy_differences=old["codes"],
    )
    return found[list(RISKS)].sort_values(["student_id", "subject"], ignore_index=True)
