"""The DuckDB file of the analysts: built beside the old one and swapped in, so that a reader never waits.

Belongs here: copying finished tables out of Postgres. Not here: what the tables mean (that is dbt's).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg
import pyarrow as pa

# How DuckDB writes. Keeping the order of the rows, which no query may count on, took twice as long and twice the memory
# (benchmarks/README.md); what is finished goes to the file, so more than half a gigabyte gained nothing. Analysts bring
# their own DuckDB: any from 1.4 on, the oldest release that is still maintained, opens the file.
WRITING: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": "512MB",
    "preserve_insertion_order": "false",
    "storage_compatibility_version": "v1.4.0",
}
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
class Column:
    """One column as Postgres describes it."""

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
    with duckdb.connect(str(building), config=WRITING) as db:
        for table in tables:
            counts[table.name] = _copy_table(db, url, table)
        db.execute("create table _export (run_id varchar, as_of date, table_name varchar, row_count bigint)")
        for name, count in counts.items():
            db.execute("insert into _export values (?, ?, ?, ?)", [run_id, as_of, name, count])
    building.replace(file)
    return counts


def _copy_table(db: duckdb.DuckDBPyConnection, url: str, table: ExportedTable) -> int:
    columns, comment = describe(url, table)
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {', '.join(c.quoted for c in columns)} from {table.schema}.{table.name}")
        count = write_table(db, table.name, columns, cursor.fetch_record_batch())
    _comment(db, f"table {table.name}", comment)
    for column in columns:
        _comment(db, f"column {table.name}.{column.quoted}", column.comment)
    return count


def describe(url: str, table: ExportedTable) -> tuple[list[Column], str | None]:
    """Columns of the table in Postgres and its comment. Raises `psycopg.errors.UndefinedTable` when there is none."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_COLUMNS, [f"{table.schema}.{table.name}"]).fetchall()
    return [Column(name, kind, comment) for name, kind, comment, _ in rows], rows[0][3]


def write_table(
    db: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], rows: pa.RecordBatchReader | pa.Table
) -> int:
    """Create the table `name` from Arrow with the types of Postgres, and return the number of its rows."""
    db.register("incoming", rows)
    typed = ", ".join(c.typed for c in columns)
    [(count,)] = db.execute(f"create table {name} as select {typed} from incoming").fetchall()
    db.unregister("incoming")
    return int(count)


def _comment(db: duckdb.DuckDBPyConnection, what: str, text: str | None) -> None:
    if text:
        quoted = text.replace("'", "''")
        db.execute(f"comment on {what} is '{quoted}'")
