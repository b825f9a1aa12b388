"""Bring a database to the state that supabase/migrations describe.

Belongs here: which files, in which order, and what this database has had. Not here: their SQL.

The history is `serving_staging.migration`, which the files write themselves: applied by the Supabase CLI or by us, a
migration is known to both, and the CLI's own history is left to the CLI.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.errors import Diagnostic

from orchestration.publishing.errors import MigrationError

FOLDER = Path(__file__).resolve().parents[2] / "supabase" / "migrations"
OPTIONAL = FOLDER.with_name("optional")
"""Migrations that are applied only when somebody asks for them."""
_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>\w+)\.sql")

# Of our own choosing; differs from the publisher's.
_LOCK = "select pg_advisory_xact_lock(20261123, 1)"
# Readers must not queue for long behind a statement that waits for its lock.
_LOCK_TIMEOUT = "set local lock_timeout = '5s'"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migration:
    """A file of supabase/migrations."""

    version: str
    name: str
    path: Path

    @property
    def sql(self) -> str:
        """Its statements."""
        return self.path.read_text(encoding="utf-8")

    @property
    def checksum(self) -> str:
        """SHA-256 of its statements."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations in order. Raises MigrationError when there are none, or a file has a name that the CLI ignores."""
    paths = sorted(folder.glob("*.sql"))
    if not paths:
        raise MigrationError(f"No migrations in {folder}: run from a checkout of the repository.")
    names = {path: _NAME.fullmatch(path.name) for path in paths}
    wrong = [path.name for path, match in names.items() if match is None]
    if wrong:
        raise MigrationError(f"Not named YYYYMMDDHHMMSS_name.sql: {', '.join(wrong)}")
    return [Migration(match["version"], match["name"], path) for path, match in names.items() if match]


def pending(url: str, folder: Path = FOLDER) -> list[Migration]:
    """Migrations that the database at `url` has not had.

    Raises MigrationError when one that it has had was changed since, or when the history may not be read.
    """
    with _connected(url) as connection:
        history = _history(connection)
    files = migrations(folder)
    changed = [str(m) for m in files if history.get(m.version) not in {None, m.checksum}]
    if changed:
        raise MigrationError(
            f"Changed after this database had them: {', '.join(changed)}. A new migration carries a change to every "
            "database; if only this one matters, run `tlu migrate`, which applies all of them again."
        )
    return [m for m in files if m.version not in history]


def migrate(url: str, *, again: bool = False, folder: Path = FOLDER) -> list[str]:
    """Apply what is pending, or with `again` every migration, each in a transaction of its own; return their names.

    Warnings that a migration raises are logged. Raises MigrationError, naming the migration, when Postgres refuses
    one; those before it stay applied.
    """
    todo = migrations(folder) if again else pending(url, folder)
    with _connected(url) as connection:
        connection.add_notice_handler(_log_warning)
        return [str(migration) for migration in todo if _apply(connection, migration, again=again)]


def _apply(connection: psycopg.Connection, migration: Migration, *, again: bool) -> bool:
    """Apply one migration unless somebody else just has; tell whether it was applied."""
    try:
        with connection.transaction():
            connection.execute(_LOCK_TIMEOUT)
            connection.execute(_LOCK)
            if not again and migration.version in _history(connection):
                return False
            connection.execute(migration.sql.encode())
            done = connection.execute(
                "update serving_staging.migration set checksum = %s, applied_at = now() where version = %s",
                [migration.checksum, migration.version],
            )
            if done.rowcount != 1:
                raise MigrationError(f"Migration {migration} must end by entering itself in serving_staging.migration.")
            return True
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(f"apply migration {migration}", connection, error) from error
    except psycopg.Error as error:
        raise MigrationError(f"Migration {migration} failed ({error.sqlstate}): {error}") from error


def _history(connection: psycopg.Connection) -> dict[str, str | None]:
    """Checksum by version of the migrations that the database has had; null when the Supabase CLI applied it."""
    try:
        exists = connection.execute("select to_regclass('serving_staging.migration') is not null").fetchone()
        if exists == (False,):
            return {}
        return dict(connection.execute("select version, checksum from serving_staging.migration").fetchall())
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed("read which migrations it has had", connection, error) from error


def _not_allowed(what: str, connection: psycopg.Connection, error: psycopg.Error) -> MigrationError:
    return MigrationError(
        f"Role {connection.info.user} may not {what} on database {connection.info.dbname} "
        f"({error.diag.message_primary}). "
        "It needs `create` on the database, or must own the schemas serving and serving_staging once they exist. "
        "Otherwise let an owner run `tlu migrate` or `supabase db push` once; afterwards nothing of it is needed."
    )


def _connected(url: str) -> psycopg.Connection:
    # Each transaction is opened where it is needed; a statement outside is its own.
    return psycopg.connect(url, autocommit=True, prepare_threshold=None)


def _log_warning(notice: Diagnostic) -> None:
    if notice.severity_nonlocalized == "WARNING":
        log.warning("%s %s", notice.message_primary, notice.message_hint or "")
