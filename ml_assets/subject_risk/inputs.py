"""What the risk takes, checked once at the door.

Belongs here: columns and the rules between the frames. Not here: reading them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pandas as pd

KINDS: Final = ("internal", "mock")
GROUP: Final = ["student_id", "subject_group"]

_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "students": {"student_id": "str", "tenant_id": "str", "school_type": "str", "school_year_level": "float64"},
    "scores": {
        "score_id": "str",
        "student_id": "str",
        "subject_group": "str",
        "exam_kind": "str",
        "exam_type": "str",
        "exam_date": "datetime64[s]",
        "known_date": "datetime64[s]",
        "raw_score": "float64",
        "percentile": "float64",
        "percentile_basis": "str",
        "rank_grade": "float64",
        "rank_grade_levels": "float64",
    },
    "weekly": {
        "student_id": "str",
        "subject_group": "str",
        "week_start": "datetime64[s]",
        "done_count": "float64",
    },
    "subjects": {"student_id": "str", "subject_group": "str"},
    "courses": {"student_id": "str", "subject_group": "str"},
    "amounts": {"student_id": "str", "subject_group": "str", "completed_amount": "float64"},
}
_NULLABLE: Final = {
    "students": {"school_type", "school_year_level"},
    "scores": {"raw_score", "percentile", "percentile_basis", "rank_grade", "rank_grade_levels"},
    "amounts": {"completed_amount"},
}
_KEYS: Final = {
    "students": ["student_id"],
    "scores": ["score_id"],
    "weekly": [*GROUP, "week_start"],
    "subjects": GROUP,
    "courses": GROUP,
    "amounts": GROUP,
}
_RANGES: Final = (("percentile", 0.0, 100.0), ("rank_grade", 1.0, 9.0))


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


def _no_amounts() -> pd.DataFrame:
    return pd.DataFrame(columns=list(_COLUMNS["amounts"]))


@dataclass(frozen=True)
class SubjectRiskInput:
    """All that is known strictly before 00:00 of `as_of`.

    - students: who gets rows: student_id, tenant_id, school_type, school_year_level
    - scores: score_id, student_id, subject_group, exam_kind (internal or mock), exam_type, exam_date (of 내신 its
      term's day), known_date, raw_score, percentile (0 to 100, higher better; null: no place) with its
      percentile_basis, rank_grade (1 best) with rank_grade_levels (9 or 5)
    - weekly: student_id, subject_group, week_start, done_count: plans done
    - subjects, courses: student_id, subject_group of what is planned or studied
    - amounts: student_id, subject_group, completed_amount: what the app's old formula takes for study. May be left out:
      the column is deprecated, and the formula then sees none

    Scores of students who are not in `students` teach the exams' noise. Other columns are dropped.

    Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    scores: pd.DataFrame
    weekly: pd.DataFrame
    subjects: pd.DataFrame
    courses: pd.DataFrame
    amounts: pd.DataFrame = field(default_factory=_no_amounts)

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
            problems += self._broken_rules()
        if problems:
            raise InvalidInputError("The risk cannot use these frames:\n" + "\n".join(f"- {p}" for p in problems))

    def _broken_rules(self) -> list[str]:
        problems = [
            f"{name}: {count} rows repeat a key ({', '.join(key)})"
            for name, key in _KEYS.items()
            if (count := int(getattr(self, name).duplicated(key).sum()))
        ]
        scores = self.scores
        late = int((scores["known_date"] >= pd.Timestamp(self.as_of)).sum())
        if late:
            problems.append(f"scores: {late} rows were known only at or after the cut-off {self.as_of}")
        unknown = sorted(set(scores["exam_kind"]) - set(KINDS))
        if unknown:
            problems.append(f"scores: exam_kind {', '.join(unknown)}, which is none of {', '.join(KINDS)}")
        for column, low, high in _RANGES:
            outside = int((scores[column].notna() & ~scores[column].between(low, high)).sum())
            if outside:
                problems.append(f"scores.{column}: {outside} rows are not {low:g} to {high:g}")
        return problems

    def of_students(self, student_ids: list[str]) -> SubjectRiskInput:
        """The same for some of the students alone; scores of all stay."""
        return replace(self, students=self.students[self.students["student_id"].isin(student_ids)])


def _typed(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    problems, columns = [], {}
    for column, kind in _COLUMNS[name].items():
        values = frame[column]
        try:
            columns[column] = _cast(values, kind)
        except (TypeError, ValueError) as error:
            problems.append(f"{name}.{column}: not {kind} ({error})")
            continue
        if column not in _NULLABLE.get(name, set()) and (nulls := int(values.isna().sum())):
            problems.append(f"{name}.{column}: {nulls} of {len(values)} rows are null")
    return pd.DataFrame(columns).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    return values.astype(kind)
