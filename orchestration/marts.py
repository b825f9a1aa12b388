"""The DuckDB file of the analysts: built beside the old one and swapped in, so that a reader never waits.

Belongs here: copying finished tables out of Postgres. Not here: what the tables mean (that is dbt's).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg

from postgres_arrow import read_arrow

# Postgres types whose Arrow form loses the type: how to read them, and what to call them in DuckDB.
_READ_AS_TEXT = {"uuid": "uuid", "jsonb": "json", "numeric": "decimal(38, 10)"}

_COLUMNS = """
    select a.attname, format_type(a.atttypid, null), col_description(c.oid, a.attnum), obj_description(c.oid)
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
    def is_read_as_text(self) -> bool:
        return self.postgres_type in _READ_AS_TEXT


def export_marts(
    url: str, tables: Sequence[ExportedTable], file: Path, *, run_id: str, as_of: dt.date
) -> dict[str, int]:
    """Write `tables` into a new DuckDB file, swap it in for `file`, and return the rows per table.

    Whoever has the old file open keeps reading it; who opens it later sees the new one. `_export` says which run
    and cut-off the file holds.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    building = file.with_suffix(".building")
    building.unlink(missing_ok=True)
    counts: dict[str, int] = {}
    with duckdb.connect(str(building)) as db:
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
    read = ", ".join(f"{c.name}::text" if c.is_read_as_text else c.name for c in columns)
    data = read_arrow(url, f"select {read} from {table.schema}.{table.name}")
    kept = ", ".join(
        f"{c.name}::{_READ_AS_TEXT[c.postgres_type]} as {c.name}" if c.is_read_as_text else c.name for c in columns
    )
    db.register("incoming", data)
    db.execute(f"create table {table.name} as select {kept} from incoming")
    db.unregister("incoming")
    _comment(db, f"table {table.name}", rows[0][3])
    for column in columns:
        _comment(db, f"column {table.name}.{column.name}", column.comment)
    return data.num_rows


def _comment(db: duckdb.DuckDBPyConnection, what: str, text: str | None) -> None:
    if text:
        quoted = text.replace("'", "''")
        db.execute(f"comment on {what} is '{quoted}'")
