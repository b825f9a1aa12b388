"""What came of checking a suite, in plain values that fit into a manifest.

Belongs here: the result and its forms for people and for JSON. Not here: checking. An outcome never carries a value of
a row, only counts, names of columns and the bounds that we set ourselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
"""Critical stops a run or a publication; a warning is shown to people; info is only kept."""


@dataclass(frozen=True)
class Failure:
    """One expectation that does not hold, or could not be evaluated (which is always critical).

    - expectation: its kind, such as `not_null`
    - column: the columns concerned, joined by a comma; None for the table as a whole
    - observed: what was found, in counts
    - detail: what was asked
    """

    expectation: str
    column: str | None
    severity: Severity
    observed: str
    detail: str

    def __str__(self) -> str:
        subject = f"{self.column} " if self.column else ""
        return f"{subject}{self.detail}; found: {self.observed}"


@dataclass(frozen=True)
class ValidationOutcome:
    """All that came of checking one suite.

    - suite: name of the suite
    - rows: rows of the frame or table; 0 when they could not be counted
    - failures: worst first
    - evaluated: how many things were asked, those that could not be evaluated included
    """

    suite: str
    rows: int
    failures: tuple[Failure, ...]
    evaluated: int

    @property
    def critical(self) -> tuple[Failure, ...]:
        """The failures that stop a run."""
        return tuple(failure for failure in self.failures if failure.severity == "critical")

    @property
    def success(self) -> bool:
        """Whether nothing critical failed; lesser failures do not count."""
        return not self.critical

    def __str__(self) -> str:
        asked = f"{self.suite}: {self.rows:,} rows, {self.evaluated} expectations"
        if not self.failures:
            return f"{asked}, all hold"
        first, more = self.failures[0], len(self.failures) - 1
        return f"{asked}, {len(self.critical)} critical of {len(self.failures)} failed: {first}" + (
            f" (and {more} more)" if more else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON values; `from_dict` reads it back."""
        return {**asdict(self), "failures": [asdict(failure) for failure in self.failures], "success": self.success}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ValidationOutcome:
        """The outcome that `to_dict` wrote. Raises KeyError or TypeError for anything else."""
        return cls(
            suite=values["suite"],
            rows=values["rows"],
            failures=tuple(Failure(**failure) for failure in values["failures"]),
            evaluated=values["evaluated"],
        )
