"""What is taken and what is refused, every problem by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.early_warnings.inputs import (
    BacktestInput,
    EarlyWarningInput,
    InvalidInputError,
    PlainRuleInput,
    ReviewInput,
)
from tests.ml_assets.early_warnings.worlds import DROP, STRUGGLE, actions, day, evidence, night, students

NULLABLE = {
    ("evidence", "outcome"),
    ("evidence", "probability"),
    ("logged", "probability"),
    ("state", "resolved_at"),
    ("warnings", "resolved_at"),
    ("daily", "net_seconds"),
    ("scores", "subject_id"),
    ("scores", "percentile"),
    ("scores", "raw_score"),
    ("courses", "subject_id"),
}


def given(kind: type) -> dict[str, Any]:
    """Good frames of two rows each."""
    who = students("s1", "s2")
    seen = evidence(day(0), [("s1", DROP, "", 0.9), ("s2", STRUGGLE, "수학", 0.8)])
    state = night(day(0), seen, who=who).warnings
    said = actions((row, "acknowledged", day(0)) for _, row in state.iterrows())
    if kind is EarlyWarningInput:
        return {
            "as_of": day(1),
            "students": who,
            "evidence": seen.assign(evidence_date=day(1)),
            "state": state,
            "actions": said,
        }
    happened = pd.DataFrame({"student_id": ["s1", "s2"], "event_date": day(0)})
    if kind is ReviewInput:
        return {
            "as_of": day(60),
            "students": who,
            "warnings": state,
            "actions": said,
            "outcomes": happened.assign(warning_type=DROP, subject=""),
            "logged": seen,
        }
    if kind is BacktestInput:
        alerts = pd.DataFrame({"student_id": ["s1", "s2"], "alert_date": day(0), "rule": "idle", "value": 1.0})
        return {"students": who, "evidence": seen, "plain_alerts": alerts, "events": happened}
    counts = dict.fromkeys(["planned_count", "done_on_time_count", "ticked_count", "net_seconds"], 1)
    both = pd.DataFrame({"student_id": ["s1", "s2"], "subject_group": "수학", "subject_id": "c1"})
    return {
        "daily": pd.DataFrame({"student_id": ["s1", "s2"], "activity_date": day(0), **counts}),
        "scores": both.assign(exam_date=day(0), known_date=day(1), percentile=50.0, raw_score=80),
        "courses": both.assign(course_start_date=day(0)),
    }


KINDS = (EarlyWarningInput, ReviewInput, BacktestInput, PlainRuleInput)
every_kind = pytest.mark.parametrize("kind", KINDS)


def problems(kind: type, frames: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as raised:
        kind(**frames)
    return str(raised.value)


def frames_of(frames: dict[str, Any]) -> dict[str, pd.DataFrame]:
    return {name: frame for name, frame in frames.items() if isinstance(frame, pd.DataFrame)}


@every_kind
def test_good_frames_are_taken_and_so_are_empty_ones(kind: type) -> None:
    frames = given(kind)
    kind(**frames)
    taken = kind(**{**frames, **{name: frame.head(0) for name, frame in frames_of(frames).items()}})
    bare = {name: pd.DataFrame(columns=frame.columns) for name, frame in frames_of(frames).items()}
    for name in frames_of(frames):
        assert getattr(kind(**{**frames, **bare}), name).dtypes.equals(getattr(taken, name).dtypes)


@every_kind
def test_every_missing_column_is_named(kind: type) -> None:
    frames = given(kind)
    nothing = {name: pd.DataFrame(index=range(2)) for name in frames_of(frames)}
    message = problems(kind, {**frames, **nothing})
    for name in nothing:
        assert f"- {name}: no column " in message
    for name, frame in frames_of(frames).items():
        assert f"- {name}: no column student_id" in problems(kind, {**frames, name: frame.drop(columns="student_id")})


@every_kind
def test_every_null_is_counted_and_some_may_be(kind: type) -> None:
    frames = given(kind)
    taken = kind(**frames)
    for name in frames_of(frames):
        own = getattr(taken, name)
        for column in own.columns:
            changed = {**frames, name: own.assign(**{column: None})}
            if (name, column) in NULLABLE:
                kind(**changed)
            else:
                assert f"- {name}.{column}: 2 of 2 rows are null" in problems(kind, changed)


@every_kind
def test_every_wrong_kind_is_named(kind: type) -> None:
    frames = given(kind)
    taken = kind(**frames)
    for name in frames_of(frames):
        own = getattr(taken, name)
        for column in own.columns[own.dtypes != "str"]:
            assert f"- {name}.{column}: not " in problems(kind, {**frames, name: own.assign(**{column: "soon"})})


def test_open_warnings_alone_may_have_nulls_without_a_zone() -> None:
    frames = given(EarlyWarningInput)
    naive = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]")
    taken = EarlyWarningInput(**{**frames, "state": frames["state"].assign(resolved_at=naive)})
    assert str(taken.state["resolved_at"].dtype) == "datetime64[us, UTC]"
    at = frames["state"]["detected_at"].dt.tz_localize(None)
    assert "state.detected_at: not datetime64[us, UTC]" in problems(
        EarlyWarningInput, {**frames, "state": frames["state"].assign(detected_at=at)}
    )


@every_kind
def test_repeated_keys_are_counted(kind: type) -> None:
    frames = given(kind)
    repeated = {name: pd.concat([frame, frame.head(1)]) for name, frame in frames_of(frames).items()}
    message = problems(kind, {**frames, **repeated})
    for name in ("students", "evidence", "state", "warnings", "logged", "plain_alerts", "daily", "courses"):
        assert (f"- {name}: 1 rows repeat a key" in message) == (name in frames)


def test_a_student_in_two_academies_is_refused() -> None:
    frames = given(EarlyWarningInput)
    who = pd.concat([frames["students"], frames["students"].head(1).assign(tenant_id="t2")])
    assert "students: 1 rows repeat a key (student_id)" in problems(EarlyWarningInput, {**frames, "students": who})


def test_two_open_at_once_are_refused() -> None:
    frames = given(EarlyWarningInput)
    twice = pd.concat([frames["state"], frames["state"].head(1).assign(detected_date=day(-3))])
    assert "state: 1 open warnings repeat a key" in problems(EarlyWarningInput, {**frames, "state": twice})


def test_all_rules_between_the_frames_are_named_at_once() -> None:
    frames = given(EarlyWarningInput)
    frames["evidence"] = frames["evidence"].assign(
        probability=[1.2, np.inf], harm=[-0.1, 1], warning_type="boredom", evidence_date=day(2), context="[]"
    )
    frames["state"] = frames["state"].assign(severity="dire", context_data="null")
    frames["actions"] = frames["actions"].assign(action_type="shrugged", action_date=day(1))
    message = problems(EarlyWarningInput, frames)
    for expected in (
        "evidence: warning_type boredom, which is none of completion_drop",
        "evidence.probability: 2 rows are not between 0 and 1",
        "evidence.harm: 1 rows are not between 0 and 1",
        "evidence: 2 rows were known only at or after the cut-off 2026-03-03",
        "evidence.context: 2 rows are no JSON object",
        "state.context_data: 2 rows are no JSON object",
        "state: severity dire, which is none of low",
        "actions: action_type shrugged, which is none of acknowledged",
        "actions: 2 rows were known only at or after the cut-off 2026-03-03",
    ):
        assert f"- {expected}" in message


def test_a_review_knows_nothing_of_later_days() -> None:
    frames = given(ReviewInput)
    frames["outcomes"] = frames["outcomes"].assign(event_date=[day(60), day(59)])
    frames["actions"] = frames["actions"].assign(action_date=day(61))
    message = problems(ReviewInput, frames)
    assert "outcomes: 1 rows were known only at or after the cut-off 2026-05-01" in message
    assert "actions: 2 rows were known only at or after" in message
    assert day(60) == dt.date(2026, 5, 1)
