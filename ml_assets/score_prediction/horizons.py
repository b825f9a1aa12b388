"""Which days are predicted: every week, and the exams that are on the calendar.

Belongs here: dates. The calendar is product semantics §2.5: mock exams of 교육청 in March, May, July and October, of
평가원 in June and September, 수능 in November; school exams at the end of both semesters. Days within the month are
those of recent years; the app itself stores a mock exam's month alone.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import pandas as pd

MOCK, INTERNAL = "mock", "internal"
SCHOOL: Final = "school"

_OFFICE, _KICE, _CSAT = "education_office", "kice", "csat"

_EXAMS: Final = (
    (3, 4, _OFFICE),
    (5, 3, _OFFICE),
    (6, 1, _KICE),
    (7, 2, _OFFICE),
    (9, 1, _KICE),
    (10, 3, _OFFICE),
)
"""Month, week and who sets the exam: on a Wednesday or Thursday of that week, here the Thursday."""

_THURSDAY: Final = 3
_CSAT_MONTH, _CSAT_THURSDAY = 11, 3
_TERM_ENDS: Final = ((7, 10), (12, 15))
"""As term_score_date in dbt: when a term's school scores are usually known."""


def weekly_dates(as_of: dt.date, weeks: int) -> list[dt.date]:
    """Mondays from `as_of` on."""
    first = as_of + dt.timedelta(days=-as_of.weekday() % 7)
    return [first + dt.timedelta(weeks=number) for number in range(weeks)]


def exam_calendar(as_of: dt.date, days: int) -> pd.DataFrame:
    """Exams from `as_of` to `days` later: exam_kind, exam_type, exam_date."""
    last = as_of + dt.timedelta(days=days)
    exams = []
    for year in range(as_of.year, last.year + 1):
        exams += [(MOCK, kind, _thursday(year, month, week)) for month, week, kind in _EXAMS]
        exams.append((MOCK, _CSAT, _thursday(year, _CSAT_MONTH, _CSAT_THURSDAY)))
        exams += [(INTERNAL, SCHOOL, dt.date(year, month, day)) for month, day in _TERM_ENDS]
    ahead = sorted((exam for exam in exams if as_of <= exam[2] <= last), key=lambda exam: (exam[2], exam[0]))
    return pd.DataFrame(ahead, columns=["exam_kind", "exam_type", "exam_date"])


def school_year_start(days: pd.Series) -> pd.Series:
    """1 March of the school year of each day."""
    year = days.dt.year - (days.dt.month < 3)
    return pd.to_datetime(pd.DataFrame({"year": year, "month": 3, "day": 1})).astype("datetime64[s]")


def _thursday(year: int, month: int, number: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(_THURSDAY - first.weekday()) % 7 + 7 * (number - 1))
