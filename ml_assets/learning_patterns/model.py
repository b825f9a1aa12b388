"""Everything that is known of how students study, before it is put into words.

Belongs here: which rows go into which estimate. Not here: the estimates themselves, and the columns of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml_assets.learning_patterns.completion import Verdict, WeeklyRate, verdict, weekly_rate
from ml_assets.learning_patterns.config import WEEKDAYS, LearningPatternConfig
from ml_assets.learning_patterns.inputs import LearningPatternInput, week_matrix
from ml_assets.learning_patterns.minutes import Ratio, ratio
from ml_assets.learning_patterns.shrinkage import Cohorts, Floats, Ints, Rates, part_rates, rates
from ml_assets.learning_patterns.timing import HOURS, SLOT_OF, Timing, timing

CURVE_HOURS = 3
"""Width of a step of the daily completion curve."""


@dataclass(frozen=True)
class Habits:
    """Figures of `students`, the active ones, in their order; arrays (students,) or (students, parts).

    - timing: when they study; slot_rates (5) and curve (8 steps of three hours): completion of what was begun in them
    - overall and weekdays (7): completion, with what was done; strong and weak: which weekdays stand out; weekly:
      mean of weekly rates
    - daily_minutes of days with time, session_minutes, weekday_minutes (7) of days with time, NaN without any
    - daily: the days of the window with `student`, the place of each
    """

    students: pd.DataFrame
    daily: pd.DataFrame
    timing: Timing
    slot_rates: Rates
    curve: Rates
    overall: Rates
    weekdays: Rates
    weekday_done: Floats
    strong: Verdict
    weak: Verdict
    weekly: WeeklyRate
    daily_minutes: Ratio
    session_minutes: Ratio
    weekday_minutes: Floats


def habits(inputs: LearningPatternInput, config: LearningPatternConfig) -> Habits:
    """The habits of the active students of `inputs`."""
    students = inputs.active(config.window_days)
    cohorts = Cohorts.of(students)
    planned = _weekdays(inputs, students, "weekday_planned_count")
    done = _weekdays(inputs, students, "weekday_done_count")
    overall = rates(planned.sum(axis=1), done.sum(axis=1), cohorts, config)
    weekdays = part_rates(planned, done, overall, config)

    hours = placed(inputs.hours, students)
    begun, done_by_hour, spells, seconds = (
        _by_hour(hours, len(students), column)
        for column in ("planned_count", "done_count", "spell_count", "net_seconds")
    )
    # Of what was begun with a known time more gets done than of what was planned: it has a rate of its own.
    of_begun = rates(begun.sum(axis=1), done_by_hour.sum(axis=1), cohorts, config)
    slot_rates = part_rates(begun @ SLOT_OF, done_by_hour @ SLOT_OF, of_begun, config)
    of_step = np.repeat(np.eye(HOURS // CURVE_HOURS), CURVE_HOURS, axis=0)
    curve = part_rates(begun @ of_step, done_by_hour @ of_step, of_begun, config)

    daily = _window(inputs, students, config)
    timed = daily[daily["net_seconds"] > 0]
    student = timed["student"].to_numpy(np.int64)
    minutes = timed["net_seconds"].to_numpy(np.float64) / 60
    days = np.bincount(daily.loc[daily["spell_count"] > 0, "student"].to_numpy(np.int64), minlength=len(students))
    return Habits(
        students=students,
        daily=daily,
        timing=timing(spells, seconds, days.astype(np.float64), cohorts, slot_rates, config),
        slot_rates=slot_rates,
        curve=curve,
        overall=overall,
        weekdays=weekdays,
        weekday_done=done,
        strong=verdict(weekdays, config.strong_day_share, True, config),
        weak=verdict(weekdays, config.weak_day_share, False, config),
        weekly=weekly_rate(*_weeks(daily, len(students), config), overall, config),
        daily_minutes=ratio(student, len(students), minutes, np.ones(len(minutes))),
        session_minutes=ratio(student, len(students), minutes, timed["spell_count"].to_numpy(np.float64)),
        weekday_minutes=_weekday_minutes(timed, minutes, len(students)),
    )


def placed(frame: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """The rows of `frame` of `students`, with `student`, the place of each, ascending."""
    place = pd.Index(students["student_id"]).get_indexer(pd.Index(frame["student_id"]))
    rows: pd.DataFrame = frame.assign(student=place)[place >= 0].sort_values("student", kind="stable")
    return rows.reset_index(drop=True)


def _weekdays(inputs: LearningPatternInput, students: pd.DataFrame, column: str) -> Floats:
    rows = placed(inputs.rhythm, students)
    found = np.zeros((len(students), len(WEEKDAYS)))
    found[rows["student"].to_numpy(np.int64)] = week_matrix(rows[column])
    return found


def _by_hour(hours: pd.DataFrame, students: int, column: str) -> Floats:
    found = np.zeros((students, HOURS))
    found[hours["student"].to_numpy(np.int64), hours["start_hour"].to_numpy(np.int64)] = hours[column].fillna(0)
    return found


def _window(inputs: LearningPatternInput, students: pd.DataFrame, config: LearningPatternConfig) -> pd.DataFrame:
    """The days of the window, with `back`, days before the cut-off from 1."""
    daily = placed(inputs.daily, students)
    daily["back"] = (pd.Timestamp(inputs.as_of) - daily["activity_date"]).dt.days
    return daily[daily["back"] <= config.window_days].reset_index(drop=True)


def _weeks(daily: pd.DataFrame, students: int, config: LearningPatternConfig) -> tuple[Floats, Floats]:
    """Plans and done ones by week of the window, counted back from the cut-off."""
    weeks = -(-config.window_days // 7)
    cell = daily["student"].to_numpy(np.int64) * weeks + (daily["back"].to_numpy(np.int64) - 1) // 7
    planned, done = (
        np.bincount(cell, daily[column], students * weeks).astype(np.float64).reshape(students, weeks)
        for column in ("planned_count", "done_count")
    )
    return planned, done


def weekday_of(days: pd.Series) -> Ints:
    """Weekdays as the app counts them, 0 is Sunday."""
    return np.asarray((days.dt.day_of_week + 1) % 7, dtype=np.int64)


def _weekday_minutes(timed: pd.DataFrame, minutes: Floats, students: int) -> Floats:
    cell = timed["student"].to_numpy(np.int64) * len(WEEKDAYS) + weekday_of(timed["activity_date"])
    cells = students * len(WEEKDAYS)
    days = np.bincount(cell, minlength=cells)
    total = np.bincount(cell, minutes, cells)
    mean: Floats = np.divide(total, days, out=np.full(cells, np.nan), where=days > 0)
    return mean.reshape(students, len(WEEKDAYS))
