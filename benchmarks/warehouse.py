"""How long the warehouse takes: each dbt model, and the DuckDB file against the same rows as Parquet.

Runs on the database that `tlu` uses, as it is loaded: `tlu load sample --students 50000` first. Prints Markdown.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg
import pyarrow.parquet as pq

from orchestration.assets.exports import MARTS
from orchestration.cutoff import Cutoff
from orchestration.database import database_url
from orchestration.marts import WRITING, ExportedTable, describe, export_marts, write_table
from orchestration.settings import Settings
from orchestration.transform import BUILD_ARGS, RUN_TARGET, SCHEMAS, dbt_environment, run_dbt

_COUNTED = ("students", "student_plan", "calendar_events", "student_study_sessions", "student_mock_scores")
MARTS_SCHEMA = f"{SCHEMAS[RUN_TARGET]}_marts"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", default=dt.datetime.now(dt.UTC).date().isoformat(), help="cut-off, YYYY-MM-DD")
    parser.add_argument("--export-only", action="store_true", help="the marts are built; measure their export alone")
    options = parser.parse_args(arguments)
    settings = Settings.from_env(os.environ)
    url = database_url(settings)
    print_rows(url)
    if not options.export_only:
        print_build(settings, url, options.as_of)
    print_export(url)


def print_rows(url: str) -> None:
    """How much there is to read."""
    with psycopg.connect(url) as connection:
        for table in _COUNTED:
            [(count,)] = connection.execute(f"select count(*) from {table}".encode()).fetchall()
            print(f"- {table}: {count:,} rows")


def print_build(settings: Settings, url: str, as_of: str) -> None:
    """Run the build of the job, tests included, and print the seconds and the share of each model."""
    Cutoff.parse(as_of).write(url, SCHEMAS[RUN_TARGET])
    started = time.perf_counter()
    run_dbt(settings, BUILD_ARGS, RUN_TARGET, dbt_environment(url))
    wall = time.perf_counter() - started
    results = json.loads((settings.dbt_target / "run_results.json").read_text("utf-8"))["results"]
    models = {
        r["unique_id"].split(".")[-1]: r["execution_time"] for r in results if r["unique_id"].startswith("model.")
    }
    tests = sum(r["execution_time"] for r in results if r["unique_id"].startswith("test."))
    total = sum(models.values())
    print(f"\ndbt build: {wall:.0f} s by the clock; models {total:.0f} s, tests {tests:.0f} s.\n")
    print("| model | seconds | share of all models |\n| --- | ---: | ---: |")
    for name, seconds in sorted(models.items(), key=lambda item: -item[1]):
        if seconds >= 1:
            print(f"| {name} | {seconds:.1f} | {seconds / total:.0%} |")


def print_export(url: str) -> None:
    """Export the marts to DuckDB, then write the same rows from Arrow in memory, to Parquet and to DuckDB."""
    tables = [ExportedTable(name, MARTS_SCHEMA) for name in MARTS]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "marts.duckdb"
        started = time.perf_counter()
        counts = export_marts(url, tables, file, run_id="benchmark", as_of=dt.datetime.now(dt.UTC).date())
        exported = time.perf_counter() - started
        seconds = arrow_seconds(url, tables, Path(folder))
    to_parquet, to_duckdb = seconds["read"] + seconds["parquet"], seconds["duckdb"]
    print(f"\n{sum(counts.values()):,} rows of {len(counts)} marts:\n")
    print("| from | DuckDB | Parquet | ratio |\n| --- | ---: | ---: | ---: |")
    print(
        f"| Arrow in memory | {to_duckdb:.1f} s | {seconds['parquet']:.1f} s | {to_duckdb / seconds['parquet']:.2f} |"
    )
    print(f"| Postgres | {exported:.1f} s | {to_parquet:.1f} s | {exported / to_parquet:.2f} |")


def arrow_seconds(url: str, tables: Sequence[ExportedTable], folder: Path) -> dict[str, float]:
    """Seconds to read all tables into Arrow, and from there to write them as Parquet and into a DuckDB file."""
    seconds = {"read": 0.0, "parquet": 0.0, "duckdb": 0.0}
    for table in tables:
        columns, _ = describe(url, table)
        times = [time.perf_counter()]
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"select * from {table.schema}.{table.name}")
            rows = cursor.fetch_arrow_table()
        times.append(time.perf_counter())
        pq.write_table(rows, folder / f"{table.name}.parquet")
        times.append(time.perf_counter())
        with duckdb.connect(str(folder / "arrow.duckdb"), config=WRITING) as db:
            write_table(db, table.name, columns, rows)
        times.append(time.perf_counter())
        for step, (began, ended) in zip(seconds, pairwise(times), strict=True):
            seconds[step] += ended - began
    return seconds


if __name__ == "__main__":
    main()
