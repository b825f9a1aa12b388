"""Outcomes of the expectations of one run, kept in a file each so that the gate can ask whether all were held.

Belongs here: writing and reading them. Not here: what is expected (that is `expectations`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from expectations.outcome import ValidationOutcome
from expectations.registry import FEATURE_SUITES, RAW_SUITES


class ExpectationsFailed(Exception):
    """Critical expectations do not hold; `str()` lists every one."""


def record(folder: Path, outcomes: Iterable[ValidationOutcome]) -> None:
    """Write each outcome as `<suite>.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes:
        (folder / f"{outcome.suite}.json").write_text(json.dumps(outcome.to_dict(), ensure_ascii=False), "utf-8")


def recorded(folder: Path) -> list[ValidationOutcome]:
    """All outcomes of a run, by suite name. Raises ExpectationsFailed when one on raw tables or features is missing."""
    found = {path.stem: path for path in sorted(folder.glob("*.json"))}
    missing = sorted((set(RAW_SUITES) | set(FEATURE_SUITES)) - set(found))
    if missing:
        raise ExpectationsFailed(
            f"This run has not checked {', '.join(missing)}. A candidate is made only in a run of the whole job "
            "`refresh`, checks included."
        )
    return [ValidationOutcome.from_dict(json.loads(path.read_text("utf-8"))) for path in found.values()]


def require_success(what: str, outcomes: Iterable[ValidationOutcome]) -> None:
    """Raise ExpectationsFailed listing every critical failure among `outcomes`."""
    reasons = [f"{outcome.suite}: {failure}" for outcome in outcomes for failure in outcome.critical]
    if reasons:
        raise ExpectationsFailed(f"{what} do not meet their expectations:\n" + "\n".join(f"- {r}" for r in reasons))
