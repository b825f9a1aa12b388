"""What follows from school and mock exams together.

Belongs here: strategy_summary and its words. Not here: either side's figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.score_analysis import json_text
from ml_assets.score_analysis.config import ScoreAnalysisConfig

MESSAGES: Final[Mapping[str, str]] = {
    "BALANCED": "내신과 모의고사 성적이 비슷해요. 수시와 정시를 함께 준비하면 좋아요.",
    "MOCK_ADVANTAGE": "내신보다 모의고사 성적이 높아요. "
    "정시를 중심에 두고 수능 최저학력기준이 있는 수시 전형도 살펴보세요.",
    "INTERNAL_ADVANTAGE": "모의고사보다 내신 성적이 높아요. 학생부 중심의 수시 전형을 먼저 살펴보세요.",
    "SPECIAL_HIGH_SCHOOL": "모의고사 성적이 내신보다 높고, 학교 안에서의 원점수 위치도 높아요. "
    "등급만으로는 드러나지 않는 실력을 보여 줄 수 있는 전형과 정시를 함께 살펴보세요.",
}
INSUFFICIENT: Final[Mapping[str, str]] = {
    "no_gpa_and_no_mock_average": "내신 등급과 모의고사 성적이 모두 있어야 비교할 수 있어요.",
    "no_gpa": "내신 등급이 없어 모의고사와 비교할 수 없어요.",
    "no_mock_average": "국어, 수학, 탐구를 모두 본 모의고사가 없어 내신과 비교할 수 없어요.",
}


def strategies(figures: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.Series:
    """strategy_summary (JSON) of each row: gpa, grade_levels (9 or 5), z_index and mock_percentile (0 to 100).

    The GPA becomes a percentage: 100 for the best 등급 and 0 for the worst, 12.5 points a 등급 of nine as in the app,
    and 25 of five. Where either side is missing the type is null, and `reason` says which.
    """
    internal = 100 - (figures["gpa"] - 1) * 100 / (figures["grade_levels"] - 1)
    internal, mock = internal.round(1), figures["mock_percentile"]
    apart = (mock - internal).round(1)
    is_special = figures["z_index"] >= config.special_z
    points = config.strategy_points
    chosen = np.select(
        [(apart > points) & is_special, apart > points, apart < -points],
        ["SPECIAL_HIGH_SCHOOL", "MOCK_ADVANTAGE", "INTERNAL_ADVANTAGE"],
        "BALANCED",
    )
    kind = pd.Series(chosen, index=figures.index, dtype="object").where(apart.notna(), None)
    no_gpa, no_mock = internal.isna(), mock.isna()
    named = np.select(
        [no_gpa & no_mock, no_gpa, no_mock], ["no_gpa_and_no_mock_average", "no_gpa", "no_mock_average"], ""
    )
    reason = pd.Series(named, index=figures.index, dtype="object").where(apart.isna(), None)
    message = kind.map(dict(MESSAGES)).fillna(reason.map(dict(INSUFFICIENT)))
    texts = json_text.objects(
        {
            "type": json_text.written(kind),
            "message": json_text.written(message),
            "internalPct": json_text.written(internal),
            "mockPct": json_text.written(mock),
            "difference": json_text.written(apart),
            "reason": json_text.written(reason),
        }
    )
    return pd.Series(texts, index=figures.index, dtype="object")
