"""What is taken and what is refused, every problem by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.outlook.inputs import InvalidInputError, OutlookInput
from tests.ml_assets.outlook.worlds import FRAMES, World, made_class

NULLABLE = {
    "students": {"school_type", "school_year_level", "withdrawn_date"},
    "daily": {"net_seconds", "late_seconds"},
    "coming_week": set(),
    "enrolments": {"cancelled_date"},
    "scores": {"subject_id", "percentile"},
    "weekly": set(),
    "courses": {"subject_id"},
}


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    return made_class(students=3, weeks=8, after=1).frames()


@pytest.fixture
def frames(checked: dict[str, Any]) -> dict[str, Any]:
    used = vars(OutlookInput(**checked))
    return {name: frame.copy() if name in FRAMES else frame for name, frame in used.items()}


def problems(frames: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as raised:
        OutlookInput(**frames)
    return str(raised.value)


@pytest.mark.parametrize("name", FRAMES)
def test_every_missing_column_is_named(frames: dict[str, Any], name: str) -> None:
    for column in frames[name].columns:
        assert f"- {name}: no column {column}" in problems({**frames, name: frames[name].drop(columns=[column])})
    message = problems({**frames, name: pd.DataFrame(index=range(2))})
    assert all(column in message for column in frames[name].columns)


@pytest.mark.parametrize("name", FRAMES)
def test_every_null_is_counted_and_some_may_be(frames: dict[str, Any], name: str) -> None:
    for column in frames[name].columns:
        values = frames[name][column].copy()
        values.iloc[[0, 1]] = None
        changed = {**frames, name: frames[name].assign(**{column: values})}
        if column in NULLABLE[name]:
            OutlookInput(**changed)
        else:
            assert f"- {name}.{column}: 2 rows without a value" in problems(changed)


@pytest.mark.parametrize("name", FRAMES)
def test_every_wrong_kind_is_named(frames: dict[str, Any], name: str) -> None:
    for column, kind in frames[name].dtypes.items():
        if kind != "str":
            changed = {**frames, name: frames[name].assign(**{column: "well done"})}
            assert f"- {name}.{column}: cannot be read as " in problems(changed)


def test_all_problems_are_named_at_once(frames: dict[str, Any]) -> None:
    frames["students"] = frames["students"].drop(columns=["tenant_id", "withdrawn_date"])
    frames["daily"] = frames["daily"].assign(ticked_count="many", activity_date=None)
    frames["scores"] = frames["scores"].assign(known_date="soon", percentile="high")
    message = problems(frames)
    assert message.startswith("The outlook cannot use these frames:\n")
    assert message.count("\n- ") == 5
    for part in (
        "students: no column tenant_id, withdrawn_date",
        "daily.ticked_count: cannot be read as float64",
        f"daily.activity_date: {len(frames['daily'])} rows without a value",
        "scores.known_date: cannot be read as datetime64[s]",
        "scores.percentile: cannot be read as float64",
    ):
        assert f"\n- {part}" in message


def test_keys_and_the_cut_off(frames: dict[str, Any]) -> None:
    twice = {name: pd.concat([frames[name], frames[name].head(2)]) for name in FRAMES if name != "enrolments"}
    message = problems({**frames, **twice})
    assert message.count("repeat a key") == 6
    assert "- daily: 2 rows repeat a key (student_id, activity_date)" in message
    today = pd.Timestamp(frames["as_of"])
    late = {
        "students": frames["students"].assign(withdrawn_date=today),
        "daily": frames["daily"].assign(activity_date=[today, *frames["daily"]["activity_date"][1:]]),
        "scores": frames["scores"].assign(known_date=today + pd.Timedelta(days=3)),
        "enrolments": frames["enrolments"].assign(cancelled_date=today),
    }
    message = problems({**frames, **late})
    for part in (
        "students: 3 rows have withdrawn_date at or after",
        "daily: 1 rows have activity_date at or after the cut-off 2026-09-07",
        f"scores: {len(late['scores'])} rows have known_date at or after",
        f"enrolments: {len(late['enrolments'])} rows have cancelled_date at or after",
    ):
        assert f"- {part}" in message


def test_ids_and_counts_may_come_as_the_database_has_them(frames: dict[str, Any]) -> None:
    as_read = {
        **frames,
        "students": frames["students"].assign(school_year_level=pd.array([1, 2, None], dtype="Int16"), more=1),
        "daily": frames["daily"].astype({"ticked_count": "int32", "student_id": object}),
    }
    clean = OutlookInput(**as_read)
    assert clean.students["school_year_level"].tolist()[:2] == [1.0, 2.0]
    assert np.isnan(clean.students["school_year_level"].iloc[2])
    assert "more" not in clean.students.columns
    assert clean.daily["ticked_count"].dtype == "float64"


def test_nobody_is_fine() -> None:
    assert World().at().students.empty
