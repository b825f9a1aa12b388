"""The function and the read rules, asked as PostgREST asks: as `authenticator`, with claims, for one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from local_supabase import schema
from orchestration.publishing.migrations import migrate
from tests.publishing.databases import fresh_database

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
STUDENT, OTHER, NEW, ELSEWHERE, UNSORTED = (UUID(int=100 + n) for n in range(5))
PARENT, OTHER_PARENT = UUID(int=200), UUID(int=201)
CONSULTANT, OTHER_ADMIN, SUPERADMIN = UUID(int=300), UUID(int=301), UUID(int=302)
REVISION, MATH, ENGLISH, CALCULUS, READING = (UUID(int=400 + n) for n in range(5))
NOBODY = UUID(int=999)

WORLD = """
    insert into public.tenants (id, name) values (%(tenant)s, 'a'), (%(other_tenant)s, 'b');
    insert into public.user_profiles (id, name, role, tenant_id) values
        (%(student)s, '', 'student', %(tenant)s), (%(other)s, '', 'student', %(tenant)s),
        (%(new)s, '', 'student', %(tenant)s), (%(elsewhere)s, '', 'student', %(other_tenant)s),
        (%(unsorted)s, '', 'student', %(tenant)s),
        (%(parent)s, '', 'parent', %(tenant)s), (%(other_parent)s, '', 'parent', %(tenant)s),
        (%(consultant)s, '', 'admin', %(tenant)s), (%(other_admin)s, '', 'admin', %(other_tenant)s),
        (%(superadmin)s, '', 'admin', null);
    insert into public.students (id, tenant_id, school_type, grade) values
        (%(student)s, %(tenant)s, 'HIGH', 2), (%(other)s, %(tenant)s, 'HIGH', 2), (%(new)s, %(tenant)s, 'high', 2),
        (%(elsewhere)s, %(other_tenant)s, 'HIGH', 2), (%(unsorted)s, %(tenant)s, null, null);
    insert into public.parent_student_links (parent_id, student_id, relation, tenant_id) values
        (%(parent)s, %(student)s, 'mother', %(tenant)s), (%(other_parent)s, %(other)s, 'father', %(tenant)s);
    insert into public.admin_users (id, role, tenant_id) values
        (%(consultant)s, 'consultant', %(tenant)s), (%(other_admin)s, 'admin', %(other_tenant)s),
        (%(superadmin)s, 'superadmin', null);
    insert into public.curriculum_revisions (id, name) values (%(revision)s, '2015개정');
    insert into public.subject_groups (id, curriculum_revision_id, name) values
        (%(math)s, %(revision)s, ' 수학 '), (%(english)s, %(revision)s, 'English');
    insert into public.subjects (id, name, subject_group_id) values
        (%(calculus)s, '미적분', %(math)s), (%(reading)s, '독해', %(english)s);
"""
VALUES = {
    "tenant": TENANT, "other_tenant": OTHER_TENANT, "student": STUDENT, "other": OTHER, "new": NEW,
    "elsewhere": ELSEWHERE, "unsorted": UNSORTED, "parent": PARENT, "other_parent": OTHER_PARENT,
    "consultant": CONSULTANT, "other_admin": OTHER_ADMIN, "superadmin": SUPERADMIN, "revision": REVISION,
    "math": MATH, "english": ENGLISH, "calculus": CALCULUS, "reading": READING,
}  # fmt: skip
PERSONAL = """
    insert into serving.content_recommendations
    select %(student)s, n, %(tenant)s, 'book', ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
        (array['수학', 'english', null])[1 + n %% 3], case when n = 3 then %(calculus)s::uuid end, null,
        1.0 / n, '[{"code": "a"}]', '이유', 'links', 'run-1', 'rec-1', now()
    from generate_series(1, 60) as n
"""
FALLBACK = """
    insert into serving.fallback_recommendations values
        (%(tenant)s, 'HIGH', 2, '수학', 1, 'book', %(a)s, %(calculus)s, 0.4, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, '수학', 2, 'book', %(b)s, null, 0.2, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, 'english', 1, 'book', %(c)s, %(reading)s, 0.3, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, 'english', 2, 'book', %(a)s, null, 0.1, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 3, '수학', 1, 'book', %(d)s, null, 0.9, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, '', 0, '수학', 1, 'book', %(e)s, null, 0.8, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(other_tenant)s, '', 0, '수학', 1, 'book', %(f)s, null, 0.7, '[]', '', 'p', 'run-1', 'rec-1', now())
"""
A, B, C, D, E, F = (UUID(int=500 + n) for n in range(6))
PUBLICATION = """
    insert into serving.publication
    values ('run-1', 1, '2026-11-23', now(), now() + interval '1 hour', now(), '', '{}', '{}', '{}', true)
"""


@pytest.fixture(scope="module")
def url(postgres_server_url: str) -> Iterator[str]:
    """A database that no test changes for good."""
    with fresh_database(postgres_server_url) as fresh:
        schema.install(fresh)
        migrate(fresh)
        with psycopg.connect(fresh, autocommit=True) as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(WORLD, VALUES)
            cursor.execute(PERSONAL, VALUES)
            cursor.execute(FALLBACK, VALUES | {"a": A, "b": B, "c": C, "d": D, "e": E, "f": F})
            cursor.execute(PUBLICATION)
        yield fresh


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """An owner, who sees everything, in a transaction that is taken back."""
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        yield connection
        connection.rollback()


def answer(
    connection: psycopg.Connection[Any], student: UUID, subjects: list[UUID] | None = None, items: int | None = 10
) -> list[Any]:
    return connection.execute(
        "select * from serving.recommend_contents(%s, %s::uuid[], %s)", [student, subjects, items]
    ).fetchall()


# What it answers


def test_personal_rows_in_order(owner: psycopg.Connection[Any]) -> None:
    rows = answer(owner, STUDENT)
    assert [row.rank for row in rows] == list(range(1, 11))
    assert [row.content_id.int for row in rows] == list(range(1, 11))
    assert {(row.source, row.basis, row.as_of, row.model_version) for row in rows} == {
        ("personal", "links", "2026-11-23", "rec-1")
    }
    first = rows[0]
    assert (first.content_type, first.subject_group, first.score) == ("book", "english", 1.0)
    assert (first.reasons, first.reasoning) == ([{"code": "a"}], "이유")


def test_arguments_have_defaults_and_names(owner: psycopg.Connection[Any]) -> None:
    short = owner.execute("select count(*) from serving.recommend_contents(%s)", [STUDENT]).fetchone()
    named = owner.execute(
        "select count(*) from serving.recommend_contents(student_id => %s, max_items => 3, subject_ids => null)",
        [STUDENT],
    ).fetchone()
    assert (short, named) == ((10,), (3,))


@pytest.mark.parametrize(("asked", "given"), [(None, 10), (-5, 1), (0, 1), (1, 1), (50, 50), (51, 50), (2**31 - 1, 50)])
def test_number_of_items_is_held_to_its_range(owner: psycopg.Connection[Any], asked: int | None, given: int) -> None:
    assert len(answer(owner, STUDENT, None, asked)) == given


def test_stale_rows_say_so(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set valid_until = now() - interval '1 second'")
    assert {row.source for row in answer(owner, STUDENT)} == {"personal_stale"}
    owner.execute("delete from serving.publication")
    assert {(row.source, row.as_of) for row in answer(owner, STUDENT)} == {("personal_stale", None)}


def test_subjects_filter_by_subject_else_by_group(owner: psycopg.Connection[Any]) -> None:
    rows = answer(owner, STUDENT, [CALCULUS], 50)
    # Every third is 수학, of which one names its subject; the others are offered by their group.
    assert [row.content_id.int for row in rows] == list(range(3, 61, 3))
    assert [row.rank for row in rows] == list(range(1, 21))
    assert {row.subject_group for row in answer(owner, STUDENT, [READING], 50)} == {"english"}
    assert len(answer(owner, STUDENT, [READING, CALCULUS], 50)) == 40


def test_another_subject_of_the_group_does_not_match_a_named_subject(owner: psycopg.Connection[Any]) -> None:
    algebra = UUID(int=450)
    owner.execute(f"insert into public.subjects (id, name, subject_group_id) values ('{algebra}', '대수', '{MATH}')")
    assert [row.content_id.int for row in answer(owner, STUDENT, [algebra], 50)] == list(range(6, 61, 3))


def test_nothing_in_the_subject_falls_back_within_it(owner: psycopg.Connection[Any]) -> None:
    owner.execute("delete from serving.content_recommendations where subject_group = 'english'")
    assert [(row.content_id, row.source) for row in answer(owner, STUDENT, [READING])] == [
        (C, "fallback"),
        (A, "fallback"),
    ]


@pytest.mark.parametrize("subjects", [[], [NOBODY]])
def test_no_subject_that_exists_gives_nothing(owner: psycopg.Connection[Any], subjects: list[UUID]) -> None:
    assert answer(owner, STUDENT, subjects) == []
    assert answer(owner, NEW, subjects) == []


def test_fallback_of_tenant_type_and_year(owner: psycopg.Connection[Any]) -> None:
    """Best of all groups first, and a content that two groups list once."""
    rows = answer(owner, NEW)
    assert [(row.rank, row.content_id, row.subject_group) for row in rows] == [
        (1, A, "수학"), (2, C, "english"), (3, B, "수학"),
    ]  # fmt: skip
    assert {(row.source, row.basis, row.as_of) for row in rows} == {("fallback", "p", "2026-11-23")}
    assert len(answer(owner, NEW, None, 2)) == 2
    assert [row.content_id for row in answer(owner, NEW, [CALCULUS])] == [A, B]


def test_fallback_of_the_academy_where_the_year_has_none(owner: psycopg.Connection[Any]) -> None:
    assert [row.content_id for row in answer(owner, UNSORTED)] == [E]
    assert [row.content_id for row in answer(owner, ELSEWHERE)] == [F]
    owner.execute("update public.students set grade = 1")
    assert [row.content_id for row in answer(owner, NEW)] == [E]


def test_unknown_student_gets_nothing(owner: psycopg.Connection[Any]) -> None:
    assert answer(owner, NOBODY) == []
    assert answer(owner, None) == []


def test_functions_are_stable_invoker_and_pinned(owner: psycopg.Connection[Any]) -> None:
    found = owner.execute(
        "select provolatile, prosecdef, proconfig, has_function_privilege('anon', oid, 'execute') "
        "from pg_proc where pronamespace = 'serving'::regnamespace"
    ).fetchall()
    assert found == [("s", False, ['search_path=""'], False)]


# Who may read


@contextmanager
def signed_in(url: str, user: UUID | str | None, role: str = "authenticated") -> Iterator[psycopg.Connection[Any]]:
    """One request as PostgREST makes it; `user` is the subject of the token."""
    parts = urlsplit(url)
    address = f"{parts.hostname}:{parts.port}"
    password = f":{parts.password}" if parts.password else ""
    claims = {"role": role} | ({} if user is None else {"sub": str(user)})
    with psycopg.connect(
        parts._replace(netloc=f"authenticator{password}@{address}").geturl(), row_factory=namedtuple_row
    ) as connection:
        connection.execute(
            "select set_config('search_path', 'serving', true) as path, set_config('role', %s, true) as role, "
            "set_config('request.jwt.claims', %s, true) as claims",
            [role, json.dumps(claims)],
        )
        yield connection


def visible(connection: psycopg.Connection[Any], table: str) -> int:
    return connection.execute(f"select count(*) from serving.{table}").fetchone()[0]


@pytest.mark.parametrize(
    ("user", "personal", "fallback"),
    [
        (STUDENT, 60, 6),
        (OTHER, 0, 6),
        (ELSEWHERE, 0, 1),
        (PARENT, 60, 6),
        (OTHER_PARENT, 0, 6),
        (CONSULTANT, 60, 6),
        (OTHER_ADMIN, 0, 1),
        (SUPERADMIN, 60, 7),
        (NOBODY, 0, 0),
        (None, 0, 0),
        ("' or true --", 0, 0),
    ],
)
def test_who_reads_what(url: str, user: UUID | str | None, personal: int, fallback: int) -> None:
    with signed_in(url, user) as connection:
        assert visible(connection, "content_recommendations") == personal
        assert visible(connection, "fallback_recommendations") == fallback
        assert visible(connection, "publication") == 1


@pytest.mark.parametrize("user", [STUDENT, PARENT, CONSULTANT, SUPERADMIN])
def test_function_answers_who_may_read(url: str, user: UUID) -> None:
    with signed_in(url, user) as connection:
        assert {row.source for row in answer(connection, STUDENT)} == {"personal"}


def test_function_gives_others_no_personal_row(url: str) -> None:
    for user in (OTHER, OTHER_PARENT, OTHER_ADMIN, NOBODY, None):
        with signed_in(url, user) as connection:
            assert not [row for row in answer(connection, STUDENT) if row.source != "fallback"]
    with signed_in(url, OTHER_ADMIN) as connection:
        assert answer(connection, STUDENT) == []
    with signed_in(url, NEW) as connection:
        assert [row.content_id for row in answer(connection, NEW)] == [A, C, B]


@pytest.mark.parametrize(
    "statement",
    [
        "select from serving.content_recommendations",
        "select from serving.fallback_recommendations",
        "select from serving.publication",
        "select from serving.recommend_contents(gen_random_uuid())",
    ],
)
def test_anon_is_refused(url: str, statement: str) -> None:
    with signed_in(url, STUDENT, role="anon") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("user", [STUDENT, CONSULTANT, SUPERADMIN])
@pytest.mark.parametrize("table", ["publication", "content_recommendations", "fallback_recommendations"])
@pytest.mark.parametrize(
    "statement",
    ["delete from {}", "update {} set run_id = ''", "insert into {0} select * from {0}", "truncate {}"],
)
def test_nobody_writes(url: str, user: UUID, table: str, statement: str) -> None:
    with signed_in(url, user) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.format(table))


def test_staging_is_nobodys(url: str) -> None:
    with signed_in(url, SUPERADMIN) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select from serving_staging.publish_log")


def test_access_rules_come_when_the_helpers_do(postgres_url: str) -> None:
    migrate(postgres_url)
    schema.install(postgres_url)
    policies = "select count(*) from pg_policy where polrelid::regclass::text like 'serving.%'"
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(policies).fetchone() == (0,)
    migrate(postgres_url, again=True)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(policies).fetchone() == (3,)
    migrate(postgres_url, again=True)
