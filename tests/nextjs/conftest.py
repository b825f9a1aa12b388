"""The npm package, installed once, and a database with the people of tests/serving."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from local_supabase import schema
from orchestration.publishing.migrations import migrate
from tests.publishing.databases import fresh_database
from tests.serving import world

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "nextjs"
MODULES = PACKAGE / "node_modules"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def npm() -> Run:
    """Runs a command in nextjs/; its packages are those of the lock file."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: nothing of nextjs/ is tested")
    lock = hashlib.sha256((PACKAGE / "package-lock.json").read_bytes()).hexdigest()
    installed = MODULES / ".lock-hash"
    if not installed.exists() or installed.read_text() != lock:
        run("npm", "ci", "--no-progress").check_returncode()
        installed.write_text(lock)
    return run


def run(*command: str, cwd: Path = PACKAGE, **environment: str) -> subprocess.CompletedProcess[str]:
    quiet = {"NEXT_TELEMETRY_DISABLED": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"}
    env = {**os.environ, **quiet, **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def url(postgres_server_url: str) -> Iterator[str]:
    """A database of the test's own."""
    with fresh_database(postgres_server_url) as fresh:
        schema.install(fresh)
        migrate(fresh)
        with psycopg.connect(fresh, autocommit=True) as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(world.WORLD, world.VALUES)
        yield fresh


def as_authenticator(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"authenticator:{parts.password}@{parts.hostname}:{parts.port}").geturl()
