"""What the pipeline's own roles can do, and that this is all they can, each logged in as itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from local_supabase import schema
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.publishing.engine import publish, rollback
from orchestration.publishing.migrations import migrate, pending
from orchestration.raw_contract import RAW_SCHEMA, check_raw_contract, read_contract
from tests.publishing import published_rows as rows
from tests.publishing.databases import fresh_database

ROLES = ("pipeline_transformer", "pipeline_publisher", "app_reader")
PASSWORD = "of-these-tests-only"
STUDENT, OTHER = rows.student(0), rows.student(1)
PREDICTIONS = {"score_predictions": rows.predicted({"2026-12-10": "school"}, students=2), **rows.analyzed()}


def logged_in(url: str, role: str, password: str = PASSWORD) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}").geturl()


def enrol(owner: psycopg.Connection[Any]) -> None:
    """Two students of one academy, whom published_rows knows too."""
    owner.execute("insert into public.tenants (id, name) values (%s, 'a')", [rows.TENANT])
    for student in (STUDENT, OTHER):
        owner.execute(
            "insert into public.user_profiles (id, name, role, tenant_id) values (%s, '', 'student', %s)",
            [student, rows.TENANT],
        )
        owner.execute(
            "insert into public.students (id, tenant_id, school_type, grade) values (%s, %s, 'HIGH', 1)",
            [student, rows.TENANT],
        )


@pytest.fixture(scope="module")
def url(postgres_server_url: str) -> Iterator[str]:
    """The app's tables, two students, and roles that may log in."""
    with fresh_database(postgres_server_url) as fresh:
        schema.install(fresh)
        migrate(fresh)
        with psycopg.connect(fresh, autocommit=True) as owner:
            for role in ROLES:
                owner.execute(f"alter role {role} login password '{PASSWORD}'")
            enrol(owner)
        yield fresh
        with psycopg.connect(fresh, autocommit=True) as owner:
            for role in ROLES:
                owner.execute(f"alter role {role} nologin")


def refused(url: str, *statements: str) -> None:
    for statement in statements:
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_transformer_reads_the_declared_columns_and_titles_and_no_other(url: str) -> None:
    with psycopg.connect(url) as connection:
        granted = connection.execute(
            """select table_name, column_name from information_schema.column_privileges
               where grantee = 'pipeline_transformer' and table_schema = %s and privilege_type = 'SELECT'""",
            [RAW_SCHEMA],
        ).fetchall()
    declared = {(name, column) for name, table in read_contract().items() for column in table.columns}
    titles = {(name, "title") for name in ("master_books", "master_lectures", "master_custom_contents")}
    assert set(granted) == declared | titles
    assert check_raw_contract(logged_in(url, "pipeline_transformer"), read_contract().values()) == frozenset()


def test_transformer_sees_every_row_and_changes_nothing(url: str) -> None:
    login = logged_in(url, "pipeline_transformer")
    with psycopg.connect(login) as connection:
        assert connection.execute("select count(*) from public.students").fetchone() == (2,)
        connection.execute("create schema analytics_of_a_test")
        connection.execute("create view analytics_of_a_test.v as select id, school_type from public.students")
        connection.execute(
            "create view analytics_of_a_test.w as select id, warning_id, student_id, tenant_id, warning_type, subject,"
            " detected_date, action_type, action_at from serving.warning_actions"
        )
        assert connection.execute("select count(*) from analytics_of_a_test.w").fetchone() == (0,)
        connection.rollback()
    refused(
        login,
        "select * from public.students",
        "select from auth.users",
        "update public.students set grade = 1",
        "delete from serving.publication",
        "insert into serving_staging.publish_log default values",
        "select action_notes from serving.warning_actions",
        "select action_taken_by from serving.warning_actions",
        "select * from serving.warning_actions",
        "insert into serving.warning_actions default values",
        "create table serving.mine ()",
        "create table public.mine ()",
    )


def test_publisher_publishes_and_goes_back(url: str, tmp_path: Path) -> None:
    login = logged_in(url, "pipeline_publisher")
    assert pending(login) == []
    tables = rows.tables(students=2) | PREDICTIONS
    first = publish(login, rows.write(tmp_path, "run-1", tables), check=lambda *_: [])
    second = rows.write(tmp_path, "run-2", rows.tables(students=2, text="neu") | PREDICTIONS, hours=1)
    assert publish(login, second, check=lambda *_: []).tables["content_recommendations"].updated == 10
    assert rollback(login, tmp_path, check=lambda *_: []).run_id == first.run_id
    with psycopg.connect(logged_in(url, "pipeline_transformer")) as connection:
        logged = connection.execute("select count(*) from serving_staging.score_prediction_log").fetchone()
        assert logged == (2,)


def test_publisher_knows_the_apps_ids_and_nothing_else(url: str) -> None:
    refused(
        logged_in(url, "pipeline_publisher"),
        "select grade from public.students",
        "select name from public.tenants",
        "select from public.student_mock_scores",
        "update public.students set grade = 1",
        "update serving_staging.publish_log set run_id = ''",
        "delete from serving_staging.publish_log",
        "update serving_staging.score_prediction_log set predicted_score = 100",
        "delete from serving_staging.migration",
        "select id from serving.warning_actions",
        "insert into serving.warning_actions default values",
        "update serving.warning_actions set action_type = 'dismissed'",
        "delete from serving.warning_actions",
        "truncate serving.content_recommendations",
        "drop table serving.content_recommendations",
        "alter table serving.content_recommendations disable row level security",
        "create table serving_staging.mine ()",
        "create schema mine",
    )


def test_reader_has_nothing_until_a_transaction_says_for_whom(url: str, tmp_path: Path) -> None:
    tables = rows.tables(students=2) | PREDICTIONS
    publish(url, rows.write(tmp_path, "run-9", tables, hours=9), check=lambda *_: [])
    login = logged_in(url, "app_reader")
    refused(login, "select from serving.content_recommendations", "select from public.students")
    claims = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
    with psycopg.connect(login) as connection:
        connection.execute(claims, [f'{{"sub": "{STUDENT}"}}'])
        found = connection.execute("select distinct student_id::text from serving.content_recommendations").fetchall()
        assert found == [(STUDENT,)]
        connection.rollback()
        connection.execute("set transaction read write")
        connection.execute(claims, [f'{{"sub": "{STUDENT}"}}'])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from serving.content_recommendations")
    with psycopg.connect(login) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("create temporary table mine ()")
    with psycopg.connect(login) as connection, pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("select pg_sleep(5)")


def test_no_role_passes_row_level_security(url: str) -> None:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select rolname::text from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls or"
            " rolcreaterole or rolcreatedb or rolreplication or rolinherit)",
            [list(ROLES)],
        ).fetchall()
    assert found == []


def test_every_table_is_open_to_both(url: str) -> None:
    """Also tables of later migrations: each needs a policy for either role, and staging an owner who may analyze."""
    with psycopg.connect(url) as connection:
        policies = connection.execute(
            "select relname::text, array_agg(polname::text order by polname) from pg_class c"
            " left join pg_policy on polrelid = c.oid"
            " where relnamespace = 'serving'::regnamespace and relkind = 'r' group by relname"
        ).fetchall()
        owners = dict(
            connection.execute(
                "select relname::text, relowner::regrole::text from pg_class"
                " where relnamespace = 'serving_staging'::regnamespace and relkind = 'r'"
            ).fetchall()
        )
    assert len(policies) >= 13
    closed = [
        (table, names) for table, names in policies if names != ["app_reads", "pipeline_reads", "publisher_writes"]
    ]
    # The app's own, which nobody else writes.
    assert closed == [("warning_actions", ["app_reads", "pipeline_reads", "staff_act"])]
    assert {owners[table.name] for table in PUBLISHED_TABLES} == {"pipeline_publisher"}
    assert owners["publish_log"] != "pipeline_publisher"


@pytest.fixture
def managed_url(postgres_url: str) -> Iterator[str]:
    """A database whose owner is no superuser but may create roles, like Supabase's role postgres."""
    name = urlsplit(postgres_url).path.removeprefix("/")
    role = f"owner_of_{name}"
    schema.install(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        enrol(connection)
        connection.execute(f"create role {role} login createrole password '{PASSWORD}'")
        for granted in (*ROLES, "authenticated"):
            if connection.execute("select to_regrole(%s) is not null", [granted]).fetchone() == (True,):
                connection.execute(f"grant {granted} to {role} with admin option")
        connection.execute(f"alter database {name} owner to {role}")
        connection.execute(f"grant usage on schema auth to {role}")
        connection.execute(f"grant execute on all functions in schema auth, public to {role}")
        connection.execute(f"alter schema public owner to {role}")
        for (table,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
            connection.execute(sql.SQL("alter table public.{} owner to {}").format(*map(sql.Identifier, [table, role])))
    yield logged_in(postgres_url, role)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"reassign owned by {role} to current_user")
        connection.execute(f"drop owned by {role}")
        connection.execute(f"drop role {role}")


def test_an_owner_who_is_no_superuser_migrates_from_empty_and_again(
    managed_url: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.WARNING):
        migrate(managed_url)
        migrate(managed_url, again=True)
    assert [record.getMessage() for record in caplog.records] == []
    tables = rows.tables(students=2) | PREDICTIONS
    assert publish(managed_url, rows.write(tmp_path, "run-1", tables), check=lambda *_: []).version == 1
    migrate(managed_url, again=True)
    with psycopg.connect(managed_url) as connection:
        assert connection.execute("select count(*) from serving.score_predictions").fetchone() == (2,)
        assert connection.execute("select count(*) from serving.early_warnings").fetchone() == (1,)


def test_without_the_right_to_create_roles_the_rest_is_there(
    managed_url: str, caplog: pytest.LogCaptureFixture, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"alter role {urlsplit(managed_url).username} nocreaterole")
    with caplog.at_level(logging.WARNING):
        migrate(managed_url)
    assert [record.getMessage()[:36] for record in caplog.records] == ["No roles of the pipeline's own are m"]
    assert pending(managed_url) == []
