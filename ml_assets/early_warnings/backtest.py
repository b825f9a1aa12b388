"""How good the warnings would have been over a window of days, beside five plain rules with as many alerts.

Belongs here: running the days, giving the plain rules the same budget, and the figures. Not here: the transitions
(`lifecycle`), and where probabilities and events come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.following import days_to_event, days_warned
from ml_assets.early_warnings.inputs import KEY, BacktestInput
from ml_assets.early_warnings.lifecycle import advance, nothing_held, usable
from ml_assets.early_warnings.rules import RULES

_STUDENT: Final = ["student_id"]


def evaluate_warnings(inputs: BacktestInput, config: EarlyWarningConfig | None = None) -> dict[str, Any]:
    """The block that `tlu backtest --json` prints as `warnings`.

    - students, days, events: counts; events are those of the students from the first day of the window to its last
    - alerts: warnings raised; held_back: how often one more would have been, on a day, but for the budget
    - precision: share of alerts followed by an event within `horizon_days`; null without alerts
    - came_true: share of alerts on whose day the evidence's own outcome came true, of those with a known one: what a
      calibrated probability promises. It counts who is lost already, of whom an alert can only come late
    - recall: share of the events with an alert in the `horizon_days` before; null without events
    - median_lead_days: from the first such alert to the event, over the events that had one
    - flaps_per_student: alerts that ended and came again within `flap_days`; of a plain rule, its condition
    - baselines: the same of each of RULES, which raises as many alerts in each week and academy as the warnings did,
      where its condition holds often enough: on each day the worst by the rule's value first, then by id, once for as
      long as the condition lasts. alerts_without_budget: how many there would be.

    Events must be known for `horizon_days` after the last day, or alerts of the end look wrong.
    """
    config = config or EarlyWarningConfig()
    if inputs.evidence.empty:
        return {"students": len(inputs.students), "days": 0, "events": 0, "alerts": 0, "baselines": {}}
    days = pd.date_range(inputs.evidence["evidence_date"].min(), inputs.evidence["evidence_date"].max(), unit="s")
    raised, held_back = _run(inputs, days, config)
    events = inputs.events[inputs.events["student_id"].isin(inputs.students["student_id"])].drop_duplicates()
    quota = raised.groupby(["tenant_id", "week"]).size()
    outcomes = inputs.evidence.groupby(["student_id", "evidence_date"])["outcome"].max()
    count = len(inputs.students)
    plain = inputs.plain_alerts.merge(inputs.students, on="student_id").rename(columns={"alert_date": "date"})
    plain = plain[plain["date"].between(days[0], days[-1])]
    baselines = {}
    for rule in RULES:
        spells = _spells(plain[plain["rule"] == rule])
        found = _figures(_at_budget(spells, quota), events, outcomes, days, config)
        flaps = _flaps(spells.groupby("spell").agg(**_SPAN).assign(series=lambda rows: rows["student_id"]), config)
        baselines[rule] = {
            **found,
            "alerts_without_budget": int(spells["spell"].nunique()),
            "flaps_per_student": flaps / count if count else None,
        }
    flaps = _flaps(raised.rename(columns={"date": "first", "resolved_date": "gone"}), config)
    return {
        "students": count,
        "days": len(days),
        "events": int(events["event_date"].between(days[0], days[-1]).sum()),
        **_figures(raised, events, outcomes, days, config),
        "held_back": held_back,
        "flaps_per_student": flaps / count if count else None,
        "baselines": baselines,
    }


_SPAN: Final[dict[str, Any]] = {
    "student_id": ("student_id", "first"),
    "first": ("date", "min"),
    "gone": ("off_date", "max"),
}


def _run(inputs: BacktestInput, days: pd.DatetimeIndex, config: EarlyWarningConfig) -> tuple[pd.DataFrame, int]:
    """Warnings of the window (tenant_id, student_id, series, date, resolved_date, week), and how often none fitted."""
    held, count = nothing_held(), 0
    for day, evidence in _by_day(usable(inputs.evidence, config), days):
        held, held_back = advance(held, evidence, inputs.students, day, config)
        count += len(held_back)
    return held.assign(
        series=pd.MultiIndex.from_frame(held[KEY]).to_flat_index(),
        date=held["detected_date"],
        week=_week(held["detected_date"]),
    ), count


def _by_day(evidence: pd.DataFrame, days: pd.DatetimeIndex) -> Iterator[tuple[pd.Timestamp, pd.DataFrame]]:
    ordered = evidence.sort_values("evidence_date", kind="stable")
    bounds = ordered["evidence_date"].searchsorted([*days, days[-1] + pd.Timedelta(days=1)])
    for place, day in enumerate(days):
        yield day, ordered.iloc[bounds[place] : bounds[place + 1]]


def _spells(plain: pd.DataFrame) -> pd.DataFrame:
    """Days on which one rule holds, with the spell of days in a row that each belongs to; off_date: the day after."""
    rows = plain.sort_values(["student_id", "date"]).reset_index(drop=True)
    is_next = rows.groupby("student_id")["date"].diff() == pd.Timedelta(days=1)
    return rows.assign(
        spell=(~is_next).cumsum(), off_date=rows["date"] + pd.Timedelta(days=1), week=_week(rows["date"])
    )


def _at_budget(spells: pd.DataFrame, quota: pd.Series) -> pd.DataFrame:
    """Of each academy and week as many spells as `quota` says, day by day, the worst first: student_id, date."""
    is_done = np.zeros(int(spells["spell"].max()) + 1 if len(spells) else 0, dtype=bool)
    chosen = [spells.head(0)]
    ordered = spells.sort_values(["date", "value", "student_id"], ascending=[True, False, True])
    for week, days in ordered.groupby("week", sort=True):
        left = quota[quota.index.get_level_values("week") == week].droplevel("week")
        for _, today in days.groupby("date", sort=True):
            waiting = today[~is_done[today["spell"]]]
            place = waiting.groupby("tenant_id").cumcount()
            taken = waiting[(place < waiting["tenant_id"].map(left).astype("float64")).to_numpy(bool)]
            left = left.sub(taken["tenant_id"].value_counts(), fill_value=0)
            is_done[taken["spell"]] = True
            chosen.append(taken)
    return pd.concat(chosen, ignore_index=True)


def _figures(
    alerts: pd.DataFrame,
    events: pd.DataFrame,
    outcomes: pd.Series,
    days: pd.DatetimeIndex,
    config: EarlyWarningConfig,
) -> dict[str, Any]:
    followed = days_to_event(alerts, events, _STUDENT, config.horizon_days).notna()
    lead = days_warned(events, alerts, _STUDENT, config.horizon_days)[events["event_date"].between(days[0], days[-1])]
    return {
        "alerts": len(alerts),
        "precision": _mean(followed),
        "came_true": _mean(outcomes.reindex(pd.MultiIndex.from_frame(alerts[["student_id", "date"]])).dropna()),
        "recall": _mean(lead.notna()),
        "median_lead_days": None if lead.isna().all() else float(lead.median()),
    }


def _flaps(alerts: pd.DataFrame, config: EarlyWarningConfig) -> int:
    """How often one of a series came again within `flap_days` of the end of the one before: columns first and gone."""
    rows = alerts.sort_values(["series", "first"])
    pause = rows["first"] - rows.groupby("series")["gone"].shift(1)
    return int((pause <= pd.Timedelta(days=config.flap_days)).sum())


def _mean(values: pd.Series) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _week(days: pd.Series) -> pd.Series:
    """Monday of each day's ISO week."""
    monday: pd.Series = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    return monday
