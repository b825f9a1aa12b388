"""Publish a candidate: staging, gate, one transaction over all tables.

Belongs here: the order of the steps, time limits and retries. Not here: statements (sql.py), rules (gate.py).

Readers are never blocked: nothing but DML touches `serving`. Until the commit they see the old rows, after it the new.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

import postgres_arrow
from orchestration.publishing import candidate as candidates
from orchestration.publishing import gate, sql
from orchestration.publishing.candidate import Candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES, PublishedTable
from orchestration.publishing.errors import (
    CandidateError,
    GateRefused,
    OlderCandidate,
    PublishingError,
    PublishLocked,
    StagingChanged,
)
from orchestration.publishing.gate import CandidateCheck, GateLimits

# Two transactions got in each other's way, or a lock was not to be had in time: the same again may well succeed.
RETRYABLE = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available

Clock = Callable[[], dt.datetime]
Sleep = Callable[[float], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PublishSettings:
    """Limits of a publication."""

    valid_for: dt.timedelta = dt.timedelta(hours=48)
    """How long rows count as fresh: a nightly run may fail once before readers are told."""

    statement_timeout: str = "10min"
    """Supabase ends statements after 2 minutes by default; the MERGE of 20 M rows takes a few."""

    lock_timeout: str = "5s"
    """Nothing of ours holds a row for long; what does should not make the publisher queue."""

    idle_timeout: str = "1min"
    """A publisher that stops between two statements of its transaction gives up its locks after this."""

    client_check_interval: str = "200ms"
    """How soon a killed publisher's transaction ends: its lock was free after 0.2 s, against 3 s without."""

    retry_after_seconds: tuple[float, ...] = (0.5, 2.0, 8.0)
    """Pauses before the publish transaction is tried again after an error in RETRYABLE."""


@dataclass(frozen=True)
class TableChange:
    """Rows of one table after a publication, and how it changed them."""

    rows: int
    inserted: int
    updated: int
    deleted: int

    @property
    def changed(self) -> int:
        """Rows written."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class PublishResult:
    """A publication that was committed. `already_current`: the same content was live before."""

    version: int
    run_id: str
    published_at: dt.datetime
    valid_until: dt.datetime
    tables: dict[str, TableChange]
    seconds: float
    already_current: bool


def now() -> dt.datetime:
    """The time, aware."""
    return dt.datetime.now(dt.UTC)


def publish(
    url: str,
    candidate: Candidate,
    *,
    check: CandidateCheck,
    limits: GateLimits | None = None,
    settings: PublishSettings | None = None,
    allow_older: bool = False,
    clock: Clock = now,
    sleep: Sleep = time.sleep,
) -> PublishResult:
    """Replace what the app reads by `candidate`, all tables at once, writing only rows that differ.

    `check` is called once a table. With `allow_older` a candidate may replace a newer one: a rollback.

    Raises, and leaves everything as it was: GateRefused with every reason; OlderCandidate when a newer candidate is
    live; PublishLocked when another publisher is at work; StagingChanged when the loaded rows are not there any more;
    CandidateError when Postgres refuses a value; psycopg.Error.
    """
    limits, settings = limits or GateLimits(), settings or PublishSettings()
    started = time.monotonic()
    problems = gate.recorded_problems(candidate.manifest) + gate.candidate_problems(candidate, check)
    if problems:
        raise GateRefused(map(str, problems))
    # No prepared statements and no session state: a pooler in transaction mode may sit between.
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        try:
            loaded = _load(connection, candidate, settings)
            problems = gate.volume_problems(connection, candidate, limits)
            if problems:
                raise GateRefused(map(str, problems))
            result = _with_retries(
                lambda: _replace(connection, candidate, loaded, settings, clock(), allow_older=allow_older),
                settings.retry_after_seconds,
                sleep,
            )
        finally:
            _clear(connection, candidate)
    result = replace(result, seconds=time.monotonic() - started)
    log.info("version %s published from run %s in %.1f s", result.version, result.run_id, result.seconds)
    return result


def rollback(
    url: str,
    folder: Path,
    *,
    check: CandidateCheck,
    settings: PublishSettings | None = None,
    clock: Clock = now,
    sleep: Sleep = time.sleep,
) -> PublishResult:
    """Publish the newest candidate in `folder` that was live once and is older than the live one, as a new version.

    It may delete as many rows as it must. Raises CandidateError when there is none, and what `publish` raises.
    """
    with psycopg.connect(url, prepare_threshold=None) as connection:
        current = connection.execute(sql.CURRENT).fetchone()
        published = {run_id for (run_id,) in connection.execute(sql.PUBLISHED_RUNS)}
    if current is None:
        raise CandidateError("Nothing is published yet, so there is nothing to go back from.")
    earlier = [path for path in candidates.folders(folder) if path.name in published and path.name != current[1]]
    for path in earlier:
        candidate = candidates.read(path)
        if candidate.manifest.created_at < current[3]:
            return publish(
                url,
                candidate,
                check=check,
                limits=GateLimits(max_deleted_share=1.0),
                settings=settings,
                allow_older=True,
                clock=clock,
                sleep=sleep,
            )
    raise CandidateError(f"No candidate in {folder} was published before the live one, run {current[1]}.")


Fingerprint = tuple[int, str]


def _load(connection: psycopg.Connection, candidate: Candidate, settings: PublishSettings) -> dict[str, Fingerprint]:
    """Copy the candidate into staging and return what then lies there, table by table."""
    run = {"run_id": candidate.manifest.run_id}
    loaded = {}
    with connection.transaction():
        _set_limits(connection, settings)
        for table in PUBLISHED_TABLES:
            connection.execute(sql.clear_staging(table), run)
            with _without_rows(table):
                postgres_arrow.copy_arrow(connection, (sql.STAGING, table.name), _staged(candidate, table))
            loaded[table.name] = _fingerprint(connection, candidate, table)
    for table in PUBLISHED_TABLES:
        connection.execute(sql.analyze_staging(table))
    return loaded


def _staged(candidate: Candidate, table: PublishedTable) -> Iterator[pa.RecordBatch]:
    names = sql.staged_columns(table)
    for batch in candidate.batches(table):
        run_id = pa.repeat(candidate.manifest.run_id, batch.num_rows)
        yield pa.RecordBatch.from_arrays([run_id, *batch.columns], names)


def _replace(
    connection: psycopg.Connection,
    candidate: Candidate,
    loaded: dict[str, Fingerprint],
    settings: PublishSettings,
    at: dt.datetime,
    *,
    allow_older: bool,
) -> PublishResult:
    """The transaction that readers see as one step."""
    manifest = candidate.manifest
    with connection.transaction():
        _set_limits(connection, settings)
        if connection.execute(sql.TRY_LOCK).fetchone() != (True,):
            raise PublishLocked("Another publication is under way on this database. Try again when it has ended.")
        current = connection.execute(sql.CURRENT).fetchone()
        if current and not allow_older and manifest.created_at < current[3]:
            raise OlderCandidate(
                f"Run {manifest.run_id} made its candidate at {manifest.created_at:%Y-%m-%d %H:%M:%S %Z}, before the "
                f"live one of run {current[1]}. Run again, or use `tlu rollback` to go back."
            )
        version = sql.number(connection, sql.LAST_VERSION) + 1
        changes = {table.name: _replace_table(connection, candidate, table, loaded) for table in PUBLISHED_TABLES}
        record = {
            "version": version,
            "run_id": manifest.run_id,
            "as_of": manifest.as_of,
            "published_at": at,
            "valid_until": at + settings.valid_for,
            "candidate_created_at": manifest.created_at,
            "content_hash": manifest.content_hash,
            "row_counts": Jsonb({name: change.rows for name, change in changes.items()}),
            "changed_counts": Jsonb({name: change.changed for name, change in changes.items()}),
            "changes": Jsonb(
                {
                    name: {"inserted": change.inserted, "updated": change.updated, "deleted": change.deleted}
                    for name, change in changes.items()
                }
            ),
            "models": Jsonb({name: model.model_dump() for name, model in manifest.models.items()}),
            "is_rollback": allow_older,
        }
        connection.execute(sql.RETIRE_CURRENT)
        connection.execute(sql.RECORD, record)
        connection.execute(sql.LOG, record)
    return PublishResult(
        version=version,
        run_id=manifest.run_id,
        published_at=at,
        valid_until=at + settings.valid_for,
        tables=changes,
        seconds=0.0,
        already_current=current is not None and current[4] == manifest.content_hash,
    )


def _replace_table(
    connection: psycopg.Connection, candidate: Candidate, table: PublishedTable, loaded: dict[str, Fingerprint]
) -> TableChange:
    expected = candidate.manifest.rows[table.name]
    # Staging was loaded outside this transaction: a crash empties it, and then everything live would be deleted.
    found = _fingerprint(connection, candidate, table)
    if found != loaded[table.name] or found[0] != expected:
        raise StagingChanged(
            f"{table.name}: {expected:,} rows were loaded, {found[0]:,} are in staging"
            f"{'' if found[0] != expected else ', and they differ'}. Nothing was published; publish again."
        )
    values = {
        "run_id": candidate.manifest.run_id,
        "model_version": candidate.model_version(table),
        "computed_at": candidate.manifest.created_at,
    }
    before = sql.number(connection, sql.count_live(table))
    with _without_rows(table):
        merged = connection.execute(sql.merge(table), values).rowcount
    deleted = connection.execute(sql.delete_gone(table), values).rowcount
    after = sql.number(connection, sql.count_live(table))
    if after != expected:
        raise PublishingError(f"{table.name}: {after:,} rows would be live, the candidate has {expected:,}")
    inserted = after - before + deleted
    return TableChange(rows=after, inserted=inserted, updated=merged - inserted, deleted=deleted)


@contextmanager
def _without_rows(table: PublishedTable) -> Iterator[None]:
    """Say what Postgres refuses without the driver's message, which quotes the row."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise CandidateError(
            f"{table.name}: Postgres refuses a value ({error.sqlstate}, {error.diag.message_primary})"
        ) from None


def _clear(connection: psycopg.Connection, candidate: Candidate) -> None:
    if connection.closed:
        return
    for table in PUBLISHED_TABLES:
        connection.execute(sql.clear_staging(table), {"run_id": candidate.manifest.run_id})


def _set_limits(connection: psycopg.Connection, settings: PublishSettings) -> None:
    for name, value in {
        "statement_timeout": settings.statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "idle_in_transaction_session_timeout": settings.idle_timeout,
        "client_connection_check_interval": settings.client_check_interval,
    }.items():
        connection.execute(sql.SET_LOCAL, {"name": name, "value": value})


def _with_retries(attempt: Callable[[], PublishResult], pauses: Iterable[float], sleep: Sleep) -> PublishResult:
    for pause in pauses:
        try:
            return attempt()
        except psycopg.Error as error:
            if error.sqlstate not in RETRYABLE:
                raise
            log.warning("publishing met %s; again in %.1f s", error.sqlstate, pause)
            sleep(pause)
    return attempt()


def _fingerprint(connection: psycopg.Connection, candidate: Candidate, table: PublishedTable) -> Fingerprint:
    row = connection.execute(sql.staging_fingerprint(table), {"run_id": candidate.manifest.run_id}).fetchone()
    return (row[0], row[1]) if row else (0, "0")
