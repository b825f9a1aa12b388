"""The app's schema in a fresh database: whole, repeatable, and showing each user what the app shows."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from local_supabase import schema


def identity(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


TENANT, OTHER_TENANT = identity(1), identity(2)
STUDENT, CLASSMATE, STRANGER = identity(11), identity(12), identity(13)
PARENT, ADMIN, CONSULTANT, SUPERADMIN = identity(21), identity(31), identity(32), identity(33)
PEOPLE = (
    (STUDENT, "student", TENANT),
    (CLASSMATE, "student", TENANT),
    (STRANGER, "student", OTHER_TENANT),
    (PARENT, "parent", TENANT),
    (ADMIN, "admin", TENANT),
    (CONSULTANT, "consultant", TENANT),
    (SUPERADMIN, "superadmin", None),
)


# One plan, history entry and calendar event for each student.
ROWS = f"""
    insert into tenants (id, name) values ('{TENANT}', 'one'), ('{OTHER_TENANT}', 'two');
    insert into user_profiles (id, role, tenant_id) select * from people;
    insert into admin_users (id, role, tenant_id)
        select * from people where role in ('admin', 'consultant', 'superadmin');
    insert into students (id, tenant_id) select id, tenant_id from people where role = 'student';
    insert into parent_student_links (parent_id, student_id, relation, tenant_id)
        values ('{PARENT}', '{STUDENT}', 'mother', '{TENANT}');
    insert into student_plan (student_id, tenant_id, plan_date, block_index, content_type)
        select id, tenant_id, now(), 1, 'book' from students;
    insert into student_history (student_id, tenant_id, event_type)
        select id, tenant_id, 'study_session' from students;
    insert into calendars (id, owner_id, owner_type, tenant_id, summary)
        select id, id, 'student', tenant_id, '' from students;
    insert into calendar_events (student_id, tenant_id, calendar_id, title, label, event_type, creator_role, start_date)
        select id, tenant_id, id, '', '', 'study', 'student', now() from students;
    insert into event_study_data (event_id) select id from calendar_events;
    insert into curriculum_revisions (name) values ('2022개정');
"""


@contextlib.contextmanager
def new_database(server_url: str) -> Iterator[str]:
    name = f"test_schema_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def database(postgres_server_url: str) -> Iterator[str]:
    """URL of a database with the schema and a few people, that tests only read."""
    with new_database(postgres_server_url) as url:
        schema.install(url)
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("create temp table people (id uuid, role text, tenant_id uuid)")
            cursor.executemany("insert into people values (%s, %s, %s)", PEOPLE)
            cursor.execute(ROWS)
        yield url


def ask(url: str, claims: object, query: str, role: str = "authenticated") -> list[tuple[object, ...]]:
    """Rows of `query`, asked as PostgREST asks: logged in as authenticator, role and claims for one transaction."""
    with psycopg.connect(url.replace("//postgres", "//authenticator", 1)) as connection:
        connection.execute("select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                           [role, json.dumps(claims) if isinstance(claims, dict) else claims])  # fmt: skip
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def visible(url: str, user: str, table: str, column: str = "student_id") -> set[str]:
    return {str(row[0]) for row in ask(url, {"sub": user}, f"select {column} from {table}")}


def fingerprint(url: str) -> list[tuple[object, ...]]:
    """Everything a second installation could have touched, with the transaction that last wrote it."""
    queries = (
        "select 'table', oid::regclass::text, relfilenode::text, relacl::text, xmin::text from pg_class"
        " where relnamespace = 'public'::regnamespace",
        "select 'constraint', conname, oid::text, '', xmin::text from pg_constraint"
        " where connamespace = 'public'::regnamespace",
        "select 'policy', polrelid::regclass::text, oid::text, '', xmin::text from pg_policy",
    )
    with psycopg.connect(url) as connection:
        return [row for query in queries for row in sorted(connection.execute(query).fetchall())]  # type: ignore[arg-type]


def test_install_makes_every_table_with_keys_and_a_read_rule(postgres_url: str) -> None:
    schema.install(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            """
            select c.relname, c.relrowsecurity,
                   exists (select from pg_policy p where p.polrelid = c.oid),
                   exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p'),
                   has_table_privilege('authenticated', c.oid, 'select'),
                   has_table_privilege('authenticated', c.oid, 'insert, update, delete, truncate, references, trigger'),
                   has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate, references, trigger')
            from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            """
        ).fetchall()
        foreign_keys = connection.execute("select count(*) from pg_constraint where contype = 'f'").fetchone()
    assert {row[0] for row in rows} == set(schema.raw_tables())
    assert len(rows) > 40
    assert {row[1:] for row in rows} == {(True, True, True, True, False, False)}
    assert foreign_keys is not None
    assert foreign_keys[0] > 100


def test_second_install_changes_nothing_and_waits_for_nobody(postgres_url: str) -> None:
    schema.install(postgres_url)
    before = fingerprint(postgres_url)
    with psycopg.connect(postgres_url) as reader:
        reader.execute("select count(*) from student_plan, students, plan_groups")  # its locks stay until the end
        with psycopg.connect(postgres_url) as writer:
            writer.execute("insert into tenants (name) values ('one')")
            schema.install(f"{postgres_url}?options=-clock_timeout%3D2s")
    assert fingerprint(postgres_url) == before


def test_install_repairs_what_is_missing(postgres_url: str) -> None:
    schema.install(postgres_url)
    whole = {row[:2] for row in fingerprint(postgres_url)}
    with psycopg.connect(postgres_url) as connection:
        connection.execute("alter table students drop constraint students_tenant_id_fkey")
        connection.execute("drop index student_plan_student_id_plan_date_idx")
        connection.execute("drop policy stand_in_read on student_plan")
        connection.execute("drop table daily_check_ins")
    assert {row[:2] for row in fingerprint(postgres_url)} != whole
    schema.install(postgres_url)
    assert {row[:2] for row in fingerprint(postgres_url)} == whole


def test_installs_at_once_do_not_disturb_each_other(postgres_server_url: str, postgres_url: str) -> None:
    with new_database(postgres_server_url) as twin:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(schema.install, [postgres_url, twin, postgres_url, twin]))
        assert {row[:2] for row in fingerprint(postgres_url)} == {row[:2] for row in fingerprint(twin)}


def test_a_table_without_a_rule_is_closed(postgres_url: str) -> None:
    schema.install(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table public.scratch as select 1 as n")
    schema.install(postgres_url)
    assert ask(postgres_url, {"sub": STUDENT}, "select * from scratch") == []


def test_roles_are_supabases(database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolinherit, rolbypassrls, rolsuper, rolconfig from pg_roles"
            " where rolname in ('anon', 'authenticated', 'service_role', 'authenticator') order by 1"
        ).fetchall()
        members = connection.execute(
            "select roleid::regrole::text from pg_auth_members where member = 'authenticator'::regrole order by 1"
        ).fetchall()
    assert rows == [
        ("anon", False, False, False, False, ["statement_timeout=3s"]),
        ("authenticated", False, False, False, False, ["statement_timeout=8s"]),
        ("authenticator", True, False, False, False, ["statement_timeout=8s", "lock_timeout=8s"]),
        ("service_role", False, False, True, False, None),
    ]
    assert {"anon", "authenticated", "service_role"} <= {row[0] for row in members}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": STUDENT, "role": "authenticated"}, (STUDENT, "authenticated")),
        ({"role": "authenticated"}, (None, "authenticated")),
        ({"sub": "not a uuid"}, (None, None)),
        ({"sub": STUDENT + "0"}, (None, None)),
        ("", (None, None)),
    ],
)
def test_auth_reads_the_claims_or_answers_null(database: str, claims: object, expected: tuple[object, ...]) -> None:
    assert ask(database, claims, "select auth.uid()::text, auth.role()") == [expected]
    assert ask(database, claims, "select count(*) from student_plan") == [(1 if expected[0] else 0,)]


def test_auth_reads_the_old_form_of_the_claims_too(database: str) -> None:
    query = "select set_config('request.jwt.claim.sub', '{}', true)"
    with psycopg.connect(database) as connection:
        connection.execute(query.format(STUDENT))  # type: ignore[arg-type]
        assert connection.execute("select auth.uid()::text").fetchone() == (STUDENT,)


HELPERS = {
    "rls_check_student_own": (f"'{STUDENT}'", {STUDENT}),
    "rls_check_parent_student": (f"'{STUDENT}'", {PARENT}),
    "rls_check_admin_tenant": (f"'{TENANT}'", {ADMIN, CONSULTANT}),
    "rls_check_admin_only_tenant": (f"'{TENANT}'", {ADMIN}),
    "rls_check_admin_full_tenant": (f"'{TENANT}'", {ADMIN, CONSULTANT, SUPERADMIN}),
    "rls_check_admin_or_superadmin_tenant": (f"'{TENANT}'", {ADMIN, SUPERADMIN}),
    "rls_check_admin_member": ("", {ADMIN, CONSULTANT, SUPERADMIN}),
    "rls_check_is_superadmin": ("", {SUPERADMIN}),
    "is_super_admin": ("", {SUPERADMIN}),
    "rls_check_tenant_member": (f"'{TENANT}'", {STUDENT, CLASSMATE, PARENT, ADMIN, CONSULTANT}),
    "rls_check_tenant_member_v2": (f"'{TENANT}'", {STUDENT, CLASSMATE, PARENT, ADMIN, CONSULTANT}),
}


@pytest.mark.parametrize("helper", HELPERS)
def test_helpers_say_yes_to_the_right_people_only(database: str, helper: str) -> None:
    argument, expected = HELPERS[helper]
    answers = {user: ask(database, {"sub": user}, f"select {helper}({argument})") for user, _, _ in PEOPLE}
    assert {user for user, answer in answers.items() if answer == [(True,)]} == expected
    assert {user for user, answer in answers.items() if answer == [(False,)]} == answers.keys() - expected
    assert ask(database, {}, f"select {helper}({argument})") == [(False,)]


def test_tenant_of_the_user(database: str) -> None:
    answers = {user: ask(database, {"sub": user}, "select get_user_tenant_id()::text") for user, _, _ in PEOPLE}
    assert answers == {user: [(tenant,)] for user, _, tenant in PEOPLE}


def test_helpers_pin_their_search_path(database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select proname, prosecdef, provolatile, proconfig, has_function_privilege('public', oid, 'execute')"
            " from pg_proc where pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert {row[0] for row in rows} == HELPERS.keys() | {"get_user_tenant_id"}
    assert {(row[1], row[2], tuple(row[3]), row[4]) for row in rows} == {(True, "s", ('search_path=""',), False)}


ALL = {STUDENT, CLASSMATE, STRANGER}
IN_TENANT = {STUDENT, CLASSMATE}


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("student_plan", "student_id", {STUDENT: {STUDENT}, CLASSMATE: {CLASSMATE}, PARENT: {STUDENT},
                                        ADMIN: IN_TENANT, CONSULTANT: IN_TENANT, SUPERADMIN: ALL}),
        ("student_history", "student_id", {STUDENT: {STUDENT}, PARENT: set(), ADMIN: IN_TENANT, SUPERADMIN: ALL}),
        ("students", "id", {STUDENT: IN_TENANT, STRANGER: {STRANGER}, PARENT: IN_TENANT, SUPERADMIN: ALL}),
        ("tenants", "id", {STUDENT: {TENANT}, STRANGER: {OTHER_TENANT}, SUPERADMIN: {TENANT, OTHER_TENANT}}),
        ("parent_student_links", "student_id", {STUDENT: {STUDENT}, PARENT: {STUDENT}, CLASSMATE: set()}),
        ("curriculum_revisions", "name", {STUDENT: {"2022개정"}, STRANGER: {"2022개정"}, PARENT: {"2022개정"}}),
    ],
)  # fmt: skip
def test_each_user_sees_what_the_app_shows(
    database: str, table: str, column: str, expected: dict[str, set[str]]
) -> None:
    assert {user: visible(database, user, table, column) for user in expected} == expected


@pytest.mark.parametrize(("user", "rows"), [(STUDENT, 1), (PARENT, 1), (ADMIN, 2), (SUPERADMIN, 3)])
def test_study_data_are_as_visible_as_their_events(database: str, user: str, rows: int) -> None:
    assert ask(database, {"sub": user}, "select count(*) from event_study_data") == [(rows,)]


def test_users_cannot_write_and_anon_cannot_read(database: str) -> None:
    for statement in (
        "delete from student_plan",
        "update students set grade = 1",
        "insert into tenants (name) values ('')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(database, {"sub": ADMIN}, statement)
    for table in ("students", "master_books"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(database, {}, f"select * from {table}", role="anon")
    assert ask(database, {}, "select count(*) from student_plan", role="service_role") == [(3,)]
