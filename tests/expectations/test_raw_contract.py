from __future__ import annotations

from pathlib import Path

import jinja2
import psycopg
from psycopg import sql

from expectations.raw_contract import REQUIRED_COLUMNS

ROOT = Path(__file__).parents[2]
MACROS = sorted((ROOT / "dbt_project" / "macros").glob("*.sql"))
STAGING = sorted((ROOT / "dbt_project" / "models" / "staging" / "app").glob("*.sql"))


def test_staging_reads_exactly_the_required_columns(postgres_url: str) -> None:
    """Staging models as views: Postgres knows which columns of which tables a view reads."""
    jinja = jinja2.Environment(autoescape=False)
    jinja.globals.update(source=lambda _, table: table, ref=lambda model: model)
    macros = "".join(path.read_text("utf-8") for path in MACROS)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute((ROOT / "local_supabase" / "sql" / "raw_tables.sql").read_text("utf-8"))
        connection.execute("create table cutoff as select current_date as as_of_date, now() as as_of_at")
        # Some models stand on others.
        for path in sorted(STAGING, key=lambda path: "ref(" in path.read_text("utf-8")):
            query = jinja.from_string(macros + path.read_text("utf-8")).render()
            connection.execute(sql.SQL("create view {} as ").format(sql.Identifier(path.stem)) + sql.SQL(query))
        read: dict[str, set[str]] = {}
        for table, column in connection.execute(
            "select distinct table_name, column_name from information_schema.view_column_usage "
            "where view_schema = 'public' and table_name <> 'cutoff' and table_name not like 'stg_%'"
        ):
            read.setdefault(table, set()).add(column)

    assert read == {table: set(columns) for table, columns in REQUIRED_COLUMNS.items()}
