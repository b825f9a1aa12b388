"""What the summaries take, checked once at the door.

Belongs here: columns and the rules between the frames. Not here: reading them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

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
        "percentile": "float64",
        "percentile_basis": "str",
        "rank_grade": "float64",
        "rank_grade_levels": "float64",
        "standard_score": "float64",
        "credit_hours": "float64",
        "z_score": "float64",
    },
    "benchmarks": {
        "tenant_id": "str",
        "school_type": "str",
        "school_year_level": "float64",
        "subject_group": "str",
        "exam_kind": "str",
        "student_count": "int64",
        "percentile_p25": "float64",
        "percentile_p50": "float64",
        "percentile_p75": "float64",
    },
}
_NULLABLE: Final = {
    "students": {"school_type", "school_year_level"},
    "scores": {
        *(
            "subject_id",
            "percentile",
            "percentile_basis",
            "rank_grade",
            "rank_grade_levels",
            "standard_score",
            "credit_hours",
        ),
        "z_score",
    },
    "benchmarks": {"tenant_id"},
}
_KEYS: Final = {
    "students": ["student_id"],
    "scores": ["score_id"],
    "benchmarks": ["tenant_id", "school_type", "school_year_level", "subject_group", "exam_kind"],
}


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


@dataclass(frozen=True)
class ScoreAnalysisInput:
    """All that is known strictly before 00:00 of `as_of`.

    - students: who gets rows: student_id, tenant_id, school_type, school_year_level
    - scores: score_id, student_id, subject_group, subject_id, exam_kind (internal or mock), exam_type, exam_date (of
      내신 its term's day), known_date, percentile (0 to 100, higher better) with its percentile_basis, rank_grade
      (1 best) with rank_grade_levels (9 or 5), standard_score, credit_hours, z_score: raw score less the mean, by the
      deviation of all takers. Without a column z_score none is known
    - benchmarks: cohorts of students: tenant_id (null: all academies), school_type, school_year_level, subject_group,
      exam_kind, student_count, percentile_p25, percentile_p50, percentile_p75

    Other columns are dropped. Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    scores: pd.DataFrame
    benchmarks: pd.DataFrame

    def __post_init__(self) -> None:
        if "z_score" not in self.scores:
            object.__setattr__(self, "scores", self.scores.assign(z_score=float("nan")))
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
            raise InvalidInputError("The summaries cannot use these frames:\n" + "\n".join(f"- {p}" for p in problems))

    def _broken_rules(self) -> list[str]:
        problems = [
            f"{name}: {count} rows repeat a key ({', '.join(key)})"
            for name, key in _KEYS.items()
            if (count := int(getattr(self, name).duplicated(key).sum()))
        ]
        late = int((self.scores["known_date"] >= pd.Timestamp(self.as_of)).sum())
        if late:
            problems.append(f"scores: {late} rows were known only at or after the cut-off {self.as_of}")
        for name in ("scores", "benchmarks"):
            unknown = sorted(set(getattr(self, name)["exam_kind"]) - set(KINDS))
            if unknown:
                problems.append(f"{name}: exam_kind {', '.join(unknown)}, which is none of {', '.join(KINDS)}")
        return problems

    def of_students(self, student_ids: list[str]) -> ScoreAnalysisInput:
        """The same for some of the students alone."""
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
        if column not in _NULLABLE[name] and (nulls := int(values.isna().sum())):
            problems.append(f"{name}.{column}: {nulls} of {len(values)} rows are null")
    return pd.DataFrame(columns).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    return values.astype(kind)
