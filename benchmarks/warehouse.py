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
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow.parquet as pq

from orchestration.assets.exports import MARTS
from orchestration.cutoff import Cutoff
from orchestration.database import database_url
from orchestration.marts import ExportedTable, export_marts
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
    """Export the marts to DuckDB, then the same rows to Parquet, each out of Postgres and each alone."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "marts.duckdb"
        started = time.perf_counter()
        counts = export_marts(
            url,
            [ExportedTable(name, MARTS_SCHEMA) for name in MARTS],
            file,
            run_id="benchmark",
            as_of=dt.datetime.now(dt.UTC).date(),
        )
        exported = time.perf_counter() - started
        read, written, size = parquet_seconds(url, Path(folder))
        print(f"\n{sum(counts.values()):,} rows of {len(counts)} marts, {file.stat().st_size / 1e6:.0f} MB of DuckDB:")
        print(f"- DuckDB file, out of Postgres: {exported:.1f} s")
        print(f"- Parquet, out of Postgres: {read + written:.1f} s ({size / 1e6:.0f} MB)")
        print(f"- Parquet, from Arrow in memory: {written:.1f} s")
        print(f"- ratio to Parquet out of Postgres: {exported / (read + written):.2f}")
        print(f"- ratio to Parquet from Arrow in memory: {exported / written:.2f}")


def parquet_seconds(url: str, folder: Path) -> tuple[float, float, int]:
    """Seconds to read all marts into Arrow, seconds to write them as Parquet, and bytes written."""
    read = written = 0.0
    size = 0
    for name in MARTS:
        started = time.perf_counter()
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"select * from {MARTS_SCHEMA}.{name}")
            table = cursor.fetch_arrow_table()
        arrived = time.perf_counter()
        pq.write_table(table, folder / f"{name}.parquet")
        read += arrived - started
        written += time.perf_counter() - arrived
        size += (folder / f"{name}.parquet").stat().st_size
    return read, written, size


if __name__ == "__main__":
    main()
