"""Through PgBouncer in transaction mode, everybody on one server connection: nobody sees what another leaves on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from orchestration.publishing.engine import publish, rollback
from tests.publishing import published_rows as rows
from tests.serving.world import OTHER, STUDENT, TENANT, claims_of

AS_USER = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
READ = "select distinct student_id from serving.content_recommendations"


@pytest.fixture(scope="module")
def pooled(url: str) -> Iterator[str]:
    """URL of the same database through the pooler, with one connection for everybody who logs in alike."""
    binary = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        pytest.skip("pgbouncer is not installed: nothing is read through a pooler")
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users.txt").write_text(
            "".join(f'"{user}" "{parts.password}"\n' for user in (parts.username, "authenticator"))
        )
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/users.txt\n"
            "pool_mode = transaction\ndefault_pool_size = 1\nignore_startup_parameters = extra_float_digits\n"
        )
        # It refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        with subprocess.Popen(
            [binary, "-q", str(folder / "pgbouncer.ini")], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            address = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
            try:
                wait_for(address, process)
                yield address
            finally:
                process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until, "the pooler does not answer"
            time.sleep(0.1)


@pytest.fixture(scope="module", autouse=True)
def recommendations(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.cursor().executemany(
            "insert into serving.content_recommendations values"
            " (%s, 1, %s, 'book', %s, null, null, null, 1, '[]', '', 'x', 'run-1', '1', now())",
            [(student, TENANT, student) for student in (STUDENT, OTHER)],
        )


def client(pooled: str) -> psycopg.Connection:
    parts = urlsplit(pooled)
    login = parts._replace(netloc=f"authenticator:{parts.password}@{parts.hostname}:{parts.port}").geturl()
    return psycopg.connect(login, prepare_threshold=None)


def backend(connection: psycopg.Connection) -> int:
    [(pid,)] = connection.execute("select pg_backend_pid()").fetchall()
    connection.rollback()
    return int(pid)


def test_two_clients_on_one_connection_see_their_own_rows(pooled: str) -> None:
    with client(pooled) as first, client(pooled) as second:
        assert backend(first) == backend(second), "they share one connection"
        for _ in range(20):
            for connection, student in ((first, STUDENT), (second, OTHER)):
                connection.execute(AS_USER, [claims_of(student)])
                assert connection.execute(READ).fetchall() == [(student,)]
                connection.commit()


def test_nothing_stays_for_a_client_who_says_nothing(pooled: str) -> None:
    with client(pooled) as first, client(pooled) as second:
        for end in (first.commit, first.rollback):
            first.execute(AS_USER, [claims_of(STUDENT)])
            assert first.execute(READ).fetchall() == [(STUDENT,)]
            end()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                second.execute(READ)
            second.rollback()
            second.execute("select set_config('role', 'authenticated', true)")
            assert second.execute(READ).fetchall() == []
            second.rollback()


def test_claims_that_outlive_their_transaction_would_leak(pooled: str) -> None:
    """Why the reader sets them for one transaction alone: this is what the tests above would find otherwise."""
    with client(pooled) as first, client(pooled) as second:
        first.execute(AS_USER.replace("true", "false"), [claims_of(STUDENT)])
        first.commit()
        assert second.execute(READ).fetchall() == [(STUDENT,)]
        second.execute("reset all")
        second.execute("reset role")
        second.commit()


def test_publisher_works_through_the_pooler(pooled: str, url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("delete from serving.publication")
        owner.execute("delete from serving.content_recommendations")
        owner.execute("alter table public.students rename to elsewhere")
        owner.execute("alter table public.tenants rename to elsewhere_too")
        try:
            for number in range(2):
                candidate = rows.write(tmp_path, f"run-{number}", rows.tables(text=str(number)), hours=number)
                assert publish(pooled, candidate, check=lambda *_: []).version == number + 1
            assert rollback(pooled, tmp_path, check=lambda *_: []).run_id == "run-0"
        finally:
            owner.execute("alter table public.elsewhere rename to students")
            owner.execute("alter table public.elsewhere_too rename to tenants")
