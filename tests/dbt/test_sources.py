"""What the staging models read, what the sources declare and what the app has must be the same tables and columns."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
import yaml

from expectations.registry import RAW_SUITES
from local_supabase import schema
from orchestration.cutoff import Cutoff
from orchestration.publishing.migrations import migrate
from orchestration.raw_contract import as_markdown, read_contract
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, run_dbt

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = read_contract()


def test_staging_reads_exactly_the_declared_columns_of_the_app(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Postgres knows which columns of which tables a view reads."""
    schema.install(postgres_url)
    Cutoff.parse("2026-06-01").write(postgres_url, SCHEMAS[RUN_TARGET])
    settings = Settings(tmp_path_factory.mktemp("home"))
    run_dbt(settings, ["run", "--select", "path:models/staging"], RUN_TARGET, dbt_environment(postgres_url))
    read: dict[str, set[str]] = {}
    with psycopg.connect(postgres_url) as connection:
        for table, column in connection.execute(
            "select distinct table_name, column_name from information_schema.view_column_usage"
            " where view_schema = 'analytics_staging' and table_schema = 'public'"
        ):
            read.setdefault(table, set()).add(column)

    assert read == {name: set(table.columns) for name, table in CONTRACT.items()}


@pytest.mark.parametrize("table", CONTRACT)
def test_declared_columns_and_types_are_the_apps(table: str) -> None:
    ddl = (ROOT / "local_supabase" / "sql" / "raw_tables.sql").read_text("utf-8")
    body = re.search(rf"create table if not exists public\.{table} \((.*?)\n\);", ddl, re.DOTALL)
    assert body, f"{table} is not one of the app's tables"
    columns = dict(re.findall(r'^    "?(\w+)"? (\w+(?:\([\d, ]+\))?(?:\[\])?)', body.group(1), re.MULTILINE))
    declared = CONTRACT[table].columns
    assert declared == {name: columns.get(name) for name in declared}


def test_every_source_has_a_suite_that_asks_only_for_declared_columns() -> None:
    assert set(RAW_SUITES) == set(CONTRACT)
    undeclared = {name: set(build().needed_columns) - set(CONTRACT[name].columns) for name, build in RAW_SUITES.items()}
    assert not {name: columns for name, columns in undeclared.items() if columns}


def test_the_page_on_the_contract_is_up_to_date() -> None:
    page = (ROOT / "docs" / "data_contract.md").read_text("utf-8")
    assert page == as_markdown(CONTRACT.values()), "run `make docs`"


def test_what_is_read_of_the_published_tables_is_there_once_they_are_migrated(postgres_url: str) -> None:
    file = DBT_PROJECT / "models" / "staging" / "published" / "_published__sources.yml"
    [source] = yaml.safe_load(file.read_text("utf-8"))["sources"]
    declared = {(t["name"], c["name"], c["data_type"]) for t in source["tables"] for c in t["columns"]}
    migrate(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "select attrelid::regclass::text, attname, replace(format_type(atttypid, null), %s, 'timestamptz')"
            " from pg_attribute where attrelid::regclass::text = any(%s) and attnum > 0",
            ["timestamp with time zone", [f"{source['schema']}.{table['name']}" for table in source["tables"]]],
        ).fetchall()
    there = {(table.removeprefix("serving."), column, kind) for table, column, kind in found}
    assert not declared - there
    # What staff write in words, and who they are, is theirs.
    unread = {column for table, column, _ in there - declared if table == "warning_actions"}
    assert unread == {"action_notes", "action_taken_by"}


def test_nothing_personal_is_declared() -> None:
    personal = r"name|phone|address|email|birth|gender|contact|medical|secret|token|title|description|feedback|note$"
    named = {f"{table.name}.{column}" for table in CONTRACT.values() for column in table.columns}
    # Names of subjects, levels and revisions, series of books, and titles of exams, are not about a person.
    harmless = {
        "curriculum_revisions.name",
        "subject_groups.name",
        "subjects.name",
        "difficulty_levels.name",
        "event_study_data.subject_name",
        "master_books.series_name",
        "master_books.title",
        "master_lectures.title",
        "student_mock_scores.exam_title",
    }
    assert {column for column in named if re.search(personal, column.split(".")[1])} == harmless
