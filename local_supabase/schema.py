"""The app's tables, roles and read rules, put into a database that stands in for the app's.

Belongs here: applying the files of sql/. Not here: rows (bulk.py and its callers), and the tables we publish, which
migrations own.
"""

from __future__ import annotations

import re
from importlib import resources

import psycopg

RAW_SCHEMA = "public"
_TABLE = re.compile(r"^create table if not exists public\.(\w+)", re.MULTILINE)
_KEY = re.compile(r"\b(?:add constraint|index if not exists) (\w+)")

# Roles belong to the whole server, and an advisory lock only to one database. This one keeps out every other
# installation on the server, and anybody who changes a role; logging in and reading go on.
_LOCK = "lock table pg_catalog.pg_authid in share row exclusive mode"
_NAMES = """
    select conname::text from pg_catalog.pg_constraint where connamespace = %(schema)s::regnamespace
    union
    select relname::text from pg_catalog.pg_class where relnamespace = %(schema)s::regnamespace and relkind = 'i'
"""


def install(url: str) -> None:
    """Make the database at `url` look like the app's: raw tables, keys, roles, helpers and read rules.

    Idempotent, in one transaction, and safe to call at once for one database or for several of one server.
    Keys and indexes are only touched when one is missing. The role `authenticator` gets the password in `url`, if
    there is one. Needs a superuser. Raises `psycopg.Error` when the server refuses a statement.
    """
    keys = _file("raw_keys.sql")
    with psycopg.connect(url) as connection:
        connection.execute(_LOCK)
        connection.execute(_file("raw_tables.sql"))
        present = {name for (name,) in connection.execute(_NAMES, {"schema": RAW_SCHEMA})}
        if not present.issuperset(_KEY.findall(keys)):
            connection.execute(keys)
        connection.execute(_file("roles.sql"))
        password = connection.info.password
        if password:
            _set_password(connection, "authenticator", password)


def is_empty(url: str) -> bool:
    """Whether the database at `url` holds no table of the app's schema at all."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select from pg_tables where schemaname = %s limit 1", [RAW_SCHEMA]).fetchone()
    return row is None


def raw_tables() -> tuple[str, ...]:
    """Names of the app's raw tables, in an order in which each comes after the people it belongs to."""
    return tuple(_TABLE.findall(_file("raw_tables.sql")))


def _file(name: str) -> str:
    return resources.files("local_supabase").joinpath("sql", name).read_text(encoding="utf-8")


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Set the password as its SCRAM verifier, made on this side: the clear text never reaches a statement or a log."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(
        psycopg.sql.SQL("alter role {} password {}").format(psycopg.sql.Identifier(role), psycopg.sql.Literal(verifier))
    )
