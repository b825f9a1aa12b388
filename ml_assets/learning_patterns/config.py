"""Every number that decides a learning pattern, with its reason.

Belongs here: windows, thresholds, minima. Not here: how they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLOTS: Final = ("early_morning", "morning", "afternoon", "evening", "night")
"""The app's five times of day, in the order of the day."""

SLOT_OF_HOUR: Final = (4,) * 5 + (0,) * 3 + (1,) * 4 + (2,) * 5 + (3,) * 4 + (4,) * 3
"""Place in SLOTS of each hour, as the app has it: 5-8, 8-12, 12-17, 17-21, and night for the rest."""

WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""Weekdays as the app counts them, 0 is Sunday."""


@dataclass(frozen=True, kw_only=True)
class LearningPatternConfig:
    """Settings of the learning patterns. "Judgement" means chosen by us and not tuned on data."""

    window_days: int = 84
    """Days before the cut-off that patterns are drawn from: twelve of each weekday, as the activity features."""

    # Evidence
    interval_level: float = 0.8
    """Level of every published interval, as those of the score predictor."""

    decision_probability: float = 0.9
    """Probability from which something is told: a bound of the 80 % interval is then past the threshold. Judgement."""

    timing_min_sessions: int = 10
    """Timed sessions from which a time of day is told: with fewer, one unusual week is most of what was seen.
    Judgement; the probability above comes on top of it."""

    timing_min_days: int = 5
    """Days that these sessions must lie on: a school week. Judgement."""

    slot_min_sessions: int = 3
    """Sessions at a time of day from which it can be a preferred one: the app's own rule."""

    rate_min_plans: int = 5
    """Plans from which a student has a completion rate: below it the app itself is at its lowest confidence."""

    part_min_plans: int = 3
    """Plans of a weekday, subject or time of day from which it is judged: the app's own rule."""

    timed_min_days: int = 5
    """Days with time from which average minutes are told: a school week. Judgement."""

    session_min_sessions: int = 5
    """Sessions from which their average length is told. Judgement."""

    # The app's thresholds, 0 to 1
    strong_day_share: float = 0.7
    weak_day_share: float = 0.5
    incomplete_subject_share: float = 0.5
    preferred_slot_share: float = 0.6

    # Shrinkage
    cohort_prior_students: float = 5.0
    """Students of a cohort that are worth as much as all that is known of the wider one. Judgement: a cohort of fewer
    is not shown either."""

    strength_start: float = 10.0
    """Observations that a prior is worth before the moments have been looked at. Judgement."""

    strength_bounds: tuple[float, float] = (2.0, 50.0)
    """Between which the strength found by moments is believed: below two a prior hardly restrains, and above 50 nobody
    could be seen to differ within twelve weeks, however alike the others are. Judgement."""

    cohort_min_students: int = 5
    """As everywhere: smaller cohorts are not shown."""

    # Peak hours
    peak_kernel_hours: float = 1.0
    """Standard deviation of the kernel that smooths the hours: the precision that a peak is asked for."""

    peak_rival_hours: int = 3
    """How far off an hour is another time of day rather than the shoulder of the peak. Judgement."""

    peak_shoulder_share: float = 0.8
    """Share of the peak from which the hour beside it is a peak hour, too. Judgement."""

    # Weekly rhythm and change points
    history_days: int = 546
    """Days of history that are looked at: 78 weeks, all that the features hold."""

    gap_days: int = 28
    """Days without any plan or study after which a new stretch begins: a return, not a change of habit."""

    timed_day_share: float = 0.9
    """Share of active days on which everything done was timed, from which minutes are trusted as a series."""

    rhythm_days: int = 182
    """Days that the weekly rhythm is drawn from: half a year, so that it is this term's and the last one's."""

    rhythm_min_weeks: int = 8

    change_min_weeks: int = 8
    change_segment_weeks: int = 4
    """Weeks on either side of a change: fewer are an exam period or a holiday. Judgement."""

    change_false_alarms: float = 0.01
    """Share of students without any change who are told of one at most. Judgement: one in a hundred, for it is told as
    fact. On noise of 8 to 78 weeks it was 0.1 to 0.4 %; 0.9 to 2.7 % where neighbouring weeks were correlated by 0.3,
    and 2 to 7 % by 0.5."""

    change_min_minutes: float = 10.0
    change_min_completions: float = 2.0
    """Minutes a day, or plans a week, that are worth telling. Judgement."""

    # Trends of subjects
    trend_min_weeks: int = 6
    """Weeks with plans in a subject from which its trend is told: half of the window. Judgement."""

    # Fatigue
    fatigue_recent_days: int = 14
    fatigue_earlier_days: int = 42
    fatigue_min_days: int = 4
    """Days with time on either side. Judgement."""
    fatigue_session_drop: float = 0.1
    """Share by which sessions must have become shorter to be called a decline. Judgement."""
    fatigue_late_rise: float = 0.05
    """Share of time, late at night, that must have been added. Judgement."""

    # Realistic minutes
    effort_prior_items: float = 50.0
    """Items of a kind that the variances of all kinds together are worth. Judgement."""

    effort_own_weight: float = 0.8
    """Weight of a student's own mean from which an estimate is called the student's own. Judgement."""

    effort_high_quantile: float = 0.8
    """The quantile beside the median: P80."""

    series_chunk: int = 10_000
    """Students whose daily series are held at once: 10 000 of 546 days are 44 MB a matrix."""
