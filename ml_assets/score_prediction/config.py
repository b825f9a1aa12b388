"""Every number that decides a score prediction, with its reason.

Belongs here: sizes, thresholds, grids. Not here: what the app's scales mean (`scale`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAST_SCORES: Final = {"0": (0, 0), "1": (1, 1), "2": (2, 2), "3-4": (3, 4), "5+": (5, 10_000)}
"""Classes of past scores in the same subject group and kind, coarser where there are fewer students. Judgement."""


@dataclass(frozen=True, kw_only=True)
class ScorePredictionConfig:
    """Settings of the score predictor. "Judgement" means chosen by us and not tuned on data."""

    # Exams
    exam_min_scores: int = 5
    """Scores of our students from which an exam has a mean of its own; below it the exam is what is expected of it."""

    exam_position_days: float = 14.0
    """Bandwidth in which exams of a course lie at the same place of another year's course: two weeks, the distance
    between two assessments of OULAD's courses, and less than that between two mock exams. Judgement."""

    exam_prior_pairs: float = 200.0
    """Pairs of exams that the prior shares of exam variance are worth. Judgement: twenty exams."""

    max_exams: int = 1_500
    """Exams that take part in the expectation of the next one, those of most students: its cost is their cube."""

    # Level 1
    longest_history: int = 30
    """Latest scores of a student that take part; ten years of a school's terms are twenty in a subject."""

    decay_days: tuple[float, ...] = (30.0, 90.0, 180.0, 360.0, 720.0)
    """Lengths among which the forgetting of a recent form is chosen."""

    moment_students: int = 20_000
    """Students, always the same, whose pairs of scores give the variances: five numbers out of a million pairs."""

    component_prior_pairs: float = 200.0
    """Pairs of scores that the prior variances are worth, so that 50 students do not decide alone. Judgement."""

    # Replay of earlier cut-offs
    replay_step_days: int = 28
    replay_most: int = 13
    """A year of replays, four weeks apart: every term of a school year was the next one once."""

    horizon_days: int = 365
    """How far ahead a score is predicted: as serving.predict_score."""

    # Level 2
    boosting_min_series: int = 300
    """Series below which boosting is not tried: in a prototype on OULAD it alone lost to shrinkage with 300 (MAE 11.1
    against 10.45), and their average was as good."""

    boosting_max_rows: int = 150_000
    """Rows that boosting learns from, the latest, so that training on half a million scores stays within a minute."""

    boosting_weights: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of boosting in the average among which forward validation chooses."""

    boosting_min_gain: float = 0.005
    """Share of the error by which the average must beat level 1 to be used: less is noise. Judgement."""

    boosting_iterations: int = 150
    boosting_leaves: int = 15
    boosting_learning_rate: float = 0.06
    boosting_min_leaf: int = 40
    """Small trees, many rows to a leaf: series are short and noisy. Judgement, not tuned."""

    # Intervals
    calibration_days: int = 180
    """The newest resolved term: a half-year."""

    calibration_min_rows: int = 50
    """Residuals from which a group has quantiles of its own: a tenth in either tail is then five. Below it a wider
    group's are used."""

    calibration_exam_rows: float = 100.0
    """Rows of one exam beyond which more of them hardly count: errors within an exam go together. On five
    days of OULAD other than the reported ones 20 to 300 gave about the same winkler score; 100 is in the middle."""

    inflation_prior_exams: float = 10.0
    """Exams that were as expected, to which those replayed are added before their variance is judged. Judgement."""

    confidence_points: float = 5.0
    """Confidence is the probability of landing within so many points: docs/score_prediction.md."""

    # The ledger: what published intervals promised, and what came of them
    ledger_min_rows: int = 100
    """Outcomes from which the ledger is listened to."""

    ledger_days: int = 180
    """How long an outcome counts: as long as a replayed one."""

    ledger_refuse_days: int = 28
    """How long an outcome can make a candidate be refused. Four weeks: then people have looked, and the intervals have
    been widened. Judgement."""

    ledger_refuse_below: float = 0.6
    """Coverage of 80 % intervals below which a candidate is refused: the promise is broken badly."""

    # Horizons
    weekly_horizon_weeks: int = 26
    cohort_min_students: int = 5
    """As everywhere: smaller cohorts are not shown."""

    trend_points: float = 2.0
    """Points by which a prediction must differ from the student's level before it is called a trend. Judgement."""
