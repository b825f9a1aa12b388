"""The rows: one a student, the same alone and in a batch, and any input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.score_analysis.inputs import InvalidInputError
from ml_assets.score_analysis.summaries import SUMMARIES, summaries
from tests.ml_assets.score_analysis.test_mock import sitting
from tests.ml_assets.score_analysis.worlds import cohort, frames, mock, score, term


def of(student: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"student_id": student, "score_id": f"{student}{row['score_id']}"} for row in rows]


WHOLE = [*sitting("2026-03-01", 40.0), *sitting("2026-06-01"), term("국어", "2026-07-10", 2.0, percentile=80.0)]


def test_one_row_a_student_with_a_score() -> None:
    inputs = frames([*of("b", WHOLE), *of("c", [term("국어", "2026-07-10", 3.0)])], tenants={"c": "t2"})
    rows = summaries(inputs)
    assert list(rows.columns) == list(SUMMARIES)
    assert rows[["student_id", "tenant_id"]].to_numpy().tolist() == [["b", "t1"], ["c", "t2"]]


def test_alone_as_in_a_batch_in_any_order() -> None:
    inputs = frames([*of("b", WHOLE), *of("c", WHOLE[2:]), *of("d", WHOLE[:3])], [cohort("국어", "mock", 9)])
    batch = summaries(inputs)
    shuffled = replace(inputs, scores=inputs.scores.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(summaries(shuffled), batch)
    alone = [summaries(inputs.of_students([student])) for student in "bcd"]
    assert pd.concat(alone).to_numpy().tolist() == batch.to_numpy().tolist()


def test_nobody() -> None:
    rows = summaries(frames([]))
    assert rows.empty
    assert list(rows.columns) == list(SUMMARIES)


def test_without_z_scores_in_the_frame() -> None:
    inputs = frames(of("b", WHOLE))
    rows = summaries(replace(inputs, scores=inputs.scores.drop(columns="z_score")))
    assert json.loads(rows["internal_summary"].item())["zIndex"] is None


def test_ten_years_of_terms() -> None:
    rows = [term("국어", f"{year}-{day}", 2.0) for year in range(2016, 2026) for day in ("07-10", "12-15")]
    assert len(json.loads(summaries(frames(rows))["internal_summary"].item())["gpaTrend"]) == 20


def test_every_problem_is_named_at_once() -> None:
    inputs = frames(WHOLE)
    with pytest.raises(InvalidInputError) as error:
        replace(
            inputs,
            scores=pd.concat([inputs.scores, inputs.scores]).assign(exam_kind="essay", known_date="2026-09-07"),
            benchmarks=inputs.benchmarks.drop(columns="student_count"),
        )
    assert "benchmarks: no column student_count" in str(error.value)
    with pytest.raises(InvalidInputError) as error:
        replace(
            inputs, scores=pd.concat([inputs.scores, inputs.scores]).assign(exam_kind="essay", known_date="2026-09-07")
        )
    for part in ("repeat a key", "essay", "at or after the cut-off"):
        assert part in str(error.value)


ONE = st.builds(
    lambda group, date, kind, percentile, grade, levels, hours, basis: score(
        group,
        date,
        kind,
        percentile=percentile,
        percentile_basis=basis,
        rank_grade=grade,
        rank_grade_levels=levels,
        credit_hours=hours if kind == "internal" else None,
    ),
    st.sampled_from(["국어", "수학", "사회", "체육"]),
    st.sampled_from(["2025-07-10", "2025-12-15", "2026-03-01", "2026-06-01"]),
    st.sampled_from(["internal", "mock"]),
    st.one_of(st.none(), st.floats(0, 100)),
    st.one_of(st.none(), st.integers(1, 5).map(float)),
    st.sampled_from([None, 5.0, 9.0]),
    st.sampled_from([None, 0.0, 3.0]),
    st.sampled_from([None, "class_rank", "absolute_grade"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ONE, max_size=10, unique_by=lambda row: row["score_id"]))
def test_any_scores_give_json(rows: list[dict[str, Any]]) -> None:
    found = summaries(frames(rows, [cohort("국어", "mock", 9, None)]))
    assert len(found) == bool(rows)
    for name in SUMMARIES[2:]:
        for text in found[name].dropna():
            json.loads(text, parse_constant=pytest.fail)
    if rows:
        internal = found["internal_summary"].item()
        if internal is not None:
            gpa = json.loads(internal)["averageGpa"]
            assert gpa is None or 1 <= gpa <= 9
        assert (internal is None) == all(row["exam_kind"] == "mock" for row in rows)
        place = json.loads(found["strategy_summary"].item())["mockPct"]
        assert place is None or 0 <= place <= 100


def test_a_mock_exam_alone() -> None:
    rows = summaries(frames([mock("영어", "2026-06-01", None, 2.0)]))
    assert json.loads(rows["mock_summary"].item())["reasons"]["avgPercentile"] == "no_korean"
