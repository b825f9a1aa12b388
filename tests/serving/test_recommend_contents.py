"""What `serving.recommend_contents` answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from tests.serving.world import CALCULUS, ELSEWHERE, MATH, NEW, NOBODY, READING, STUDENT, UNSORTED, VALUES

PERSONAL = """
    insert into serving.content_recommendations
    select %(student)s, n, %(tenant)s, 'book', ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
        (array['수학', '영어', null])[1 + n %% 3], case when n = 3 then %(calculus)s::uuid end, null,
        1.0 / n, '[{"code": "a"}]', '이유', 'links', 'run-1', 'rec-1', now()
    from generate_series(1, 60) as n
"""
FALLBACK = """
    insert into serving.fallback_recommendations values
        (%(tenant)s, 'HIGH', 2, '수학', 1, 'book', %(a)s, %(calculus)s, 0.4, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, '수학', 2, 'book', %(b)s, null, 0.2, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, '영어', 1, 'book', %(c)s, %(reading)s, 0.3, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 2, '영어', 2, 'book', %(a)s, null, 0.1, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, 'HIGH', 3, '수학', 1, 'book', %(d)s, null, 0.9, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(tenant)s, '', 0, '수학', 1, 'book', %(e)s, null, 0.8, '[]', '', 'p', 'run-1', 'rec-1', now()),
        (%(other_tenant)s, '', 0, '수학', 1, 'book', %(f)s, null, 0.7, '[]', '', 'p', 'run-1', 'rec-1', now())
"""
A, B, C, D, E, F = (UUID(int=500 + n) for n in range(6))


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """An owner of the published rows, in a transaction that is taken back."""
    with psycopg.connect(url, row_factory=namedtuple_row, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(PERSONAL, VALUES)
        connection.execute(FALLBACK, VALUES | {"a": A, "b": B, "c": C, "d": D, "e": E, "f": F})
        yield connection
        connection.rollback()


def answer(
    connection: psycopg.Connection[Any], student: UUID, subjects: list[UUID] | None = None, items: int | None = 10
) -> list[Any]:
    return connection.execute(
        "select * from serving.recommend_contents(%s, %s::uuid[], %s)", [student, subjects, items]
    ).fetchall()


def test_personal_rows_in_order(owner: psycopg.Connection[Any]) -> None:
    rows = answer(owner, STUDENT)
    assert [row.rank for row in rows] == list(range(1, 11))
    assert [row.content_id.int for row in rows] == list(range(1, 11))
    assert {(row.source, row.basis, row.as_of, row.model_version) for row in rows} == {
        ("personal", "links", "2026-11-23", "rec-1")
    }
    first = rows[0]
    assert (first.content_type, first.subject_group, first.score) == ("book", "영어", 1.0)
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
    assert {row.source for row in answer(owner, STUDENT)} == {"stale"}
    owner.execute("delete from serving.publication")
    assert {(row.source, row.as_of) for row in answer(owner, STUDENT)} == {("stale", None)}


def test_subjects_filter_by_subject_else_by_group(owner: psycopg.Connection[Any]) -> None:
    rows = answer(owner, STUDENT, [CALCULUS], 50)
    # Every third is 수학, of which one names its subject; the others are offered by their group.
    assert [row.content_id.int for row in rows] == list(range(3, 61, 3))
    assert [row.rank for row in rows] == list(range(1, 21))
    assert {row.subject_group for row in answer(owner, STUDENT, [READING], 50)} == {"영어"}
    assert len(answer(owner, STUDENT, [READING, CALCULUS], 50)) == 40


def test_another_subject_of_the_group_does_not_match_a_named_subject(owner: psycopg.Connection[Any]) -> None:
    algebra = UUID(int=450)
    owner.execute(f"insert into public.subjects (id, name, subject_group_id) values ('{algebra}', '대수', '{MATH}')")
    assert [row.content_id.int for row in answer(owner, STUDENT, [algebra], 50)] == list(range(6, 61, 3))


def test_nothing_in_the_subject_falls_back_within_it(owner: psycopg.Connection[Any]) -> None:
    owner.execute("delete from serving.content_recommendations where subject_group = '영어'")
    assert [(row.content_id, row.source) for row in answer(owner, STUDENT, [READING])] == [
        (C, "cohort"),
        (A, "cohort"),
    ]


@pytest.mark.parametrize("subjects", [[], [NOBODY]])
def test_no_subject_that_exists_gives_nothing(owner: psycopg.Connection[Any], subjects: list[UUID]) -> None:
    assert answer(owner, STUDENT, subjects) == []
    assert answer(owner, NEW, subjects) == []


def test_fallback_of_tenant_type_and_year(owner: psycopg.Connection[Any]) -> None:
    """Best of all groups first, and a content that two groups list once."""
    rows = answer(owner, NEW)
    assert [(row.rank, row.content_id, row.subject_group) for row in rows] == [
        (1, A, "수학"), (2, C, "영어"), (3, B, "수학"),
    ]  # fmt: skip
    assert {(row.source, row.basis, row.as_of) for row in rows} == {("cohort", "p", "2026-11-23")}
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
