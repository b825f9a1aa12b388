from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from expectations.registry import CANDIDATE_SUITES, FEATURE_SUITES, RAW_SUITES
from expectations.runner import validate_table
from expectations.spec import SuiteSpec, between, dated_before, not_null, one_of, unique
from tests.expectations.planting import SECRET, breaking, in_order

RAW_TABLES = Path(__file__).parents[2] / "local_supabase" / "sql" / "raw_tables.sql"
AS_OF = dt.date(2026, 3, 2)


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def url_of(connection: psycopg.Connection) -> str:
    info = connection.info
    return f"postgresql://{quote(info.user)}:{quote(info.password)}@{info.host}:{info.port}/{info.dbname}"


def insert(connection: psycopg.Connection, table: sql.Composable, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[row[column] for column in columns] for row in rows])


def test_every_expectation_on_raw_tables_catches_a_planted_row(database: psycopg.Connection) -> None:
    database.execute(RAW_TABLES.read_text("utf-8"))
    database.execute("create schema planted")  # the same columns, without the constraints
    found, expected = {}, {}
    for table, build in RAW_SUITES.items():
        suite = build()
        database.execute(
            sql.SQL("create table planted.{0} as table public.{0} with no data").format(sql.Identifier(table))
        )
        types = dict(
            database.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'planted' and table_name = %s",
                [table],
            ).fetchall()
        )
        good = in_order(suite, types)
        rows = [good, *({**good, **(breaking(each) or {})} for each in suite.expectations)]
        insert(database, sql.Identifier("planted", table), rows)

        outcome = validate_table(url_of(database), "planted", table, suite)

        assert SECRET not in json.dumps(outcome.to_dict(), ensure_ascii=False)
        found[table] = {(each.expectation, each.column, each.severity, each.observed) for each in outcome.failures}
        expected[table] = {
            (each.kind, each.columns[0], each.severity, f"1 of {len(rows)} rows") for each in suite.expectations
        }
    assert found == expected


def test_empty_raw_tables_fail_only_where_rows_are_needed(database: psycopg.Connection) -> None:
    database.execute(RAW_TABLES.read_text("utf-8"))
    tables = ["students", "student_plan", "calendar_events", "difficulty_levels"]

    outcomes = [validate_table(url_of(database), "public", table, RAW_SUITES[table]()) for table in tables]

    no_rows = ["must have at least 1 rows; found: 0 rows"]
    assert [[str(failure) for failure in outcome.failures] for outcome in outcomes] == [no_rows, no_rows, [], []]


def test_features_obey_the_cutoff_and_their_keys(database: psycopg.Connection) -> None:
    name = "feat_student_content__interactions"
    database.execute(
        f"create table {name} (student_id uuid, content_id uuid, shelved_date date, first_planned_date date, "
        "last_planned_date date, first_done_date date, last_done_date date, planned_count int, done_count int, "
        "done_units int)"
    )
    insert_rows = f"insert into {name} select gen_random_uuid(), gen_random_uuid(), %s, %s, %s, %s, %s, 3, 1, 20"
    eve = AS_OF - dt.timedelta(days=1)
    database.execute(insert_rows, [eve] * 5)
    database.execute(insert_rows, [None] * 5)
    suite = FEATURE_SUITES[name](AS_OF)

    assert validate_table(url_of(database), "public", name, suite).failures == ()

    database.execute(insert_rows, [AS_OF] * 5)
    database.execute(f"insert into {name} table {name} limit 1")
    database.execute(f"update {name} set done_count = -1 where shelved_date = %s", [AS_OF])
    outcome = validate_table(url_of(database), "public", name, suite)

    assert outcome.rows == 4
    assert {(each.expectation, each.column, each.severity, each.observed) for each in outcome.failures} == {
        *(
            ("between", column, "critical", "1 of 4 rows")
            for column in [
                "shelved_date",
                "first_planned_date",
                "last_planned_date",
                "first_done_date",
                "last_done_date",
                "done_count",
            ]
        ),
        ("unique", "student_id, content_id", "critical", "1 keys more than once"),
    }


def test_a_missing_table_is_named(postgres_url: str) -> None:
    outcome = validate_table(postgres_url, "public", "students", RAW_SUITES["students"]())

    (failure,) = outcome.critical
    assert outcome.rows == 0
    assert str(failure) == (
        "table public.students must exist and this role must be allowed to read it; found: no such table"
    )


def test_a_missing_column_is_named_and_the_rest_still_checked(database: psycopg.Connection) -> None:
    database.execute("create table subjects (id uuid, name text)")
    database.execute("insert into subjects values (null, 'x')")

    outcome = validate_table(url_of(database), "public", "subjects", RAW_SUITES["subjects"]())

    assert [str(failure) for failure in outcome.critical] == [
        "subject_group_id must exist and be readable; found: no such column",
        "id must not be null; found: 1 of 1 rows",
    ]


def test_a_column_of_the_wrong_type_is_critical_and_told_without_its_values(database: psycopg.Connection) -> None:
    database.execute("create table t (a text)")
    database.execute("insert into t values (%s)", [SECRET])

    outcome = validate_table(url_of(database), "public", "t", SuiteSpec("t", (), 1, (between("a", 0, 1, "warning"),)))

    assert [failure.severity for failure in outcome.failures] == ["critical"]
    assert outcome.failures[0].observed.startswith("could not be evaluated (")
    assert SECRET not in str(outcome.to_dict())


def test_rules_for_frames_are_refused(postgres_url: str) -> None:
    with pytest.raises(ValueError, match="numbered_from_one"):
        validate_table(postgres_url, "public", "t", CANDIDATE_SUITES["content_recommendations"]())


def test_a_database_that_does_not_answer_raises() -> None:
    with pytest.raises(psycopg.OperationalError):
        validate_table("postgresql://postgres@127.0.0.1:1/nobody", "public", "t", RAW_SUITES["students"]())


@pytest.fixture
def limited_url(database: psycopg.Connection) -> Iterator[str]:
    """URL of a role that may read nothing yet, with a password of all the signs that break URLs."""
    role, password = f"reader_{uuid.uuid4().hex[:8]}", "a%b$HOME/c@d:e?#é\\f ${x}"
    create = sql.SQL("create role {} login password {}").format(sql.Identifier(role), sql.Literal(password))
    database.execute(create)
    host = urlsplit(url_of(database)).netloc.rsplit("@")[-1]
    yield f"postgresql://{role}:{quote(password, safe='')}@{host}/{database.info.dbname}"
    database.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(role)))


def test_a_role_sees_what_it_is_granted(database: psycopg.Connection, limited_url: str) -> None:
    role = urlsplit(limited_url).username
    assert role
    database.execute("create table t (a int, b int)")
    database.execute("insert into t values (1, 1)")
    suite = SuiteSpec("t", (), 1, not_null("a"))

    hidden = validate_table(limited_url, "public", "t", suite)
    database.execute(sql.SQL("grant select (a) on t to {}").format(sql.Identifier(role)))
    granted = validate_table(limited_url, "public", "t", suite)
    in_part = validate_table(limited_url, "public", "t", SuiteSpec("t", (), 1, not_null("a", "b")))

    assert [failure.expectation for failure in hidden.critical] == ["table_exists"]
    assert granted.failures == ()
    assert [str(failure) for failure in in_part.critical] == ["b must exist and be readable; found: no such column"]


def test_a_large_table_is_scanned_once_and_once_per_key_and_no_connection_stays(database: psycopg.Connection) -> None:
    database.execute("create table t as select i as a, 'x' as b, current_date as c from generate_series(1, 100) as i")
    expectations = (
        *not_null("a", "b", "c"),
        *(between("a", 0, high) for high in (100, 200, 300)),
        *(one_of("b", [value]) for value in ("x", "y")),
        dated_before("c", dt.date(2100, 1, 1)),
        unique("a", "b"),
    )
    statements: list[tuple[str, dict[str, Any]]] = []

    def note(*event: Any) -> None:
        statements.append((event[2], event[3]))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    outcome = validate_table(url_of(database), "public", "t", SuiteSpec("t", (), 1, expectations))
    sa.event.remove(sa.Engine, "before_cursor_execute", note)

    assert {(each.expectation, each.detail) for each in outcome.failures} == {("one_of", "must be one of y")}
    scans = [text for text, _ in statements if "FROM checked" in text and "LIMIT" not in text]
    assert len(scans) == 3, scans  # the number of rows, all aggregates at once, the key
    examples = [arguments for text, arguments in statements if "unexpected_values" in text]
    assert examples
    assert all(0 in arguments.values() for arguments in examples), "LIMIT 0: examples are asked for, none is fetched"
    wait_until_alone(database)


def wait_until_alone(connection: psycopg.Connection) -> None:
    """Fail when other connections to the database are still there after 5 s: a server takes a moment to notice."""
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    deadline = time.monotonic() + 5
    while connection.execute(others).fetchone() != (0,):
        assert time.monotonic() < deadline, "connections stay open"
        time.sleep(0.02)
