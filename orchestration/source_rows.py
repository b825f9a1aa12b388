"""What became of the app's rows in the last build: read from the mart `fct_source_rows`.

Belongs here: reading the counts for people and for a run's metadata. Not here: the rules (that is dbt's).
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class SourceRows:
    """Rows of one table of the app: kept, of those the ones that lack something, and left out, both by reason."""

    table: str
    kept: int
    lacking: dict[str, int]
    left_out: dict[str, int]

    @property
    def total(self) -> int:
        """Rows of the table, kept and left out together."""
        return self.kept + sum(self.left_out.values())


def read_source_rows(connection: psycopg.Connection, schema: str) -> list[SourceRows]:
    """Counts of every audited table, from the marts whose schemas begin with `schema`, by table name."""
    mart = sql.Identifier(f"{schema}_marts", "fct_source_rows")
    rows = connection.execute(
        sql.SQL("select source_table, fate, reason, row_count from {} order by source_table, reason").format(mart)
    ).fetchall()
    return [
        SourceRows(
            table,
            kept=sum(count for name, fate, _, count in rows if (name, fate) == (table, "kept")),
            lacking={reason: n for name, fate, reason, n in rows if (name, fate) == (table, "kept") and reason},
            left_out={reason: n for name, fate, reason, n in rows if (name, fate) == (table, "left_out")},
        )
        for table in sorted({row[0] for row in rows})
    ]
