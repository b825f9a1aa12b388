"""Which database a command talks to, and whether it answers.

Belongs here: choosing between `SUPABASE_DB_URL` and the local stand-in. Not here: SQL.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg

from local_supabase import schema, server
from orchestration.settings import Settings

CONNECT_TIMEOUT_SECONDS = 10


class DatabaseUnavailable(Exception):
    """The database does not answer, or refuses us."""


def database_url(settings: Settings) -> str:
    """URL of the app's database; starts the local stand-in, with the app's tables in it, where no other is named.

    Raises DatabaseUnavailable when a named server does not answer, and LocalPostgresError when ours does not start.
    """
    if settings.database_url:
        _check("SUPABASE_DB_URL", settings.database_url)
        return settings.database_url
    local = server.start(settings.home)
    # Only an empty one: a table that somebody dropped is missing here as it would be in the app, and the run says so.
    if schema.is_empty(local.url):
        schema.install(local.url)
    return local.url


def publisher_url(settings: Settings) -> str:
    """URL of the same database for whoever writes `serving`; raises as `database_url` does."""
    if settings.publisher_url:
        _check("SUPABASE_PUBLISHER_URL", settings.publisher_url)
        return settings.publisher_url
    return database_url(settings)


def described(url: str) -> str:
    """Host, port and database of `url`, without user and password: fit for logs."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"


def _check(variable: str, url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"{variable} names {described(url)}, which could not be used: {str(error).strip()}. "
            "Check that the server runs, and the user and password in the URL."
        ) from error
