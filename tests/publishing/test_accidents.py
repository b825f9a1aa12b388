"""Publishers and servers that are killed, publishers that race, readers that never stop."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local_supabase import server
from orchestration.publishing import engine
from orchestration.publishing.candidate import Candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.publishing.engine import PublishResult
from orchestration.publishing.errors import OlderCandidate, PublishLocked
from orchestration.publishing.migrations import migrate
from orchestration.publishing.sql import TRY_LOCK
from tests.publishing import published_rows as rows
from tests.publishing.databases import fresh_database

PERSONAL = PUBLISHED_TABLES[0].name
STUDENTS = 1_000
KILLS = 20

# One statement over three tables: the texts of all rows, how many there are, and the version that the manifest names.
EVERYTHING = """
    select array_agg(distinct reasoning), count(*), (select version from serving.publication where is_current)
    from (
        select reasoning from serving.content_recommendations
        union all select reasoning from serving.fallback_recommendations
    ) as everything
"""


@pytest.fixture(scope="module")
def shared_url(postgres_server_url: str) -> Iterator[str]:
    with fresh_database(postgres_server_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def url(shared_url: str) -> str:
    """A migrated database in which nothing was ever published."""
    with psycopg.connect(shared_url) as connection:
        connection.execute("truncate serving.publication, serving_staging.publish_log")
        for table in PUBLISHED_TABLES:
            connection.execute(f"truncate serving.{table.name}, serving_staging.{table.name}")
    return shared_url


@pytest.fixture
def make(tmp_path: Path) -> Callable[[int], Candidate]:
    """The candidate of a run, whose every row tells the run's number."""
    return lambda number: rows.write(
        tmp_path, f"run-{number}", rows.tables(students=STUDENTS, text=str(number)), hours=number
    )


def put(url: str, candidate: Candidate, **options: Any) -> PublishResult:
    return engine.publish(url, candidate, check=lambda *_: [], **options)


def everything(url: str) -> tuple[list[str], int, int]:
    with psycopg.connect(url) as connection:
        return connection.execute(EVERYTHING).fetchone()  # type: ignore[return-value]


def seconds_until_the_lock_is_free(url: str) -> float:
    started = time.monotonic()
    with psycopg.connect(url) as connection:
        while connection.execute(TRY_LOCK).fetchone() != (True,):
            connection.rollback()
            assert time.monotonic() - started < 10, "waited in vain"
            time.sleep(0.02)
    return time.monotonic() - started


def test_publisher_killed_at_any_moment(url: str, make: Callable[[int], Candidate]) -> None:
    """The old version or the new one, the lock free within 2 s, and the next run publishes."""
    put(url, make(0))
    fork = multiprocessing.get_context("fork")
    started = time.monotonic()
    put(url, make(1))
    usual = time.monotonic() - started
    moments = random.Random(7)
    expected, outcomes, slowest = 1, set(), 0.0
    for number in range(2, KILLS + 2):
        candidate = make(number)
        publisher = fork.Process(target=put, args=(url, candidate))
        publisher.start()
        # Spread over the whole of it and beyond: a forked publisher is slower.
        time.sleep(usual * 2 * (number - 2 + moments.random()) / KILLS)
        assert publisher.pid
        os.kill(publisher.pid, signal.SIGKILL)
        publisher.join()
        slowest = max(slowest, seconds_until_the_lock_is_free(url))
        texts, count, _ = everything(url)
        assert count == STUDENTS * 5 + 3
        assert texts in ([str(expected)], [str(number)])
        outcomes.add(texts == [str(number)])
        if texts == [str(expected)] and number % 4 == 0:
            put(url, candidate)
        expected = int(everything(url)[0][0])
    assert outcomes == {False, True}, "the moments fell all before, or all after the commit"
    assert slowest < 2
    assert put(url, make(99)).tables[PERSONAL].updated == STUDENTS * 5


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Home of a server that a test may kill."""
    home = tmp_path_factory.mktemp("killed")
    migrate(server.start(home).url)
    yield home
    server.remove(home)


def test_server_killed_in_the_middle_of_the_merge(own_server: Path, make: Callable[[int], Candidate]) -> None:
    url = server.url(own_server)
    put(url, make(0))
    candidate = make(1)
    ended: list[BaseException] = []

    def publish() -> None:
        try:
            put(url, candidate)
        except psycopg.Error as error:
            ended.append(error)

    publisher = threading.Thread(target=publish)
    holder, watch = psycopg.connect(url), psycopg.connect(url, autocommit=True)
    # The MERGE has rewritten rows when it comes to this one, and waits.
    holder.execute("select from serving.content_recommendations where student_id = %s for update", [rows.student(500)])
    publisher.start()
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'merge into%'"
    while watch.execute(waiting).fetchone() != (1,):
        time.sleep(0.02)
    os.kill(int((own_server / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    publisher.join(30)
    holder.close()
    watch.close()
    assert isinstance(ended[0], psycopg.OperationalError)
    url = server.start(own_server).url
    assert everything(url) == (["0"], STUDENTS * 5 + 3, 1)
    assert seconds_until_the_lock_is_free(url) < 2
    with psycopg.connect(url) as connection:
        staged = connection.execute(f"select count(*) from serving_staging.{PERSONAL}").fetchone()
        assert staged == (0,), "unlogged tables are empty after a crash"
    put(url, candidate)
    assert everything(url) == (["1"], STUDENTS * 5 + 3, 2)


def test_two_publishers_at_once(url: str, make: Callable[[int], Candidate]) -> None:
    put(url, make(0))
    for number in range(1, 11, 2):
        candidates = [make(number), make(number + 1)]
        ready, results = threading.Barrier(2), []

        def race(
            candidate: Candidate, ready: threading.Barrier = ready, results: list[PublishResult | Exception] = results
        ) -> None:
            ready.wait()
            try:
                results.append(put(url, candidate))
            except (PublishLocked, OlderCandidate) as error:
                results.append(error)

        threads = [threading.Thread(target=race, args=[candidate]) for candidate in candidates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [result for result in results if isinstance(result, PublishResult)]
        assert won
        last = max(won, key=lambda result: result.version)
        texts, count, version = everything(url)
        assert (texts, count, version) == ([last.run_id.removeprefix("run-")], STUDENTS * 5 + 3, last.version)
        assert len(won) == 1 or last.run_id == f"run-{number + 1}", "an older run came after a newer one"


@pytest.mark.parametrize("held_open", [False, True], ids=["", "beside an open transaction"])
def test_readers_see_one_version_and_never_wait(url: str, make: Callable[[int], Candidate], *, held_open: bool) -> None:
    """Eight readers without a pause, while versions that differ in every row come one after the other."""
    put(url, make(0))
    seen: list[tuple[list[str], int, int]] = []
    waits: list[float] = []
    errors: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            # Postgres would end a read that waits for a lock of the publisher.
            connection.execute("set lock_timeout = '50ms'")
            while not stop.is_set():
                started = time.monotonic()
                try:
                    seen.append(connection.execute(EVERYTHING).fetchone())
                except psycopg.Error as error:
                    errors.append(error)
                    return
                waits.append(time.monotonic() - started)

    readers = [threading.Thread(target=read) for _ in range(8)]
    with psycopg.connect(url) as old:
        if held_open:
            old.execute("set transaction isolation level repeatable read")
            assert old.execute(EVERYTHING).fetchone() == (["0"], STUDENTS * 5 + 3, 1)
        for reader in readers:
            reader.start()
        try:
            for number in range(1, 5):
                put(url, make(number))
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        if held_open:
            assert old.execute(EVERYTHING).fetchone() == (["0"], STUDENTS * 5 + 3, 1)
    assert errors == []
    assert len({version for _, _, version in seen}) > 2
    assert {(texts[0], len(texts), count) for texts, count, version in seen} <= {
        (str(number), 1, STUDENTS * 5 + 3) for number in range(5)
    }
    assert all(texts == [str(version - 1)] for texts, _, version in seen)
    assert max(waits) < 2  # eight whole-table reads at once on a small machine; benchmarks/ has the figure of one read


def test_the_same_candidate_again_writes_next_to_nothing(postgres_url: str, make: Callable[[int], Candidate]) -> None:
    migrate(postgres_url)
    candidate = make(0)
    put(postgres_url, candidate)
    sizes = []
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # The first who reads new rows marks them as committed, which is logged; that need not be a publisher.
        connection.execute("vacuum")
        connection.execute("checkpoint")
        for _ in range(3):
            [(before,)] = connection.execute("select pg_current_wal_insert_lsn()::text").fetchall()
            result = put(postgres_url, candidate)
            [(size,)] = connection.execute("select pg_current_wal_insert_lsn() - %s::pg_lsn", [before]).fetchall()
            assert {change.changed for change in result.tables.values()} == {0}
            sizes.append(int(size))
    assert min(sizes) < 1_000_000  # the log is the server's, and others write to it as well
