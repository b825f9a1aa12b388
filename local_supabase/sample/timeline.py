"""The days of the sample: its window, its eras, and the step between KST days and UTC seconds.

Days are integers since 1970-01-01 (KST dates), instants are integer seconds since 1970-01-01 UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from local_supabase.sample.columns import Array
from local_supabase.sample.settings import SAMPLE

DAY = 86_400
HOUR = 3_600
KST = 9 * HOUR
FAR = 10**6  # a day that never comes

_EPOCH = dt.date(1970, 1, 1)


def day_number(date: dt.date) -> int:
    """Return the days from 1970-01-01 to `date`."""
    return (date - _EPOCH).days


def kst(day: Array | int, seconds: Array | int) -> Array:
    """Return the instant of `seconds` after midnight KST on `day`."""
    return np.asarray(day, dtype=np.int64) * DAY + np.asarray(seconds, dtype=np.int64) - KST


def weekday(day: Array | int) -> Array:
    """Return 0 for Sunday to 6 for Saturday, as the app counts."""
    return (np.asarray(day) + 4) % 7


def monday(day: Array | int) -> Array:
    """Return the Monday of the week of `day`."""
    days = np.asarray(day)
    first: Array = days - (days + 3) % 7
    return first


def school_year(day: int) -> int:
    """Return the Korean school year (학년도), which begins in March."""
    date = _EPOCH + dt.timedelta(days=day)
    return date.year if date.month >= 3 else date.year - 1


@dataclass(frozen=True)
class Timeline:
    """The window: [start, migration) is soft-deleted, [calendar, end) has calendar twins, [today, end) lies ahead.

    Nothing in the sample is recorded at or after `now`, which is midnight KST at the beginning of `today`.
    """

    today: int
    start: int
    migration: int
    calendar: int
    end: int

    @classmethod
    def at(cls, today: dt.date) -> Timeline:
        """Return the timeline of a sample taken at the beginning of `today`."""
        day = day_number(today)
        start = int(monday(day - 7 * SAMPLE.weeks))
        length = day - start
        return cls(
            today=day,
            start=start,
            migration=start + round(length * SAMPLE.migrated_share),
            calendar=int(monday(start + round(length * (1 - SAMPLE.calendar_share)))),
            end=day + 7 * SAMPLE.weeks_ahead,
        )

    @property
    def now(self) -> int:
        """The instant at which the sample is taken."""
        return int(kst(self.today, 0))

    @property
    def migrated_at(self) -> int:
        """The instant at which everything planned before was soft-deleted."""
        return int(kst(self.migration, 3 * HOUR))

    @property
    def days(self) -> int:
        """Days from `start` to `end`."""
        return self.end - self.start
