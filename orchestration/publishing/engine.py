"""Publish a candidate: staging, gate, one transaction over all tables.

Belongs here: the order of the steps, time limits and retries. Not here: statements (sql.py), rules (gate.py).

Readers are never blocked: nothing but DML touches `serving`. Until the commit they see the old rows, after it the new.
"""

from __future__ import annotations

import datetime as dt
import hashlib
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
from orchestration.publishing.contracts import (
    CONTENT_RECOMMENDATIONS,
    PUBLISHED_TABLES,
    SCORE_PREDICTIONS,
    PublishedTable,
)
from orchestration.publishing.errors import (
    CandidateError,
    GateRefused,
    NothingPublished,
    OlderCandidate,
    PublishingError,
    PublishLocked,
    StagingChanged,
)
from orchestration.publishing.gate import CandidateCheck, GateLimits
from orchestration.publishing.scope import ALL, Scope

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
    """Rows of one table after a publication, those outside its scope too, and how it changed them."""

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
    """A publication that was committed. `already_current`: the same content was live before.

    `valid_until` is that of the last publication for all.
    """

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
    scope: Scope = ALL,
    limits: GateLimits | None = None,
    settings: PublishSettings | None = None,
    allow_older: bool = False,
    clock: Clock = now,
    sleep: Sleep = time.sleep,
) -> PublishResult:
    """Replace what the app reads by `candidate`, all tables at once, writing only rows that differ.

    `check` is called once a table. With a `scope` only the rows of an academy or of some students are replaced. With
    `allow_older` a candidate may replace a newer one: a rollback.

    Raises, and leaves everything as it was: GateRefused with every reason; OlderCandidate when a newer candidate is
    live in the scope; NothingPublished for a part when nothing is live yet; PublishLocked when another publisher is at
    work; StagingChanged when the loaded rows are not there any more; CandidateError when Postgres refuses a value;
    psycopg.Error.
    """
    limits, settings = limits or GateLimits(), settings or PublishSettings()
    started = time.monotonic()
    problems = gate.recorded_problems(candidate.manifest) + gate.candidate_problems(candidate, check)
    if problems:
        raise GateRefused(map(str, problems))
    # No prepared statements and no session state: a pooler in transaction mode may sit between.
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        try:
            loaded = _load(connection, candidate, scope, settings)
            problems = gate.volume_problems(connection, candidate, limits, scope)
            if problems:
                raise GateRefused(map(str, problems))
            result = _with_retries(
                lambda: _replace(connection, candidate, scope, loaded, settings, clock(), allow_older=allow_older),
                settings.retry_after_seconds,
                sleep,
            )
        finally:
            _clear(connection, candidate)
    result = replace(result, seconds=time.monotonic() - started)
    log.info("version %s published from run %s, %s, in %.1f s", result.version, result.run_id, scope, result.seconds)
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

    It may delete as many rows as it must. Raises NothingPublished, CandidateError when there is none to go back to, and
    what `publish` raises.
    """
    with psycopg.connect(url, prepare_threshold=None) as connection:
        current = connection.execute(sql.CURRENT).fetchone()
        published = {run_id for (run_id,) in connection.execute(sql.PUBLISHED_RUNS)}
    if current is None:
        raise NothingPublished("Nothing is published yet, so there is nothing to go back from.")
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


def _load(
    connection: psycopg.Connection, candidate: Candidate, scope: Scope, settings: PublishSettings
) -> dict[str, Fingerprint]:
    """Copy the candidate's rows of the scope into staging and return what then lies there, table by table."""
    run = {"run_id": candidate.manifest.run_id}
    loaded = {}
    tables = list(filter(scope.includes, PUBLISHED_TABLES))
    with connection.transaction():
        _set_limits(connection, settings)
        for table in tables:
            connection.execute(sql.clear_staging(table), run)
            with _without_rows(table):
                sent = postgres_arrow.copy_arrow(
                    connection, (sql.STAGING, table.name), _staged(candidate, table, scope)
                )
            expected = candidate.manifest.rows[table.name] if scope.is_all else sent
            loaded[table.name] = _fingerprint(connection, candidate, table)
            if loaded[table.name][0] != expected:
                raise StagingChanged(_changed(table, expected, loaded[table.name][0]))
    for table in tables:
        connection.execute(sql.analyze_staging(table))
    return loaded


def _staged(candidate: Candidate, table: PublishedTable, scope: Scope) -> Iterator[pa.RecordBatch]:
    names = sql.staged_columns(table)
    for batch in map(scope.select, candidate.batches(table)):
        run_id = pa.repeat(candidate.manifest.run_id, batch.num_rows)
        yield pa.RecordBatch.from_arrays([run_id, *batch.columns], names)


def _replace(
    connection: psycopg.Connection,
    candidate: Candidate,
    scope: Scope,
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
        if current is None and not scope.is_all:
            raise NothingPublished(f"Nothing is published yet that {scope} could be a part of. Publish for all first.")
        [newest] = connection.execute(sql.NEWEST_LIVE, {"tenant": scope.tenant}).fetchone() or [None]
        if newest and not allow_older and manifest.created_at < newest:
            raise OlderCandidate(
                f"Run {manifest.run_id} made its candidate at {manifest.created_at:%Y-%m-%d %H:%M:%S %Z}, before the "
                f"live one of {newest:%Y-%m-%d %H:%M:%S %Z}. Run again, or use `tlu rollback` to go back."
            )
        changes = {
            table.name: _replace_table(connection, candidate, table, scope, loaded[table.name])
            for table in filter(scope.includes, PUBLISHED_TABLES)
        }
        content_hash, valid_until = manifest.content_hash, at + settings.valid_for
        if current and not scope.is_all:
            content_hash, valid_until = _mixed_hash(current[4], scope, content_hash), current[5]
        version = sql.number(connection, sql.LAST_VERSION) + 1
        record = {
            "version": version,
            "run_id": manifest.run_id,
            "as_of": manifest.as_of,
            "published_at": at,
            "valid_until": valid_until,
            "candidate_created_at": manifest.created_at,
            "content_hash": content_hash,
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
            "scope": str(scope),
            "tenant": scope.tenant,
        }
        if scope.is_all:
            connection.execute(sql.RETIRE_CURRENT)
            connection.execute(sql.RECORD, record)
        else:
            connection.execute(sql.RECORD_PART, record)
        connection.execute(sql.LOG, record)
        if changes[CONTENT_RECOMMENDATIONS.name].changed:
            connection.execute(sql.KEEP_FIRST_SHOWN, record)
        connection.execute(sql.FORGET_FIRST_SHOWN, record)
        # Also when no row has changed: what stands is this week's prediction, too.
        if changes[SCORE_PREDICTIONS.name].rows:
            connection.execute(sql.keep_score_predictions(scope), record | scope.values)
        connection.execute(sql.FORGET_SCORE_PREDICTIONS, record)
    return PublishResult(
        version=version,
        run_id=manifest.run_id,
        published_at=at,
        valid_until=valid_until,
        tables=changes,
        seconds=0.0,
        already_current=current is not None and current[4] == content_hash,
    )


def _mixed_hash(live: str, scope: Scope, content: str) -> str:
    """Identity of what is live once the rows of a scope are another candidate's."""
    return hashlib.sha256(f"{live} {scope} {content}".encode()).hexdigest()


def _replace_table(
    connection: psycopg.Connection, candidate: Candidate, table: PublishedTable, scope: Scope, loaded: Fingerprint
) -> TableChange:
    expected = loaded[0]
    # Staging was loaded outside this transaction: a crash empties it, and then everything live would be deleted.
    found = _fingerprint(connection, candidate, table)
    if found != loaded:
        raise StagingChanged(_changed(table, expected, found[0]))
    values = {
        "run_id": candidate.manifest.run_id,
        "model_version": candidate.model_version(table),
        "computed_at": candidate.manifest.created_at,
        **scope.values,
    }
    before = sql.number(connection, sql.count_live(table, ALL))
    with _without_rows(table):
        merged = connection.execute(sql.merge(table), values).rowcount
    deleted = connection.execute(sql.delete_gone(table, scope), values).rowcount
    after = sql.number(connection, sql.count_live(table, scope), values)
    if after != expected:
        raise PublishingError(f"{table.name}: {after:,} rows of {scope} would be live, the candidate has {expected:,}")
    rows = after if scope.is_all else sql.number(connection, sql.count_live(table, ALL))
    inserted = rows - before + deleted
    return TableChange(rows=rows, inserted=inserted, updated=merged - inserted, deleted=deleted)


def _changed(table: PublishedTable, expected: int, found: int) -> str:
    return (
        f"{table.name}: {expected:,} rows were loaded, {found:,} are in staging"
        f"{'' if found != expected else ', and they differ'}. Nothing was published; publish again."
    )


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
