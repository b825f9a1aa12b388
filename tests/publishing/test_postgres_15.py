"""The oldest Postgres that Supabase runs passes the same tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_supabase import server

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path("/usr/lib/postgresql/15/bin")  # where Debian has it


@pytest.fixture
def url_15(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"there is no Postgres 15 in {BINARIES}: only the newest is tested")
    monkeypatch.setenv("TLU_POSTGRES_BIN", str(BINARIES))
    home = tmp_path_factory.mktemp("fifteen")
    yield server.start(home).url
    server.remove(home)


def test_migrations_publisher_and_access_on_postgres_15(url_15: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "tests/publishing",
        "tests/serving",
    ]
    done = subprocess.run(
        [*command, f"--deselect=tests/publishing/{Path(__file__).name}"],
        cwd=ROOT,
        env={**os.environ, "TLU_TEST_DATABASE_URL": url_15},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
