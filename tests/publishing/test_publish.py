from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest

from orchestration.publishing import engine
from orchestration.publishing.candidate import Candidate, Validation
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.publishing.engine import PublishResult, PublishSettings, TableChange, publish, rollback
from orchestration.publishing.errors import (
    CandidateError,
    GateRefused,
    NothingPublished,
    OlderCandidate,
    PublishLocked,
    StagingChanged,
)
from orchestration.publishing.gate import GateLimits, Problem
from orchestration.publishing.migrations import migrate
from orchestration.publishing.scope import Scope
from orchestration.publishing.sql import TRY_LOCK
from tests.publishing import published_rows as rows
from tests.publishing.databases import fresh_database

PERSONAL, FALLBACK, WAITING, PREDICTED, COHORTS, *LATER = (table.name for table in PUBLISHED_TABLES)
EMPTY = dict.fromkeys([WAITING, PREDICTED, COHORTS, *LATER], 0)
AT = dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)
ROOT = Path(__file__).resolve().parents[2]


def content_is_fine(table: str, rows: pa.Table) -> Sequence[Problem]:
    return []


def put(url: str, candidate: Candidate, **options: Any) -> PublishResult:
    return publish(url, candidate, **{"check": content_is_fine, "clock": lambda: AT, **options})


@pytest.fixture(scope="module")
def shared_url(postgres_server_url: str) -> Iterator[str]:
    with fresh_database(postgres_server_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def url(shared_url: str) -> str:
    """A migrated database in which nothing was ever published."""
    with psycopg.connect(shared_url) as connection:
        connection.execute("drop table if exists public.students, public.tenants")
        connection.execute("truncate serving.publication, serving_staging.publish_log")
        connection.execute("truncate serving_staging.score_prediction_log")
        for table in PUBLISHED_TABLES:
            connection.execute(f"truncate serving.{table.name}, serving_staging.{table.name}")
    return shared_url


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Candidate]:
    return lambda run_id, *args, **options: rows.write(tmp_path, run_id, *args, **options)


def state(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the app may read."""
    with psycopg.connect(url) as connection:
        return {
            name: connection.execute(f"select * from serving.{name} order by 1, 2, 3, 4, 5").fetchall()
            for name in (PERSONAL, FALLBACK, "publication")
        }


def staged(url: str) -> int:
    with psycopg.connect(url) as connection:
        return sum(
            connection.execute(f"select count(*) from serving_staging.{table.name}").fetchone()[0]
            for table in PUBLISHED_TABLES
        )


def changed(tables: dict[str, pa.Table], column: str, values: dict[int, Any]) -> dict[str, pa.Table]:
    found = tables[PERSONAL][column].to_pylist()
    for row, value in values.items():
        found[row] = value
    index = tables[PERSONAL].column_names.index(column)
    return {**tables, PERSONAL: tables[PERSONAL].set_column(index, column, [found])}


def test_first_publication(url: str, make: Callable[..., Candidate]) -> None:
    candidate = make("run-1")
    result = put(url, candidate)
    assert result.tables == {
        PERSONAL: TableChange(100, 100, 0, 0),
        FALLBACK: TableChange(3, 3, 0, 0),
        **dict.fromkeys([WAITING, PREDICTED, COHORTS, *LATER], TableChange(0, 0, 0, 0)),
    }
    assert (result.version, result.already_current) == (1, False)
    with psycopg.connect(url) as connection:
        publication = connection.execute("select * from serving.publication").fetchall()
        models = {name: model.model_dump() for name, model in rows.MODELS.items()}
        counts = {PERSONAL: 100, FALLBACK: 3} | EMPTY
        until = AT + dt.timedelta(hours=48)
        identity = ("run-1", 1, "2026-11-23", AT, until, rows.CREATED, candidate.manifest.content_hash)
        assert publication == [(*identity, counts, counts, models, True)]
        found = connection.execute(
            "select reasons, reasoning, score, subject_group, run_id, model_version, computed_at "
            "from serving.content_recommendations where student_id = %s and rank = 2",
            [rows.student(3)],
        ).fetchone()
        text = '복습이 필요해요, "꼭"\n다음 권'
        reasons = [{"code": "popular", "students": 12}]
        assert found == (reasons, text, pytest.approx(0.45), None, "run-1", "rec-1", rows.CREATED)
        subject = connection.execute("select distinct subject_group from serving.fallback_recommendations").fetchall()
        assert subject == [("",)]
    assert staged(url) == 0


def test_same_content_again_changes_no_row(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    before = state(url)
    result = put(url, make("run-2", hours=24, model_version="rec-2"))
    assert result.already_current
    assert {change.changed for change in result.tables.values()} == {0}
    after = state(url)
    assert after[PERSONAL] == before[PERSONAL]
    assert after[FALLBACK] == before[FALLBACK]
    assert [(row[0], row[1], row[-1]) for row in after["publication"]] == [("run-1", 1, False), ("run-2", 2, True)]


def test_same_run_again_is_a_new_version(url: str, make: Callable[..., Candidate]) -> None:
    candidate = make("run-1")
    put(url, candidate)
    assert put(url, candidate).version == 2
    with psycopg.connect(url) as connection:
        assert connection.execute("select run_id, version, is_current from serving.publication").fetchall() == [
            ("run-1", 2, True)
        ]
        log = connection.execute("select version, run_id from serving_staging.publish_log order by 1").fetchall()
        assert log == [(1, "run-1"), (2, "run-1")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("score", 0.111),
        ("reasons", '[{"code": "new"}]'),
        ("subject_group", None),
        ("subject_id", rows.content(5)),
        ("tenant_id", rows.content(6)),
    ],
)
def test_only_the_row_that_differs_is_written(
    url: str, make: Callable[..., Candidate], column: str, value: object
) -> None:
    put(url, make("run-1"))
    before = state(url)[PERSONAL]
    result = put(url, make("run-2", changed(rows.tables(), column, {10: value}), hours=24, model_version="rec-2"))
    assert result.tables[PERSONAL] == TableChange(100, 0, 1, 0)
    after = state(url)[PERSONAL]
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(different) == 1
    old, new = different[0]
    assert new[:2] == old[:2]
    assert new[-3:] == ("run-2", "rec-2", rows.CREATED + dt.timedelta(hours=24))


def test_inserted_updated_and_deleted_are_counted(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    tables = changed(rows.tables(students=22), "source", {0: "other", 1: "other"})
    keep = pa.array([i not in {7, 8, 9} for i in range(110)])
    result = put(url, make("run-2", {**tables, PERSONAL: tables[PERSONAL].filter(keep)}, hours=24))
    assert result.tables[PERSONAL] == TableChange(rows=107, inserted=10, updated=2, deleted=3)
    with psycopg.connect(url) as connection:
        log = connection.execute("select changes from serving_staging.publish_log where version = 2").fetchone()
    assert log[0][PERSONAL] == {"inserted": 10, "updated": 2, "deleted": 3}


# The gate


def assert_refused(url: str, candidate: Candidate, *reasons: str, **options: Any) -> None:
    before = state(url)
    with pytest.raises(GateRefused) as refused:
        put(url, candidate, **options)
    assert len(refused.value.reasons) == len(reasons), refused.value.reasons
    for reason, expected in zip(refused.value.reasons, reasons, strict=True):
        assert expected in reason
    assert state(url) == before
    assert staged(url) == 0


def test_empty_candidate_is_refused(url: str, make: Callable[..., Candidate]) -> None:
    empty = {name: table.slice(0, 0) for name, table in rows.tables().items()}
    assert_refused(url, make("first", empty), f"{PERSONAL}: no rows", f"{FALLBACK}: no rows")
    put(url, make("run-1"))
    assert_refused(url, make("run-2", {**rows.tables(), PERSONAL: empty[PERSONAL]}, hours=1), f"{PERSONAL}: no rows")


def test_halved_candidate_is_refused(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    assert_refused(url, make("run-2", rows.tables(students=10), hours=1), "50 of 100 live rows would be deleted, 50%")
    assert_refused(url, make("run-3", rows.tables(ranks=2), hours=1), "60 of 100 live rows would be deleted, 60%")
    result = put(url, make("run-4", rows.tables(students=10), hours=1), limits=GateLimits(max_deleted_share=0.5))
    assert result.tables[PERSONAL].deleted == 50


def test_earlier_cut_off_may_hold_fewer(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    back = make("run-2", rows.tables(students=3), hours=1, as_of=dt.date(2026, 3, 1))
    assert put(url, back).tables[PERSONAL].rows == 15
    with psycopg.connect(url) as connection:
        current = connection.execute("select as_of from serving.publication where is_current").fetchone()
    assert current == ("2026-03-01",)


def test_every_failed_validation_refuses(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    failed = (
        Validation(suite="raw_students", success=False, critical=("grade 7 in 3 rows", "no rows")),
        Validation(suite="raw_plans", success=False),
        Validation(suite="feat_a", success=True),
    )
    assert_refused(
        url,
        make("run-2", hours=1, validations=failed),
        "raw_students: grade 7 in 3 rows",
        "raw_students: no rows",
        "raw_plans: failed",
    )
    assert_refused(url, make("run-3", hours=1, validations=()), "recorded none")


def test_candidate_check_refuses_and_sees_the_rows(url: str, make: Callable[..., Candidate]) -> None:
    def check(table: str, found: pa.Table) -> Sequence[Problem]:
        return [Problem("shape", f"{table} {found.num_rows} {found.column_names[0]}")]

    assert_refused(
        url, make("run-1"), f"shape: {PERSONAL} 100 student_id", f"shape: {FALLBACK} 3 tenant_id", check=check
    )


APP = """
    create table public.tenants (id uuid primary key);
    create table public.students (id uuid primary key, tenant_id uuid not null);
    insert into public.tenants values (%(tenant)s::uuid);
    insert into public.students
    select ('00000000-0000-0000-0000-' || lpad(to_hex(1000 + n), 12, '0'))::uuid, %(tenant)s::uuid
    from generate_series(0, 19) as n;
"""


@pytest.fixture
def app_url(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in APP.split(";")[:-1]:
            connection.execute(statement, {"tenant": rows.TENANT} if "%(" in statement else None)
    return url


def test_students_belong_to_their_tenant(app_url: str, make: Callable[..., Candidate]) -> None:
    put(app_url, make("run-1"))
    moved = changed(rows.tables(), "tenant_id", {0: rows.content(1), 99: rows.content(2)})
    assert_refused(app_url, make("run-2", moved, hours=1), "2 rows carry a tenant that is not their student's")


def test_unknown_students_and_tenants_refuse(app_url: str, make: Callable[..., Candidate]) -> None:
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute("delete from public.students where id = %s", [rows.student(4)])
        connection.execute("truncate public.tenants")
    assert_refused(
        app_url,
        make("run-1"),
        "1 of 20 students are not in public.students",
        "1 of 1 tenants are not in public.tenants",
    )
    result = put(app_url, make("run-2"), limits=GateLimits(max_unknown_share=1))
    assert result.tables[PERSONAL].rows == 100


def test_rows_of_students_who_are_gone_may_go(app_url: str, make: Callable[..., Candidate]) -> None:
    put(app_url, make("run-1"))
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute("delete from public.students where id >= %s", [rows.student(8)])
    assert_refused(app_url, make("run-2", rows.tables(students=1), hours=1), "35 of 100 live rows would be deleted")
    assert put(app_url, make("run-3", rows.tables(students=8), hours=1)).tables[PERSONAL].deleted == 60


def test_limits_are_shares() -> None:
    with pytest.raises(ValueError, match=r"max_deleted_share.*max_unknown_share"):
        GateLimits(max_deleted_share=30, max_unknown_share=-1)


# Order, locks, accidents


def test_older_candidate_comes_too_late(url: str, make: Callable[..., Candidate]) -> None:
    old = make("old", rows.tables(text="alt"))
    put(url, make("new", hours=1))
    before = state(url)
    with pytest.raises(OlderCandidate, match="tlu rollback"):
        put(url, old)
    assert state(url) == before


def test_rollback_is_a_new_version_of_the_candidate_before(
    url: str, make: Callable[..., Candidate], tmp_path: Path
) -> None:
    with pytest.raises(NothingPublished, match="Nothing is published"):
        rollback(url, tmp_path, check=content_is_fine)
    put(url, make("run-1", rows.tables(text="eins")))
    make("never-published", rows.tables(text="nie"), hours=1)
    put(url, make("run-2", rows.tables(students=60, text="zwei"), hours=2))
    result = rollback(url, tmp_path, check=content_is_fine, clock=lambda: AT)
    assert (result.version, result.run_id, result.tables[PERSONAL].deleted) == (3, "run-1", 200)
    with psycopg.connect(url) as connection:
        assert connection.execute("select distinct reasoning from serving.content_recommendations").fetchall() == [
            ("eins",)
        ]
        log = connection.execute("select is_rollback from serving_staging.publish_log order by version").fetchall()
        assert log == [(False,), (False,), (True,)]
    with pytest.raises(CandidateError, match="before the live one, run run-1"):
        rollback(url, tmp_path, check=content_is_fine)
    assert put(url, make("run-3", hours=3, rows=rows.tables(text="drei"))).version == 4


def test_second_publisher_stops_at_once(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1"))
    before = state(url)
    with psycopg.connect(url) as other:
        assert other.execute(TRY_LOCK).fetchone() == (True,)
        with pytest.raises(PublishLocked):
            put(url, make("run-2", rows.tables(text="neu"), hours=1))
    assert state(url) == before
    assert staged(url) == 0
    assert put(url, make("run-2", rows.tables(text="neu"), hours=1)).version == 2


@pytest.mark.parametrize(
    "accident",
    [
        "truncate serving_staging.content_recommendations",  # what a crash does to unlogged tables
        "delete from serving_staging.content_recommendations where rank = 1",
        "update serving_staging.content_recommendations set score = 0.5 where rank = 1",
        "update serving_staging.fallback_recommendations set run_id = 'other'",
    ],
)
def test_staging_that_changed_after_the_gate_aborts(
    url: str, make: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch, accident: str
) -> None:
    put(url, make("run-1"))
    before = state(url)
    passed = engine.gate.volume_problems

    def then_accident(*args: Any) -> list[Problem]:
        problems = passed(*args)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(accident)
        return problems

    monkeypatch.setattr(engine.gate, "volume_problems", then_accident)
    with pytest.raises(StagingChanged):
        put(url, make("run-2", rows.tables(text="neu"), hours=1))
    assert state(url) == before


def test_value_that_postgres_refuses_quotes_no_row(url: str, make: Callable[..., Candidate]) -> None:
    before = state(url)
    # Not spelled out below, since a traceback shows the lines of this test.
    no_json = make("run-1", changed(rows.tables(), "reasons", {5: '{"secret-reason"'}))
    too_much = make("run-2", changed(rows.tables(), "score", {5: 1.5}))
    with pytest.raises(CandidateError, match="22P02") as refused:
        put(url, no_json)
    with pytest.raises(CandidateError, match="23514") as too_high:
        put(url, too_much)
    for error in (refused.value, too_high.value):
        told = "".join(traceback.format_exception(error))
        assert rows.student(1) not in told
        assert "secret" not in told
    assert state(url) == before


def test_left_over_staging_of_another_run_is_neither_published_nor_kept(
    url: str, make: Callable[..., Candidate]
) -> None:
    leave = """
        insert into serving_staging.fallback_recommendations
        select %s, %s, 'HIGH', 1, '', n, 'book', %s, null, 0.5, '[]', '', 'x', now() - %s::interval
        from generate_series(1, 9) as n
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(leave, ["killed", rows.TENANT, rows.content(1), "25 hours"])
        connection.execute(leave, ["at-work", rows.TENANT, rows.content(1), "1 hour"])
        # Live, and in the other run's staging, but not in ours: it goes.
        connection.execute(
            "insert into serving.fallback_recommendations "
            "values (%s, 'HIGH', 1, '', 9, 'book', %s, null, 0.5, '[]', '', 'x', 'run-0', 'rec-0', now())",
            [rows.TENANT, rows.content(1)],
        )
    assert put(url, make("run-1")).tables[FALLBACK] == TableChange(rows=3, inserted=3, updated=0, deleted=1)
    with psycopg.connect(url) as connection:
        left = connection.execute("select distinct run_id from serving_staging.fallback_recommendations").fetchall()
    assert left == [("at-work",)]


@pytest.fixture
def row_lock(url: str) -> Iterator[psycopg.Connection]:
    """A transaction to hold rows that the publisher needs."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def test_retries_when_a_row_is_locked(url: str, make: Callable[..., Candidate], row_lock: psycopg.Connection) -> None:
    put(url, make("run-1"))
    row_lock.execute("select from serving.publication for update")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            row_lock.rollback()

    settings = PublishSettings(lock_timeout="100ms", retry_after_seconds=(1, 2, 3))
    result = put(url, make("run-2", rows.tables(text="neu"), hours=1), settings=settings, sleep=sleep)
    assert pauses == [1, 2]
    assert (result.version, result.tables[PERSONAL].updated) == (2, 100)


def test_gives_up_after_the_last_retry(url: str, make: Callable[..., Candidate], row_lock: psycopg.Connection) -> None:
    put(url, make("run-1"))
    before = state(url)
    row_lock.execute("select from serving.publication for update")
    pauses: list[float] = []
    settings = PublishSettings(lock_timeout="50ms", retry_after_seconds=(1, 2))
    with pytest.raises(psycopg.errors.LockNotAvailable):
        put(url, make("run-2", rows.tables(text="neu"), hours=1), settings=settings, sleep=pauses.append)
    assert pauses == [1, 2]
    assert state(url) == before


PUBLISHER = """
import sys
from pathlib import Path
from orchestration.publishing import candidate, engine
engine.publish(sys.argv[1], candidate.read(Path(sys.argv[2])), check=lambda table, rows: [])
"""


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - started


def test_killed_publisher_leaves_the_old_version(
    url: str, make: Callable[..., Candidate], row_lock: psycopg.Connection
) -> None:
    put(url, make("run-1"))
    before = state(url)
    candidate = make("run-2", rows.tables(text="neu"), hours=1)
    # After MERGE and DELETE the publisher wants this row, and waits.
    row_lock.execute("select from serving.publication for update")
    publisher = subprocess.Popen([sys.executable, "-c", PUBLISHER, url, str(candidate.folder)], cwd=ROOT)
    with psycopg.connect(url, autocommit=True) as watch:

        def is_waiting() -> bool:
            found = watch.execute(
                "select exists (select from pg_stat_activity where datname = current_database() "
                "and wait_event_type = 'Lock' and query ~ 'is_current = false')"
            ).fetchone()
            return found == (True,)

        def is_lock_free() -> bool:
            with watch.transaction():
                return watch.execute(TRY_LOCK).fetchone() == (True,)

        try:
            wait_until(is_waiting, 30)
            assert not is_lock_free()
        finally:
            os.kill(publisher.pid, signal.SIGKILL)
            publisher.wait()
        # The row is still held: it is the check of the connection that ends the transaction.
        wait_until(is_lock_free, 2)
    row_lock.rollback()
    assert state(url) == before
    assert put(url, candidate).tables[PERSONAL].updated == 100
    assert staged(url) == 0


def test_what_waits_comes_and_goes_with_its_rows(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", rows.tables() | {WAITING: rows.waiting(1, 2)}))
    result = put(url, make("run-2", rows.tables() | {WAITING: rows.waiting(2, 3)}, hours=1))
    assert result.tables[WAITING] == TableChange(rows=2, inserted=1, updated=0, deleted=1)
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select content_id::text, done_share from serving.resume_contents(%s)", [rows.student(3)]
        )
        assert found.fetchall() == [(rows.content(1), 0.25)]
        assert connection.execute("select from serving.resume_contents(%s)", [rows.student(1)]).fetchall() == []


def test_what_is_shown_first_is_kept_as_it_was_and_not_for_ever(url: str, make: Callable[..., Candidate]) -> None:
    reasons = '[{"code": "next_volume", "params": {}}, {"code": "studying", "params": {}}]'

    def candidate(run: str, ranks: int, hours: int) -> Candidate:
        tables = rows.tables(students=1, ranks=ranks)
        texts = pa.array([reasons] * ranks, pa.string())
        personal = tables[PERSONAL]
        personal = personal.set_column(personal.column_names.index("reasons"), "reasons", texts)
        return make(run, tables | {PERSONAL: personal}, hours=hours)

    def kept() -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return connection.execute(
                "select content_id::text, rank, reason_codes, version, as_of, model_version, source "
                "from serving_staging.first_shown where student_id = %s order by rank",
                [rows.student(0)],
            ).fetchall()

    with psycopg.connect(url) as connection:
        connection.execute("delete from serving_staging.first_shown")
    put(url, candidate("run-1", 3, 0))
    codes = ["next_volume", "studying"]
    first = [(rows.content(n), n, codes, 1, "2026-11-23", "rec-1", "links") for n in (1, 2, 3)]
    assert kept() == first
    # Ranks beyond ten are not on the first page; what was shown before is not shown first again.
    put(url, candidate("run-2", 12, 1))
    assert [row[:4] for row in kept()[3:]] == [(rows.content(n), n, codes, 2) for n in range(4, 11)]
    assert kept()[:3] == first
    with psycopg.connect(url) as connection:
        long_ago = AT - dt.timedelta(366)
        connection.execute("update serving_staging.first_shown set shown_at = %s where rank < 3", [long_ago])
    put(url, candidate("run-3", 12, 2))
    assert [row[1] for row in kept()] == list(range(3, 11))


# Score predictions

NO_EXAM = dict.fromkeys([f"{dt.date(2026, 11, 23) + dt.timedelta(7 * week)}" for week in range(26)])


def with_predictions(predictions: pa.Table) -> dict[str, pa.Table]:
    return rows.tables() | {PREDICTED: predictions}


def test_predictions_and_those_of_cohorts_come_and_change(url: str, make: Callable[..., Candidate]) -> None:
    days = {"2026-12-01": None, "2026-12-10": "school"}
    put(url, make("run-1", with_predictions(rows.predicted(days, 2)) | {COHORTS: rows.cohorts(52.5, 61.0)}))
    again = put(url, make("run-2", with_predictions(rows.predicted(days, 2)) | {COHORTS: rows.cohorts(52.5)}, hours=1))
    assert (again.tables[PREDICTED], again.tables[COHORTS]) == (TableChange(4, 0, 0, 0), TableChange(1, 0, 0, 1))
    other = rows.predicted(days, 2, score=61)
    assert put(url, make("run-3", with_predictions(other), hours=2)).tables[PREDICTED] == TableChange(4, 0, 4, 0)
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select target_date, exam_type, current_score, upper_90, scales ->> 'rank_grade_levels', past_exam_count, "
            f"model_version from serving.{PREDICTED} where student_id = %s order by 1",
            [rows.student(1)],
        ).fetchall()
    assert found == [
        (dt.date(2026, 12, 1), None, None, 76, "9", 3, "score-1"),
        (dt.date(2026, 12, 10), "school", None, 76, "9", 3, "score-1"),
    ]


@pytest.mark.parametrize("weeks", [1, 10])
def test_days_that_are_over_are_no_loss(url: str, make: Callable[..., Candidate], weeks: int) -> None:
    """Also after a long silence, when the weekly days of half a year have mostly passed."""
    put(url, make("run-1", with_predictions(rows.predicted(NO_EXAM, 20))))
    later = dt.date(2026, 11, 23) + dt.timedelta(7 * weeks)
    days = dict.fromkeys([f"{later + dt.timedelta(7 * week)}" for week in range(26)])
    change = put(url, make("run-2", with_predictions(rows.predicted(days, 20)), hours=1, as_of=later)).tables[PREDICTED]
    assert change == TableChange(rows=520, inserted=20 * weeks, updated=0, deleted=20 * weeks)


def test_predictions_of_days_to_come_may_not_be_lost(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", with_predictions(rows.predicted(NO_EXAM, 20))))
    later = dt.date(2027, 1, 4)
    half = {day: exam for day, exam in NO_EXAM.items() if day >= f"{later}"}
    assert_refused(
        url,
        make("run-2", with_predictions(rows.predicted(half, 12)), hours=1, as_of=later),
        "160 of 400 live rows",
    )
    assert_refused(url, make("run-3", hours=1), f"{PREDICTED}: 520 of 520 live rows would be deleted, 100%")


def logged(url: str, columns: str = "target_date::text, week_start::text, predicted_score") -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            f"select {columns} from serving_staging.score_prediction_log order by student_id, week_start, target_date"
        ).fetchall()


def test_the_next_exam_is_recorded_once_a_week(url: str, make: Callable[..., Candidate]) -> None:
    exams = {"2026-11-24": None, "2026-11-25": "kice", "2026-12-10": "school", "2027-03-24": "education_office"}
    run = 0

    def put_score(score: float, as_of: str) -> None:
        nonlocal run
        run += 1
        days = {day: exam for day, exam in exams.items() if day >= as_of}
        candidate = with_predictions(rows.predicted(days, score=score))
        put(url, make(f"run-{run}", candidate, hours=run, as_of=dt.date.fromisoformat(as_of)))

    put_score(60, "2026-11-23")
    first = ("2026-11-25", "2026-11-23", 60)
    assert logged(url) == [first]
    assert logged(
        url, "exam_type, lower, upper, lower_90, upper_90, scale, basis, past_exam_count, version, as_of"
    ) == [("kice", 50, 70, 45, 75, "percentile", "hierarchical", 3, 1, "2026-11-23")]
    assert logged(url, "tenant_id::text, model_version, logged_at") == [(rows.TENANT, "score-1", AT)]
    # Another prediction in the same week, also on the day itself, leaves what was said first; the exam after it counts
    # once it is the next.
    put_score(70, "2026-11-25")
    assert logged(url) == [first]
    put_score(70, "2026-11-26")
    second = ("2026-12-10", "2026-11-23", 70)
    assert logged(url) == [first, second]
    # The same prediction still stands in the week after.
    put_score(70, "2026-11-30")
    assert logged(url) == [first, second, ("2026-12-10", "2026-11-30", 70)]


def test_what_was_predicted_is_kept_two_years(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", with_predictions(rows.predicted({"2026-12-10": "school"}, 2))))
    with psycopg.connect(url) as connection:
        connection.execute(
            "update serving_staging.score_prediction_log"
            " set week_start = case student_id when %s then date '2024-11-18' else '2024-11-25' end",
            [rows.student(0)],
        )
    nothing = with_predictions(rows.predicted({}))
    anything = GateLimits(max_deleted_share=1)
    put(url, make("run-2", nothing, hours=1), limits=anything)
    assert logged(url, "student_id::text") == [(rows.student(1),)]
    # A cut-off far ahead makes nothing old.
    put(url, make("run-3", nothing, hours=2, as_of=dt.date(2040, 1, 1)), limits=anything)
    assert logged(url, "student_id::text") == [(rows.student(1),)]


def test_a_part_records_its_own(url: str, make: Callable[..., Candidate]) -> None:
    put(url, make("run-1", with_predictions(rows.predicted({"2026-12-10": "school"}, 2))))
    later = make(
        "run-2",
        with_predictions(rows.predicted({"2026-12-10": "school"}, 2, score=70)),
        hours=1,
        as_of=dt.date(2026, 11, 30),
    )
    put(url, later, scope=Scope.of_students([UUID(rows.student(1))]))
    assert logged(url, "student_id::text, week_start::text, predicted_score, as_of") == [
        (rows.student(0), "2026-11-23", 60, "2026-11-23"),
        (rows.student(1), "2026-11-23", 60, "2026-11-23"),
        (rows.student(1), "2026-11-30", 70, "2026-11-30"),
    ]
