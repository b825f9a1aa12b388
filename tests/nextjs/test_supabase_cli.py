"""What Supabase's own tools say of the migrations: its advisors, and its way of applying them."""

from __future__ import annotations

import json
import platform
from typing import Any

import psycopg
import pytest

from orchestration.publishing.migrations import migrations, pending
from tests.nextjs.conftest import MODULES, ROOT, Run

CLI = MODULES / "@supabase" / "cli-linux-x64" / "bin" / "supabase"


@pytest.fixture
def supabase(npm: Run) -> Run:
    """The CLI, which npm installs on Linux alone."""
    if not CLI.exists():
        pytest.skip(f"the Supabase CLI has no package for {platform.system()} here: its checks are left out")
    return lambda *arguments: npm(str(CLI), *arguments, cwd=ROOT)


def findings(supabase: Run, url: str) -> list[dict[str, Any]]:
    """What the advisors find in `serving`, which config.toml exposes; `public` is the app's own business.

    That an index is unused says nothing of a database that nobody has asked anything.
    """
    done = supabase("db", "advisors", f"--remote={url}", "--level", "info", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout[done.stdout.index('{"results"') :])["results"]
    of_serving = [found for found in results if str(found["metadata"].get("schema", "")).startswith("serving")]
    return [found for found in of_serving if found["name"] != "unused_index"]


def test_advisors_find_nothing(supabase: Run, url: str) -> None:
    assert findings(supabase, url) == []
    with psycopg.connect(url) as connection:
        connection.execute("create table serving.open (a int primary key)")
        connection.execute("grant select on serving.open to authenticated")
    assert [found["name"] for found in findings(supabase, url)] == ["rls_disabled_in_public"]


def test_db_push_applies_what_tlu_migrate_would(supabase: Run, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("drop schema serving cascade")
        connection.execute("drop schema serving_staging cascade")
    for _ in range(2):
        done = supabase("db", "push", f"--remote={url}", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
    assert pending(url) == []
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute("select count(*) from serving_staging.migration").fetchall()
    assert count == len(migrations())
