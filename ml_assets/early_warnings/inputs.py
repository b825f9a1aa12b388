"""What the warnings, the plain rules, the review and the backtest take, checked once at the door.

Belongs here: columns and rules between the frames. Not here: reading them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from ml_assets.early_warnings.config import SEVERITIES, TYPES

KEY: Final = ["student_id", "warning_type", "subject"]
"""What may be warned of once at a time."""

VERDICTS: Final = ("acknowledged", "contacted_student", "adjusted_schedule", "reduced_load", "resolved", "dismissed")
"""What staff can say or do about a warning, as the app names it."""

Kinds = Mapping[str, str]

_KEY_KINDS: Final = dict.fromkeys(KEY, "str")
_STUDENTS: Final = {"student_id": "str", "tenant_id": "str"}
_PROBABILITY: Final = {**_KEY_KINDS, "tenant_id": "str", "evidence_date": "datetime64[s]", "probability": "float64"}
_EVIDENCE: Final = {**_PROBABILITY, "harm": "float64", "context": "str", "reasoning": "str"}
WARNINGS: Final[Kinds] = {
    "id": "str",
    "student_id": "str",
    "tenant_id": "str",
    "warning_type": "str",
    "subject": "str",
    "detected_date": "datetime64[s]",
    "severity": "str",
    "detected_at": "datetime64[us, UTC]",
    "resolved_at": "datetime64[us, UTC]",
    "context_data": "str",
    "recommended_actions": "str",
    "probability": "float64",
    "reasoning": "str",
}
"""Columns of serving.early_warnings that a step makes, and their types."""

_ACTIONS: Final = {
    "warning_id": "str",
    **_KEY_KINDS,
    "tenant_id": "str",
    "detected_date": "datetime64[s]",
    "action_type": "str",
    "action_date": "datetime64[s]",
}
_DAY: Final = "datetime64[s]"


class InvalidInputError(ValueError):
    """The frames break the contract; the message names every problem found."""


@dataclass(frozen=True)
class EarlyWarningInput:
    """All that is known strictly before 00:00 of `as_of` in Seoul.

    - students: who can be warned of: student_id, tenant_id. A student is in one academy.
    - evidence: one row per student, warning_type and subject ('' for none): tenant_id, evidence_date, probability (0 to
      1 that the event happens; null where nothing can be said), harm (0 to 1), context (a JSON object), reasoning
    - state: the columns WARNINGS, as published. What a run of `as_of` or later wrote is undone: see `step`.
    - actions: what staff did: warning_id, student_id, tenant_id, warning_type, subject, detected_date, action_type, one
      of VERDICTS, action_date

    Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    evidence: pd.DataFrame
    state: pd.DataFrame
    actions: pd.DataFrame

    def __post_init__(self) -> None:
        columns = {"students": _STUDENTS, "evidence": _EVIDENCE, "state": WARNINGS, "actions": _ACTIONS}
        nullable = {"evidence": {"probability"}, "state": {"resolved_at"}}
        problems = _check(self, columns, nullable)
        if not problems:
            day = pd.Timestamp(self.as_of)
            problems = [
                *_repeated("students", self.students, ["student_id"]),
                *_repeated("evidence", self.evidence, KEY),
                *_repeated("state", self.state, [*KEY, "detected_date"]),
                *_repeated("state", self.state[self.state["resolved_at"].isna()], KEY, "open warnings"),
                *_strange("evidence", self.evidence, "warning_type", TYPES),
                *_strange("state", self.state, "warning_type", TYPES),
                *_strange("state", self.state, "severity", SEVERITIES),
                *_strange("actions", self.actions, "action_type", VERDICTS),
                *_outside("evidence", self.evidence, ("probability", "harm")),
                *_not_objects("evidence", self.evidence["context"]),
                *_not_objects("state", self.state["context_data"]),
                *_late("evidence", self.evidence["evidence_date"] > day, self.as_of),
                *_late("actions", self.actions["action_date"] >= day, self.as_of),
            ]
        _refuse(problems)


@dataclass(frozen=True)
class PlainRuleInput:
    """What the plain rules look at, of any days: each day they take only what was known then.

    - daily: student_id, activity_date, planned_count, done_on_time_count, ticked_count, net_seconds (null: not timed)
    - scores: student_id, subject_group, subject_id, exam_date, known_date, percentile, raw_score
    - courses: the course that a student is in: student_id, subject_group, subject_id, course_start_date

    Raises InvalidInputError, naming every problem at once.
    """

    daily: pd.DataFrame
    scores: pd.DataFrame
    courses: pd.DataFrame

    def __post_init__(self) -> None:
        counts = dict.fromkeys(("planned_count", "done_on_time_count", "ticked_count", "net_seconds"), "float64")
        series = dict.fromkeys(("student_id", "subject_group", "subject_id"), "str")
        columns = {
            "daily": {"student_id": "str", "activity_date": _DAY, **counts},
            "scores": {
                **series,
                "exam_date": _DAY,
                "known_date": _DAY,
                "percentile": "float64",
                "raw_score": "float64",
            },
            "courses": {**series, "course_start_date": _DAY},
        }
        nullable = {
            "daily": {"net_seconds"},
            "scores": {"subject_id", "percentile", "raw_score"},
            "courses": {"subject_id"},
        }
        problems = _check(self, columns, nullable)
        if not problems:
            problems = [
                *_repeated("daily", self.daily, ["student_id", "activity_date"]),
                *_repeated("courses", self.courses, ["student_id", "subject_group"]),
            ]
        _refuse(problems)


@dataclass(frozen=True)
class ReviewInput:
    """What is known strictly before 00:00 of `as_of` of warnings and of what came of them.

    - students: student_id, tenant_id: they make the budget
    - warnings: the columns WARNINGS, as published
    - actions: as of EarlyWarningInput
    - outcomes: events that happened: student_id, warning_type, subject, event_date
    - logged: probabilities of earlier days, those under the threshold too: student_id, tenant_id, warning_type,
      subject, evidence_date, probability. May be empty: then the replay has the warnings alone and cannot propose a
      threshold below the present one.

    Raises InvalidInputError, naming every problem at once.
    """

    as_of: dt.date
    students: pd.DataFrame
    warnings: pd.DataFrame
    actions: pd.DataFrame
    outcomes: pd.DataFrame
    logged: pd.DataFrame

    def __post_init__(self) -> None:
        columns = {
            "students": _STUDENTS,
            "warnings": WARNINGS,
            "actions": _ACTIONS,
            "outcomes": {**_KEY_KINDS, "event_date": _DAY},
            "logged": _PROBABILITY,
        }
        nullable = {"warnings": {"resolved_at"}, "logged": {"probability"}}
        problems = _check(self, columns, nullable)
        if not problems:
            day = pd.Timestamp(self.as_of)
            problems = [
                *_repeated("students", self.students, ["student_id"]),
                *_repeated("warnings", self.warnings, [*KEY, "detected_date"]),
                *_repeated("logged", self.logged, [*KEY, "evidence_date"]),
                *_strange("warnings", self.warnings, "warning_type", TYPES),
                *_strange("outcomes", self.outcomes, "warning_type", TYPES),
                *_strange("logged", self.logged, "warning_type", TYPES),
                *_strange("actions", self.actions, "action_type", VERDICTS),
                *_outside("logged", self.logged, ("probability",)),
                *_late("actions", self.actions["action_date"] >= day, self.as_of),
                *_late("outcomes", self.outcomes["event_date"] >= day, self.as_of),
            ]
        _refuse(problems)


@dataclass(frozen=True)
class BacktestInput:
    """A window of days, and what happened in it and in the 28 days after it.

    - students: who was there when the window began: student_id, tenant_id
    - evidence: as of EarlyWarningInput, for each day of the window (evidence_date); context and reasoning not needed.
      It may have `outcome`: 1 where what the probability of that day is of came true, 0 where not, null where unknown
    - plain_alerts: days on which a plain rule holds for a student: student_id, alert_date, rule, value (larger is
      worse); see `rules.plain_alerts`
    - events: student_id, event_date, the first day of what should have been warned of

    Raises InvalidInputError, naming every problem at once.
    """

    students: pd.DataFrame
    evidence: pd.DataFrame
    plain_alerts: pd.DataFrame
    events: pd.DataFrame

    def __post_init__(self) -> None:
        if "outcome" not in self.evidence:
            object.__setattr__(self, "evidence", self.evidence.assign(outcome=float("nan")))
        columns = {
            "students": _STUDENTS,
            "evidence": {**_PROBABILITY, "harm": "float64", "outcome": "float64"},
            "plain_alerts": {"student_id": "str", "alert_date": _DAY, "rule": "str", "value": "float64"},
            "events": {"student_id": "str", "event_date": _DAY},
        }
        problems = _check(self, columns, {"evidence": {"probability", "outcome"}})
        if not problems:
            problems = [
                *_repeated("students", self.students, ["student_id"]),
                *_repeated("evidence", self.evidence, [*KEY, "evidence_date"]),
                *_repeated("plain_alerts", self.plain_alerts, ["student_id", "alert_date", "rule"]),
                *_strange("evidence", self.evidence, "warning_type", TYPES),
                *_outside("evidence", self.evidence, ("probability", "harm")),
            ]
        _refuse(problems)


def _check(owner: object, columns: Mapping[str, Kinds], nullable: Mapping[str, set[str]]) -> list[str]:
    """Replace the owner's frames by typed ones of their own columns; what is wrong with them."""
    problems: list[str] = []
    for name, kinds in columns.items():
        frame: pd.DataFrame = getattr(owner, name)
        missing = [column for column in kinds if column not in frame.columns]
        if missing:
            problems.append(f"{name}: no column {', '.join(missing)}")
            continue
        clean, found = _typed(name, frame, kinds, nullable.get(name, set()))
        problems += found
        object.__setattr__(owner, name, clean)
    return problems


def _typed(name: str, frame: pd.DataFrame, kinds: Kinds, nullable: set[str]) -> tuple[pd.DataFrame, list[str]]:
    problems, columns = [], {}
    for column, kind in kinds.items():
        values = frame[column]
        try:
            columns[column] = _cast(values, kind)
        except (TypeError, ValueError) as error:
            problems.append(f"{name}.{column}: not {kind} ({error})")
            continue
        if column not in nullable and (nulls := int(values.isna().sum())):
            problems.append(f"{name}.{column}: {nulls} of {len(values)} rows are null")
    return pd.DataFrame(columns).reset_index(drop=True), problems


def _cast(values: pd.Series, kind: Any) -> pd.Series:
    # A column of nulls alone may come as times without a zone, which cannot be cast to times with one.
    return (values.astype(object) if values.isna().all() else values).astype(kind)


def _repeated(name: str, frame: pd.DataFrame, key: list[str], what: str = "rows") -> list[str]:
    count = int(frame.duplicated(key).sum())
    return [f"{name}: {count} {what} repeat a key ({', '.join(key)})"] if count else []


def _strange(name: str, frame: pd.DataFrame, column: str, known: Iterable[str]) -> list[str]:
    strange = sorted(set(frame[column].unique()) - set(known))
    return [f"{name}: {column} {', '.join(strange)}, which is none of {', '.join(known)}"] if strange else []


def _outside(name: str, frame: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    counts = {column: int((~frame[column].dropna().between(0, 1)).sum()) for column in columns}
    return [f"{name}.{column}: {count} rows are not between 0 and 1" for column, count in counts.items() if count]


def _not_objects(name: str, texts: pd.Series) -> list[str]:
    # Parsing is left to those few of which a warning is made.
    count = int((~(texts.str.startswith("{") & texts.str.endswith("}"))).sum())
    return [f"{name}.{texts.name}: {count} rows are no JSON object"] if count else []


def _late(name: str, late: pd.Series, as_of: dt.date) -> list[str]:
    count = int(late.sum())
    return [f"{name}: {count} rows were known only at or after the cut-off {as_of}"] if count else []


def _refuse(problems: list[str]) -> None:
    if problems:
        raise InvalidInputError("Warnings cannot be made of these frames:\n" + "\n".join(f"- {p}" for p in problems))
