"""Each student's days as one matrix: minutes where the student times, else what was completed.

Belongs here: which days belong to the series and what stands in them. Not here: what is drawn from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Ints


@dataclass(frozen=True)
class Series:
    """Days of some students, `students` being their places in the list that was asked for.

    `days` (students, history_days), the last column being the day before the cut-off: minutes where `is_minutes`,
    else plans completed. NaN before the stretch, which is whole weeks back from the cut-off; all NaN without one.
    """

    students: Ints
    days: Floats
    is_minutes: Bools

    @property
    def weeks(self) -> Ints:
        """Weeks of each stretch."""
        found: Ints = (~np.isnan(self.days)).sum(axis=1) // 7
        return found


def daily_series(
    daily: pd.DataFrame, student_ids: pd.Series, as_of: dt.date, config: LearningPatternConfig
) -> Iterator[Series]:
    """Series of `student_ids`, in order, some thousands at a time; `daily` as `LearningPatternInput.daily`.

    A stretch begins after the last `gap_days` without anything planned or done and must reach into the last
    `gap_days`. Days without anything in it are 0. A day on which something was done that nobody timed has unknown
    minutes: a student whose active days are timed for `timed_day_share` or more has the mean of the timed days there,
    and every other student is counted in completed plans instead of minutes.
    """
    place = pd.Index(student_ids).get_indexer(pd.Index(daily["student_id"]))
    back = (pd.Timestamp(as_of) - daily["activity_date"]).dt.days.to_numpy(np.int64)
    column = config.history_days - back
    known = (place >= 0) & (column >= 0)
    place, column = place[known], column[known]
    counts = daily.loc[known, ["planned_count", "ticked_count", "spell_count", "net_seconds"]].to_numpy(np.float64)
    order = np.argsort(place, kind="stable")
    place, column, counts = place[order], column[order], counts[order]
    for low in range(0, len(student_ids), config.series_chunk):
        students = np.arange(low, min(low + config.series_chunk, len(student_ids)))
        first, last = np.searchsorted(place, [students[0], students[-1] + 1])
        yield _series(students, place[first:last] - low, column[first:last], counts[first:last], config)


def _series(students: Ints, row: Ints, column: Ints, counts: Floats, config: LearningPatternConfig) -> Series:
    shape = (len(students), config.history_days)
    planned, ticked, spells, seconds = (_laid(shape, row, column, own) for own in counts.T)
    within = _stretch((planned > 0) | (ticked > 0) | (spells > 0), config)
    is_active = within & ((ticked > 0) | (spells > 0))
    # Fewer spells than completions: some of the day's work was not timed, so its minutes are not the day's.
    is_timed = is_active & (spells >= ticked) & (seconds > 0)
    active_days, timed_days = is_active.sum(axis=1), is_timed.sum(axis=1)
    is_minutes = (timed_days >= config.timed_min_days) & (timed_days >= config.timed_day_share * active_days)
    minutes = np.where(is_timed, seconds / 60, 0.0)
    usual = minutes.sum(axis=1) / np.maximum(timed_days, 1)
    minutes = np.where(is_active & ~is_timed, usual[:, None], minutes)
    values = np.where(is_minutes[:, None], minutes, ticked)
    return Series(students, np.where(within, values, np.nan), is_minutes)


def _laid(shape: tuple[int, int], row: Ints, column: Ints, values: Floats) -> Floats:
    found = np.zeros(shape)
    found[row, column] = np.nan_to_num(values)
    return found


def _stretch(present: Bools, config: LearningPatternConfig) -> Bools:
    """The days of each row's last stretch, in whole weeks back from the last column."""
    width = present.shape[1]
    days = np.arange(width)
    latest = np.maximum.accumulate(np.where(present, days, -config.gap_days - 1), axis=1)
    before = np.concatenate([np.full((len(present), 1), -config.gap_days - 1), latest[:, :-1]], axis=1)
    begins = present & (days - before > config.gap_days)
    start = np.where(begins, days, -1).max(axis=1, initial=-1)
    reaches = latest[:, -1] >= width - config.gap_days
    weeks = np.where(reaches & (start >= 0), (width - start) // 7, 0)
    return np.asarray(days[None] >= (width - 7 * weeks)[:, None], dtype=np.bool_)
