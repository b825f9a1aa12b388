"""The DuckDB file: types, comments, and readers that are never in the way."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import psycopg
import pytest

from orchestration.marts import ExportedTable, export_marts

AS_OF = dt.date(2026, 11, 23)
TABLES = [ExportedTable("fct_example", "marts")]


@pytest.fixture
def source(postgres_url: str) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_example (student_id uuid, score numeric, seen_at timestamptz, day date,"
            " rate float8, tags jsonb, note text)"
        )
        connection.execute(
            "insert into marts.fct_example values ('00000000-0000-0000-0000-000000000001', 12.34,"
            " '2026-11-22 15:00+00', '2026-11-23', 0.5, '{\"a\": 1}', null)"
        )
        connection.execute("comment on table marts.fct_example is 'It''s an example.'")
        connection.execute("comment on column marts.fct_example.score is 'Points.'")
    return postgres_url


def test_types_and_descriptions_survive(source: str, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    assert export_marts(source, TABLES, file, run_id="run", as_of=AS_OF) == {"fct_example": 1}
    with duckdb.connect(str(file), read_only=True) as db:
        types = dict(
            db.execute("select column_name, data_type from duckdb_columns where table_name = 'fct_example'").fetchall()
        )
        row = db.execute("select score, epoch(seen_at), day, note from fct_example").fetchone()
        comment = db.execute("select comment from duckdb_tables where table_name = 'fct_example'").fetchone()
        column = db.execute("select comment from duckdb_columns where column_name = 'score'").fetchone()
        export = db.execute("select run_id, as_of, row_count from _export").fetchone()
    assert types["student_id"] == "UUID"
    assert types["score"].startswith("DECIMAL")
    assert types["seen_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["day"] == "DATE"
    assert types["rate"] == "DOUBLE"
    assert row is not None
    assert (float(row[0]), row[1], row[2], row[3]) == (
        12.34,
        dt.datetime(2026, 11, 22, 15, tzinfo=dt.UTC).timestamp(),
        dt.date(2026, 11, 23),
        None,
    )
    assert comment == ("It's an example.",)
    assert column == ("Points.",)
    assert export == ("run", AS_OF, 1)


def test_a_reader_of_the_old_file_is_not_disturbed(source: str, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    export_marts(source, TABLES, file, run_id="first", as_of=AS_OF)
    with duckdb.connect(str(file), read_only=True) as reader:
        with psycopg.connect(source) as connection:
            connection.execute("delete from marts.fct_example")
        export_marts(source, TABLES, file, run_id="second", as_of=AS_OF)
        assert reader.execute("select count(*) from fct_example").fetchone() == (1,)
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("select count(*) from fct_example").fetchone() == (0,)


def test_a_failed_export_leaves_the_old_file(source: str, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    export_marts(source, TABLES, file, run_id="first", as_of=AS_OF)
    with pytest.raises(psycopg.errors.UndefinedTable):
        export_marts(source, [*TABLES, ExportedTable("gone", "marts")], file, run_id="second", as_of=AS_OF)
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("select distinct run_id from _export").fetchall() == [("first",)]
