"""The five plain rules that most systems warn by, as baselines: what the calibrated warnings must beat.

Belongs here: on which days each rule holds, from what was known then. Not here: how they are compared (`backtest`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.early_warnings.inputs import PlainRuleInput

IDLE: Final = "idle_7_days"
MISSED: Final = "missed_assessment_14_days"
FALLING: Final = "falling_trend"
STALLED: Final = "stalled_completion"
SILENT: Final = "silence_14_days"
RULES: Final = (IDLE, MISSED, FALLING, STALLED, SILENT)

ALERTS: Final = {"student_id": "str", "alert_date": "datetime64[s]", "rule": "str", "value": "float64"}
"""Days on which a rule holds; of two students the one with the larger value is the worse by the rule's own measure."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_DAY: Final = pd.Timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PlainRuleConfig:
    """Settings of the plain rules: what such systems commonly use, not tuned, so that they stay plain."""

    idle_days: int = 7
    silent_days: int = 14
    """Days without anything done or timed."""

    enrolled_days: int = 28
    """A student without a plan and without activity for so long is away, and no rule asks after them."""

    missed_days: int = 14
    """How long a missed assessment counts."""

    missed_share: float = 0.5
    missed_min_scores: int = 3
    """An assessment has taken place when the scores of so many of the course's learners, and of such a share of them,
    are known. Judgement: nothing else says that it was sat."""

    falling_days: int = 28
    """How long two falls in a row count after the second was known."""

    stalled_days: int = 14
    stalled_min_planned: int = 3
    stalled_below: float = 0.4
    """Share of the plans of so many days done on time, under which completion has stalled: the app's lowest band."""


def plain_alerts(
    inputs: PlainRuleInput, days: Sequence[dt.date], config: PlainRuleConfig | None = None
) -> pd.DataFrame:
    """ALERTS of RULES on each of `days`, from what was known before 00:00 of the day, sorted by rule, day and student.

    - idle_7_days, silence_14_days: nothing was ticked off or timed for 7 or 14 days; value: days idle,
      from the first plan on for who has never begun
    - missed_assessment_14_days: no score of an assessment of the last 14 days that the course has sat; value: how many
    - falling_trend: the last two scores of a subject each lie under the one before; value: points lost over both
    - stalled_completion: of the plans of the last 14 days less than 40 % were done on time; value: share not done
    """
    config = config or PlainRuleConfig()
    asked = pd.DatetimeIndex(sorted(set(days))).as_unit("s")
    found = [*_from_days(inputs.daily, asked, config), _missed(inputs, asked, config), _falling(inputs, asked, config)]
    alerts = pd.concat([part.astype(ALERTS) for part in found], ignore_index=True)
    return alerts.sort_values(["rule", "alert_date", "student_id"]).reset_index(drop=True)


def _from_days(daily: pd.DataFrame, days: pd.DatetimeIndex, config: PlainRuleConfig) -> list[pd.DataFrame]:
    """The rules that look at activity and completion, a day at a time over all students at once."""
    book = _Book(daily)
    found = [_alerts(IDLE, [], days[:0], [])]
    for day in days:
        now = _ordinal(day)
        since = book.days_since_activity(now)
        is_enrolled = book.days_since_row(now) <= config.enrolled_days
        planned, done = book.sums(now - config.stalled_days, now)
        share = np.divide(done, planned, out=np.ones_like(done), where=planned > 0)
        for rule, holds, value in (
            (IDLE, since > config.idle_days, since - 1),
            (SILENT, since > config.silent_days, since - 1),
            (STALLED, (planned >= config.stalled_min_planned) & (share < config.stalled_below), 1 - share),
        ):
            chosen = holds & is_enrolled
            found.append(_alerts(rule, book.students[chosen], day, value[chosen]))
    return found


class _Book:
    """The days of all students in one sorted line of numbers, in which any student's day is found by bisection."""

    def __init__(self, daily: pd.DataFrame) -> None:
        rows = daily.sort_values(["student_id", "activity_date"])
        codes, students = pd.factorize(rows["student_id"], sort=True)
        self.students: npt.NDArray[np.object_] = np.asarray(students, dtype=object)
        ordinals = rows["activity_date"].to_numpy("datetime64[D]").astype(np.int64)
        self._width = int(ordinals.max(initial=0)) + 100_000
        """More than any day asked about, so that a student's days never reach the next one's."""
        self._line = codes * self._width + ordinals
        is_active = ((rows["ticked_count"] > 0) | (rows["net_seconds"] > 0)).to_numpy(bool)
        self._active = self._line[is_active]
        self._first = ordinals[np.searchsorted(codes, np.arange(len(students)))]
        counts = rows[["planned_count", "done_on_time_count"]].to_numpy(np.float64)
        self._sums = np.concatenate([np.zeros((1, 2)), np.cumsum(counts, axis=0)])

    def days_since_activity(self, day: int) -> Floats:
        """Days from each student's last active day before `day`, or the day before their first plan; null before it."""
        last = self._last(self._active, day)
        begun = np.where(self._first < day, self._first - 1.0, np.nan)
        return day - np.where(np.isnan(last), begun, last)

    def days_since_row(self, day: int) -> Floats:
        """Days from each student's last day with anything planned, done or timed before `day`; null without one."""
        return day - self._last(self._line, day)

    def sums(self, low: int, high: int) -> tuple[Floats, Floats]:
        """Planned, and of them done on time, of each student in [low, high)."""
        parts = self._sums[self._place(self._line, high)] - self._sums[self._place(self._line, low)]
        return parts[:, 0], parts[:, 1]

    def _last(self, line: Ints, day: int) -> Floats:
        place = self._place(line, day) - 1
        found = line[place] if len(line) else np.zeros(len(self.students), dtype=np.int64)
        start = np.arange(len(self.students)) * self._width
        return np.where((place >= 0) & (found >= start), (found - start).astype(np.float64), np.nan)

    def _place(self, line: Ints, day: int) -> Ints:
        return np.searchsorted(line, np.arange(len(self.students)) * self._width + day, side="left")


def _missed(inputs: PlainRuleInput, days: pd.DatetimeIndex, config: PlainRuleConfig) -> pd.DataFrame:
    course = ["subject_group", "subject_id", "course_start_date"]
    learners = inputs.courses.dropna(subset=["subject_id"])
    sat = inputs.scores.merge(learners, on=["student_id", "subject_group", "subject_id"])
    own = ["student_id", *course, "exam_date"]
    sat = sat.groupby(own)["known_date"].min().reset_index()
    size = learners.groupby(course).size().rename("learners")
    exams = _established(sat, course, size, config)
    exams = exams[exams["exam_date"] >= exams["course_start_date"]]
    if len(days):
        exams = exams[exams["exam_date"].between(days[0] - config.missed_days * _DAY, days[-1])]
    due = learners.merge(exams, on=course).merge(sat, on=own, how="left")
    first = due[["exam_date", "established_date"]].max(axis=1) + _DAY
    last = due["exam_date"] + config.missed_days * _DAY
    last = last.where(~(due["known_date"] < last), due["known_date"])
    place, held = _days_between(first, last, days)
    missed = pd.DataFrame({"student_id": due["student_id"].to_numpy(object)[place], "alert_date": held})
    counted = missed.groupby(["student_id", "alert_date"]).size().rename("value").reset_index()
    return counted.assign(rule=MISSED)


def _established(sat: pd.DataFrame, course: list[str], size: pd.Series, config: PlainRuleConfig) -> pd.DataFrame:
    """Exams of a course with the day on which enough of its learners' scores had become known."""
    ordered = sat.sort_values("known_date", kind="stable").join(size, on=course)
    needed = np.maximum(config.missed_min_scores, np.ceil(config.missed_share * ordered["learners"]))
    enough = ordered[ordered.groupby([*course, "exam_date"]).cumcount() + 1 >= needed]
    established: pd.Series = enough.groupby([*course, "exam_date"])["known_date"].min()
    return established.rename("established_date").reset_index()


def _falling(inputs: PlainRuleInput, days: pd.DatetimeIndex, config: PlainRuleConfig) -> pd.DataFrame:
    scores = inputs.scores.assign(
        subject_id=inputs.scores["subject_id"].fillna(""),
        point=inputs.scores["percentile"].fillna(inputs.scores["raw_score"]),
        is_placed=inputs.scores["percentile"].notna(),
    ).dropna(subset=["point"])
    series = ["student_id", "subject_group", "subject_id", "is_placed"]
    # In the order in which they became known: of each day only what was known then counts.
    scores = scores.sort_values([*series, "known_date", "exam_date", "point"]).reset_index(drop=True)
    points, known = scores.groupby(series)["point"], scores.groupby(series)["known_date"]
    before, before_that = points.shift(1), points.shift(2)
    falls = (scores["point"] < before) & (before < before_that)
    last = scores["known_date"] + config.falling_days * _DAY
    following = known.shift(-1)
    last = last.where(~(following < last), following)
    lost = (before_that - scores["point"])[falls]
    place, held = _days_between((scores["known_date"] + _DAY)[falls], last[falls], days)
    found = pd.DataFrame(
        {
            "student_id": scores.loc[falls, "student_id"].to_numpy(object)[place],
            "alert_date": held,
            "value": lost.to_numpy(np.float64)[place],
        }
    )
    worst: pd.Series = found.groupby(["student_id", "alert_date"])["value"].max()
    return worst.reset_index().assign(rule=FALLING)


def _days_between(first: pd.Series, last: pd.Series, days: pd.DatetimeIndex) -> tuple[Ints, pd.DatetimeIndex]:
    """Every one of `days` from `first` to `last` of each row: the row's place, and the day."""
    low = days.searchsorted(pd.DatetimeIndex(first), side="left")
    high = days.searchsorted(pd.DatetimeIndex(last), side="right")
    counts = np.maximum(high - low, 0)
    place = np.repeat(np.arange(len(first)), counts)
    step = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place, days[low[place] + step]


def _alerts(rule: str, students: object, day: object, value: object) -> pd.DataFrame:
    return pd.DataFrame({"student_id": students, "alert_date": day, "rule": rule, "value": value})


def _ordinal(day: pd.Timestamp) -> int:
    return int(day.to_datetime64().astype("datetime64[D]").astype(np.int64))
