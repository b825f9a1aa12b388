from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.outcome import Failure, ValidationOutcome

severities = st.sampled_from(["critical", "warning", "info"])
failures = st.builds(
    Failure,
    expectation=st.text(),
    column=st.none() | st.text(),
    severity=severities,
    observed=st.text(),
    detail=st.text(),
)
outcomes = st.builds(
    ValidationOutcome,
    suite=st.text(),
    rows=st.integers(0),
    failures=st.lists(failures).map(tuple),
    evaluated=st.integers(1),
)


@given(outcomes)
def test_json_gives_the_same_outcome_back(outcome: ValidationOutcome) -> None:
    assert ValidationOutcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


@given(outcomes)
def test_only_critical_failures_stop(outcome: ValidationOutcome) -> None:
    assert outcome.success == all(failure.severity != "critical" for failure in outcome.failures)
    assert outcome.to_dict()["success"] == outcome.success


def test_anything_else_is_refused() -> None:
    with pytest.raises(KeyError):
        ValidationOutcome.from_dict({"suite": "students", "rows": 1})


def test_says_in_one_line_what_happened() -> None:
    null = Failure("not_null", "score", "critical", "2 of 1,000 rows", "must not be null")
    strange = Failure("one_of", "status", "warning", "1 of 1,000 rows", "must be one of a, b")

    assert str(ValidationOutcome("t", 1000, (), 9)) == "t: 1,000 rows, 9 expectations, all hold"
    assert str(ValidationOutcome("t", 1000, (null, strange), 9)) == (
        "t: 1,000 rows, 9 expectations, 1 critical of 2 failed: "
        "score must not be null; found: 2 of 1,000 rows (and 1 more)"
    )
