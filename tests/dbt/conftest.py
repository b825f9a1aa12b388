"""Fixtures of the dbt tests: databases with the app's tables, and dbt builds in them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from local_supabase import schema
from orchestration import transform
from orchestration.cutoff import Cutoff
from orchestration.settings import DBT_PROJECT, Settings

# All that gives the raw rows their meaning, the features, the account of what became of every row, what became of what
# was published, and the tests on these alone.
_MEANINGS = (
    *("--select", "path:seeds", "path:models/staging", "path:models/intermediate", "path:models/features"),
    *("fct_source_rows", "fct_prediction_outcomes", "fct_warning_outcomes", "fct_warning_rules"),
    *("--indirect-selection", "buildable"),
)


@pytest.fixture(scope="session")
def app_url(postgres_server_url: str) -> Iterator[str]:
    """URL of a database with the app's empty tables, one for the session."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = urlsplit(postgres_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    schema.install(url)
    yield url
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def build_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Build all of `_MEANINGS` as of 2026-06-01, as dbt's `target`, from `project`."""

    def build(url: str, target: str, *, with_data_tests: bool, project: Path = DBT_PROJECT) -> None:
        Cutoff.parse("2026-06-01").write(url, transform.SCHEMAS[target])
        without = ["unit_test"] if with_data_tests else ["unit_test", "test"]
        left_out = [argument for kind in without for argument in ("--exclude-resource-type", kind)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transform, "DBT_PROJECT", project)
            transform.run_dbt(
                Settings(tmp_path_factory.mktemp("home")),
                ["build", *_MEANINGS, *left_out],
                target,
                transform.dbt_environment(url),
            )

    return build
