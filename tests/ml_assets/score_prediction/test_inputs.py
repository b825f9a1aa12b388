"""What is taken and what is refused, every problem by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.score_prediction.inputs import InvalidInputError, ScorePredictionInput, known_scores
from tests.ml_assets.score_prediction.worlds import AS_OF, Made, all_scores, as_known, frames_of

FRAMES = ("students", "scores", "effort", "courses")
NULLABLE = {
    "students": {"school_type", "school_year_level"},
    "scores": {
        *("subject_id", "school_year_level", "raw_score", "percentile", "percentile_basis", "rank_grade"),
        *("rank_grade_levels", "standard_score", "credit_hours"),
    },
    "effort": {"net_seconds"},
    "courses": {"subject_id"},
}


@pytest.fixture
def frames() -> dict[str, Any]:
    found = frames_of(as_known(all_scores(Made(students=3))))
    return {name: frame.copy() if name in FRAMES else frame for name, frame in found.items()}


def problems(frames: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as raised:
        ScorePredictionInput(**frames)
    return str(raised.value)


@pytest.mark.parametrize("name", FRAMES)
def test_every_missing_column_is_named(frames: dict[str, Any], name: str) -> None:
    for column in frames[name].columns:
        assert f"- {name}: no column {column}" in problems({**frames, name: frames[name].drop(columns=[column])})
    nothing = pd.DataFrame(index=range(2))
    message = problems({**frames, name: nothing})
    assert all(column in message for column in frames[name].columns)


@pytest.mark.parametrize("name", FRAMES)
def test_every_null_is_counted_and_some_may_be(frames: dict[str, Any], name: str) -> None:
    for column in frames[name].columns:
        values = frames[name][column].copy()
        values.iloc[[0, 1]] = None
        changed = {**frames, name: frames[name].assign(**{column: values})}
        if column in NULLABLE[name]:
            ScorePredictionInput(**changed)
        else:
            assert f"- {name}.{column}: 2 of {len(values)} rows are null" in problems(changed)


@pytest.mark.parametrize("name", FRAMES)
def test_every_wrong_kind_is_named(frames: dict[str, Any], name: str) -> None:
    for column, kind in frames[name].dtypes.items():
        if kind == "str":
            continue
        changed = {**frames, name: frames[name].assign(**{column: "well done"})}
        assert f"- {name}.{column}: not " in problems(changed)


def test_all_problems_are_named_at_once(frames: dict[str, Any]) -> None:
    frames["students"] = frames["students"].drop(columns=["tenant_id", "school_type"])
    frames["scores"] = frames["scores"].assign(exam_kind=None, known_date="soon", percentile="high")
    frames["effort"] = frames["effort"].assign(done_count="many")
    message = problems(frames)
    for expected in (
        "students: no column tenant_id, school_type",
        f"scores.exam_kind: {len(frames['scores'])} of {len(frames['scores'])} rows are null",
        "scores.known_date: not datetime64[s]",
        "scores.percentile: not float64",
        "effort.done_count: not float64",
    ):
        assert f"- {expected}" in message


def test_repeated_keys_are_refused(frames: dict[str, Any]) -> None:
    twice = {name: pd.concat([frames[name], frames[name].head(2)]) for name in FRAMES}
    message = problems({**frames, **twice})
    for expected in (
        "students: 2 rows repeat a key (student_id)",
        "scores: 2 rows repeat a key (score_id)",
        "effort: 2 rows repeat a key (student_id, subject_group, week_start)",
        "courses: 2 rows repeat a key (student_id, subject_group)",
    ):
        assert expected in message


@pytest.mark.parametrize("days", [0, 1, 90])
def test_what_was_known_only_later_is_refused(frames: dict[str, Any], days: int) -> None:
    """Even of an exam that lay before the cut-off."""
    scores = frames["scores"]
    known = scores["known_date"].copy()
    known.iloc[0] = pd.Timestamp(AS_OF) + pd.Timedelta(days=days)
    assert "scores: 1 rows were known only at or after the cut-off 2026-09-07" in problems(
        {**frames, "scores": scores.assign(known_date=known)}
    )
    known.iloc[0] = pd.Timestamp(AS_OF) - pd.Timedelta(days=1)
    ScorePredictionInput(**{**frames, "scores": scores.assign(known_date=known)})


def test_another_kind_of_exam_is_refused(frames: dict[str, Any]) -> None:
    frames["scores"] = frames["scores"].assign(exam_kind=["quiz", *frames["scores"]["exam_kind"][1:]])
    assert "scores: exam_kind quiz, which is none of internal, mock" in problems(frames)


def test_scores_without_a_value_are_left_out_and_counted(frames: dict[str, Any]) -> None:
    scores = frames["scores"]
    empty = scores.index[:3]
    scores.loc[empty, ["percentile", "raw_score"]] = np.nan
    inputs = ScorePredictionInput(**frames)
    assert inputs.without_value == 3
    assert len(inputs.known) == len(scores) - 3
    assert not set(scores.loc[empty, "score_id"]) & set(inputs.known["score_id"])


def test_known_scores_are_in_one_order_whatever_was_given(frames: dict[str, Any]) -> None:
    scores = ScorePredictionInput(**frames).scores
    one, other = known_scores(scores), known_scores(scores.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert one["student_id"].is_monotonic_increasing
    assert (one.groupby("student_id")["day"].diff().dropna() >= pd.Timedelta(0)).all()


def test_rows_may_share_an_index(frames: dict[str, Any]) -> None:
    scores = ScorePredictionInput(**frames).scores
    both = pd.concat([scores.iloc[:4], scores.iloc[4:].reset_index(drop=True)])
    pd.testing.assert_frame_equal(known_scores(both), known_scores(scores), check_exact=True)


def test_a_score_tells_of_its_student_from_the_earlier_of_both_days(frames: dict[str, Any]) -> None:
    scores = ScorePredictionInput(**frames).scores.head(2)
    scores = scores.assign(
        exam_date=pd.to_datetime(["2026-05-01", "2026-05-20"]), known_date=pd.to_datetime(["2026-05-10"] * 2)
    )
    assert sorted(known_scores(scores)["day"].dt.strftime("%m-%d")) == ["05-01", "05-10"]


def test_choosing_students_keeps_what_places_an_exam(frames: dict[str, Any]) -> None:
    inputs = ScorePredictionInput(**frames)
    some = inputs.of_students(["s0001"])
    assert some.students["student_id"].tolist() == ["s0001"]
    assert some.peers["student_id"].tolist() == inputs.students["student_id"].tolist()
    pd.testing.assert_frame_equal(some.known, inputs.known)
    assert some.as_of == dt.date(2026, 9, 7)


def test_no_rows_at_all_are_an_input(frames: dict[str, Any]) -> None:
    inputs = ScorePredictionInput(**{name: f.iloc[:0] if name in FRAMES else f for name, f in frames.items()})
    assert inputs.known.empty
    assert inputs.without_value == 0
