"""The DuckDB file of the analysts: built beside the old one and swapped in, so that a reader never waits.

Belongs here: copying finished tables out of Postgres. Not here: what the tables mean (that is dbt's).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg

# Enough for the batches on their way; what is finished goes to the file. More makes the copy no faster.
MEMORY_LIMIT = "256MB"
# A numeric without a declared precision: ten decimals are more than a score or a share has.
_UNBOUNDED = "(38, 10)"

_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum), obj_description(c.oid)
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.oid = %s::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


@dataclass(frozen=True)
class ExportedTable:
    """One table of the file: its name there, and where in Postgres it comes from."""

    name: str
    schema: str


@dataclass(frozen=True)
class _Column:
    name: str
    postgres_type: str
    comment: str | None

    @property
    def quoted(self) -> str:
        """The name as both databases take it."""
        return f'"{self.name}"'

    @property
    def typed(self) -> str:
        """The column out of Arrow, which knows a twin of every type but numeric and brings that as text."""
        numeric = re.fullmatch(r"numeric(\(.+\))?(\[\])?", self.postgres_type)
        if not numeric:
            return self.quoted
        return f"{self.quoted}::decimal{numeric[1] or _UNBOUNDED}{numeric[2] or ''} as {self.quoted}"


def export_marts(
    url: str, tables: Sequence[ExportedTable], file: Path, *, run_id: str, as_of: dt.date
) -> dict[str, int]:
    """Write `tables` into a new DuckDB file, swap it in for `file`, and return the rows per table.

    Rows are streamed, so memory does not grow with them. Whoever has the old file open keeps reading it; who opens it
    later sees the new one. `_export` says which run and cut-off the file holds. A numeric that its DuckDB type cannot
    hold raises `duckdb.ConversionException`, a table that is not there `psycopg.errors.UndefinedTable`; both leave the
    old file as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    building = file.with_suffix(".building")
    building.unlink(missing_ok=True)
    counts: dict[str, int] = {}
    with duckdb.connect(str(building), config={"memory_limit": MEMORY_LIMIT}) as db:
        for table in tables:
            counts[table.name] = _copy_table(db, url, table)
        db.execute("create table _export (run_id varchar, as_of date, table_name varchar, row_count bigint)")
        for name, count in counts.items():
            db.execute("insert into _export values (?, ?, ?, ?)", [run_id, as_of, name, count])
    building.replace(file)
    return counts


def _copy_table(db: duckdb.DuckDBPyConnection, url: str, table: ExportedTable) -> int:
    with psycopg.connect(url) as connection:
        rows = connection.execute(_COLUMNS, [f"{table.schema}.{table.name}"]).fetchall()
    columns = [_Column(name, kind, comment) for name, kind, comment, _ in rows]
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {', '.join(c.quoted for c in columns)} from {table.schema}.{table.name}")
        db.register("incoming", cursor.fetch_record_batch())
        typed = ", ".join(c.typed for c in columns)
        [(count,)] = db.execute(f"create table {table.name} as select {typed} from incoming").fetchall()
        db.unregister("incoming")
    _comment(db, f"table {table.name}", rows[0][3])
    for column in columns:
        _comment(db, f"column {table.name}.{column.quoted}", column.comment)
    return int(count)


def _comment(db: duckdb.DuckDBPyConnection, what: str, text: str | None) -> None:
    if text:
        quoted = text.replace("'", "''")
        db.execute(f"comment on {what} is '{quoted}'")
