"""Every statement of the publisher, composed from the contract; values always travel as parameters.

Belongs here: SQL. Not here: when it runs (engine.py) or what the answer means (gate.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from orchestration.publishing.contracts import PublishedTable
from orchestration.publishing.scope import Scope

SERVING, STAGING = "serving", "serving_staging"

# Transaction-level, so that it also works through a pooler, and gone with the transaction.
TRY_LOCK = "select pg_try_advisory_xact_lock(20261123, 2)"

SET_LOCAL = "select set_config(%(name)s, %(value)s, true)"

CURRENT = """
    select version, run_id, as_of, candidate_created_at, content_hash, valid_until
    from serving.publication where is_current
"""
# The newest candidate that anything live in the scope can be of: of the last publication for all, and of those since
# then that may have touched the same academy. What was published for some students counts for every academy.
NEWEST_LIVE = """
    select max(candidate_created_at) from serving_staging.publish_log
    where version >= (select max(version) from serving_staging.publish_log where scope = 'all')
      and (tenant_id is null or %(tenant)s::uuid is null or tenant_id = %(tenant)s)
"""
LAST_VERSION = "select coalesce(max(version), 0) from serving_staging.publish_log"
PUBLISHED_RUNS = "select distinct run_id from serving_staging.publish_log where scope = 'all'"
RETIRE_CURRENT = "update serving.publication set is_current = false where is_current"
RECORD = """
    insert into serving.publication (
        run_id, version, as_of, published_at, valid_until, candidate_created_at, content_hash, row_counts,
        changed_counts, models, is_current
    ) values (
        %(run_id)s, %(version)s, %(as_of)s, %(published_at)s, %(valid_until)s, %(candidate_created_at)s,
        %(content_hash)s, %(row_counts)s, %(changed_counts)s, %(models)s, true
    )
    on conflict (run_id) do update set
        version = excluded.version, as_of = excluded.as_of, published_at = excluded.published_at,
        valid_until = excluded.valid_until, candidate_created_at = excluded.candidate_created_at,
        content_hash = excluded.content_hash, row_counts = excluded.row_counts,
        changed_counts = excluded.changed_counts, models = excluded.models, is_current = true
"""
# What is live is then of several runs: cut-off and validity stay those of the run that was published for all.
RECORD_PART = """
    update serving.publication set version = %(version)s, content_hash = %(content_hash)s,
        row_counts = row_counts || %(row_counts)s, changed_counts = %(changed_counts)s
    where is_current
"""
# What a publication first shows among a student's first ten; what was shown before stays as it first was. The rows that
# this publication changed are those of its run and of its candidate's time.
KEEP_FIRST_SHOWN = """
    insert into serving_staging.first_shown
    select student_id, content_id, tenant_id, content_type, subject_group, rank, score,
        array(select reason ->> 'code' from jsonb_array_elements(reasons) as reason), source, %(version)s, %(as_of)s,
        model_version, %(published_at)s
    from serving.content_recommendations
    where rank <= 10 and run_id = %(run_id)s and computed_at = %(candidate_created_at)s
    on conflict (student_id, content_id) do nothing
"""
FORGET_FIRST_SHOWN = "delete from serving_staging.first_shown where shown_at < %(published_at)s - interval '365 days'"
# Two years before the cut-off, which may lie long ago, and never of what is younger in truth.
FORGET_SCORE_PREDICTIONS = """
    delete from serving_staging.score_prediction_log
    where week_start < least(%(as_of)s::date, %(published_at)s::date) - 730
"""
LOG = """
    insert into serving_staging.publish_log (
        version, run_id, as_of, published_at, candidate_created_at, content_hash, row_counts, changes, is_rollback,
        scope, tenant_id
    ) values (
        %(version)s, %(run_id)s, %(as_of)s, %(published_at)s, %(candidate_created_at)s, %(content_hash)s,
        %(row_counts)s, %(changes)s, %(is_rollback)s, %(scope)s, %(tenant)s
    )
"""
APP_HAS_TABLE = "select to_regclass(%(name)s) is not null"


def number(
    connection: psycopg.Connection, statement: LiteralString | sql.Composed, values: Mapping[str, object] | None = None
) -> int:
    """The one number that `statement` answers."""
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise LookupError("a statement that answers one number returned no row")
    return int(row[0])


def staged_columns(table: PublishedTable) -> list[str]:
    """Columns that are loaded into staging, in order."""
    return ["run_id", *(column.name for column in table.columns)]


def clear_staging(table: PublishedTable) -> sql.Composed:
    """Remove this run's rows, and those that a killed publisher left a day ago: no publication takes that long."""
    return sql.SQL("delete from {staged} where run_id = %(run_id)s or loaded_at < now() - interval '1 day'").format(
        staged=_staged(table)
    )


def analyze_staging(table: PublishedTable) -> sql.Composed:
    """Tell the planner how many rows were just loaded."""
    return sql.SQL("analyze {staged}").format(staged=_staged(table))


def staging_fingerprint(table: PublishedTable) -> sql.Composed:
    """Count and order-free checksum of this run's rows in staging."""
    return sql.SQL(
        "select count(*), coalesce(sum(hash_record_extended(s, 0)::numeric), 0)::text "
        "from {staged} as s where run_id = %(run_id)s"
    ).format(staged=_staged(table))


def count_live(table: PublishedTable, scope: Scope) -> sql.Composed:
    """Rows of the scope that the app reads now."""
    return sql.SQL("select count(*) from {live} as t where {in_scope}").format(
        live=_live(table), in_scope=scope.condition("t")
    )


def count_due(table: PublishedTable, scope: Scope) -> sql.Composed:
    """Live rows of the scope whose day is not over at the cut-off: all of a table without days."""
    return sql.SQL("{live} and {is_due}").format(live=count_live(table, scope), is_due=_is_due(table))


def count_planned_deletes(table: PublishedTable, scope: Scope, *, of_known_owners: bool) -> sql.Composed:
    """How many of those this run would delete; with `of_known_owners` only where the app still has the owner."""
    statement = sql.SQL("select count(*) from {live} as t where {is_gone} and {is_due}").format(
        live=_live(table), is_gone=_is_gone(table, scope), is_due=_is_due(table)
    )
    if not of_known_owners:
        return statement
    return statement + sql.SQL(" and exists (select from {app} as o where o.id = t.{owner})").format(
        app=_app(table), owner=sql.Identifier(table.owner.column)
    )


def count_unknown_owners(table: PublishedTable) -> sql.Composed:
    """Owners in staging, and how many of them the app does not have."""
    return sql.SQL(
        "select count(*), count(*) filter (where not exists (select from {app} as o where o.id = s.id)) "
        "from (select distinct {owner} as id from {staged} where run_id = %(run_id)s) as s"
    ).format(app=_app(table), owner=sql.Identifier(table.owner.column), staged=_staged(table))


def count_wrong_tenants(table: PublishedTable) -> sql.Composed:
    """Rows in staging of a student whom the app has in another tenant."""
    return sql.SQL(
        "select count(*) from {staged} as s inner join {app} as o on o.id = s.{owner} "
        "where s.run_id = %(run_id)s and o.tenant_id is distinct from s.tenant_id"
    ).format(app=_app(table), owner=sql.Identifier(table.owner.column), staged=_staged(table))


def keep_score_predictions(scope: Scope) -> sql.Composed:
    """Record what is live of the next known exam of each series in the scope, unless the week has it already."""
    return sql.SQL("""
        insert into serving_staging.score_prediction_log (
            student_id, subject_group, exam_kind, target_date, week_start, tenant_id, exam_type, predicted_score, lower,
            upper, lower_90, upper_90, confidence, scale, basis, past_exam_count, version, as_of, model_version,
            logged_at
        )
        select distinct on (t.student_id, t.subject_group, t.exam_kind)
            t.student_id, t.subject_group, t.exam_kind, t.target_date, date_trunc('week', %(as_of)s::text::timestamp),
            t.tenant_id, t.exam_type, t.predicted_score, t.lower, t.upper, t.lower_90, t.upper_90, t.confidence,
            t.scale, t.basis, t.past_exam_count, %(version)s, %(as_of)s::text, t.model_version, %(published_at)s
        from serving.score_predictions as t
        where t.exam_type is not null and t.target_date >= %(as_of)s::text::date and {in_scope}
        order by t.student_id, t.subject_group, t.exam_kind, t.target_date
        on conflict do nothing
    """).format(in_scope=scope.condition("t"))


def merge(table: PublishedTable) -> sql.Composed:
    """Insert what is new and update what differs; an equal row is left alone, its origin too."""
    origin = sql.SQL("%(run_id)s, %(model_version)s, %(computed_at)s")
    return sql.SQL(
        "merge into {live} as t using (select * from {staged} where run_id = %(run_id)s) as s on {same_key} "
        "when matched and ({old}) is distinct from ({new}) "
        "then update set {assignments}, (run_id, model_version, computed_at) = row ({origin}) "
        "when not matched then insert ({columns}, run_id, model_version, computed_at) values ({values}, {origin})"
    ).format(
        live=_live(table),
        staged=_staged(table),
        same_key=_same_key(table),
        old=_names(table.payload_names, "t"),
        new=_names(table.payload_names, "s"),
        assignments=sql.SQL(", ").join(
            sql.SQL("{name} = s.{name}").format(name=sql.Identifier(name)) for name in table.payload_names
        ),
        columns=_names(table.key_names + table.payload_names),
        values=_names(table.key_names + table.payload_names, "s"),
        origin=origin,
    )


def delete_gone(table: PublishedTable, scope: Scope) -> sql.Composed:
    """Delete live rows of the scope that this run does not have."""
    return sql.SQL("delete from {live} as t where {is_gone}").format(live=_live(table), is_gone=_is_gone(table, scope))


def _is_gone(table: PublishedTable, scope: Scope) -> sql.Composed:
    return sql.SQL(
        "{in_scope} and not exists (select from {staged} as s where s.run_id = %(run_id)s and {same_key})"
    ).format(in_scope=scope.condition("t"), staged=_staged(table), same_key=_same_key(table))


def _is_due(table: PublishedTable) -> sql.Composed:
    if table.due is None:
        return sql.SQL("true").format()
    return sql.SQL("{due} >= %(as_of)s::date").format(due=sql.Identifier("t", table.due))


def _same_key(table: PublishedTable) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("t.{name} = s.{name}").format(name=sql.Identifier(name)) for name in table.key_names
    )


def _names(names: tuple[str, ...], alias: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)


def _live(table: PublishedTable) -> sql.Identifier:
    return sql.Identifier(SERVING, table.name)


def _staged(table: PublishedTable) -> sql.Identifier:
    return sql.Identifier(STAGING, table.name)


def _app(table: PublishedTable) -> sql.Identifier:
    return sql.Identifier("public", table.owner.app_table)
