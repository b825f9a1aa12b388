"""A database with the app's tables, `serving` and the people of world.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from local_supabase import schema
from orchestration.publishing.migrations import migrate
from tests.publishing.databases import fresh_database
from tests.serving import world


@pytest.fixture(scope="module")
def url(postgres_server_url: str) -> Iterator[str]:
    """A database of the module; what its tests write they take back."""
    with fresh_database(postgres_server_url) as fresh:
        schema.install(fresh)
        migrate(fresh)
        with psycopg.connect(fresh, autocommit=True) as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(world.WORLD, world.VALUES)
            cursor.execute(world.PUBLICATION)
        yield fresh


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """An owner, who sees everything, in a transaction that is taken back."""
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        yield connection
        connection.rollback()
