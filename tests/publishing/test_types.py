"""Columns that are no plain text or number: arrays, instants and yes or no, from a frame to the app and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postgres_arrow
from orchestration.publishing.candidate import Candidate, CandidateError, content_hash
from orchestration.publishing.contracts import EARLY_WARNINGS, PUBLISHED_TABLES, STUDENT_LEARNING_PATTERNS
from orchestration.publishing.engine import PublishResult, TableChange, publish
from orchestration.publishing.migrations import migrate
from tests.publishing import published_rows as rows
from tests.publishing.databases import fresh_database

PATTERNS, WARNINGS = STUDENT_LEARNING_PATTERNS.name, EARLY_WARNINGS.name
ANALYSED = tuple(rows.analyzed())
SEOUL = dt.timezone(dt.timedelta(hours=9))


@pytest.fixture(scope="module")
def shared_url(postgres_server_url: str) -> Iterator[str]:
    with fresh_database(postgres_server_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def url(shared_url: str) -> str:
    with psycopg.connect(shared_url) as connection:
        connection.execute("truncate serving.publication, serving_staging.publish_log")
        for table in PUBLISHED_TABLES:
            connection.execute(f"truncate serving.{table.name}, serving_staging.{table.name}")
    return shared_url


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Candidate]:
    return lambda run_id, found, **options: rows.write(tmp_path, run_id, rows.tables() | found, **options)


def put(url: str, candidate: Candidate) -> PublishResult:
    return publish(url, candidate, check=lambda *_: [])


def live(url: str, table: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(
            f"select ctid::text, xmin::text, t.* from serving.{table} as t order by 3".encode()
        ).fetchall()


@pytest.mark.parametrize("risk", [62.5, None])
def test_every_value_comes_out_as_it_went_in(url: str, make: Callable[..., Candidate], risk: float | None) -> None:
    found = rows.analyzed(risk=risk)
    candidate = make("run-1", found)
    put(url, candidate)
    for table in PUBLISHED_TABLES:
        if table.name not in found:
            continue
        names = [column.name for column in table.columns]
        read = ", ".join(f"{c.name}::text" if c.type in ("uuid", "jsonb") else c.name for c in table.columns)
        with psycopg.connect(url) as connection:
            [values] = connection.execute(f"select {read} from serving.{table.name}".encode()).fetchall()
        [expected] = found[table.name].to_pylist()
        assert dict(zip(names, values, strict=True)) == expected
        assert candidate.table(table).to_pylist() == [expected]


def test_an_unchanged_row_is_not_written_again(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", rows.analyzed()))
    before = {table: live(url, table) for table in ANALYSED}
    again = put(url, make("run-2", rows.analyzed(), hours=24))
    assert again.already_current
    assert {again.tables[table] for table in ANALYSED} == {TableChange(1, 0, 0, 0)}
    assert {table: live(url, table) for table in ANALYSED} == before


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (PATTERNS, "preferred_study_times", ["night", "evening"]),
        (PATTERNS, "preferred_study_times", []),
        (PATTERNS, "frequently_incomplete_subjects", ["한국사, 수학"]),
        (PATTERNS, "strong_days", [1]),
        (PATTERNS, "peak_productivity_hours", [20, 20]),
        (WARNINGS, "detected_at", dt.datetime(2026, 11, 22, 15, 0, 0, 123_457, tzinfo=dt.UTC)),
        (WARNINGS, "resolved_at", dt.datetime(2026, 11, 24, tzinfo=SEOUL)),
        ("student_risk_analysis", "is_weak", False),
    ],
)
def test_a_changed_one_is_seen_by_hash_and_merge(
    url: str, make: Callable[..., Candidate], table: str, column: str, value: object
) -> None:
    found = rows.analyzed()
    first = make("run-1", found)
    put(url, first)
    schema = found[table].schema
    changed = pa.Table.from_pylist([found[table].to_pylist()[0] | {column: value}], schema)
    second = make("run-2", found | {table: changed}, hours=1)
    assert second.manifest.content_hash != first.manifest.content_hash
    result = put(url, second)
    assert {name: change.updated for name, change in result.tables.items() if change.changed} == {table: 1}
    with psycopg.connect(url) as connection:
        assert connection.execute(f"select {column} from serving.{table}".encode()).fetchone() == (value,)


def test_frames_of_pandas_are_taken_as_they_come(make: Callable[..., Candidate]) -> None:
    """Arrays of NumPy, lists that are all empty, whole numbers beside a gap, and times of any zone and unit."""
    found = rows.analyzed()
    patterns = found[PATTERNS].to_pandas()
    patterns["strong_days"] = [np.array([1, 3])]
    patterns["weak_days"] = [[]]
    patterns["preferred_study_times"] = [("evening", "night")]
    patterns["average_daily_study_minutes"] = patterns["average_daily_study_minutes"].astype(float)
    warnings = found[WARNINGS].to_pandas()
    warnings["detected_at"] = warnings["detected_at"].dt.tz_convert("Asia/Seoul").dt.as_unit("ns")
    warnings["resolved_at"] = pd.Series([pd.NaT], dtype="datetime64[s, UTC]")
    came = {
        PATTERNS: pa.Table.from_pandas(patterns, preserve_index=False),
        WARNINGS: pa.Table.from_pandas(warnings, preserve_index=False),
    }
    assert came[PATTERNS].schema.field("weak_days").type == pa.list_(pa.null())
    assert content_hash(rows.tables() | found | came) == content_hash(rows.tables() | found)


@pytest.mark.parametrize(
    ("table", "column", "values", "message"),
    [
        (PATTERNS, "strong_days", pa.array([[1, None]]), "1 values of its arrays are null"),
        (PATTERNS, "strong_days", pa.array([[1.5]]), "is list<item: double>, which does not fit"),
        (PATTERNS, "strong_days", pa.array([None], pa.list_(pa.int32())), "1 of 1 rows are null"),
        (PATTERNS, "strong_days", pa.array(["{1}"]), "is string, which does not fit"),
        (WARNINGS, "detected_at", pa.array([0], pa.timestamp("us")), "names no instant"),
        (WARNINGS, "detected_at", pa.array([1], pa.timestamp("ns", "UTC")), "does not fit timestamptz"),
    ],
)
def test_what_would_not_come_out_the_same_is_refused(
    make: Callable[..., Candidate], table: str, column: str, values: pa.Array, message: str
) -> None:
    found = rows.analyzed()
    index = found[table].column_names.index(column)
    with pytest.raises(CandidateError, match=f"column {column}.*{message}"):
        make("run-1", found | {table: found[table].set_column(index, column, values)})


INSTANTS = st.integers(-(2**51), 2**52).map(
    lambda us: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    lists=st.lists(
        st.tuples(
            st.none() | st.lists(st.none() | TEXTS | st.sampled_from(["NULL", "{}", '"', "\\", ",", " "]), max_size=4),
            st.none() | st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4),
            st.none() | INSTANTS,
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    cut=st.integers(0, 3),
)
def test_copy_keeps_arrays_and_instants(shared_url: str, lists: list[tuple[Any, ...]], cut: int) -> None:
    """Also out of the middle of a table, where Arrow keeps offsets that do not begin at nought."""
    types = [pa.list_(pa.string()), pa.list_(pa.int32()), pa.timestamp("us", "UTC"), pa.bool_()]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*lists, strict=True), types, strict=True)]
    table = pa.table([*columns, pa.array(range(len(lists)))], names=["texts", "numbers", "at", "flag", "n"]).slice(cut)
    with psycopg.connect(shared_url) as connection:
        connection.execute(
            "create temporary table t (texts text[], numbers integer[], at timestamptz, flag boolean, n integer)"
        )
        [(schema,)] = connection.execute(
            "select relnamespace::regnamespace::text from pg_class where oid = 't'::regclass"
        )
        postgres_arrow.copy_arrow(connection, (schema, "t"), table)
        found = connection.execute("select texts, numbers, at, flag from t order by n").fetchall()
        connection.rollback()
    assert found == lists[cut:]
