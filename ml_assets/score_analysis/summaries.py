"""The rows of serving.score_summaries.

Belongs here: putting the parts together. Not here: any of them.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from ml_assets.score_analysis.config import ScoreAnalysisConfig
from ml_assets.score_analysis.inputs import ScoreAnalysisInput
from ml_assets.score_analysis.internal import internal_figures
from ml_assets.score_analysis.mock import mock_figures
from ml_assets.score_analysis.peers import peer_comparisons
from ml_assets.score_analysis.strategy import strategies

SUMMARIES: Final = (
    *("student_id", "tenant_id", "internal_summary", "mock_summary", "strategy_summary", "peer_comparison"),
)


def summaries(inputs: ScoreAnalysisInput, config: ScoreAnalysisConfig | None = None) -> pd.DataFrame:
    """SUMMARIES of every student of `inputs` with a score, sorted; each summary is JSON text.

    - internal_summary: {averageGpa (1 best, of gradeLevels), termCount, gpaTrend [{schoolYear, semester, gradeLevels,
      gpa, creditHours, scoreCount}], zIndex, zBand (우수, 평균, 미흡), zBasis, subjectStrength [{subjectGroup, rank,
      averagePercentile, averageGrade, gradeLevels, scoreCount}], reasons}; null without a school score
    - mock_summary: {examCount, latestExamDate, latestExamType, avgPercentile (0 to 100), totalStdScore, best3GradeSum,
      inquiryCount, trend (상승, 유지, 하락), trendChange, comparison {previousExamDate, avgPercentileChange,
      totalStdScoreChange, best3GradeSumChange}, reasons}; null without a mock exam
    - strategy_summary: {type, message, internalPct, mockPct, difference, reason}
    - peer_comparison: see `peers.peer_comparisons`; null without a cohort

    What cannot be told is null within them, and `reasons` (`reason`) says why.
    """
    config = config or ScoreAnalysisConfig()
    scores = inputs.scores[inputs.scores["student_id"].isin(inputs.students["student_id"])]
    scored = inputs.students[inputs.students["student_id"].isin(scores["student_id"])]
    rows = scored[["student_id", "tenant_id"]].sort_values("student_id").set_index("student_id")
    rows = rows.join(internal_figures(scores, config)).join(mock_figures(scores, config))
    rows["strategy_summary"] = strategies(rows, config)
    rows["peer_comparison"] = peer_comparisons(inputs, config).reindex(rows.index)
    texts = ["internal_summary", "mock_summary", "peer_comparison"]
    rows[texts] = rows[texts].astype("object").where(rows[texts].notna(), None)
    return rows.reset_index()[list(SUMMARIES)]
