"""What the recommender takes, checked once at the door.

Belongs here: columns, types and the rules that hold between the frames. Not here: reading them from anywhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


_TEXT, _NUMBER, _DECIMAL, _DATE, _FLAG = "text", "whole number", "number", "date", "true or false"
_DTYPES: Final[dict[str, Any]] = {_TEXT: "str", _NUMBER: "Int64", _DECIMAL: "float64", _DATE: "datetime64[s]"}
_REQUIRED, _NULLABLE = True, False

_COLUMNS: Final[dict[str, dict[str, tuple[str, bool]]]] = {
    "students": {
        "student_id": (_TEXT, _REQUIRED),
        "tenant_id": (_TEXT, _REQUIRED),
        "school_type": (_TEXT, _NULLABLE),
        "school_year_level": (_NUMBER, _NULLABLE),
        "curriculum_revision": (_NUMBER, _NULLABLE),
    },
    "contents": {
        "content_id": (_TEXT, _REQUIRED),
        "content_type": (_TEXT, _REQUIRED),
        "tenant_id": (_TEXT, _NULLABLE),
        "subject_group": (_TEXT, _NULLABLE),
        "subject_id": (_TEXT, _NULLABLE),
        "subject": (_TEXT, _NULLABLE),
        "difficulty_level": (_NUMBER, _NULLABLE),
        "school_type": (_TEXT, _NULLABLE),
        "school_year_min": (_NUMBER, _NULLABLE),
        "school_year_max": (_NUMBER, _NULLABLE),
        "curriculum_revision": (_NUMBER, _NULLABLE),
        "series_name": (_TEXT, _NULLABLE),
        "title_stem": (_TEXT, _NULLABLE),
        "volume_number": (_NUMBER, _NULLABLE),
        "total_units": (_NUMBER, _NULLABLE),
        "is_active": (_FLAG, _REQUIRED),
    },
    "student_subjects": {
        "student_id": (_TEXT, _REQUIRED),
        "subject_group": (_TEXT, _REQUIRED),
        "subject": (_TEXT, _NULLABLE),
        "since_date": (_DATE, _NULLABLE),
    },
    "interactions": {
        "student_id": (_TEXT, _REQUIRED),
        "content_id": (_TEXT, _REQUIRED),
        "first_planned_date": (_DATE, _NULLABLE),
        "first_done_date": (_DATE, _NULLABLE),
        "last_done_date": (_DATE, _NULLABLE),
        "planned_count": (_NUMBER, _REQUIRED),
        "done_count": (_NUMBER, _REQUIRED),
        "done_units": (_NUMBER, _NULLABLE),
    },
    "weak_subjects": {
        "student_id": (_TEXT, _REQUIRED),
        "subject_group": (_TEXT, _REQUIRED),
        "exam_count": (_NUMBER, _REQUIRED),
        "last_exam_date": (_DATE, _REQUIRED),
        "percentile": (_DECIMAL, _REQUIRED),
        "own_percentile": (_DECIMAL, _REQUIRED),
        "need": (_DECIMAL, _REQUIRED),
        "is_weak": (_FLAG, _REQUIRED),
    },
    "prerequisites": {
        "tenant_id": (_TEXT, _REQUIRED),
        "content_id": (_TEXT, _REQUIRED),
        "prerequisite_id": (_TEXT, _REQUIRED),
    },
}
_KEYS: Final[dict[str, list[str]]] = {
    "students": ["student_id"],
    "contents": ["content_id"],
    "student_subjects": ["student_id", "subject_group", "subject"],
    "interactions": ["student_id", "content_id"],
    "weak_subjects": ["student_id", "subject_group"],
    "prerequisites": ["tenant_id", "content_id", "prerequisite_id"],
}
_DATES: Final = [
    ("interactions", "first_planned_date"),
    ("interactions", "first_done_date"),
    ("interactions", "last_done_date"),
    ("weak_subjects", "last_exam_date"),
]
_RANGES: Final = (("percentile", 0, 100), ("own_percentile", 0, 100), ("need", 0, 1))
_OF_STUDENTS: Final = ("students", "student_subjects", "interactions", "weak_subjects")


@dataclass(frozen=True)
class RecommenderInput:
    """All that is known strictly before 00:00 of `as_of`.

    - students: student_id, tenant_id, school_type, school_year_level (1 to 3), curriculum_revision (2015 or 2022)
    - contents: content_id (a master), content_type, tenant_id (null: everybody's), subject_group, subject_id, subject,
      difficulty_level (1 to 4), school_type, school_year_min, school_year_max, curriculum_revision (null: no limit),
      series_name, title_stem (title without its volume), volume_number, total_units, is_active
    - student_subjects: student_id, subject_group, subject (null: the whole group), since_date (null: unknown): what is
      being studied
    - interactions: student_id, content_id, first_planned_date, first_done_date, last_done_date, planned_count,
      done_count, done_units: one row per student and content ever planned, done or kept on the shelf; none of them is
      new
    - weak_subjects: student_id, subject_group, exam_count, last_exam_date, percentile (0 to 100, where the student
      stands), own_percentile (the same, mean of the student's subject groups), need (0 to 1, how far behind the student
      is in it), is_weak: what is weak is decided there, and nothing is of who has no rows
    - prerequisites: tenant_id, content_id, prerequisite_id: what an academy wants studied before what

    Ids and names are text, dates are dates or datetimes and are cut to days, numbers may be of any numeric type. The
    frames given are not changed: those held are copies, with these columns only, sorted by key. Interactions and
    subjects of students who are not in `students` are allowed: who has left teaches the model, and gets no list.

    Raises InvalidInputError, naming every problem at once: missing columns, wrong types, nulls where none may be,
    repeated keys, contents nobody listed, dates at or after the cut-off, numbers outside their range.
    """

    as_of: dt.date
    students: pd.DataFrame
    contents: pd.DataFrame
    student_subjects: pd.DataFrame
    interactions: pd.DataFrame
    weak_subjects: pd.DataFrame
    prerequisites: pd.DataFrame

    def __post_init__(self) -> None:
        problems: list[str] = []
        if not isinstance(self.as_of, dt.date) or isinstance(self.as_of, dt.datetime):
            problems.append(f"as_of: must be a date without a time, not {type(self.as_of).__name__}")
        clean = {name: _clean(name, getattr(self, name), problems) for name in _COLUMNS}
        if not problems:
            problems = _broken_rules(self.as_of, clean)
        if problems:
            raise InvalidInputError(
                "The recommender cannot use its input:\n" + "\n".join(f"- {each}" for each in problems)
            )
        for name, frame in clean.items():
            object.__setattr__(self, name, frame)

    def as_known_before(self, day: dt.date) -> RecommenderInput:
        """The same input as it was known before `day`, as nearly as one row per student and content can tell.

        Exact: which contents were started and when (first dates). Approximate: a content on the shelf without a date
        counts as known; `last_done_date` after `day` is taken to be the day before it, so that a content used then and
        now counts as used lately; students and contents are today's, subjects those of today that were studied then.
        `planned_count`, `done_count` and `done_units` lose what came later only where all of it did. What is weak is
        unknown of a student of whom any exam came later: where a student stands in one subject group is told from the
        exams of all.
        """
        if day > self.as_of:
            raise ValueError(f"{day} is after the cut-off {self.as_of}: nothing is known about it")
        cut = pd.Timestamp(day)
        rows = self.interactions
        first = rows[["first_planned_date", "first_done_date"]].min(axis=1)
        rows = rows[~(first >= cut)].copy()
        planned_later, done_later = rows["first_planned_date"] >= cut, rows["first_done_date"] >= cut
        rows.loc[planned_later, "first_planned_date"] = pd.NaT
        rows.loc[planned_later, "planned_count"] = 0
        rows.loc[done_later, ["first_done_date", "last_done_date"]] = pd.NaT
        rows.loc[done_later, ["done_count", "done_units"]] = 0
        # What was done before the day it was planned for was planned by then.
        rows["planned_count"] = rows[["planned_count", "done_count"]].max(axis=1)
        still_used = rows["last_done_date"] >= cut
        rows.loc[still_used, "last_done_date"] = cut - pd.Timedelta(days=1)
        subjects = self.student_subjects[~(self.student_subjects["since_date"] >= cut)]
        last_exam = self.weak_subjects.groupby("student_id")["last_exam_date"].transform("max")
        weak = self.weak_subjects[last_exam < cut]
        return replace(self, as_of=day, interactions=rows, student_subjects=subjects, weak_subjects=weak)

    def of_students(self, students: Collection[str]) -> RecommenderInput:
        """The same input with the rows of `students` alone."""
        frames = {
            name: frame[frame["student_id"].isin(students)]
            for name, frame in vars(self).items()
            if name in _OF_STUDENTS
        }
        return replace(self, **frames)


def _clean(name: str, frame: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    columns = _COLUMNS[name]
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        problems.append(f"{name}: missing columns {', '.join(missing)}; found {', '.join(map(str, frame.columns))}")
    clean = {}
    for column, (kind, is_required) in columns.items():
        if column in missing:
            continue
        values = frame[column]
        if is_required and values.isna().any():
            problems.append(f"{name}.{column}: {int(values.isna().sum())} of {len(values)} rows are null")
        elif (converted := _converted(values, kind)) is None:
            problems.append(f"{name}.{column}: must be {kind}, found {values.dtype}")
        else:
            clean[column] = converted
    result = pd.DataFrame(clean)
    key = [column for column in _KEYS[name] if column in result]
    if len(key) < len(_KEYS[name]):
        return result
    twice = int(result.duplicated(key).sum())
    if twice:
        problems.append(f"{name}: {twice} rows repeat a combination of {', '.join(key)}")
    return result.sort_values(key, kind="stable", ignore_index=True)


def _converted(values: pd.Series[Any], kind: str) -> pd.Series[Any] | None:
    """`values` in the one type of `kind`, or None when they are not of that kind."""
    known = values.dropna()
    if known.empty and kind != _FLAG:  # An empty or all-null column has no type to be wrong about.
        unknown: pd.Series[Any] = pd.Series(None, index=values.index, dtype=_DTYPES[kind])
        return unknown
    inferred = pd.api.types.infer_dtype(known, skipna=True)
    if kind == _TEXT:
        return values.astype("str") if inferred == "string" else None
    if kind == _FLAG:
        return values.astype(bool) if inferred == "boolean" or known.empty else None
    if kind == _DATE:
        if inferred not in {"date", "datetime", "datetime64"} or getattr(values.dtype, "tz", None) is not None:
            return None
        return pd.to_datetime(values).astype("datetime64[s]").dt.normalize()
    if inferred not in {"integer", "floating", "decimal"}:
        return None
    if kind == _DECIMAL:
        return pd.to_numeric(values).astype("float64")
    numbers = pd.to_numeric(values).astype("Float64")
    return numbers.astype("Int64") if (numbers.dropna() % 1 == 0).all() else None


def _broken_rules(as_of: dt.date, frames: dict[str, pd.DataFrame]) -> list[str]:
    problems = []
    interactions = frames["interactions"]
    unlisted = ~interactions["content_id"].isin(frames["contents"]["content_id"])
    if unlisted.any():
        example = interactions.loc[unlisted, "content_id"].iloc[0]
        problems.append(
            f"interactions.content_id: {int(unlisted.sum())} rows name a content not in contents, e.g. {example}"
        )
    for name, column in _DATES:
        late = int((frames[name][column] >= pd.Timestamp(as_of)).sum())
        if late:
            problems.append(
                f"{name}.{column}: {late} rows are dated at or after the cut-off {as_of}: that is the future"
            )
    for column, low, high in _RANGES:
        outside = int((~frames["weak_subjects"][column].between(low, high)).sum())
        if outside:
            problems.append(f"weak_subjects.{column}: {outside} rows are not within {low} to {high}")
    first, last = interactions["first_done_date"], interactions["last_done_date"]
    if (bad := int(np.sum((first > last) | (first.isna() != last.isna())))) > 0:
        problems.append(f"interactions: {bad} rows have a first_done_date without, or after, their last_done_date")
    return problems
