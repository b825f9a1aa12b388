"""The DuckDB file: every mart, types, comments, and readers that are never in the way."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import psycopg
import pytest

from orchestration import keys
from orchestration.assets.exports import EXPORTED, MARTS, duckdb_file
from orchestration.marts import ExportedTable, export_marts
from orchestration.settings import Settings
from orchestration.transform import prepare_manifest

AS_OF = dt.date(2026, 11, 23)
TABLES = [ExportedTable("fct_example", "marts")]
SOME_ID = UUID("00000000-0000-0000-0000-000000000001")

# Opens the file as an analyst does, over and over, until it is told to stop.
READER = """
import json, sys, time
import duckdb
from pathlib import Path

file, stop = sys.argv[1], Path(sys.argv[2])
while not stop.exists():
    began = time.monotonic()
    with duckdb.connect(file, read_only=True) as db:
        rows = db.execute("from fct_study_daily limit 5").fetchall()
        count = db.execute("select count(*) from fct_study_daily").fetchone()[0]
        [(run_id, rows_exported)] = db.execute("select run_id, row_count from _export").fetchall()
    seen = [sorted({run for run, _ in rows}), len(rows), run_id, count, rows_exported]
    print(json.dumps({"began": began, "ended": time.monotonic(), "seen": seen}), flush=True)
"""


@pytest.fixture
def source(postgres_url: str) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_example (student_id uuid, score numeric, share numeric(6, 3), seen_at timestamptz,"
            ' day date, rate float8, tags jsonb, hours integer[], friends uuid[], scores numeric[], "order" smallint,'
            " is_done boolean, note text)"
        )
        connection.execute(
            "insert into marts.fct_example values (%s, 12.3456, 0.125, '2026-11-22 15:00+00', '2026-11-23', 0.5,"
            " '{\"a\": 1}', '{1,null,3}', array[%s::uuid], '{1.5}', 7, true, null)",
            [SOME_ID, SOME_ID],
        )
        connection.execute("comment on table marts.fct_example is 'It''s an example.'")
        connection.execute("comment on column marts.fct_example.score is 'Points.'")
    return postgres_url


def test_every_mart_is_exported(tmp_path: Path) -> None:
    manifest = json.loads(prepare_manifest(Settings(tmp_path)).read_text("utf-8"))
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["path"].startswith("marts/")
    }
    assert marts
    assert set(MARTS) == marts
    assert marts <= {table.name for table in EXPORTED}
    assert set(duckdb_file.keys) == {keys.exported(table.name) for table in EXPORTED}


def test_types_and_descriptions_survive(source: str, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    assert export_marts(source, TABLES, file, run_id="run", as_of=AS_OF) == {"fct_example": 1}
    with duckdb.connect(str(file), read_only=True) as db:
        types = dict(
            db.execute("select column_name, data_type from duckdb_columns where table_name = 'fct_example'").fetchall()
        )
        row = db.execute("select * replace (epoch(seen_at) as seen_at) from fct_example").fetchone()
        comment = db.execute("select comment from duckdb_tables where table_name = 'fct_example'").fetchone()
        column = db.execute("select comment from duckdb_columns where column_name = 'score'").fetchone()
        export = db.execute("select run_id, as_of, row_count from _export").fetchone()
    assert types == {
        "student_id": "UUID",
        "score": "DECIMAL(38,10)",
        "share": "DECIMAL(6,3)",
        "seen_at": "TIMESTAMP WITH TIME ZONE",
        "day": "DATE",
        "rate": "DOUBLE",
        "tags": "JSON",
        "hours": "INTEGER[]",
        "friends": "UUID[]",
        "scores": "DECIMAL(38,10)[]",
        "order": "SMALLINT",
        "is_done": "BOOLEAN",
        "note": "VARCHAR",
    }
    assert row == (
        SOME_ID,
        Decimal("12.3456"),
        Decimal("0.125"),
        dt.datetime(2026, 11, 22, 15, tzinfo=dt.UTC).timestamp(),
        dt.date(2026, 11, 23),
        0.5,
        '{"a": 1}',
        [1, None, 3],
        [SOME_ID],
        [Decimal("1.5")],
        7,
        True,
        None,
    )
    assert comment == ("It's an example.",)
    assert column == ("Points.",)
    assert export == ("run", AS_OF, 1)


def test_a_view_is_exported_with_its_rows_and_description(source: str, tmp_path: Path) -> None:
    with psycopg.connect(source) as connection:
        connection.execute("create view marts.fct_view as select student_id, share from marts.fct_example")
        connection.execute("comment on view marts.fct_view is 'A view.'")
    file = tmp_path / "marts.duckdb"
    tables = [ExportedTable("fct_view", "marts")]
    assert export_marts(source, tables, file, run_id="run", as_of=AS_OF) == {"fct_view": 1}
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("from fct_view").fetchall() == [(SOME_ID, Decimal("0.125"))]
        assert db.execute("select comment from duckdb_tables where table_name = 'fct_view'").fetchone() == ("A view.",)


def test_an_empty_table_keeps_its_columns(source: str, tmp_path: Path) -> None:
    with psycopg.connect(source) as connection:
        connection.execute("delete from marts.fct_example")
    file = tmp_path / "marts.duckdb"
    assert export_marts(source, TABLES, file, run_id="run", as_of=AS_OF) == {"fct_example": 0}
    with duckdb.connect(str(file), read_only=True) as db:
        types = db.execute("select data_type from duckdb_columns where column_name in ('score', 'friends')").fetchall()
    assert types == [("DECIMAL(38,10)",), ("UUID[]",)]


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


@pytest.fixture
def study_days(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a table large enough that its export takes a while, whose rows say which run they belong to."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_study_daily (run text, number integer)")
        connection.execute("insert into marts.fct_study_daily select 'first', generate_series(1, 500000)")
        yield connection


def test_another_process_reads_the_old_file_or_the_new_one_and_never_waits(
    postgres_url: str, study_days: psycopg.Connection, tmp_path: Path
) -> None:
    file, stop = tmp_path / "marts.duckdb", tmp_path / "stop"
    tables = [ExportedTable("fct_study_daily", "marts")]
    export_marts(postgres_url, tables, file, run_id="first", as_of=AS_OF)
    study_days.execute("update marts.fct_study_daily set run = 'second' where number <= 400000")
    study_days.execute("delete from marts.fct_study_daily where run = 'first'")
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(file), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    lines = [reader.stdout.readline()]  # it reads by now
    began = time.monotonic()
    export_marts(postgres_url, tables, file, run_id="second", as_of=AS_OF)
    ended = time.monotonic()
    time.sleep(1)
    stop.touch()
    output, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors
    reads = [json.loads(line) for line in [*lines, *output.splitlines()]]
    assert [read for read in reads if began < read["began"] and read["ended"] < ended], "none while exporting"
    old, new = [["first"], 5, "first", 500000, 500000], [["second"], 5, "second", 400000, 400000]
    seen = [read["seen"] for read in reads]
    assert seen == [old] * seen.count(old) + [new] * seen.count(new)
    assert old in seen
    assert new in seen


def test_the_duckdb_command_of_an_older_release_reads_the_file(
    postgres_url: str, study_days: psycopg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "marts.duckdb"
    export_marts(postgres_url, [ExportedTable("fct_study_daily", "marts")], file, run_id="run", as_of=AS_OF)
    command = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [command, "-csv", file, "-c", "from fct_study_daily limit 5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v1."), "the command is no older than the library any more: test with another one"


def test_an_export_that_was_killed_does_not_spoil_the_next(
    postgres_url: str, study_days: psycopg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "marts.duckdb"
    building = tmp_path / "marts.building"
    code = (
        "import datetime as dt, sys; from pathlib import Path; from orchestration.marts import *;"
        " export_marts(sys.argv[1], [ExportedTable('fct_study_daily', 'marts')], Path(sys.argv[2]),"
        " run_id='killed', as_of=dt.date(2026, 1, 1))"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, postgres_url, str(file)])
    while not building.exists() and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.wait(timeout=60)
    assert not file.exists()
    tables = [ExportedTable("fct_study_daily", "marts")]
    assert export_marts(postgres_url, tables, file, run_id="next", as_of=AS_OF) == {"fct_study_daily": 500000}
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("select run_id, row_count from _export").fetchall() == [("next", 500000)]
    assert [path.name for path in tmp_path.iterdir()] == ["marts.duckdb"]


def test_a_failed_export_leaves_the_old_file(source: str, tmp_path: Path) -> None:
    file = tmp_path / "marts.duckdb"
    export_marts(source, TABLES, file, run_id="first", as_of=AS_OF)
    with pytest.raises(psycopg.errors.UndefinedTable):
        export_marts(source, [*TABLES, ExportedTable("gone", "marts")], file, run_id="second", as_of=AS_OF)
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("select distinct run_id from _export").fetchall() == [("first",)]


def test_a_number_too_large_for_its_type_stops_the_export(source: str, tmp_path: Path) -> None:
    with psycopg.connect(source) as connection:
        connection.execute("update marts.fct_example set score = 1e30")
    with pytest.raises(duckdb.ConversionException):
        export_marts(source, TABLES, tmp_path / "marts.duckdb", run_id="run", as_of=AS_OF)
    assert not (tmp_path / "marts.duckdb").exists()
