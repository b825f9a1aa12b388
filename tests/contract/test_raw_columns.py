"""What the staging models read, what the contract asks for and what the app has must be the same columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.raw_contract import REQUIRED_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
STAGING = ROOT / "dbt_project" / "models" / "staging" / "app"


def _app_columns(table: str) -> set[str]:
    ddl = (ROOT / "local_supabase" / "sql" / "raw_tables.sql").read_text("utf-8")
    body = re.search(rf"create table if not exists public\.{table} \((.*?)\n\);", ddl, re.DOTALL)
    assert body, f"{table} is not one of the app's tables"
    return set(re.findall(r'^    "?(\w+)"? ', body.group(1), re.MULTILINE))


@pytest.mark.parametrize("table", REQUIRED_COLUMNS)
def test_required_columns_are_the_apps(table: str) -> None:
    assert set(REQUIRED_COLUMNS[table]) <= _app_columns(table)


@pytest.mark.parametrize("table", REQUIRED_COLUMNS)
def test_staging_reads_exactly_the_required_columns(table: str) -> None:
    """An app column named in a staging model but not in the contract would fail halfway through a run."""
    model = (STAGING / f"stg_app__{table}.sql").read_text("utf-8")
    words = set(re.findall(r"\w+", re.sub(r"^--.*$", "", model, flags=re.MULTILINE)))
    assert set(REQUIRED_COLUMNS[table]) <= words, "the contract asks for columns that staging does not read"


def test_every_source_has_a_contract() -> None:
    sources = (STAGING / "_app__sources.yml").read_text("utf-8").split("- name: app")[1]
    assert set(re.findall(r"^      - name: (\w+)$", sources, re.MULTILINE)) == set(REQUIRED_COLUMNS)
