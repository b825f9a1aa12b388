"""Filling the raw tables of the stand-in in bulk: all of it, or nothing.

Foreign keys, primary keys and indexes of the tables are dropped for the load and rebuilt after it, so that
every row is still checked, but in one pass over the table and not row by row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
import pyarrow as pa
from psycopg import sql

from postgres_arrow import copy_arrow

RAW_SCHEMA = "public"
# Building 7 M-row indexes and validating foreign keys sorts and hashes; with the default 64 MB it spills to disk.
MAINTENANCE_MEMORY = "512MB"

# Foreign keys first: they lean on the primary keys.
_CONSTRAINTS = """
    select conrelid::regclass::text as table_name, conname, pg_get_constraintdef(oid) as definition
    from pg_constraint
    where connamespace = %s::regnamespace and contype = any(%s)
    order by contype = 'f' desc, conrelid::regclass::text, conname
"""
_INDEXES = """
    select i.indexrelid::regclass::text as index_name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = %s::regnamespace and c.relkind = 'r'
      and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
    order by 1
"""


@dataclass(frozen=True)
class _Keys:
    """Definitions of every key and index of the raw tables, enough to drop and to rebuild them."""

    constraints: list[tuple[str, str, str]]
    indexes: list[tuple[str, str]]

    @classmethod
    def read(cls, connection: psycopg.Connection) -> _Keys:
        constraints = connection.execute(_CONSTRAINTS, [RAW_SCHEMA, ["f", "p", "u"]]).fetchall()
        indexes = connection.execute(_INDEXES, [RAW_SCHEMA]).fetchall()
        return cls(constraints, indexes)

    def drop(self, connection: psycopg.Connection) -> None:
        for index, _ in self.indexes:
            connection.execute(f"drop index {index}")  # regclass text is already quoted
        for table, name, _ in self.constraints:
            connection.execute(sql.SQL("alter table " + table + " drop constraint {}").format(sql.Identifier(name)))

    def rebuild(self, connection: psycopg.Connection) -> None:
        for table, name, definition in reversed(self.constraints):
            statement = "alter table " + table + " add constraint {} " + definition
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        for _, definition in self.indexes:
            connection.execute(definition)


def replace_rows(url: str, batches: Iterable[tuple[str, pa.Table | pa.RecordBatch]]) -> dict[str, int]:
    """Empty all raw tables, fill them from `batches` of (table name, rows), and return the rows sent per table.

    One transaction: readers see the old rows or the new ones, and a refused row leaves the old ones.
    Raises `psycopg.Error` when a row breaks a type, a check or a key.
    """
    counts: dict[str, int] = {}
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("set local maintenance_work_mem = {}").format(sql.Literal(MAINTENANCE_MEMORY)))
        tables = [
            row[0] for row in connection.execute("select tablename from pg_tables where schemaname = %s", [RAW_SCHEMA])
        ]
        keys = _Keys.read(connection)
        keys.drop(connection)
        names = sql.SQL(", ").join(sql.Identifier(RAW_SCHEMA, table) for table in tables)
        connection.execute(sql.SQL("truncate {}").format(names))
        for table, rows in batches:
            data = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
            counts[table] = counts.get(table, 0) + copy_arrow(connection, (RAW_SCHEMA, table), data, freeze=True)
        keys.rebuild(connection)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("analyze")
    return counts
