"""Small worlds of warnings, built a row at a time, and run night by night."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import WARNINGS, EarlyWarningInput
from ml_assets.early_warnings.step import Step, step

MONDAY = dt.date(2026, 3, 2)
DROP, STRUGGLE, BURNOUT = "completion_drop", "subject_struggle", "burnout_risk"
PLENTY = EarlyWarningConfig(weekly_least=10_000)

_EVIDENCE = ["student_id", "tenant_id", "warning_type", "subject", "evidence_date", "probability", "harm"]
_ACTIONS = ["warning_id", "student_id", "tenant_id", "warning_type", "subject", "detected_date"]

Seen = tuple[str, str, str, float | None]
"""student_id, warning_type, subject, probability."""


def day(number: int) -> dt.date:
    """The day so many days after MONDAY."""
    return MONDAY + dt.timedelta(days=number)


def students(*ids: str, tenant_id: str = "t1") -> pd.DataFrame:
    return pd.DataFrame({"student_id": list(ids), "tenant_id": tenant_id})


def evidence(
    on: dt.date, rows: Iterable[Seen], tenants: Mapping[str, str] | None = None, harm: float = 1.0
) -> pd.DataFrame:
    made = [
        (student, (tenants or {}).get(student, "t1"), kind, subject, on, probability, harm)
        for student, kind, subject, probability in rows
    ]
    frame = pd.DataFrame(made, columns=_EVIDENCE)
    return frame.assign(
        context=[json.dumps({"current_rate": row[5]}) for row in made],
        reasoning=[f"{on.isoformat()}에 본 이유" for _ in made],
    )


def no_state() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in WARNINGS.items()})


def actions(rows: Iterable[tuple[pd.Series, str, dt.date]] = ()) -> pd.DataFrame:
    """What staff did: a warning's row, the verdict and the day."""
    made = [
        {
            **{name: row["id" if name == "warning_id" else name] for name in _ACTIONS},
            "action_type": kind,
            "action_date": on,
        }
        for row, kind, on in rows
    ]
    return pd.DataFrame(made, columns=[*_ACTIONS, "action_type", "action_date"])


def night(
    on: dt.date,
    seen: Iterable[Seen] | pd.DataFrame,
    state: pd.DataFrame | None = None,
    *,
    who: pd.DataFrame | None = None,
    said: pd.DataFrame | None = None,
    config: EarlyWarningConfig = PLENTY,
) -> Step:
    return step(
        EarlyWarningInput(
            as_of=on,
            students=students("s1") if who is None else who,
            evidence=seen if isinstance(seen, pd.DataFrame) else evidence(on, seen),
            state=no_state() if state is None else state,
            actions=actions() if said is None else said,
        ),
        config,
    )


def nights(probabilities: Iterable[float | None], first: int = 0, **given: Any) -> list[pd.DataFrame]:
    """The table after each night of one student and type; None is a night without evidence."""
    state, tables = given.pop("state", None), []
    for number, probability in enumerate(probabilities, start=first):
        seen: list[Seen] = [] if probability is None else [("s1", DROP, "", probability)]
        state = night(day(number), seen, state, **given).warnings
        tables.append(state)
    return tables


def one(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1, table
    return table.iloc[0]


def context(row: pd.Series) -> Any:
    return json.loads(row["context_data"])
