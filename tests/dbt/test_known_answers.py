"""A small world of raw rows as the app writes them, and the facts that they must become.

The world is in known_answers/: one file a domain, one case a trap. All cases are loaded into one database and built
once, as of 2026-06-01. A case without rows of `students` has one student, "s". Names in columns of ids ("p1") are ids
of the case, or of the rows that all cases share (world.yml). A fact belongs to a case when it carries one of its ids.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from local_supabase import schema
from orchestration.publishing.migrations import migrate
from orchestration.settings import DBT_PROJECT
from orchestration.transform import BACKTEST_TARGET, RUN_TARGET, SCHEMAS

Rows = dict[str, list[dict[str, Any]]]
BuildWarehouse = Callable[..., None]

KNOWN_ANSWERS = Path(__file__).with_name("known_answers")
# Tables that earlier runs published, and what staff wrote beside them, lie in a schema of their own.
PUBLISHED = ("student_predictions", "early_warnings", "warning_actions")
LAYERS = {"stg": "staging", "int": "intermediate", "feat": "features", "fct": "marts"}


class _Loader(yaml.SafeLoader):
    """YAML with `!megabytes N`, a text of that length."""


_Loader.add_constructor("!megabytes", lambda loader, node: "x" * (int(node.value) * 1024**2))


def _read(name: str) -> Any:
    return yaml.load((KNOWN_ANSWERS / f"{name}.yml").read_text("utf-8"), _Loader)


@dataclass(frozen=True)
class Case:
    """Raw rows, the facts that they become, and changes of the dbt project with which they would not."""

    name: str
    trap: str
    rows: Rows
    expect: Rows
    broken_by: list[dict[str, str]] = field(default_factory=list)

    def id_of(self, name: str) -> str:
        """The id that `name` stands for; an id stands for itself."""
        if _is_id(name):
            return name
        owner = "world" if name in SHARED_NAMES else self.name
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{owner}/{name}"))

    def raw_rows(self) -> Rows:
        """The case's rows with the defaults of their tables."""
        rows = self.rows if "students" in self.rows else {"students": [{}], **self.rows}
        return {table: [{**DEFAULTS[table], **row} for row in given] for table, given in rows.items()}

    def ids(self) -> list[str]:
        """Whatever may be an id of this case's own. A text that is none makes an id that occurs nowhere."""
        texts = {v for rows in self.raw_rows().values() for row in rows for v in row.values() if isinstance(v, str)}
        return sorted(self.id_of(text) for text in texts if text not in SHARED_NAMES and not _is_id(text))


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


WORLD = _read("world")
DEFAULTS: dict[str, dict[str, Any]] = WORLD["defaults"]
SHARED_NAMES = {row["id"] for rows in WORLD["shared"].values() for row in rows}
SHARED = Case("world", "", {"students": [], **WORLD["shared"]}, {})
DOMAINS = sorted(file.stem for file in KNOWN_ANSWERS.glob("*.yml") if file.stem not in {"world", "source_rows"})
CASES = [Case(**case) for domain in DOMAINS for case in _read(domain)]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def world_url(app_url: str, build_warehouse: BuildWarehouse) -> str:
    """URL of a database with the rows of all cases and the facts that were built from them."""
    migrate(app_url)
    with psycopg.connect(app_url) as connection:
        for table in (*schema.raw_tables(), *PUBLISHED):
            _drop_constraints(connection, table)
        for case in [SHARED, *CASES]:
            for table, rows in case.raw_rows().items():
                _insert(connection, case, table, rows)
    build_warehouse(app_url, RUN_TARGET, with_data_tests=True)
    return app_url


@pytest.fixture(scope="module")
def world(world_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(world_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def broken_world(
    world: psycopg.Connection, world_url: str, build_warehouse: BuildWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> psycopg.Connection:
    """The same rows, built again as the target of backtests by a project in which every rule is broken."""
    project = tmp_path_factory.mktemp("broken") / "dbt_project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    for change in {tuple(change.values()): change for case in CASES for change in case.broken_by}.values():
        _break(project, **change)
    build_warehouse(world_url, BACKTEST_TARGET, with_data_tests=False, project=project)
    return world


@each_case
def test_the_build_gives_exactly_the_expected_facts(case: Case, world: psycopg.Connection) -> None:
    assert case.expect
    for relation, rows in case.expect.items():
        found, expected = _facts(world, RUN_TARGET, case, relation, rows)
        assert found == expected, relation


@each_case
def test_a_broken_rule_is_noticed(case: Case, broken_world: psycopg.Connection) -> None:
    pairs = [_facts(broken_world, BACKTEST_TARGET, case, relation, rows) for relation, rows in case.expect.items()]
    assert any(found != expected for found, expected in pairs)


def test_every_audited_row_is_kept_or_left_out_for_its_reason(world: psycopg.Connection) -> None:
    found = world.execute("select source_table, fate, reason, row_count from analytics_marts.fct_source_rows")
    columns = [column.name for column in found.description or ()]
    assert _sorted([dict(zip(columns, row, strict=True)) for row in found]) == _sorted(_read("source_rows"))


def test_a_table_that_is_lacking_or_awaits_its_migration_reads_as_empty(
    postgres_url: str, build_warehouse: BuildWarehouse
) -> None:
    schema.install(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("drop table public.attendance_records, public.student_goals cascade")
        connection.execute("create schema serving")
        connection.execute("create table serving.early_warnings as select current_date as detected_date")
    build_warehouse(postgres_url, RUN_TARGET, with_data_tests=True)
    with psycopg.connect(postgres_url) as connection:
        for relation in (
            *("stg_app__attendance_records", "stg_app__student_goals"),
            *("stg_published__early_warnings", "stg_published__warning_actions"),
        ):
            assert connection.execute(f"select count(*) from analytics_staging.{relation}").fetchone() == (0,)


def _drop_constraints(connection: psycopg.Connection, table: str) -> None:
    """Make the table anew with nothing but its columns, so that rows get in which the app's rules should keep out."""
    home = _home(table)
    names = {"old": sql.Identifier(home, table), "bare": sql.Identifier(home, "bare"), "name": sql.Identifier(table)}
    connection.execute(sql.SQL("create table {bare} as table {old} with no data").format(**names))
    connection.execute(sql.SQL("drop table {old} cascade").format(**names))
    connection.execute(sql.SQL("alter table {bare} rename to {name}").format(**names))


def _home(table: str) -> str:
    return "serving" if table in PUBLISHED else "public"


def _insert(connection: psycopg.Connection, case: Case, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows of a case; a column that is not named is null. Postgres reads the values, so any spelling will do."""
    connection.execute(
        sql.SQL("insert into {table} select * from jsonb_populate_recordset(null::{table}, %s)").format(
            table=sql.Identifier(_home(table), table)
        ),
        [_as_json(case, rows, _id_columns(connection, _home(table), table))],
    )


def _break(project: Path, file: str, find: str, replace: str) -> None:
    """Replace a text in the one file of that name. Raises where there is no such file or text."""
    (path,) = project.rglob(file)
    text = path.read_text("utf-8")
    assert find in text, f"{file} has no {find!r}"
    path.write_text(text.replace(find, replace), "utf-8")


def _facts(
    connection: psycopg.Connection, target: str, case: Case, relation: str, rows: list[dict[str, Any]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The facts of the case in the relation, and those expected: both in one order, in the columns that are named."""
    layer = f"{SCHEMAS[target]}_{LAYERS[relation.split('_')[0]]}"
    ids = _id_columns(connection, layer, relation)
    columns = sorted(rows[0]) if rows else ids
    assert all(sorted(row) == columns for row in rows), f"rows of {relation} name different columns"
    parts = {
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "relation": sql.Identifier(layer, relation),
        "mine": sql.SQL(" or ").join(sql.SQL("{} = any(%s::uuid[])").format(sql.Identifier(name)) for name in ids),
    }
    found = connection.execute(
        sql.SQL("select {columns} from {relation} where {mine}").format(**parts), [case.ids()] * len(ids)
    )
    expected = connection.execute(
        sql.SQL("select {columns} from jsonb_populate_recordset(null::{relation}, %s)").format(**parts),
        [_as_json(case, rows, ids)],
    )
    return _sorted(map(_rounded, found)), _sorted(map(_rounded, expected))


def _id_columns(connection: psycopg.Connection, layer: str, relation: str) -> list[str]:
    query = (
        "select column_name from information_schema.columns"
        " where table_schema = %s and table_name = %s and data_type = 'uuid' order by column_name"
    )
    return [name for (name,) in connection.execute(query, [layer, relation])]


def _as_json(case: Case, rows: list[dict[str, Any]], ids: list[str]) -> str:
    named = [{c: case.id_of(v) if c in ids and v is not None else v for c, v in row.items()} for row in rows]
    return json.dumps(named, default=str)


def _rounded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(round(float(value), 2) if isinstance(value, float | Decimal) else value for value in row)


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=str)
