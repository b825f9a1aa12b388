"""The typed reader of nextjs/: its own tests, its types, and those that it takes from the database."""

from __future__ import annotations

import re

import psycopg

from tests.nextjs.conftest import PACKAGE, Run, as_authenticator


def test_the_readers_own_tests(npm: Run, url: str) -> None:
    done = npm("npm", "test", "--silent", TLU_TEST_OWNER_URL=url, TLU_TEST_APP_URL=as_authenticator(url))
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert re.search(r"^# pass 4\d$", done.stdout, re.MULTILINE), done.stdout[-500:]
    assert re.search(r"^# skipped 0$", done.stdout, re.MULTILINE)


def test_types_hold(npm: Run) -> None:
    done = npm("npm", "run", "--silent", "typecheck")
    assert done.returncode == 0, done.stdout


def test_generated_types_are_those_of_the_database(npm: Run, url: str) -> None:
    same = npm("npm", "run", "--silent", "types", "--", "--check", DATABASE_URL=url)
    assert same.returncode == 0, same.stdout + same.stderr
    with psycopg.connect(url) as connection:
        connection.execute("alter table serving.publication add column note text")
    drifted = npm("npm", "run", "--silent", "types", "--", "--check", DATABASE_URL=url)
    assert drifted.returncode == 1
    assert "npm run types" in drifted.stderr


def test_the_lock_file_names_no_registry() -> None:
    text = (PACKAGE / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert '"integrity"' in text
