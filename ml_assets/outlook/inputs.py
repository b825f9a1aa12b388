"""What the outlook takes, checked once at the door.

Belongs here: columns, keys and the cut-off. Not here: reading them, or what is made of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

_TEXT, _DAY, _NUMBER = "str", "datetime64[s]", "float64"
_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "students": {
        **{"student_id": _TEXT, "tenant_id": _TEXT, "school_type": _TEXT, "school_year_level": _NUMBER},
        "withdrawn_date": _DAY,
    },
    "daily": {
        "student_id": _TEXT,
        "activity_date": _DAY,
        **dict.fromkeys(
            (
                *("planned_count", "planned_ahead_count", "done_on_time_count", "done_in_week_count"),
                *("ticked_count", "carried_over_count", "spell_count", "net_seconds", "late_seconds"),
            ),
            _NUMBER,
        ),
    },
    "coming_week": {"student_id": _TEXT, "planned_count": _NUMBER},
    "enrolments": {"student_id": _TEXT, "start_date": _DAY, "end_date": _DAY, "cancelled_date": _DAY},
    "scores": {
        "score_id": _TEXT,
        "student_id": _TEXT,
        "subject_group": _TEXT,
        "subject_id": _TEXT,
        "exam_kind": _TEXT,
        "exam_type": _TEXT,
        "exam_date": _DAY,
        "known_date": _DAY,
        "percentile": _NUMBER,
    },
    "weekly": {
        "student_id": _TEXT,
        "subject_group": _TEXT,
        "week_start": _DAY,
        "planned_count": _NUMBER,
        "done_by_week_end_count": _NUMBER,
    },
    "courses": {"student_id": _TEXT, "subject_group": _TEXT, "subject_id": _TEXT, "course_start_date": _DAY},
}
_NULLABLE: Final = {
    "students": {"school_type", "school_year_level", "withdrawn_date"},
    "daily": {"net_seconds", "late_seconds"},
    "enrolments": {"cancelled_date"},
    "scores": {"subject_id", "percentile"},
    "courses": {"subject_id"},
}
_KEYS: Final = {
    "students": ["student_id"],
    "daily": ["student_id", "activity_date"],
    "coming_week": ["student_id"],
    "scores": ["score_id"],
    "weekly": ["student_id", "subject_group", "week_start"],
    "courses": ["student_id", "subject_group"],
}
_PAST: Final = (
    *(("students", "withdrawn_date"), ("daily", "activity_date"), ("scores", "known_date")),
    ("enrolments", "cancelled_date"),
)


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


@dataclass(frozen=True)
class OutlookInput:
    """All that is known strictly before 00:00 of `as_of`.

    - students: student_id, tenant_id, school_type, school_year_level, withdrawn_date (null: still here). Who has left
      teaches, and gets no prediction.
    - daily: student × day: planned, planned ahead, done on time, done within a week, ticked off on the day, carried
      over, spells, seconds timed (null: nothing was timed)
    - coming_week: student_id, planned_count of the seven days from the cut-off
    - enrolments: student_id, start_date, end_date, cancelled_date: plan groups as long as a course (`course_min_days`)
    - scores: as the score predictor takes them; percentile 0 to 100, higher better
    - weekly: student × subject group × week: planned, and done by the end of the week
    - courses: student × subject group: the course that the student is in

    Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    daily: pd.DataFrame
    coming_week: pd.DataFrame
    enrolments: pd.DataFrame
    scores: pd.DataFrame
    weekly: pd.DataFrame
    courses: pd.DataFrame

    def __post_init__(self) -> None:
        problems: list[str] = []
        for name, columns in _COLUMNS.items():
            frame = getattr(self, name)
            missing = [column for column in columns if column not in frame.columns]
            if missing:
                problems.append(f"{name}: no column {', '.join(missing)}")
                continue
            clean, found = _typed(name, frame[list(columns)])
            problems += found
            object.__setattr__(self, name, clean)
        if not problems:
            problems = self._out_of_order()
            # Several scores of a day are added up in one order, in whatever order they come.
            object.__setattr__(self, "scores", self.scores.sort_values("score_id", ignore_index=True))
        if problems:
            raise InvalidInputError("The outlook cannot use these frames:\n" + "\n".join(f"- {p}" for p in problems))

    def _out_of_order(self) -> list[str]:
        problems = [
            f"{name}: {count} rows repeat a key ({', '.join(key)})"
            for name, key in _KEYS.items()
            if (count := int(getattr(self, name).duplicated(key).sum()))
        ]
        for name, column in _PAST:
            late = int((getattr(self, name)[column] >= pd.Timestamp(self.as_of)).sum())
            if late:
                problems.append(f"{name}: {late} rows have {column} at or after the cut-off {self.as_of}")
        return problems


def _typed(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    problems = []
    clean = {}
    for column, wanted in _COLUMNS[name].items():
        try:
            clean[column] = _cast(frame[column], wanted)
        except (ValueError, TypeError, OverflowError) as error:
            problems.append(f"{name}.{column}: cannot be read as {wanted} ({error})")
            continue
        empty = int(clean[column].isna().sum())
        if empty and column not in _NULLABLE.get(name, set()):
            problems.append(f"{name}.{column}: {empty} rows without a value")
    return pd.DataFrame(clean).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    return values.astype(kind)
