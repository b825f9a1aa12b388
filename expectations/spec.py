"""The words in which suites are written.

Belongs here: what can be asked, as plain values. Not here: asking it (`runner`), or the suites themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, Literal

import pandas as pd

from expectations.outcome import Severity

Kind = Literal["row_count", "columns", "not_null", "between", "one_of", "unique"]


class EmptySuiteError(ValueError):
    """A suite that asks nothing would let everything pass."""


@dataclass(frozen=True)
class Expectation:
    """One thing that must hold: in words (`rule`), and as arguments of the check that `runner` picks for `kind`."""

    kind: Kind
    columns: tuple[str, ...]
    rule: str
    arguments: Mapping[str, Any]
    severity: Severity = "critical"


@dataclass(frozen=True)
class FrameRule:
    """A rule for which there is no ready check. `violations` counts the rows of a frame that break it."""

    name: str
    columns: tuple[str, ...]
    rule: str
    violations: Callable[[pd.DataFrame], int]
    severity: Severity = "critical"


@dataclass(frozen=True)
class SuiteSpec:
    """What must hold of one frame or table.

    - name: as the table is called
    - columns: must exist, and others may
    - min_rows: least number of rows; an empty table satisfies every other expectation
    - expectations, rules: what must hold of the rows; rules are for frames only

    Raises EmptySuiteError when there are neither expectations nor rules.
    """

    name: str
    columns: tuple[str, ...]
    min_rows: int
    expectations: tuple[Expectation, ...]
    rules: tuple[FrameRule, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.expectations and not self.rules:
            raise EmptySuiteError(
                f"Suite {self.name} asks nothing. Give it expectations, or do not validate {self.name}."
            )

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """Every column that is required or asked about, once."""
        asked = [each.columns for each in self.expectations] + [rule.columns for rule in self.rules]
        return tuple(dict.fromkeys(chain(self.columns, *asked)))


def at_least_rows(count: int) -> Expectation:
    """There are `count` rows or more."""
    return Expectation("row_count", (), f"must have at least {count} rows", {"min_value": count})


def columns_exactly(*columns: str) -> Expectation:
    """These columns, in this order, and no others."""
    rule = f"must have exactly the columns {', '.join(columns)}, in this order"
    return Expectation("columns", (), rule, {"column_list": list(columns)})


def not_null(*columns: str, severity: Severity = "critical") -> tuple[Expectation, ...]:
    """No null, and in a frame no NaN, in any of the columns."""
    return tuple(
        Expectation("not_null", (column,), "must not be null", {"column": column}, severity) for column in columns
    )


def one_of(column: str, values: Sequence[str], severity: Severity = "critical") -> Expectation:
    """Only these values; null is allowed."""
    rule = f"must be one of {', '.join(values)}"
    return Expectation("one_of", (column,), rule, {"column": column, "value_set": list(values)}, severity)


def between(
    column: str, low: float | None = None, high: float | None = None, severity: Severity = "critical"
) -> Expectation:
    """Within [low, high], either of them left open by None; null is allowed."""
    rule = f"must be at least {low}" if high is None else f"must be between {low} and {high}"
    return Expectation("between", (column,), rule, {"column": column, "min_value": low, "max_value": high}, severity)


def dated_between(column: str, first: dt.date, last: dt.date, severity: Severity = "critical") -> Expectation:
    """On or after the day `first` and before the end of the day `last`; null is allowed. In a frame: datetime64."""
    arguments = {
        "column": column,
        "min_value": _midnight(first),
        "max_value": _midnight(last + dt.timedelta(days=1)),
        "strict_max": True,
    }
    return Expectation("between", (column,), f"must be dated {first} to {last}", arguments, severity)


def dated_before(column: str, day: dt.date, severity: Severity = "critical") -> Expectation:
    """Before the day begins; null is allowed. In a frame: datetime64."""
    arguments = {"column": column, "max_value": _midnight(day), "strict_max": True}
    return Expectation("between", (column,), f"must be dated before {day}", arguments, severity)


def unique(*columns: str) -> Expectation:
    """No combination of the columns occurs twice."""
    return Expectation("unique", columns, "must not repeat", {})


def rising(*columns: str, within: tuple[float, float]) -> FrameRule:
    """Each of `columns` is at least the one before it, and all are within; a null breaks this."""
    low, high = within

    def violations(frame: pd.DataFrame) -> int:
        numbers = [pd.to_numeric(frame[column], errors="coerce") for column in columns]
        is_rising = (numbers[0] >= low) & (numbers[-1] <= high)
        for lower, higher in pairwise(numbers):
            is_rising &= lower <= higher
        return int((~is_rising).sum())

    return FrameRule("rising", columns, f"must rise, from {low} to {high} at most", violations)


def numbered_from_one(rank: str, within: Sequence[str]) -> FrameRule:
    """`rank` runs 1, 2, 3 … without gaps or repeats within each combination of `within`."""
    keys = list(within)

    def violations(frame: pd.DataFrame) -> int:
        ranks = pd.to_numeric(frame[rank], errors="coerce")
        places = ranks.groupby([frame[key] for key in keys]).rank(method="first")
        return int((ranks != places).sum())

    return FrameRule(
        "numbered_from_one", (rank, *keys), f"must run from 1 without gaps within {', '.join(keys)}", violations
    )


def _midnight(day: dt.date) -> dt.datetime:
    """A time without zone, which compares with dates and times in Postgres and with datetime64 in a frame."""
    return dt.datetime.combine(day, dt.time())
