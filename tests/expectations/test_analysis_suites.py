"""What the suites of patterns, risks, outlook and warnings refuse, written out; frames in order are in test_frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.registry import CANDIDATE_SUITES
from expectations.runner import validate_frame
from orchestration.publishing.contracts import PUBLISHED_TABLES
from tests.expectations.test_frames import FIGURES, GOOD, evidence

TABLES = [table for table in PUBLISHED_TABLES if table.model not in ("recommender", "score_predictor")]


def with_value(name: str, row: int, **values: Any) -> pd.DataFrame:
    """The frame in order, but for these values of one row."""
    frame = GOOD[name]().astype(object)
    for column, value in values.items():
        cells = [value if number == row else cell for number, cell in enumerate(frame[column])]
        frame[column] = pd.Series(cells, dtype=object)
    return frame


def found(name: str, frame: pd.DataFrame) -> set[tuple[str, str]]:
    return {(each.expectation, each.observed) for each in validate_frame(frame, CANDIDATE_SUITES[name]()).critical}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_suite_and_contract_have_the_same_columns(table: Any) -> None:
    assert CANDIDATE_SUITES[table.name]().columns == tuple(column.name for column in table.columns)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_frames_as_a_candidate_gives_them_pass_also_without_rows(table: Any) -> None:
    rows = pa.Table.from_pandas(GOOD[table.name](), table.arrow_schema, preserve_index=False)
    assert found(table.name, rows.to_pandas()) == set()
    assert found(table.name, rows.slice(0, 0).to_pandas()) == set()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("preferred_study_times", ["dawn"]), ("preferred_study_times", ["evening", "evening"]),
        ("preferred_study_times", "evening"), ("preferred_study_times", None), ("preferred_study_times", [None]),
        ("strong_days", [7]), ("strong_days", [-1]), ("weak_days", [1, 1]), ("weak_days", [1.5]),
        ("peak_productivity_hours", [24]), ("peak_productivity_hours", np.array([0, 25])),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["student_learning_patterns", "fallback_learning_patterns"])
def test_lists_hold_what_the_app_knows(name: str, column: str, value: object) -> None:
    assert (f"each_{column}", "1 of 2 rows") in found(name, with_value(name, 0, **{column: value}))


@pytest.mark.parametrize("figure", FIGURES)
def test_what_is_insufficient_is_not_told(figure: str) -> None:
    name = "student_learning_patterns"
    guessed = ("insufficient_is_not_told", "1 of 2 rows")
    assert found(name, with_value(name, 0, evidence=evidence(figure))) == {guessed}
    # Nothing to tell although it was measured is in order: a student without weak days.
    empty = np.array([]) if figure in ("preferred_study_times", "strong_days", "weak_days") else None
    if empty is not None:
        assert found(name, with_value(name, 0, **{figure: empty})) == set()


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", "{}", '{"strong_days": "measured"}'])
def test_evidence_is_an_object_about_every_figure(text: str | None) -> None:
    name = "student_learning_patterns"
    assert ("insufficient_is_not_told", "1 of 2 rows") in found(name, with_value(name, 0, evidence=text))


@pytest.mark.parametrize("name", ["fallback_learning_patterns"])
def test_a_cohort_has_five(name: str) -> None:
    assert found(name, with_value(name, 1, student_count=4)) == {("between", "1 of 2 rows")}


BAD_PARTS = [
    None, "", "{", "{}", "null", "[1]", "[null]",
    '[{"N": "", "P": -8, "T": "a"}]', '[{"N": "a", "P": -8}]', '[{"N": "a", "P": "x", "T": "a"}]',
    '[{"N": "a", "P": -8, "T": ""}]', '[{"P": -8, "T": "a"}]', '[{"N": "a", "P": -8.6, "T": "a"}]', "[]",
    '[{"N": "a", "P": -7.4, "T": "a"}]', '[{"N": "a", "P": 8, "T": "a"}]',
]  # fmt: skip
KEYS = {
    "student_predictions": ("contributing_factors", "factor", "impact", "description", {}),
    "student_risk_analysis": ("factors", "code", "points", "text", {"risk_score": 8, "is_weak": False}),
}


def named(name: str, parts: str | None) -> dict[str, Any]:
    """The parts under the keys of the table; a prediction is told downwards, a risk upwards."""
    column, key, points, text, values = KEYS[name]
    if parts is not None:
        parts = parts.replace('"N"', f'"{key}"').replace('"P"', f'"{points}"').replace('"T"', f'"{text}"')
        if name == "student_risk_analysis":
            parts = parts.replace("-", "") if "-" in parts else parts.replace("8", "-8")
    return {column: parts, **values}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("parts", BAD_PARTS)
def test_parts_that_do_not_add_up_or_are_told_badly(name: str, parts: str | None) -> None:
    assert ("parts_add_up", "1 of 3 rows") in found(name, with_value(name, 0, **named(name, parts)))


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("parts", ['[{"N": "a", "P": -8.5, "T": "b"}]', '[{"N": "a", "P": -7.5, "T": "b"}]'])
def test_parts_may_be_rounded(name: str, parts: str) -> None:
    assert found(name, with_value(name, 0, **named(name, parts))) == set()


@pytest.mark.parametrize(
    "values",
    [
        {"basis": "insufficient"}, {"risk_score": None}, {"risk_score": float("nan")},
        {"basis": "insufficient", "risk_score": None},
    ],
)  # fmt: skip
def test_insufficient_means_no_risk_and_no_weakness(values: dict[str, Any]) -> None:
    """The row is of a weak subject: it may not stay one without a risk."""
    frame = with_value("student_risk_analysis", 0, **values)
    assert ("insufficient_has_no_risk", "1 of 3 rows") in found("student_risk_analysis", frame)


def test_a_risk_of_nothing_is_no_answer() -> None:
    frame = with_value("student_risk_analysis", 1, risk_score=0.0)
    assert found("student_risk_analysis", frame) == {("insufficient_has_no_risk", "1 of 3 rows")}


@pytest.mark.parametrize(
    "text",
    ['{"student_count": 4}', '{"a": {"student_count": 12}, "b": {"student_count": 4}}', '{"cohort_size": 0}', "{}",
     '{"percentile": 40}', '{"student_count": -5}', ""],
)  # fmt: skip
def test_peers_are_five_or_more_and_said_to_be(text: str) -> None:
    frame = with_value("score_summaries", 0, peer_comparison=text)
    assert found("score_summaries", frame) == {("peers_are_enough", "1 of 3 rows")}


def test_one_open_warning_of_a_type_and_subject() -> None:
    both_open = with_value("early_warnings", 1, resolved_at=None)
    assert found("early_warnings", both_open) == {("one_open_warning", "1 of 3 rows")}
    both_open.loc[1, "subject"] = "영어"
    assert found("early_warnings", both_open) == set()


def test_a_warning_ends_after_it_began() -> None:
    too_soon = with_value("early_warnings", 1, resolved_at=pd.Timestamp("2025-12-31 23:59:59", tz="UTC"))
    assert found("early_warnings", too_soon) == {("ends_after_it_begins", "1 of 3 rows")}


def test_a_warning_has_an_id_of_its_own() -> None:
    assert found("early_warnings", with_value("early_warnings", 1, id="w1")) == {("unique", "2 of 3 rows")}


def test_a_period_does_not_end_before_it_begins() -> None:
    frame = with_value("student_predictions", 0, target_period_end="2026-03-01")
    assert found("student_predictions", frame) == {("period_in_order", "1 of 3 rows")}


@pytest.mark.parametrize("column", ["resolved_count", "confirmed_count", "dismissed_count"])
def test_no_more_than_were_raised(column: str) -> None:
    frame = with_value("warning_rule_reviews", 0, **{column: 6})
    assert found("warning_rule_reviews", frame) == {("no_more_than_were_raised", "1 of 2 rows")}
