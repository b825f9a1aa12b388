"""Rows in order for any suite, and rows that break one expectation each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from expectations.spec import Expectation, SuiteSpec

SECRET = "김비밀-010-1234-5678"
DEFAULTS: dict[str, Any] = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "date": dt.date(2024, 5, 1),
    "boolean": False,
    "jsonb": "[]",
    "integer": 1,
    "smallint": 1,
    "numeric": 1,
    "time without time zone": dt.time(9),
    "timestamp with time zone": dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
    "timestamp without time zone": dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
}


def in_order(suite: SuiteSpec, types: Mapping[str, str]) -> dict[str, Any]:
    """A row that meets every expectation of `suite` on single values; text is a secret wherever it may be."""
    row = {column: DEFAULTS.get(types[column], SECRET) for column in suite.needed_columns}
    for each in suite.expectations:
        if each.kind == "one_of":
            row[each.columns[0]] = each.arguments["value_set"][0]
        elif each.kind == "between" and isinstance(each.arguments.get("min_value"), int):
            row[each.columns[0]] = each.arguments["min_value"]
    return row


def breaking(expectation: Expectation) -> dict[str, Any] | None:
    """The one column of a row that breaks `expectation`; None where one row alone cannot."""
    if expectation.kind == "not_null":
        return {expectation.columns[0]: None}
    if expectation.kind == "one_of":
        return {expectation.columns[0]: SECRET}
    if expectation.kind == "between":
        low, high = expectation.arguments.get("min_value"), expectation.arguments.get("max_value")
        if isinstance(high, dt.datetime):
            return {expectation.columns[0]: high}
        return {expectation.columns[0]: low - 1 if high is None else high + 1}
    return None
