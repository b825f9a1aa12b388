"""What must hold before a candidate may replace what is live. Run by the publisher itself, before its transaction.

Belongs here: the rules and their limits. Not here: what is expected of single columns (injected as a CandidateCheck)
and the statements (sql.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
import pyarrow as pa

from orchestration.publishing import sql
from orchestration.publishing.candidate import Candidate, Manifest
from orchestration.publishing.contracts import PUBLISHED_TABLES, STUDENTS, PublishedTable
from orchestration.publishing.scope import Scope


@dataclass(frozen=True)
class Problem:
    """Something about a candidate that forbids to publish it."""

    check: str
    found: str

    def __str__(self) -> str:
        return f"{self.check}: {self.found}"


class CandidateCheck(Protocol):
    """Looks at the rows of one published table and returns every problem that forbids to publish them."""

    def __call__(self, table: str, rows: pa.Table, /) -> Sequence[Problem]:
        """Problems of `rows`, which are to become `serving.<table>`; none when they may be published."""
        ...


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """How far a candidate may differ from what is live."""

    max_deleted_share: float = 0.3
    """Live rows that one publication may delete. A night brings a few per cent, a change of term some more; half the
    input missing brings half. Rows of students and academies that the app no longer has do not count, nor rows about a
    day that is over."""

    max_unknown_share: float = 0.01
    """Students or academies that the app does not have (any more): some may be deleted while a run is under way; many
    mean another database."""

    def __post_init__(self) -> None:
        problems = [f"{name} must be 0 to 1, not {value}" for name, value in vars(self).items() if not 0 <= value <= 1]
        if problems:
            raise ValueError("Limits of the gate: " + "; ".join(problems))


def recorded_problems(manifest: Manifest) -> list[Problem]:
    """What the run's own validations of raw tables and features found; having none is a problem too."""
    if not manifest.validations:
        return [Problem("validations", "the run recorded none of its raw tables and features")]
    return [
        Problem(validation.suite, failure)
        for validation in manifest.validations
        if not validation.success or validation.critical
        for failure in validation.critical or ("failed",)
    ]


def candidate_problems(candidate: Candidate, check: CandidateCheck) -> list[Problem]:
    """What is wrong with the rows themselves, one table in memory at a time."""
    problems = []
    for table in PUBLISHED_TABLES:
        if candidate.manifest.rows[table.name] == 0:
            problems += [] if table.may_be_empty else [Problem(table.name, "no rows")]
        else:
            problems += check(table.name, candidate.table(table))
    return problems


def volume_problems(
    connection: psycopg.Connection, candidate: Candidate, limits: GateLimits, scope: Scope
) -> list[Problem]:
    """What is wrong with the staged rows beside what is live and beside the app's own students and academies.

    The app's tables are consulted where they are on the same database.
    """
    current = connection.execute(sql.CURRENT).fetchone()
    # Going back in time is asked for by hand, and fewer students had a history then.
    may_shrink = current is None or candidate.manifest.as_of < current[2]
    problems = []
    for table in filter(scope.includes, PUBLISHED_TABLES):
        has_owners = bool(sql.number(connection, sql.APP_HAS_TABLE, {"name": f"public.{table.owner.app_table}"}))
        if not may_shrink and not table.may_shrink:
            problems += _deletes(connection, candidate, table, limits, scope, has_owners=has_owners)
        if has_owners:
            problems += _owners(connection, candidate, table, limits)
    return problems


def _deletes(
    connection: psycopg.Connection,
    candidate: Candidate,
    table: PublishedTable,
    limits: GateLimits,
    scope: Scope,
    *,
    has_owners: bool,
) -> list[Problem]:
    values = {"run_id": candidate.manifest.run_id, "as_of": candidate.manifest.as_of, **scope.values}
    live = sql.number(connection, sql.count_due(table, scope), values)
    deleted = sql.number(connection, sql.count_planned_deletes(table, scope, of_known_owners=has_owners), values)
    if deleted <= limits.max_deleted_share * live:
        return []
    return [
        Problem(
            table.name,
            f"{deleted:,} of {live:,} live rows would be deleted, {deleted / live:.0%}; the limit is "
            f"{limits.max_deleted_share:.0%}. Is some input missing?",
        )
    ]


def _owners(
    connection: psycopg.Connection, candidate: Candidate, table: PublishedTable, limits: GateLimits
) -> list[Problem]:
    run = {"run_id": candidate.manifest.run_id}
    problems = []
    owners, unknown = connection.execute(sql.count_unknown_owners(table), run).fetchone() or (0, 0)
    if unknown > limits.max_unknown_share * owners:
        app_table = table.owner.app_table
        problems.append(Problem(table.name, f"{unknown:,} of {owners:,} {app_table} are not in public.{app_table}"))
    if table.owner == STUDENTS:
        wrong = sql.number(connection, sql.count_wrong_tenants(table), run)
        if wrong:
            problems.append(Problem(table.name, f"{wrong:,} rows carry a tenant that is not their student's"))
    return problems
