"""Patterns of cohorts: what a student without a row of their own is told.

Belongs here: means over students of an academy, school type and year. Not here: the students' own patterns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from ml_assets.learning_patterns.completion import Verdict, verdict
from ml_assets.learning_patterns.config import SLOTS, LearningPatternConfig
from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.learning_patterns.minutes import Ratio
from ml_assets.learning_patterns.model import habits
from ml_assets.learning_patterns.publication import INSUFFICIENT, MEASURED
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Ints, Rates
from ml_assets.learning_patterns.timing import HOURS, SLOT_OF, lists_of, most_used, peak_hours, peak_of, slots_told

COHORTS: Final = (
    *("tenant_id", "school_type", "school_year_level", "preferred_study_times", "strong_days", "weak_days"),
    *("overall_completion_rate", "average_daily_study_minutes", "peak_productivity_hours"),
    *("avg_session_duration_minutes", "student_count", "basis"),
)
_KEY: Final = ["tenant_id", "school_type", "school_year_level"]


def cohort_patterns(inputs: LearningPatternInput, config: LearningPatternConfig | None = None) -> pd.DataFrame:
    """Rows of serving.fallback_learning_patterns (COHORTS), in order of key.

    A cohort is the students with patterns of an academy, school type and year, of the academy and type (year 0), or of
    the academy (type '' and year 0), where there are `cohort_min_students`. Every student counts once at most, by how
    much was seen of them, so that a few busy ones do not speak for all; every figure needs as many students of its own,
    else it is null or empty.
    """
    config = config or LearningPatternConfig()
    found = habits(inputs, config)
    members = _members(found.students, config)
    if members.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in COHORTS})
    keys = members.groupby(_KEY).size()
    group = np.asarray(members.groupby(_KEY).ngroup(), dtype=np.int64)
    groups = _Groups(group, members["student"].to_numpy(np.int64), len(keys), config)
    hours = groups.shares(found.timing.hours) + 1 / HOURS
    timed = groups.count(found.timing.session_count > 0) >= config.cohort_min_students
    peak = peak_of(hours, timed, config)
    every_slot = np.ones((len(keys), len(SLOTS)), dtype=np.bool_)
    slots = most_used(hours @ SLOT_OF, hours @ SLOT_OF, timed, every_slot, peak.hour, config)
    rate, rate_students = groups.rates(found.overall.seen[:, None], found.weekday_done.sum(axis=1, keepdims=True), 0.0)
    # A plan kept and one missed, so that a decision is never certain.
    weekdays, weekday_students = groups.rates(found.weekdays.seen, found.weekday_done, 1.0)
    shown = weekday_students.min(axis=1) >= config.cohort_min_students
    strong = verdict(weekdays, config.strong_day_share, True, config)
    weak = verdict(weekdays, config.weak_day_share, False, config)
    overall = np.full(len(keys), np.nan)
    known = rate_students[:, 0] >= config.cohort_min_students
    overall[known] = 100 * rate.mean[known, 0]
    rows = keys.index.to_frame(index=False).assign(
        school_year_level=lambda frame: frame["school_year_level"].astype("int16"),
        preferred_study_times=slots_told(slots),
        strong_days=_days(strong, shown),
        weak_days=_days(weak, shown),
        overall_completion_rate=np.round(overall, 2),
        average_daily_study_minutes=groups.mean(found.daily_minutes, config.timed_min_days),
        peak_productivity_hours=peak_hours(peak, config),
        avg_session_duration_minutes=groups.mean(found.session_minutes, config.session_min_sessions),
        student_count=keys.to_numpy(np.int64),
        basis=np.where((slots.count > 0) | ~np.isnan(overall), MEASURED, INSUFFICIENT).astype(object),
    )
    return rows[list(COHORTS)]


def _members(students: pd.DataFrame, config: LearningPatternConfig) -> pd.DataFrame:
    """Every student in each of their cohorts, _KEY and `student`, the place; of cohorts that are large enough."""
    own = pd.DataFrame(
        {
            "tenant_id": students["tenant_id"],
            "school_type": students["school_type"].fillna(""),
            "school_year_level": students["school_year_level"].fillna(0).astype("int64"),
            "student": np.arange(len(students)),
        }
    )
    type_alone = own.assign(school_year_level=0)
    academy = type_alone.assign(school_type="")
    # Somebody whose type or year is unknown stands in the wider cohort already.
    every = pd.concat([own, type_alone, academy]).drop_duplicates()
    size = every.groupby(_KEY)["student"].transform("size")
    return every[size >= config.cohort_min_students].reset_index(drop=True)


class _Groups:
    """Sums over the members of each group."""

    def __init__(self, group: Ints, student: Ints, count: int, config: LearningPatternConfig) -> None:
        self._group, self._student, self._count, self._config = group, student, count, config

    def sum(self, values: Floats) -> Floats:
        """Sum (groups, K) of `values` (students, K) over the members."""
        of_members = values[self._student]
        return np.stack([np.bincount(self._group, column, self._count) for column in of_members.T], axis=1)

    def count(self, has: Bools) -> Floats:
        """How many members of each group have it."""
        return np.bincount(self._group, has[self._student], self._count).astype(np.float64)

    def shares(self, counts: Floats) -> Floats:
        """Sum (groups, K) of the members' shares of their `counts` (students, K), each weighed n / (n + strength)."""
        seen = counts.sum(axis=1, keepdims=True)
        return self.sum(counts / (seen + self._config.strength_start))

    def rates(self, planned: Floats, done: Floats, prior: float) -> tuple[Rates, Floats]:
        """Rates (groups, parts) over members, each member a plan at most, and how many members had any.

        `prior` plans are added to those kept and to those missed.
        """
        weight = 1 / (planned + self._config.strength_start)
        kept, seen = self.sum(done * weight), self.sum(planned * weight)
        return Rates(kept + prior, seen - kept + prior, seen), self.sum((planned > 0).astype(np.float64))

    def mean(self, values: Ratio, minimum: int) -> pd.Series:
        """Mean of the members' own ratios, rounded, where enough of them have one that rests on `minimum`."""
        has = values.base >= minimum
        students = self.count(has)
        total = self.sum(np.where(has, values.value, 0.0)[:, None])[:, 0]
        enough = students >= self._config.cohort_min_students
        return pd.Series(np.round(np.divide(total, students, out=np.full(len(total), np.nan), where=enough))).astype(
            "Int64"
        )


def _days(found: Verdict, shown: Bools) -> pd.Series:
    told = found.told & shown[:, None]
    return lists_of(np.broadcast_to(np.arange(told.shape[1]), told.shape).astype(np.int64), told)
