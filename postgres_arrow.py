"""Rows between Postgres and Arrow: the one place where tables enter or leave a database connection.

Belongs here: moving rows as columns. Not here: what the rows mean, which database, or when.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from psycopg import sql

# 64 Ki rows of our tables are a few MiB of CSV: large enough to hide the call, small enough to stay out of the way.
ROWS_PER_WRITE = 65_536


def read_arrow(url: str, query: str) -> pa.Table:
    """Run `query` on the database at `url` and return its rows as one Arrow table.

    uuid columns should be cast to text and numeric to double precision in the query: Arrow has no exact twin for them.
    Raises `adbc_driver_manager.Error` when the server refuses the connection or the query.
    """
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def copy_arrow(
    connection: psycopg.Connection,
    table: tuple[str, str],
    rows: pa.Table | Iterable[pa.RecordBatch],
    *,
    freeze: bool = False,
) -> int:
    """Append `rows` to `table` (schema, name) with COPY, by column name, and return how many were sent.

    Values travel as CSV and Postgres parses them into the column's own type, so uuid, date, jsonb and array
    columns take strings in Postgres' own notation; lists are put into it here. Null stays null, an empty string
    stays an empty string. `freeze` spares a later vacuum; Postgres allows it for a table emptied in the same
    transaction. The caller owns the transaction, whose time zone is UTC from here on. Raises `psycopg.Error` when
    Postgres refuses a row.
    """
    batches = rows.to_batches(max_chunksize=ROWS_PER_WRITE) if isinstance(rows, pa.Table) else rows
    sent = 0
    names: list[str] | None = None
    with connection.cursor() as cursor:
        cursor.execute("set local timezone = 'UTC'")
        for batch in batches:
            if names is None:
                names = batch.schema.names
            elif names != batch.schema.names:
                raise ValueError(f"batches for {table} change their columns: first {names}, then {batch.schema.names}")
            statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze {})").format(
                sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, names)), sql.Literal(freeze)
            )
            with cursor.copy(statement) as copy:
                copy.write(_csv(batch))
            sent += batch.num_rows
    return sent


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same values in types that CSV has: lists in Postgres' notation of arrays, times in UTC without saying so.

    Arrow writes times with a zone five times slower than without.
    """
    columns = [
        _array_notation(column)
        if pa.types.is_list(column.type)
        else column.cast(pa.timestamp(column.type.unit))
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _array_notation(lists: pa.ListArray) -> pa.StringArray:
    """{1,2}, and of texts {"a","b"} with every quote and backslash escaped; a null list is null, a null in one NULL."""
    values = lists.flatten()
    texts = values.cast(pa.string())
    if not pa.types.is_integer(values.type):
        for special in ("\\", '"'):
            texts = pc.replace_substring(texts, special, "\\" + special)
        texts = pc.binary_join_element_wise('"', texts, '"', "")
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, pc.fill_null(texts, "NULL")), ",")
    return pc.if_else(lists.is_valid(), pc.binary_join_element_wise("{", joined, "}", ""), pa.scalar(None, pa.string()))


def _csv(batch: pa.RecordBatch) -> memoryview:
    sink = io.BytesIO()
    pa_csv.write_csv(plain(batch), sink, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getbuffer()
