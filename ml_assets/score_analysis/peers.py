"""A student beside those of the same kind of school and school year.

Belongs here: which cohort, and where the student stands in it. Not here: making cohorts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from ml_assets.score_analysis import json_text
from ml_assets.score_analysis.config import ScoreAnalysisConfig
from ml_assets.score_analysis.inputs import ScoreAnalysisInput

_SERIES: Final = ["student_id", "subject_group", "exam_kind"]
_COHORT: Final = ["school_type", "school_year_level", "subject_group", "exam_kind"]
_QUARTERS: Final = ("percentile_p25", "percentile_p50", "percentile_p75")


def peer_comparisons(inputs: ScoreAnalysisInput, config: ScoreAnalysisConfig) -> pd.Series:
    """peer_comparison by student_id: a JSON array with an object per subject group and kind of exam that has a cohort.

    {subjectGroup, examKind, studentPercentile, p25, p50, p75, cohortSize, scope, position}: scope is academy, else all
    where the own academy has too few; position is top_quarter, upper_half, lower_half or bottom_quarter. Students
    without any cohort are left out.
    """
    recent = _recent(inputs.scores, config).merge(inputs.students, on="student_id")
    recent = recent.dropna(subset=["school_type", "school_year_level"])
    large = inputs.benchmarks[inputs.benchmarks["student_count"] >= config.cohort_min_students]
    is_all = large["tenant_id"].isna()
    own = recent.merge(large[~is_all], on=["tenant_id", *_COHORT]).assign(scope="academy")
    every = recent.merge(large[is_all].drop(columns="tenant_id"), on=_COHORT).assign(scope="all")
    # The own academy's comes first and is kept.
    rows = pd.concat([own, every], ignore_index=True).drop_duplicates(_SERIES).sort_values(_SERIES)
    low, middle, high = (rows[name] for name in _QUARTERS)
    position = np.select(
        [rows["percentile"] >= high, rows["percentile"] >= middle, rows["percentile"] >= low],
        ["top_quarter", "upper_half", "lower_half"],
        "bottom_quarter",
    )
    told = pd.DataFrame(
        {
            "subjectGroup": rows["subject_group"],
            "examKind": rows["exam_kind"],
            "studentPercentile": rows["percentile"].round(1),
            **{name: rows[f"percentile_{name}"].round(1) for name in ("p25", "p50", "p75")},
            "cohortSize": rows["student_count"],
            "scope": rows["scope"],
            "position": position,
        }
    )
    return json_text.arrays(rows["student_id"], json_text.of_frame(told))


def _recent(scores: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """Mean percentile of the last `recent_exams` exams of each student, subject group and kind; a day is one exam."""
    days = scores.dropna(subset=["percentile"]).groupby([*_SERIES, "exam_date"])["percentile"].mean().reset_index()
    last = days.sort_values("exam_date").groupby(_SERIES).tail(config.recent_exams)
    return last.groupby(_SERIES)["percentile"].mean().reset_index()
