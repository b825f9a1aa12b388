"""Publishing for one academy, or for some students: what is theirs changes, and nothing else is even written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest

from orchestration.publishing.candidate import Candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES, STUDENTS
from orchestration.publishing.engine import PublishResult, TableChange, publish, rollback
from orchestration.publishing.errors import GateRefused, NothingPublished, OlderCandidate
from orchestration.publishing.migrations import migrate
from orchestration.publishing.scope import ALL, Scope
from tests.publishing import published_rows as rows
from tests.publishing.databases import fresh_database

PERSONAL, FALLBACK, WAITING, PREDICTED, COHORTS, *LATER = (table.name for table in PUBLISHED_TABLES)
EMPTY = dict.fromkeys([WAITING, PREDICTED, COHORTS, *LATER], 0)
A, B = UUID(rows.TENANT), UUID(int=2)
OF_A, OF_B = Scope(tenant=A), Scope(tenant=B)
AT = dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)


def tables(text: str, students: int = 20) -> dict[str, pa.Table]:
    """Students with an even number are of academy A, the others of B; each has fallback lists."""
    found = rows.tables(students=students, text=text)
    personal, fallback = found[PERSONAL], found[FALLBACK]
    tenants = [str(B if n // 5 % 2 else A) for n in range(personal.num_rows)]
    personal = personal.set_column(personal.column_names.index("tenant_id"), "tenant_id", [tenants])
    of_b = fallback.set_column(0, "tenant_id", [[str(B)] * fallback.num_rows])
    return {**found, PERSONAL: personal, FALLBACK: pa.concat_tables([fallback, of_b])}


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
    return lambda run_id, found, hours: rows.write(tmp_path, run_id, found, hours=hours)


def put(url: str, candidate: Candidate, scope: Scope = ALL, **options: Any) -> PublishResult:
    return publish(url, candidate, scope=scope, check=lambda *_: [], clock=lambda: AT, **options)


def live(url: str, condition: str) -> list[tuple[Any, ...]]:
    """Rows with where they lie and who wrote them last: the same only if nobody touched them."""
    with psycopg.connect(url) as connection:
        return [
            row
            for table in (PERSONAL, FALLBACK)
            for row in connection.execute(
                f"select ctid::text, xmin::text, t.* from serving.{table} as t where {condition} order by 1".encode()
            )
        ]


def texts(url: str, condition: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {
            text
            for table in (PERSONAL, FALLBACK)
            for (text,) in connection.execute(f"select reasoning from serving.{table} where {condition}".encode())
        }


def test_one_academy_changes_and_the_other_is_not_touched(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", tables("alt"), 0))
    before = live(url, f"tenant_id = '{B}'")
    assert len(before) == 53
    result = put(url, make("run-2", tables("neu", students=18), 1), OF_A)
    assert live(url, f"tenant_id = '{B}'") == before
    assert texts(url, f"tenant_id = '{A}'") == {"neu"}
    assert result.tables == {
        PERSONAL: TableChange(95, 0, 45, 5),
        FALLBACK: TableChange(6, 0, 3, 0),
        **dict.fromkeys([WAITING, PREDICTED, COHORTS, *LATER], TableChange(0, 0, 0, 0)),
    }


def test_the_manifest_keeps_the_cut_off_of_all_under_a_new_version(url: str, make: Callable[..., Candidate]) -> None:
    first = put(url, make("run-1", tables("alt"), 0))
    later = put(url, make("run-2", tables("neu", students=18), 1), OF_A)
    assert (later.version, later.valid_until) == (2, first.valid_until)
    with psycopg.connect(url) as connection:
        [manifest] = connection.execute("select run_id, version, row_counts, content_hash from serving.publication")
        log = connection.execute("select version, run_id, scope, tenant_id from serving_staging.publish_log order by 1")
        assert log.fetchall() == [(1, "run-1", "all", None), (2, "run-2", f"tenant {A}", A)]
    assert manifest[:3] == ("run-1", 2, {PERSONAL: 95, FALLBACK: 6} | EMPTY)
    # What is live is no candidate's content any more, so the first one is a change again.
    assert manifest[3] != make("run-1", tables("alt"), 0).manifest.content_hash
    again = put(url, make("run-3", tables("alt"), 2))
    assert not again.already_current
    assert again.tables[PERSONAL] == TableChange(100, 5, 45, 0)


def test_some_students_change_and_no_list_of_a_cohort(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", tables("alt"), 0))
    chosen = Scope.of_students([UUID(rows.student(3)), UUID(rows.student(4))])
    ids = f"student_id in ('{rows.student(3)}', '{rows.student(4)}')"
    with psycopg.connect(url) as connection:
        others = connection.execute(
            f"select ctid, xmin, * from serving.{PERSONAL} where not {ids} order by 1"
        ).fetchall()
    result = put(url, make("run-2", tables("neu"), 1), chosen)
    students = [table.name for table in PUBLISHED_TABLES if table.owner == STUDENTS and table.name != PERSONAL]
    nothing = dict.fromkeys(students, TableChange(0, 0, 0, 0))
    assert result.tables == {PERSONAL: TableChange(100, 0, 10, 0), **nothing}
    with psycopg.connect(url) as connection:
        assert (
            others
            == connection.execute(f"select ctid, xmin, * from serving.{PERSONAL} where not {ids} order by 1").fetchall()
        )
        new = connection.execute(f"select count(*) from serving.{PERSONAL} where reasoning = 'neu'").fetchone()
        assert new == (10,)
        assert connection.execute(f"select distinct reasoning from serving.{FALLBACK}").fetchall() == [("alt",)]


def test_a_part_needs_a_whole(url: str, make: Callable[..., Candidate]) -> None:
    with pytest.raises(NothingPublished, match="Publish for all first"):
        put(url, make("run-1", tables("neu"), 0), OF_A)
    assert live(url, "true") == []


def test_older_never_overwrites_newer_within_an_academy(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-0", tables("0"), 0))
    put(url, make("run-3", tables("3"), 3), OF_A)
    before = live(url, "true")
    for scope in (ALL, OF_A, Scope.of_students([UUID(rows.student(1))])):
        with pytest.raises(OlderCandidate):
            put(url, make("run-2", tables("2"), 2), scope)
    assert live(url, "true") == before
    put(url, make("run-2", tables("2"), 2), OF_B)
    assert texts(url, f"tenant_id = '{A}'") == {"3"}
    assert texts(url, f"tenant_id = '{B}'") == {"2"}
    with pytest.raises(OlderCandidate):
        put(url, make("run-1", tables("1"), 1), OF_B)
    put(url, make("run-4", tables("4"), 4))
    assert texts(url, "true") == {"4"}


def test_going_back_means_a_candidate_that_was_live_for_all(
    url: str, make: Callable[..., Candidate], tmp_path: Path
) -> None:
    put(url, make("run-0", tables("0"), 0))
    put(url, make("run-1", tables("1"), 1), OF_A)
    put(url, make("run-2", tables("2"), 2))
    assert rollback(url, tmp_path, check=lambda *_: []).run_id == "run-0"
    assert texts(url, "true") == {"0"}
    put(url, make("run-1", tables("1"), 1), OF_B)


def test_the_gate_counts_within_the_academy(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", tables("alt"), 0))
    before = live(url, "true")
    with pytest.raises(GateRefused) as refused:
        put(url, make("run-2", tables("neu", students=12), 1), OF_A)
    assert refused.value.reasons == [
        f"{PERSONAL}: 20 of 50 live rows would be deleted, 40%; the limit is 30%. Is some input missing?"
    ]
    nobody = {name: table.slice(5, 5) if name == PERSONAL else table for name, table in tables("neu").items()}
    with pytest.raises(GateRefused, match="50 of 50 live rows would be deleted"):
        put(url, make("run-3", nobody, 1), OF_A)
    assert live(url, "true") == before


def test_a_scope_is_one_thing() -> None:
    with pytest.raises(ValueError, match="not both"):
        Scope(tenant=A, students=frozenset({B}))
    with pytest.raises(ValueError, match="at least one"):
        Scope.of_students([])
