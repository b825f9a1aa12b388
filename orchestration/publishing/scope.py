"""Whose rows a publication replaces; everybody else's stay as they are, byte for byte.

Belongs here: choosing rows of a candidate and of a live table. Not here: replacing them (engine.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from orchestration.publishing.contracts import STUDENTS, PublishedTable


@dataclass(frozen=True)
class Scope:
    """Everybody, one academy, or some students.

    Raises ValueError when both are given, or no student at all.
    """

    tenant: UUID | None = None
    students: frozenset[UUID] | None = None

    def __post_init__(self) -> None:
        if self.tenant is not None and self.students is not None:
            raise ValueError("a scope is one academy or some students, not both")
        if self.students is not None and not self.students:
            raise ValueError("a scope of students needs at least one")

    @classmethod
    def of_students(cls, students: Collection[UUID]) -> Scope:
        """These students' rows; lists for cohorts stay."""
        return cls(students=frozenset(students))

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.tenant is None and self.students is None

    @property
    def values(self) -> dict[str, object]:
        """Parameters of `condition`."""
        return {"scope_tenant": self.tenant, "scope_students": sorted(self.students or ())}

    def includes(self, table: PublishedTable) -> bool:
        """Whether the table has rows of anybody in the scope."""
        return self.students is None or table.owner == STUDENTS

    def condition(self, alias: str) -> sql.Composed:
        """What holds of a live row, under this alias, that belongs to the scope."""
        if self.tenant is not None:
            return sql.SQL("{} = %(scope_tenant)s").format(sql.Identifier(alias, "tenant_id"))
        if self.students is not None:
            return sql.SQL("{} = any(%(scope_students)s)").format(sql.Identifier(alias, STUDENTS.column))
        return sql.SQL("true").format()

    def select(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Those rows of a candidate that belong to the scope."""
        if self.tenant is not None:
            return rows.filter(pc.equal(rows.column("tenant_id"), str(self.tenant)))
        if self.students is not None:
            chosen = pa.array(map(str, self.students), pa.large_string())
            return rows.filter(pc.is_in(rows.column(STUDENTS.column), chosen))
        return rows

    def __str__(self) -> str:
        if self.tenant is not None:
            return f"tenant {self.tenant}"
        if self.students is not None:
            return "1 student" if len(self.students) == 1 else f"{len(self.students)} students"
        return "all"


ALL = Scope()
