"""What came of a student in the days after a reference day, as far as it is known at the cut-off.

Belongs here: the definition of every event that is predicted. Not here: what was known before (`features`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.history import Flags, Floats, History, Ints

SILENCE, WEEK, DROP, IDLE, OVERLOAD = "burnout_risk", "weekly_completion", "completion_drop", "streak_break", "overload"
STRUGGLE, READY = "subject_struggle", "exam_readiness"


@dataclass(frozen=True)
class Question:
    """Something asked of a student on a day.

    - asked: rows of `student_features` on which the question makes sense, from what is known on the day
    - outcome: what came of it, 0 to 1; NaN where it was nothing that can be rated
    - settled_days: days from the reference day after which the outcome is known
    """

    asked: Callable[[pd.DataFrame, OutlookConfig], Flags]
    outcome: Callable[[History, pd.DataFrame, OutlookConfig], Floats]
    settled_days: Callable[[OutlookConfig], int]


def silence(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """1 where a student withdrew or fell silent.

    Withdrew: left the academy, or all enrolments of the day were cancelled, within `withdrawal_days`. Fell silent:
    nothing ticked off or timed from `silence_from_days` to `silence_until_days`.
    """
    owner, day = _keys(rows)
    is_silent = history.active.count(owner, day + config.silence_from_days, day + config.silence_until_days) == 0
    end = day + config.withdrawal_days
    left = (history.withdrawn[owner] < end) | (rows["cancelled"].to_numpy(np.float64) < end)
    happened: Floats = (is_silent | left).astype(np.float64)
    return happened


def week_completion(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """Share of the items planned for the seven days that were done, a week late at most; NaN under `min_planned`."""
    owner, day = _keys(rows)
    until = day + config.week_days
    planned = history.days.total("planned_count", owner, day, until)
    done = history.days.total("done_in_week_count", owner, day, until)
    return np.where(planned >= config.min_planned, done / np.maximum(planned, 1), np.nan)


def completion_drop(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """1 where the week's completion is below `drop_share` of the student's own of twelve weeks."""
    week = week_completion(history, rows, config)
    below = week < config.drop_share * rows["completion_84d"].to_numpy(np.float64)
    return np.where(np.isnan(week), np.nan, below.astype(np.float64))


def overload(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """1 where less than half of the week was done."""
    week = week_completion(history, rows, config)
    return np.where(np.isnan(week), np.nan, (week < config.struggle_share).astype(np.float64))


def idle_week(history: History, rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """1 where nothing was ticked off or timed in the seven days."""
    owner, day = _keys(rows)
    idle: Floats = (history.active.count(owner, day, day + config.week_days) == 0).astype(np.float64)
    return idle


def can_fall_silent(rows: pd.DataFrame, config: OutlookConfig) -> Flags:
    """Active lately, and enrolled until the question is settled, where the student has ever been enrolled."""
    recent = rows["days_since_active"].to_numpy(np.float64) <= config.active_days
    goes_on = rows["end"].to_numpy(np.float64) >= rows["day"].to_numpy(np.float64) + config.silence_until_days
    flags: Flags = recent & (goes_on | ~rows["had_enrolment"].to_numpy(bool))
    return flags


def is_active(rows: pd.DataFrame, config: OutlookConfig) -> Flags:
    """Active lately."""
    flags: Flags = rows["days_since_active"].to_numpy(np.float64) <= config.active_days
    return flags


def can_drop(rows: pd.DataFrame, config: OutlookConfig) -> Flags:
    """Active lately, with a completion that is worth keeping."""
    flags: Flags = is_active(rows, config) & (rows["completion_84d"].to_numpy(np.float64) >= config.drop_min_share)
    return flags


QUESTIONS: Final = {
    SILENCE: Question(can_fall_silent, silence, lambda config: config.silence_until_days),
    WEEK: Question(is_active, week_completion, lambda config: 2 * config.week_days),
    DROP: Question(can_drop, completion_drop, lambda config: 2 * config.week_days),
    IDLE: Question(is_active, idle_week, lambda config: config.week_days),
    OVERLOAD: Question(is_active, overload, lambda config: 2 * config.week_days),
}
"""Questions about a student, which share their features."""


def subject_struggle(rows: pd.DataFrame, config: OutlookConfig) -> Floats:
    """1 where less than half of the subject's items of four weeks were done in their week; NaN under `min_planned`.

    `rows` are those of `subject_features`.
    """
    planned, done = rows["planned_next"].to_numpy(np.float64), rows["done_next"].to_numpy(np.float64)
    below = done < config.struggle_share * planned
    return np.where(planned >= config.min_planned, below.astype(np.float64), np.nan)


def _keys(rows: pd.DataFrame) -> tuple[Ints, Ints]:
    return rows["owner"].to_numpy(np.int64), rows["day"].to_numpy(np.int64)
