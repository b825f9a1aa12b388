"""Every number that decides a summary, with its reason.

Belongs here: thresholds, names of subject groups, and how many exams count. Not here: formulas.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ScoreAnalysisConfig:
    """Settings of the summaries; those of the app where it has one."""

    korean: str = "국어"
    mathematics: str = "수학"
    english: str = "영어"
    inquiry: tuple[str, ...] = ("사회", "과학")
    """Subject groups of 탐구, of which the best `inquiry_count` 과목 count."""

    inquiry_count: int = 2
    """As the app: the two best 탐구. Of a student who sat one, it counts alone, and inquiryCount says so."""

    best_grades: int = 3
    """등급 that are added up: the best three of 국어, 수학, 영어 and the best 탐구, as universities' minimum grades are
    asked for. 한국사 is not among them."""

    trend_exams: int = 3
    """Sittings on either side of a trend: the last three and up to three before them, as the app."""

    trend_min_exams: int = 4
    """Sittings from which there is a trend: the app's least number."""

    trend_points: float = 5.0
    """Percentile points from which a trend is one: the app's."""

    strategy_points: float = 5.0
    """Percentile points by which mock exams and school must differ before one is an advantage: the app's."""

    special_z: float = 1.5
    """Z-index from which an advantage in mock exams is that of a school with strong classmates: the app's."""

    good_z: float = 1.0
    fair_z: float = -0.5
    """Bounds of 우수 and 평균, below which it is 미흡: the app's."""

    cohort_min_students: int = 5
    """As everywhere: smaller cohorts are not shown."""

    recent_exams: int = 3
    """Exams that a student's place among peers is the mean of: as the cohorts' own quantiles are made."""
