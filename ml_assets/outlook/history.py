"""Sums over windows before any day, for any student, without a loop over either.

Belongs here: where rows of a student lie and how they add up. Not here: which windows matter (`features`), or what
came after a day (`outcomes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.outlook.inputs import OutlookInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER: Final = 1_000_000
"""A day that never comes."""

_SPAN: Final = 2 * NEVER
"""More than any day number: a student's rows never reach into the next one's."""


def day_number(day: object) -> int:
    """Days from 1970-01-01 to `day`."""
    return int(np.datetime64(str(day), "D").astype(np.int64))


def day_numbers(dates: pd.Series) -> Ints:
    """The same of a column; NEVER where it is null."""
    known = dates.to_numpy("datetime64[D]")
    return np.where(np.isnat(known), NEVER, known.astype(np.int64))


def enrolment_days(enrolments: pd.DataFrame) -> dict[str, Ints]:
    """Day numbers of enrolments: start, end, cancelled."""
    return {name: day_numbers(enrolments[f"{name}_date"]) for name in ("start", "end", "cancelled")}


def running(enrolled: dict[str, Ints], day: int) -> Flags:
    """Which of `enrolment_days` run on `day`, as is known before it."""
    flags: Flags = (enrolled["start"] <= day) & (day <= enrolled["end"]) & (day <= enrolled["cancelled"])
    return flags


@dataclass(frozen=True)
class Rows:
    """Rows of students by day: `owner` is the student's place, `day` a day number; sorted by both.

    `columns` are summed; nulls count as nothing.
    """

    owner: Ints
    day: Ints
    columns: dict[str, Floats]

    @classmethod
    def of(cls, owner: Ints, day: Ints, values: pd.DataFrame) -> Rows:
        """Rows in any order."""
        order = np.lexsort((day, owner))
        return cls(
            owner[order],
            day[order],
            {str(name): values[name].to_numpy(np.float64)[order] for name in values.columns},
        )

    @cached_property
    def _key(self) -> Ints:
        return self.owner * _SPAN + self.day

    @cached_property
    def _sums(self) -> dict[str, Floats]:
        return {
            name: np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))]) for name, values in self.columns.items()
        }

    def before(self, owner: Ints, day: Ints) -> Ints:
        """Place after the last row of each owner before each day."""
        return np.searchsorted(self._key, owner * _SPAN + day)

    def count(self, owner: Ints, since: Ints, until: Ints) -> Floats:
        """Rows of each owner in [since, until)."""
        return (self.before(owner, until) - self.before(owner, since)).astype(np.float64)

    def total(self, name: str, owner: Ints, since: Ints, until: Ints) -> Floats:
        """Sum of `name` over the rows of each owner in [since, until)."""
        sums = self._sums[name]
        return sums[self.before(owner, until)] - sums[self.before(owner, since)]

    def last_day(self, owner: Ints, day: Ints) -> Floats:
        """Day of the last row of each owner before each day; NaN where there is none."""
        place = self.before(owner, day) - 1
        found = np.maximum(place, 0)
        is_own = (place >= 0) & (self.owner[found] == owner) if len(self.owner) else np.zeros(len(owner), bool)
        last = np.full(len(owner), np.nan)
        last[is_own] = self.day[found[is_own]]
        return last

    def where(self, chosen: Flags) -> Rows:
        """Some of the rows."""
        return Rows(
            self.owner[chosen], self.day[chosen], {name: values[chosen] for name, values in self.columns.items()}
        )


@dataclass(frozen=True)
class History:
    """The frames of an input by place of the student in `student_ids` (sorted)."""

    student_ids: pd.Index
    withdrawn: Ints
    days: Rows
    active: Rows
    timed: Rows
    scores: Rows
    enrolled_owner: Ints
    enrolled: dict[str, Ints]

    @classmethod
    def of(cls, inputs: OutlookInput) -> History:
        """Rows of students whom `inputs.students` does not have are left out: dummies, and those not yet known."""
        students = inputs.students.sort_values("student_id", kind="stable")
        ids = pd.Index(students["student_id"])

        def owned(frame: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
            place = ids.get_indexer(pd.Index(frame["student_id"]))
            return frame[place >= 0], place[place >= 0].astype(np.int64)

        daily, owner = owned(inputs.daily)
        days = Rows.of(owner, day_numbers(daily["activity_date"]), daily.drop(columns=["student_id", "activity_date"]))
        is_timed = ~np.isnan(days.columns["net_seconds"])
        scores, scored = owned(inputs.scores)
        enrolments, enrolled = owned(inputs.enrolments)
        return cls(
            student_ids=ids,
            withdrawn=day_numbers(students["withdrawn_date"]),
            days=days,
            active=days.where((days.columns["ticked_count"] > 0) | is_timed),
            timed=days.where(is_timed),
            scores=Rows.of(
                scored,
                day_numbers(scores["known_date"]),
                scores[["percentile"]].assign(is_placed=scores["percentile"].notna()),
            ),
            enrolled_owner=enrolled,
            enrolled=enrolment_days(enrolments),
        )

    def enrolments(self, day: int) -> pd.DataFrame:
        """Enrolments that run on `day`, by student: count, first start, last end, and last day of cancelling.

        Index is the student's place; who has none that runs is not there. `cancelled` is NEVER unless all of them
        were cancelled on the day or later: what happens on a day is not known before it.
        """
        runs = running(self.enrolled, day)
        frame = pd.DataFrame(
            {name: days[runs] for name, days in self.enrolled.items()}, index=self.enrolled_owner[runs]
        )
        return frame.groupby(level=0).agg(
            count=("start", "size"), start=("start", "min"), end=("end", "max"), cancelled=("cancelled", "max")
        )

    def cancellations(self, until: int) -> tuple[Ints, Ints]:
        """Students, and days before `until` on which the last of their enrolments that ran was cancelled."""
        every = pd.DataFrame({"owner": self.enrolled_owner, **self.enrolled})
        day = every["cancelled"]
        ended = every[(every["start"] <= day) & (day <= every["end"]) & (day < until)][["owner", "cancelled"]]
        pairs = ended.rename(columns={"cancelled": "day"}).drop_duplicates().merge(every, on="owner")
        goes_on = (
            (pairs["start"] <= pairs["day"]) & (pairs["day"] <= pairs["end"]) & (pairs["day"] < pairs["cancelled"])
        )
        left = pairs.assign(goes_on=goes_on).groupby(["owner", "day"])["goes_on"].any()
        owner, days = (left.index[~left].get_level_values(level).to_numpy(np.int64) for level in ("owner", "day"))
        return owner, days

    def had_enrolment(self, day: int) -> Flags:
        """Students with an enrolment that began by `day`."""
        had = np.zeros(len(self.student_ids), dtype=bool)
        had[self.enrolled_owner[self.enrolled["start"] <= day]] = True
        return had
