"""The door: what is refused, and that every reason is named at once."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ml_assets.subject_risk.inputs import InvalidInputError
from tests.ml_assets.subject_risk.worlds import frames, placed


def test_every_problem_is_named_at_once() -> None:
    inputs = frames([placed("a", "국어", "2026-03-01", 60.0)])
    scores = pd.concat([inputs.scores, inputs.scores]).assign(exam_kind="essay", percentile=130.0)
    scores["known_date"] = pd.Timestamp("2026-09-07")
    with pytest.raises(InvalidInputError) as error:
        replace(inputs, scores=scores)
    for part in ("repeat a key", "at or after the cut-off", "essay", "percentile: 2 rows are not 0 to 100"):
        assert part in str(error.value)


def test_missing_columns_wrong_types_and_nulls_are_named() -> None:
    inputs = frames([placed("a", "국어", "2026-03-01", 60.0)])
    with pytest.raises(InvalidInputError) as error:
        replace(
            inputs,
            scores=inputs.scores.drop(columns="percentile"),
            weekly=pd.DataFrame(
                {"student_id": ["a"], "subject_group": ["국어"], "week_start": ["never"], "done_count": [1]}
            ),
            students=inputs.students.assign(tenant_id=None),
        )
    assert "scores: no column percentile" in str(error.value)
    assert "weekly.week_start: not datetime64[s]" in str(error.value)
    assert "students.tenant_id: 1 of 1 rows are null" in str(error.value)


def test_other_columns_are_dropped_and_the_frames_given_stay() -> None:
    inputs = frames([placed("a", "국어", "2026-03-01", 60.0)])
    given = inputs.scores.assign(notes="text", rank_grade="3")
    held = replace(inputs, scores=given).scores
    assert "notes" not in held
    assert held["rank_grade"].tolist() == [3.0]
    assert given["rank_grade"].tolist() == ["3"]
