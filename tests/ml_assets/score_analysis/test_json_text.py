"""JSON out of columns: what is written is what is read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.score_analysis.json_text import arrays, of_frame, reasons, written

VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda value: round(value, 2)))
NAMES = st.one_of(st.none(), st.text(max_size=8))


@given(st.lists(st.tuples(VALUES, NAMES), max_size=8))
def test_objects_read_back(rows: list[tuple[float | None, str | None]]) -> None:
    frame = pd.DataFrame(
        {
            "number": pd.Series([row[0] for row in rows], dtype="float64"),
            "name": pd.Series([row[1] for row in rows], dtype="object"),
        }
    )
    read = [json.loads(text) for text in of_frame(frame)]
    assert read == [{"number": number, "name": name} for number, name in rows]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5)), max_size=10))
def test_arrays_hold_what_each_owner_has(rows: list[tuple[str, str]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    owners, items = pd.Series([row[0] for row in rows], dtype="object"), written(pd.Series([row[1] for row in rows]))
    expected: dict[str, list[Any]] = {}
    for owner, text in rows:
        expected.setdefault(owner, []).append(text)
    assert {owner: json.loads(text) for owner, text in arrays(owners, items).items()} == expected


def test_whole_numbers_have_no_decimals() -> None:
    assert written(pd.Series([2.0, 2.5, np.nan])).tolist() == ["2", "2.5", "null"]


def test_the_first_reason_that_holds() -> None:
    holds = {"one": pd.Series([True, False, False]), "two": pd.Series([True, True, False])}
    assert [json.loads(text) for text in reasons({"part": holds})] == [{"part": "one"}, {"part": "two"}, {"part": None}]
