"""Does the app's database hold what the pipeline reads? Asked before anything is built, answered in full.

Belongs here: comparing the declared tables and columns with the database. Not here: whether the rows make sense
(that is `expectations`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

RAW_SCHEMA = "public"


class RawContractError(Exception):
    """Tables or columns that the pipeline reads are not there."""


def check_raw_contract(url: str, required: Mapping[str, Sequence[str]]) -> None:
    """Compare `required` (table -> columns) with the database. Raises RawContractError naming all that is missing."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = %s", [RAW_SCHEMA]
        ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    tables = sorted(table for table in required if table not in found)
    columns = sorted(
        f"{table}.{column}"
        for table, names in required.items()
        if table in found
        for column in names
        if column not in found[table]
    )
    if tables or columns:
        missing = [
            *([f"tables {', '.join(tables)}"] if tables else []),
            *([f"columns {', '.join(columns)}"] if columns else []),
        ]
        raise RawContractError(
            f"The database lacks {' and '.join(missing)} in schema {RAW_SCHEMA}. "
            "Is this the app's database, and is the role allowed to read it? Nothing was built."
        )
