"""What the learning patterns take, checked once at the door.

Belongs here: columns, and rules between the frames. Not here: reading them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

_WEEK: Final = "seven counts"

_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "students": {"student_id": "str", "tenant_id": "str", "school_type": "str", "school_year_level": "float64"},
    "daily": {
        "student_id": "str",
        "activity_date": "datetime64[s]",
        "planned_count": "float64",
        "done_count": "float64",
        "ticked_count": "float64",
        "spell_count": "float64",
        "net_seconds": "float64",
        "late_seconds": "float64",
    },
    "hours": {
        "student_id": "str",
        "start_hour": "int64",
        "spell_count": "float64",
        "net_seconds": "float64",
        "planned_count": "float64",
        "done_count": "float64",
    },
    "rhythm": {"student_id": "str", "weekday_planned_count": _WEEK, "weekday_done_count": _WEEK},
    "subjects": {
        "student_id": "str",
        "subject_group": "str",
        "planned_84d_count": "float64",
        "done_84d_count": "float64",
    },
    "weekly": {
        "student_id": "str",
        "subject_group": "str",
        "week_start": "datetime64[s]",
        "planned_count": "float64",
        "done_count": "float64",
    },
    "kinds": {
        "student_id": "str",
        "content_type": "str",
        "subject_group": "str",
        "item_count": "float64",
        "mean_log_minutes": "float64",
        "var_log_minutes": "float64",
        "unit_item_count": "float64",
        "mean_log_unit_minutes": "float64",
        "var_log_unit_minutes": "float64",
        "estimated_item_count": "float64",
        "mean_log_pace": "float64",
        "var_log_pace": "float64",
    },
}
_LATER: Final[dict[str, dict[str, str]]] = {
    "spells": {"student_id": "str", "start_hour": "int64", "spell_count": "float64", "net_seconds": "float64"},
    "plans": {"student_id": "str", "weekday": "int64", "planned_count": "float64", "done_count": "float64"},
    "items": {
        "student_id": "str",
        "content_type": "str",
        "subject_group": "str",
        "minutes": "float64",
        "unit_count": "float64",
        "estimated_minutes": "float64",
    },
}
_NULLABLE: Final = {
    "students": {"school_type", "school_year_level"},
    "daily": {"net_seconds", "late_seconds"},
    "hours": {"net_seconds"},
    "kinds": {
        *("mean_log_unit_minutes", "var_log_unit_minutes", "mean_log_pace", "var_log_pace"),
        *("mean_log_minutes", "var_log_minutes"),
    },
    "spells": {"net_seconds"},
    "items": {"unit_count", "estimated_minutes"},
}
_KEYS: Final = {
    "students": ["student_id"],
    "daily": ["student_id", "activity_date"],
    "hours": ["student_id", "start_hour"],
    "rhythm": ["student_id"],
    "subjects": ["student_id", "subject_group"],
    "weekly": ["student_id", "subject_group", "week_start"],
    "kinds": ["student_id", "content_type", "subject_group"],
    "spells": ["student_id", "start_hour"],
    "plans": ["student_id", "weekday"],
}
_DONE_OF: Final = {
    "daily": ("done_count", "planned_count"),
    "hours": ("done_count", "planned_count"),
    "subjects": ("done_84d_count", "planned_84d_count"),
    "weekly": ("done_count", "planned_count"),
    "plans": ("done_count", "planned_count"),
}


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


@dataclass(frozen=True)
class LearningPatternInput:
    """All that is known strictly before 00:00 of `as_of`, in Seoul.

    - students: who gets patterns: student_id, tenant_id, school_type, school_year_level (both null where unknown)
    - daily: student_id, activity_date, planned_count, done_count (of the planned), ticked_count (completed on the day,
      for whatever day planned), spell_count, net_seconds and late_seconds (null: nothing was timed); a day without
      anything has no row
    - hours: student_id, start_hour 0 to 23, spell_count, net_seconds, planned_count, done_count, over `window_days`
    - rhythm: student_id, weekday_planned_count and weekday_done_count: seven counts from Sunday, over `window_days`
    - subjects: student_id, subject_group, planned_84d_count, done_84d_count
    - weekly: student_id, subject_group, week_start, planned_count, done_count
    - kinds: student_id, content_type, subject_group with count, mean and population variance of the logarithm of
      minutes, minutes per unit, and of minutes taken over minutes estimated, of items done with a time

    Rows of students who are not in `students` are left out. Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    daily: pd.DataFrame
    hours: pd.DataFrame
    rhythm: pd.DataFrame
    subjects: pd.DataFrame
    weekly: pd.DataFrame
    kinds: pd.DataFrame

    def __post_init__(self) -> None:
        problems = _check(self, _COLUMNS)
        if not problems:
            problems = self._out_of_order()
        if problems:
            raise InvalidInputError("The learning patterns cannot use these frames:\n" + _listed(problems))
        students = self.students.sort_values("student_id").reset_index(drop=True)
        object.__setattr__(self, "students", students)
        for name in _COLUMNS:
            if name != "students":
                own = getattr(self, name)
                own = own[own["student_id"].isin(students["student_id"])].sort_values(_KEYS[name])
                object.__setattr__(self, name, own.reset_index(drop=True))

    def _out_of_order(self) -> list[str]:
        day = pd.Timestamp(self.as_of)
        late = {"daily": "activity_date", "weekly": "week_start"}
        problems = [
            f"{name}: {count} rows lie at or after the cut-off {self.as_of}"
            for name, column in late.items()
            if (count := int((getattr(self, name)[column] >= day).sum()))
        ]
        wrong = int((~self.hours["start_hour"].between(0, 23)).sum())
        if wrong:
            problems.append(f"hours.start_hour: {wrong} rows are not 0 to 23")
        return problems

    def active(self, window_days: int) -> pd.DataFrame:
        """The students with anything planned, done or timed in so many days, in order of id: who gets a row."""
        since = pd.Timestamp(self.as_of) - pd.Timedelta(days=window_days)
        daily = self.daily[self.daily["activity_date"] >= since]
        daily = daily[(daily["planned_count"] > 0) | (daily["spell_count"] > 0) | (daily["ticked_count"] > 0)]
        place = pd.Index(self.students["student_id"]).get_indexer(pd.Index(daily["student_id"]))
        return self.students.iloc[np.unique(place)].reset_index(drop=True)


@dataclass(frozen=True)
class LaterActivity:
    """What came at or after a cut-off, for the backtest.

    - spells: student_id, start_hour, spell_count, net_seconds of the following weeks
    - plans: student_id, weekday (0 is Sunday), planned_count, done_count of the following weeks
    - items: student_id, content_type, subject_group, minutes (above 0), unit_count, estimated_minutes (null where
      unknown) of items done with a time

    Raises InvalidInputError, naming every problem at once.
    """

    spells: pd.DataFrame
    plans: pd.DataFrame
    items: pd.DataFrame

    def __post_init__(self) -> None:
        problems = _check(self, _LATER)
        if problems:
            raise InvalidInputError("The backtest of patterns cannot use these frames:\n" + _listed(problems))


def _listed(problems: list[str]) -> str:
    return "\n".join(f"- {problem}" for problem in problems)


def _check(holder: LearningPatternInput | LaterActivity, contract: dict[str, dict[str, str]]) -> list[str]:
    """Problems of the frames of `holder`; those without any are put in its place, with the types of `contract`."""
    problems: list[str] = []
    for name, columns in contract.items():
        frame = getattr(holder, name)
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            problems.append(f"{name}: no column {', '.join(missing)}")
            continue
        clean, found = _typed(name, frame, columns)
        if not found:
            found = _within(name, clean)
        problems += found
        object.__setattr__(holder, name, clean)
    return problems


def _within(name: str, frame: pd.DataFrame) -> list[str]:
    problems = []
    if name in _KEYS and (count := int(frame.duplicated(_KEYS[name]).sum())):
        problems.append(f"{name}: {count} rows repeat a key ({', '.join(_KEYS[name])})")
    counts = [
        column
        for column in map(str, frame.columns)
        if column.endswith(("_count", "seconds")) and frame[column].dtype == "float64"
    ]
    below = int((frame[counts] < 0).any(axis=1).sum())
    if below:
        problems.append(f"{name}: {below} rows have a count or a time below 0")
    if name in _DONE_OF:
        done, planned = _DONE_OF[name]
        if more := int((frame[done] > frame[planned]).sum()):
            problems.append(f"{name}: {more} rows have more {done} than {planned}")
    return problems


def _typed(name: str, frame: pd.DataFrame, contract: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    problems, columns = [], {}
    for column, kind in contract.items():
        values = frame[column]
        if column not in _NULLABLE.get(name, set()) and (nulls := int(values.isna().sum())):
            problems.append(f"{name}.{column}: {nulls} of {len(values)} rows are null")
            continue
        try:
            columns[column] = _cast(values, kind)
        except (TypeError, ValueError) as error:
            problems.append(f"{name}.{column}: not {kind} ({error})")
    return pd.DataFrame(columns).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    if kind != _WEEK:
        return values.astype(kind)
    if (values.map(len) != 7).any():
        raise ValueError("not every row has seven")
    return values


def week_matrix(values: pd.Series) -> npt.NDArray[np.float64]:
    """Rows of seven counts as a matrix (rows, 7)."""
    if values.empty:
        return np.empty((0, 7))
    counts: npt.NDArray[np.float64] = np.array([list(row) for row in values], dtype=np.float64)
    return counts
