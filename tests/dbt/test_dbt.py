"""The whole dbt project, built once on the app's empty tables."""

from __future__ import annotations

import json

import psycopg
import pytest

from local_supabase import schema
from orchestration.cutoff import Cutoff
from orchestration.settings import Settings
from orchestration.transform import RUN_TARGET, SCHEMAS, dbt_environment, manifest_path, run_dbt

_COLUMNS = """
    select c.relname, a.attname
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = any(%s::regnamespace[]) and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
"""


def test_everything_builds_and_the_described_columns_are_those_that_exist(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> None:
    """Every model builds on the app's empty tables, every unit test passes, and no column is undescribed."""
    settings = Settings(tmp_path_factory.mktemp("home"))
    schema.install(postgres_url)
    Cutoff.parse("2026-06-01").write(postgres_url, SCHEMAS[RUN_TARGET])
    run_dbt(settings, ["build"], RUN_TARGET, dbt_environment(postgres_url))

    nodes = json.loads(manifest_path(settings).read_text("utf-8"))["nodes"].values()
    schemas = [f"{SCHEMAS[RUN_TARGET]}_{layer}" for layer in ("features", "marts")]
    described = {
        (n["name"], c) for n in nodes if n["schema"] in schemas and n["resource_type"] == "model" for c in n["columns"]
    }
    with psycopg.connect(postgres_url) as connection:
        assert set(connection.execute(_COLUMNS, [schemas]).fetchall()) == described
