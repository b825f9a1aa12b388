"""What came of the warnings of a month, and the threshold that would have served better.

Belongs here: counting verdicts and events, and the replay of other thresholds. Nothing is ever changed here: a
threshold is proposed, and people decide.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.following import days_to_event, days_warned
from ml_assets.early_warnings.inputs import KEY, ReviewInput
from ml_assets.early_warnings.step import days_in_seoul

REVIEWS: Final = {
    **dict.fromkeys(["tenant_id", "month", "warning_type"], "str"),
    **dict.fromkeys(["raised_count", "resolved_count", "confirmed_count", "dismissed_count"], "int64"),
    **dict.fromkeys(["precision_share", "median_lead_days", "threshold"], "float64"),
    **dict.fromkeys(["proposed_threshold", "proposed_precision_share"], "float64"),
}
"""Columns of serving.warning_rule_reviews, and their types."""

ACTED: Final = ("contacted_student", "adjusted_schedule", "reduced_load", "resolved")
"""Verdicts by which staff confirm a warning; acknowledging it only says that it was read."""

_GROUP: Final = ["tenant_id", "warning_type"]


def review(inputs: ReviewInput, config: EarlyWarningConfig | None = None) -> pd.DataFrame:
    """Rows of REVIEWS for the last `review_months` complete months before `as_of`, per academy and type, sorted by key.

    - raised_count: warnings detected in the month; of them by now: resolved_count have ended, confirmed_count were
      right (staff acted and did not dismiss them, or the event began within `horizon_days`), dismissed_count were
      dismissed, even if the event came after all
    - precision_share: confirmed of those judged: confirmed, dismissed, or `horizon_days` old; null where none is judged
    - median_lead_days: from the warning to the event, of those that had one
    - proposed_threshold, proposed_precision_share: see `_proposals`; null where there is too little to tell
    """
    config = config or EarlyWarningConfig()
    judged = _judged(inputs, config)
    logged = _log(inputs, judged, config)
    events = _events(inputs, judged)
    replayed = _replayed(logged, events, config)
    end = pd.Timestamp(inputs.as_of).replace(day=1)
    months = pd.date_range(end=end, periods=config.review_months + 1, freq="MS", unit="s")
    parts = [
        _month(first, after, judged, logged, events, replayed, inputs, config) for first, after in pairwise(months)
    ]
    rows = pd.concat(parts, ignore_index=True)[list(REVIEWS)].astype(REVIEWS)
    return rows.sort_values(["tenant_id", "month", "warning_type"]).reset_index(drop=True)


def _judged(inputs: ReviewInput, config: EarlyWarningConfig) -> pd.DataFrame:
    """The warnings with what came of each: is_confirmed, is_dismissed, is_judged, lead_days, acted_date, raised at."""
    day = pd.Timestamp(inputs.as_of)
    warnings = inputs.warnings[inputs.warnings["detected_date"] < day].reset_index(drop=True)
    warnings = warnings.assign(date=warnings["detected_date"])
    own = ["warning_id", "tenant_id"]
    acted = inputs.actions[inputs.actions["action_type"].isin(ACTED)].groupby(own)["action_date"].min()
    dismissed = inputs.actions[inputs.actions["action_type"] == "dismissed"].groupby(own)["action_date"].min()
    found = warnings.join(acted.rename("acted_date"), on=["id", "tenant_id"])
    found = found.join(dismissed.rename("dismissed_date"), on=["id", "tenant_id"])
    is_dismissed = found["dismissed_date"].notna()
    lead = days_to_event(found, inputs.outcomes, KEY, config.horizon_days)
    is_confirmed = lead.notna() | (found["acted_date"].notna() & ~is_dismissed)
    is_old = (day - found["date"]).dt.days >= config.horizon_days
    return found.assign(
        is_dismissed=is_dismissed,
        is_confirmed=is_confirmed,
        is_judged=is_confirmed | is_dismissed | is_old,
        has_ended=(days_in_seoul(found["resolved_at"]) < day),
        lead_days=lead,
        acted_date=found["acted_date"].where(~is_dismissed),
        raised_probability=_raised_probability(found),
    )


def _raised_probability(warnings: pd.DataFrame) -> pd.Series:
    """What the probability was when the warning was raised; its last one where that was not kept."""
    raised = [
        json.loads(text).get("tracking", {}).get("raised_probability") for text in warnings["context_data"].astype(str)
    ]
    return pd.Series(raised, index=warnings.index, dtype="float64").fillna(warnings["probability"])


def _log(inputs: ReviewInput, judged: pd.DataFrame, config: EarlyWarningConfig) -> pd.DataFrame:
    """Probabilities that were known on a day (date): the logged ones, and those at which warnings were raised."""
    columns = [*KEY, "tenant_id", "date", "probability"]
    raised = judged.assign(probability=judged["raised_probability"])[columns]
    logged = inputs.logged.rename(columns={"evidence_date": "date"})[columns].dropna(subset=["probability"])
    both = pd.concat([logged, raised], ignore_index=True)
    both["probability"] = both["probability"].round(config.probability_decimals)
    return both.drop_duplicates([*KEY, "date"]).sort_values([*KEY, "date"]).reset_index(drop=True)


def _events(inputs: ReviewInput, judged: pd.DataFrame) -> pd.DataFrame:
    """What there was to warn of: tenant_id, KEY, event_date.

    A warning on which staff acted, and no event followed, counts as an event on the day they did: help may well have
    prevented it, and it must not teach that the warning was wrong.
    """
    whose = pd.concat(
        [inputs.logged[["student_id", "tenant_id"]], judged[["student_id", "tenant_id"]], inputs.students]
    )
    happened = inputs.outcomes.merge(whose.drop_duplicates("student_id"), on="student_id")
    helped = judged[judged["acted_date"].notna() & judged["lead_days"].isna()]
    helped = helped.assign(event_date=helped["acted_date"])
    columns = ["tenant_id", *KEY, "event_date"]
    return pd.concat([happened[columns], helped[columns]], ignore_index=True).drop_duplicates()


def _month(
    first: pd.Timestamp,
    after: pd.Timestamp,
    judged: pd.DataFrame,
    logged: pd.DataFrame,
    events: pd.DataFrame,
    replayed: pd.DataFrame,
    inputs: ReviewInput,
    config: EarlyWarningConfig,
) -> pd.DataFrame:
    def own(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["date"] >= first) & (rows["date"] < after)]

    counts = _counts(own(judged))
    # Also where nothing was raised: the threshold may be too high.
    groups = own(logged)[_GROUP].drop_duplicates()
    rows = groups.join(counts, on=_GROUP)
    names = ["raised_count", "resolved_count", "confirmed_count", "dismissed_count"]
    rows[names] = rows[names].fillna(0)
    last = min(after, pd.Timestamp(inputs.as_of) - pd.Timedelta(days=config.horizon_days - 1))
    told = logged[logged["date"] < last]
    proposals = _proposals(told, events, replayed[replayed["date"] < last], inputs.students, config)
    return rows.join(proposals, on=_GROUP).assign(
        month=first.strftime("%Y-%m"),
        threshold=rows["warning_type"].map({name: rule.raise_at for name, rule in config.rules.items()}),
    )


def _counts(judged: pd.DataFrame) -> pd.DataFrame:
    rows = judged.assign(right=judged["is_confirmed"].astype("float64").where(judged["is_judged"]))
    return rows.groupby(_GROUP).agg(
        raised_count=("id", "size"),
        resolved_count=("has_ended", "sum"),
        confirmed_count=("is_confirmed", "sum"),
        dismissed_count=("is_dismissed", "sum"),
        precision_share=("right", "mean"),
        median_lead_days=("lead_days", "median"),
    )


def _replayed(logged: pd.DataFrame, events: pd.DataFrame, config: EarlyWarningConfig) -> pd.DataFrame:
    """What each threshold would have raised: KEY, tenant_id, date, threshold, is_right.

    An alert is a day at or above the threshold after more than `cool_down_days` below it or without evidence; it is
    right when an event follows within `horizon_days`.
    """
    series = logged.groupby(KEY).ngroup().to_numpy(np.int64)
    day = logged["date"].to_numpy("datetime64[D]").astype(np.int64)
    probability = logged["probability"].to_numpy(np.float64)
    found = []
    for threshold in _thresholds(config):
        above = np.flatnonzero(probability >= threshold)
        is_first = np.ones(len(above), dtype=bool)
        is_first[1:] = (np.diff(series[above]) != 0) | (np.diff(day[above]) > config.cool_down_days + 1)
        found.append(logged.iloc[above[is_first]].assign(threshold=threshold))
    alerts = pd.concat(found, ignore_index=True)
    return alerts.assign(is_right=days_to_event(alerts, events, KEY, config.horizon_days).notna())


def _thresholds(config: EarlyWarningConfig) -> list[float]:
    return [float(threshold) for threshold in np.round(np.arange(config.review_step, 1.0, config.review_step), 6)]


def _proposals(
    logged: pd.DataFrame,
    events: pd.DataFrame,
    replayed: pd.DataFrame,
    students: pd.DataFrame,
    config: EarlyWarningConfig,
) -> pd.DataFrame:
    """The best threshold by replay, by academy and type: proposed_threshold, proposed_precision_share.

    `logged` and `replayed` have only days whose events are known. Proposed is the threshold of the highest precision,
    the lowest of equals, among those that catch `review_caught_share` of the events or raise as many alerts as the
    budget lets through. None is proposed on fewer than `review_min_cases` alerts at the threshold that raises most, or
    on fewer than `review_min_events` events.
    """
    at = [*_GROUP, "threshold"]
    span = logged.groupby(_GROUP)["date"].agg(["min", "max"])
    inside = events.join(span, on=_GROUP, how="inner")
    # An event is asked about where there was a day to warn of it.
    until = inside["max"] + pd.Timedelta(days=config.horizon_days - 1)
    inside = inside[(inside["event_date"] >= inside["min"]) & (inside["event_date"] <= until)]
    asked = inside.merge(pd.DataFrame({"threshold": _thresholds(config)}), how="cross")
    asked["is_caught"] = days_warned(asked, replayed, [*KEY, "threshold"], config.horizon_days).notna()
    tried = replayed.groupby(at).agg(alert_count=("is_right", "size"), right_count=("is_right", "sum"))
    tried = tried.join(asked.groupby(at).agg(event_count=("is_caught", "size"), caught_count=("is_caught", "sum")))
    tried = tried.reset_index().join(((span["max"] - span["min"]).dt.days + 1).rename("days"), on=_GROUP)
    budget = students["tenant_id"].value_counts().map(config.weekly_budget)
    tried["budget"] = tried["tenant_id"].map(budget).astype("float64")
    tried["proposed_precision_share"] = tried["right_count"] / tried["alert_count"]
    most = tried.groupby(_GROUP)["alert_count"].transform("max")
    is_told = (most >= config.review_min_cases) & (tried["event_count"] >= config.review_min_events)
    catches = tried["caught_count"] >= config.review_caught_share * tried["event_count"]
    fills = tried["alert_count"] >= tried["budget"] * tried["days"] / 7
    best = tried[is_told & (catches | fills)].sort_values(
        ["proposed_precision_share", "threshold"], ascending=[False, True]
    )
    chosen = best.drop_duplicates(_GROUP).rename(columns={"threshold": "proposed_threshold"}).set_index(_GROUP)
    proposals: pd.DataFrame = chosen[["proposed_threshold", "proposed_precision_share"]]
    return proposals
