"""The supervisor against a real Postgres: every way in which a server is found, lost and found again."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from local_supabase import server

REPOSITORY = Path(__file__).parents[2]
# A shell starts its background jobs deaf to Ctrl-C, and pytest may be one: the handler is put back.
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from pathlib import Path; from local_supabase import server; s = server.start(Path(sys.argv[1]));"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a space in its path, in a folder only its owner may enter. Tests start and break its server."""
    closed = tmp_path_factory.mktemp("closed to others")
    closed.chmod(0o700)
    yield closed / "tlu home"
    server.remove(closed / "tlu home")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that other accounts may enter; pytest's own are closed to them when we are root."""
    with tempfile.TemporaryDirectory(prefix="tlu test ") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def postmaster(running: server.Server) -> int:
    return int((running.data_directory / "postmaster.pid").read_text().splitlines()[0])


def run_start(home: Path, then: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + then, str(home)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_first_start_opens_no_parent_and_makes_no_account(home: Path) -> None:
    def surroundings() -> tuple[object, ...]:
        return tuple(path.stat().st_mode for path in home.parents), sorted(pwd.getpwall())

    before = surroundings()
    started = server.start(home)
    assert started.started
    assert surroundings() == before
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    owner = started.data_directory.stat().st_uid
    assert owner != 0
    assert stat.S_IMODE(started.data_directory.parent.stat().st_mode) == 0o700
    password = started.data_directory.parent / "password"
    assert (password.stat().st_uid, stat.S_IMODE(password.stat().st_mode)) == (owner, 0o600)


def test_second_start_attaches(home: Path) -> None:
    first, second = server.start(home), server.start(home)
    assert not second.started
    assert second.url == first.url == server.url(home)
    assert server.running(home) == second


def test_password_is_needed_and_not_shown(home: Path) -> None:
    running = server.start(home)
    assert running.url == f"postgresql://postgres:{running.password}@127.0.0.1:{running.port}/postgres"
    assert running.password not in repr(running)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.url.replace(running.password, "guess"))


def test_settings_are_in_force(home: Path) -> None:
    url = server.start(home).url
    assert {s.name: value(url, f"show {s.name}") for s in server.SETTINGS} == {s.name: s.value for s in server.SETTINGS}
    assert [value(url, f"show {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
    assert value(url, "select pg_encoding_to_char(encoding) from pg_database where datname = 'postgres'") == "UTF8"


def test_rows_do_not_reach_the_log(home: Path) -> None:
    running = server.start(home)
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("create table names (id int primary key, name text)")
        for statement in ("insert into names values (1, 'Gildong'), (1, 'Gildong')", "select 'Gildong'::int"):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
        connection.execute("drop table names")
    assert "Gildong" not in (running.data_directory.parent / "log").read_text()


def test_copy_into_a_table_emptied_in_the_same_transaction_writes_no_log(home: Path) -> None:
    with psycopg.connect(server.start(home).url) as connection:
        connection.execute("create table bulk (n bigint, filler text)")
        connection.commit()
        before = connection.execute("select pg_current_wal_insert_lsn()").fetchone()
        connection.execute("truncate bulk")
        with connection.cursor().copy("copy bulk from stdin") as copy:
            copy.write("\n".join(f"{n}\t{'x' * 100}" for n in range(100_000)))
        connection.commit()
        written, size = connection.execute(
            "select pg_current_wal_insert_lsn() - %s::pg_lsn, pg_table_size('bulk')", before
        ).fetchone()  # type: ignore[misc]
        connection.execute("drop table bulk")
    assert size > 10_000_000
    assert written < size / 20


def test_data_and_port_survive_stop_and_start(home: Path) -> None:
    first = server.start(home)
    with psycopg.connect(first.url) as connection:
        connection.execute("create table kept as select 42 as answer")
    assert server.stop(home)
    assert server.running(home) is None
    assert not server.stop(home)
    with pytest.raises(server.LocalPostgresError, match="tlu up"):
        server.url(home)
    second = server.start(home)
    assert second == first
    assert value(second.url, "select answer from kept") == 42


def test_committed_rows_survive_kill_9_in_the_middle_of_a_transaction(home: Path) -> None:
    killed = server.start(home)
    connection = psycopg.connect(killed.url)
    connection.execute("create table survivors (n int)")
    connection.execute("insert into survivors select generate_series(1, 1000)")
    connection.commit()
    connection.execute("insert into survivors select generate_series(1, 100000)")
    os.kill(postmaster(killed), signal.SIGKILL)
    again = server.start(home)
    connection.close()
    assert again.started
    assert value(again.url, "select count(*) from survivors") == 1000


@pytest.mark.parametrize("content", ["{pid}\n{rest}", "{pid}", ""], ids=["foreign process", "cut", "empty"])
def test_a_stale_pid_file_is_not_believed(home: Path, content: str) -> None:
    running = server.start(home)
    pid_file = running.data_directory / "postmaster.pid"
    rest = pid_file.read_text().partition("\n")[2]
    server.stop(home)
    owner = running.data_directory.stat().st_uid
    # Of the same account, as after a reboot: Postgres itself sees through a process of another one.
    with subprocess.Popen(["sleep", "60"], cwd="/", user=owner if os.geteuid() == 0 else None) as foreign:
        try:
            pid_file.write_text(content.format(pid=foreign.pid, rest=rest))
            assert server.running(home) is None
            again = server.start(home)
            assert again.started
            assert foreign.poll() is None
        finally:
            foreign.kill()
    assert value(again.url, "select 1") == 1


def test_a_port_taken_by_somebody_else_is_left_to_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECT_SECONDS", 2)
    first = server.start(home)
    server.stop(home)
    with socket.create_server((server.HOST, first.port)):
        second = server.start(home)
        assert second.port != first.port
        assert server.running(home) == server.start(home)
    assert value(second.url, "select 1") == 1


def test_a_server_that_hangs_is_reported_and_not_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WAIT_SECONDS", 1)
    monkeypatch.setattr(server, "CONNECT_SECONDS", 2)
    hanging = server.start(home)
    pid = postmaster(hanging)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(server.LocalPostgresError, match="does not answer"):
            server.start(home)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert server.start(home).port == hanging.port
    assert postmaster(hanging) == pid


def test_a_refused_start_quotes_the_log(home: Path) -> None:
    running = server.start(home)
    server.stop(home)
    overrides = running.data_directory / "postgresql.auto.conf"
    good = overrides.read_text()
    overrides.write_text("shared_buffers = 'nonsense'\n")
    with pytest.raises(server.LocalPostgresError, match='invalid value for parameter "shared_buffers"'):
        server.start(home)
    overrides.write_text(good)
    assert server.start(home).started


def test_data_without_their_password_are_not_overwritten(home: Path) -> None:
    running = server.start(home)
    server.stop(home)
    password = running.data_directory.parent / "password"
    password.rename(password.with_name("kept"))
    with pytest.raises(server.LocalPostgresError, match="Put the file back"):
        server.start(home)
    password.with_name("kept").rename(password)
    assert server.start(home).url == running.url


def test_the_server_outlives_ctrl_c_in_the_command_that_started_it(home: Path) -> None:
    server.stop(home)
    with run_start(home, "print(s.url, flush=True); import time; time.sleep(60)") as command:
        assert command.stdout is not None
        url = command.stdout.readline().strip()
        os.killpg(command.pid, signal.SIGINT)
        command.communicate(timeout=10)
    assert command.returncode != 0
    assert value(url, "select 1") == 1


def test_commands_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        commands = [run_start(tmp_path, "print(s.started, s.url)") for _ in range(4)]
        answers = [answer.split() for answer, _ in pool.map(lambda command: command.communicate(timeout=60), commands)]
    server.remove(tmp_path)
    assert sorted(started for started, _ in answers) == ["False", "False", "False", "True"]
    assert len({url for _, url in answers}) == 1


def test_stops_at_once_both_succeed(home: Path) -> None:
    server.start(home)
    with ThreadPoolExecutor(2) as pool:
        assert any(pool.map(server.stop, [home, home]))
    assert server.running(home) is None


def test_remove_leaves_nothing(tmp_path: Path) -> None:
    started = server.start(tmp_path)
    server.remove(tmp_path)
    assert not started.data_directory.parent.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["postgres.lock"]
    server.remove(tmp_path)
    assert server.running(tmp_path) is None


def test_a_server_of_another_home_is_not_taken_for_ours(home: Path, tmp_path: Path) -> None:
    folder = server.start(home).data_directory.parent
    (tmp_path / "postgres").mkdir()
    for name in ("password", "port"):
        shutil.copy(folder / name, tmp_path / "postgres" / name)
    assert server.running(tmp_path) is None


def test_half_of_an_initdb_is_not_taken_for_all(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = open_folder / "bin"
    broken.mkdir()
    (broken / "initdb").write_text('#!/bin/sh\nmkdir "$2" && touch "$2/half" && echo no space left && exit 1\n')
    (broken / "initdb").chmod(0o755)
    for name in ("pg_ctl", "postgres"):
        (broken / name).symlink_to("/bin/true")
    monkeypatch.setenv("TLU_POSTGRES_BIN", str(broken))
    with pytest.raises(server.LocalPostgresError, match="no space left"):
        server.start(open_folder / "home")
    monkeypatch.delenv("TLU_POSTGRES_BIN")
    started = server.start(open_folder / "home")
    server.remove(open_folder / "home")
    assert started.started


def test_programs_that_the_account_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "venv"
    package = server._wheel()
    server._copy_wheel(package, closed)
    closed.chmod(0o700)
    monkeypatch.setattr(server, "_wheel", lambda: closed / package.name)
    started = server.start(tmp_path / "home")
    assert value(started.url, "select count(*) from pg_timezone_names") != 0
    assert (started.data_directory.parent / "install").exists() == (os.geteuid() == 0)
    server.remove(tmp_path / "home")


def as_plain_user(home: str, binaries: str, other_home: str, answers: multiprocessing.Queue[object]) -> None:
    """Child process: leave root behind if we are root, then use the supervisor as anybody would."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    os.environ["TLU_POSTGRES_BIN"] = binaries
    started = server.start(Path(home))
    answers.put((started.started, started.data_directory.stat().st_uid == os.geteuid(), value(started.url, "select 1")))
    answers.put(server.stop(Path(home)))
    try:
        server.start(Path(other_home))
    except server.LocalPostgresError as error:
        answers.put(str(error))
    else:
        answers.put("started in a home of another account")


def test_a_plain_user_keeps_the_data_in_the_home_and_out_of_others(open_folder: Path) -> None:
    package = server._wheel()
    server._copy_wheel(package, open_folder / "programs")
    ours, foreign = open_folder / "home", open_folder / "foreign"
    ours.mkdir()
    foreign.mkdir()
    (foreign / "postgres.lock").touch(mode=0o400)
    if os.geteuid() == 0:
        shutil.chown(ours, "nobody")
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[object] = context.Queue()
    binaries = open_folder / "programs" / package.name / server.BINARIES_IN_WHEEL
    child = context.Process(target=as_plain_user, args=(str(ours), str(binaries), str(foreign), answers))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert answers.get() == (True, True, 1)
    assert answers.get() is True
    assert "use that account" in str(answers.get())
    assert not (ours / "postgres").is_symlink()
    assert (ours / "postgres" / "data" / "PG_VERSION").exists()


def test_programs_are_looked_for_where_told(tmp_path: Path) -> None:
    assert server.find_binaries({"TLU_POSTGRES_BIN": str(server.find_binaries({}))}) == server.find_binaries({})
    with pytest.raises(server.LocalPostgresError, match=r"no executable initdb, pg_ctl, postgres.*15 or newer"):
        server.find_binaries({"TLU_POSTGRES_BIN": str(tmp_path)})


def test_a_home_that_was_never_started_has_no_server(tmp_path: Path) -> None:
    assert server.running(tmp_path / "none") is None
    assert not server.stop(tmp_path / "none")
    server.remove(tmp_path / "none")
    assert not (tmp_path / "none").exists()
