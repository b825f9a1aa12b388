"""Every number that decides an outlook, with its reason.

Belongs here: sizes, thresholds, windows. Not here: which features a model takes (`features`), wording (`texts`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OutlookConfig:
    """Settings of the outlook. "Judgement" means chosen by us and not tuned on data."""

    # Reference days: past days on which the same question is asked and the answer is known by now
    history_weeks: int = 52
    """A year of weekly reference days: every part of a school year was asked about once."""

    max_training_students: int = 10_000
    """Of more students a fixed choice of them teaches, so that the cost of a fit does not grow with the service."""

    max_training_rows: int = 250_000
    """Student × reference day that one question learns from: half a gigabyte of numbers while it is fitted."""

    active_days: int = 28
    """Only a student who was active this recently can fall silent: four weeks, so that a school holiday of two weeks
    does not end the question. Judgement."""

    course_min_days: int = 90
    """A plan group of so many days is a course or term, with whose end the studying ends as well, and whose cancelling
    is leaving; a shorter one is a step that the next one follows. Judgement: a term is four months, the app's plans are
    weeks."""

    silence_from_days: int = 14
    """A student has fallen silent when nothing is done from this day on …"""

    silence_until_days: int = 42
    """… until this one: four weeks without any activity. A silence of two weeks alone is a holiday as often as not: on
    OULAD's 2013-11-30 it made Christmas look like leaving (30 % of learners instead of 11 %)."""

    withdrawal_days: int = 28
    """A withdrawal counts within these days."""

    week_days: int = 7
    """What is planned for so many days makes a week's completion; an item may be done up to as many days late."""

    min_planned: int = 3
    """Plan items below which a week or a subject has no rate of completion: the app's own least number."""

    struggle_weeks: int = 4
    """Weeks over which a subject is watched: four, so that every weekday and most subjects come up."""

    struggle_share: float = 0.5
    """A subject struggles below this completion: the app calls it frequently incomplete."""

    drop_share: float = 0.7
    """Completion has dropped below this share of the student's own of twelve weeks: the app's own threshold."""

    drop_min_share: float = 0.5
    """Completion of twelve weeks from which it can drop: the app's own threshold."""

    streak_days: int = 3
    """Days in a row that make a streak: the app's own."""

    overload_ratio: float = 1.5
    """Plans of the coming week, counted in the student's usual week, from which it is overloaded: the app's own."""

    exam_days: int = 56
    """A student is ready for the exams that are scored within eight weeks: mock exams are two months apart at most."""

    exam_near_days: int = 28
    """Days before an exam or target in which being unready for it is worth a warning. Judgement."""

    exam_past: int = 3
    """Latest scores of a series whose mean is held against the next: the app's own recent level."""

    # Models
    knots: int = 8
    """Places at which the effect of a feature may bend: quantiles, so that each piece has as many rows. Judgement."""

    regularisation: float = 0.01
    """Inverse strength of the ridge penalty of the logistic regression, on effects in log odds. Of .1 and .01 the
    better calibrated one on six days of OULAD that are not reported (30, 90 and 150 days into 2013J; 30, 45 and 75 into
    2014B)."""

    min_rows: int = 300
    """Rows below which there is no model, and the answer is "insufficient"."""

    min_events: int = 30
    """Rows with and without the event below which there is no model: three a decile of its calibration."""

    validation_share: float = 0.25
    """Latest share of the reference days that models are compared and calibrated on."""

    least_gain: float = 0.005
    """Share of the Brier score by which the model must beat the best baseline, and isotonic calibration no
    calibration, to be used. Judgement."""

    impact_decimals: int = 1
    """Decimals of published points."""

    kept_weeks: int = 12
    """Weeks for which published predictions are kept beside what came of them: a term."""
