"""What the score predictor takes, checked once at the door.

Belongs here: columns, rules between the frames, and what was known at an earlier day. Not here: reading them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import pandas as pd

from ml_assets.score_prediction.effort import Effort
from ml_assets.score_prediction.scale import latent

KINDS: Final = ("internal", "mock")

_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "students": {"student_id": "str", "tenant_id": "str", "school_type": "str", "school_year_level": "float64"},
    "scores": {
        "score_id": "str",
        "student_id": "str",
        "subject_group": "str",
        "subject_id": "str",
        "exam_kind": "str",
        "exam_type": "str",
        "exam_date": "datetime64[s]",
        "known_date": "datetime64[s]",
        "course_day": "float64",
        "school_year_level": "float64",
        "raw_score": "float64",
        "percentile": "float64",
        "percentile_basis": "str",
        "rank_grade": "float64",
        "rank_grade_levels": "float64",
        "standard_score": "float64",
        "credit_hours": "float64",
    },
    "effort": {
        "student_id": "str",
        "subject_group": "str",
        "week_start": "datetime64[s]",
        "planned_count": "float64",
        "done_count": "float64",
        "carried_over_count": "float64",
        "net_seconds": "float64",
    },
    "courses": {
        "student_id": "str",
        "subject_group": "str",
        "subject_id": "str",
        "course_start_date": "datetime64[s]",
    },
}
_NULLABLE: Final = {
    "students": {"school_type", "school_year_level"},
    "scores": {
        *("subject_id", "school_year_level", "raw_score", "percentile", "percentile_basis", "rank_grade"),
        *("rank_grade_levels", "standard_score", "credit_hours"),
    },
    "effort": {"net_seconds"},
    "courses": {"subject_id"},
}
_KEYS: Final = {
    "students": ["student_id"],
    "scores": ["score_id"],
    "effort": ["student_id", "subject_group", "week_start"],
    "courses": ["student_id", "subject_group"],
}
SERIES: Final = ["student_id", "subject_group", "exam_kind"]
"""What is predicted further: the exams of one kind of a student in a subject group."""


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


@dataclass(frozen=True)
class ScorePredictionInput:
    """All that is known strictly before 00:00 of `as_of`.

    - students: who gets predictions: student_id, tenant_id, school_type, school_year_level
    - scores: score_id, student_id, subject_group, subject_id (the course), exam_kind (internal or mock),
      exam_type, exam_date (as scheduled), known_date (the day it was entered), course_day (days from the start of the
      course, or of the school year, to the exam), school_year_level, raw_score (0 to 100), percentile (0 to 100, higher
      better) with its percentile_basis, rank_grade with rank_grade_levels (9 or 5), standard_score, credit_hours
    - effort: student_id, subject_group, week_start (a Monday), planned_count, done_count, carried_over_count,
      net_seconds (null: nothing was timed)
    - courses: student_id, subject_group, subject_id, course_start_date: the course that a student is in

    Scores of students who are not in `students` teach the model. Scores without a value on any scale are left out and
    counted in `without_value`.

    Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    scores: pd.DataFrame
    effort: pd.DataFrame
    courses: pd.DataFrame
    peers: pd.DataFrame = field(default_factory=pd.DataFrame)
    """All `students` there are, also where only some of them were chosen: they tell which exams a school sits."""

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
            problems += self._out_of_order()
            if self.peers.empty:
                object.__setattr__(self, "peers", self.students)
        if problems:
            raise InvalidInputError(
                "The score predictor cannot use these frames:\n" + "\n".join(f"- {p}" for p in problems)
            )

    def _out_of_order(self) -> list[str]:
        problems = [
            f"{name}: {count} rows repeat a key ({', '.join(key)})"
            for name, key in _KEYS.items()
            if (count := int(getattr(self, name).duplicated(key).sum()))
        ]
        late = int((self.scores["known_date"] >= pd.Timestamp(self.as_of)).sum())
        if late:
            problems.append(f"scores: {late} rows were known only at or after the cut-off {self.as_of}")
        unknown = sorted(set(self.scores["exam_kind"]) - set(KINDS))
        if unknown:
            problems.append(f"scores: exam_kind {', '.join(unknown)}, which is none of {', '.join(KINDS)}")
        return problems

    @cached_property
    def known(self) -> pd.DataFrame:
        """The scores that have a value: see `known_scores`."""
        return known_scores(self.scores)

    @cached_property
    def recent_effort(self) -> pd.DataFrame:
        """Effort of everybody in the weeks before the cut-off: see `Effort.before`."""
        return Effort.of(self.effort).before(pd.Timestamp(self.as_of))

    @property
    def without_value(self) -> int:
        """Scores that the model cannot use, since they have neither a place nor a raw score."""
        return len(self.scores) - len(self.known)

    def of_students(self, student_ids: list[str]) -> ScorePredictionInput:
        """The same for some of the students alone; scores and effort of all stay, for they place an exam."""
        return replace(self, students=self.students[self.students["student_id"].isin(student_ids)])


def known_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """`scores` that have a value, with value, rounding and scale, by student and day in a fixed order.

    `day` is when the score tells something of the student: the exam's, or that of its entry where that was earlier.
    """
    scores = scores.reset_index(drop=True)
    valued = scores.join(latent(scores)).dropna(subset=["value"])
    valued = valued.assign(
        subject_id=valued["subject_id"].fillna(""),
        school_year_level=valued["school_year_level"].fillna(0.0),
        day=valued[["exam_date", "known_date"]].min(axis=1),
    )
    return valued.sort_values(["student_id", "day", "subject_group", "score_id"]).reset_index(drop=True)


def _typed(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    problems, columns = [], {}
    for column, kind in _COLUMNS[name].items():
        values = frame[column]
        try:
            columns[column] = _cast(values, kind)
        except (TypeError, ValueError) as error:
            problems.append(f"{name}.{column}: not {kind} ({error})")
            continue
        if column not in _NULLABLE[name] and (nulls := int(values.isna().sum())):
            problems.append(f"{name}.{column}: {nulls} of {len(values)} rows are null")
    return pd.DataFrame(columns).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    return values.astype(kind)
