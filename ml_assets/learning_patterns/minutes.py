"""How long a student studies: minutes of days and sessions with time, and signs of fatigue.

Belongs here: averages over what was timed. Not here: filling in what was not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Ints


@dataclass(frozen=True)
class Ratio:
    """A ratio of totals (students,) with the deviation that days give it, over `days` days; NaN without any.

    `base` is the total of the denominator.
    """

    value: Floats
    deviation: Floats
    days: Ints
    base: Floats

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """The ends of the normal interval at `level`, at least 0; NaN with fewer than two days."""
        reach = ndtri(0.5 + level / 2) * self.deviation
        return np.maximum(self.value - reach, 0), self.value + reach


def ratio(student: Ints, students: int, above: Floats, below: Floats) -> Ratio:
    """Ratio of the sums of `above` and `below` over the days of each student; days are the clusters.

    The deviation is that of a ratio estimate (Cochran 1977, Sampling Techniques, section 6.3).
    """

    def total(values: Floats) -> Floats:
        return np.bincount(student, values, students).astype(np.float64)

    base = total(below)
    days = np.bincount(student, minlength=students)
    value = np.divide(total(above), base, out=np.full(students, np.nan), where=base > 0)
    squares = total(above**2) - 2 * value * total(above * below) + value**2 * total(below**2)
    correction = np.divide(days, days - 1, out=np.full(students, np.nan), where=days > 1)
    deviation = np.sqrt(np.maximum(squares, 0) * correction) / np.where(base > 0, base, np.nan)
    return Ratio(value, deviation, days, base)


@dataclass(frozen=True)
class Fatigue:
    """Signs of fatigue of each student: days of study in a row, and yes, no or None where too little was timed."""

    streak: Ints
    session_decline: npt.NDArray[np.object_]
    late_increase: npt.NDArray[np.object_]


def fatigue(daily: pd.DataFrame, students: int, as_of: dt.date, config: LearningPatternConfig) -> Fatigue:
    """Fatigue from `daily`, with `student` the place of each among `students`.

    The last `fatigue_recent_days` against the `fatigue_earlier_days` before them. A decline or increase is said where
    it is as large as the config asks and more than chance with `decision_probability`.
    """
    back = (pd.Timestamp(as_of) - daily["activity_date"]).dt.days.to_numpy(np.int64)
    timed = (daily["net_seconds"] > 0).to_numpy()
    recent = timed & (back <= config.fatigue_recent_days)
    earlier = timed & (back > config.fatigue_recent_days)
    earlier &= back <= config.fatigue_recent_days + config.fatigue_earlier_days
    length, late = (_compared(daily, students, (earlier, recent), *of) for of in (_LENGTH, _LATE))
    enough = (length[0].days >= config.fatigue_min_days) & (length[1].days >= config.fatigue_min_days)
    shorter = _is_lower(length[1], length[0], config.fatigue_session_drop * length[0].value, config)
    later = _is_lower(late[0], late[1], np.full(students, config.fatigue_late_rise), config)
    return Fatigue(
        streak=streaks(daily, students, as_of),
        session_decline=_or_unknown(enough, shorter),
        late_increase=_or_unknown(enough, later),
    )


def _or_unknown(enough: Bools, found: Bools) -> npt.NDArray[np.object_]:
    said = found.astype(object)
    said[~enough] = None
    return said


_LENGTH = ("net_seconds", "spell_count")
_LATE = ("late_seconds", "net_seconds")


def _compared(
    daily: pd.DataFrame, students: int, periods: tuple[Bools, Bools], above: str, below: str
) -> tuple[Ratio, Ratio]:
    first, second = (
        ratio(
            daily.loc[own, "student"].to_numpy(np.int64),
            students,
            daily.loc[own, above].fillna(0).to_numpy(np.float64),
            daily.loc[own, below].to_numpy(np.float64),
        )
        for own in periods
    )
    return first, second


def _is_lower(low: Ratio, high: Ratio, least: Floats, config: LearningPatternConfig) -> Bools:
    difference = high.value - low.value
    deviation = np.sqrt(low.deviation**2 + high.deviation**2)
    sure = difference >= ndtri(config.decision_probability) * deviation
    return np.asarray(sure & (difference >= least) & (difference > 0), dtype=np.bool_)


def streaks(daily: pd.DataFrame, students: int, as_of: dt.date) -> Ints:
    """Days in a row, up to the day before the cut-off, on which something was completed or timed."""
    days = daily[(daily["ticked_count"] > 0) | (daily["spell_count"] > 0)]
    back = (pd.Timestamp(as_of) - days["activity_date"]).dt.days
    rows = pd.DataFrame({"student": days["student"], "back": back}).sort_values(["student", "back"])
    # The n-th latest day lies n days back only where no day before it is missing.
    unbroken = rows["back"] == rows.groupby("student").cumcount() + 1
    return np.bincount(rows.loc[unbroken, "student"].to_numpy(np.int64), minlength=students)
