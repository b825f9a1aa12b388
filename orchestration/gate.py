"""The candidate's expectations in the form that the publisher asks them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from expectations.registry import CANDIDATE_SUITES
from expectations.runner import validate_frame
from orchestration.publishing.gate import Problem


def check_candidate(table: str, rows: pa.Table, /) -> Sequence[Problem]:
    """What critical expectations the rows of a candidate's `table` do not meet."""
    outcome = validate_frame(rows.to_pandas(), CANDIDATE_SUITES[table]())
    return [Problem(outcome.suite, str(failure)) for failure in outcome.critical]
