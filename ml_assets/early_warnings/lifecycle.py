"""What a day does to warnings: which stay, how bad they are, which end, and which are raised.

Belongs here: the transitions, on numbers and days alone. Not here: JSON, sentences and ids (`step`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.early_warnings.config import EarlyWarningConfig
from ml_assets.early_warnings.inputs import KEY
from ml_assets.early_warnings.texts import IMPROVED, LEFT, NO_EVIDENCE, STAFF_DISMISSED, STAFF_RESOLVED

HELD: Final = {
    **dict.fromkeys([*KEY, "tenant_id"], "str"),
    "detected_date": "datetime64[s]",
    "resolved_date": "datetime64[s]",
    "resolution": "str",
    "verdict": "str",
    "level": "int64",
    "probability": "float64",
    "raised_probability": "float64",
    "low_since": "datetime64[s]",
    "missing_since": "datetime64[s]",
    "row": "int64",
}
"""Warnings, open ones and ended ones: resolved_date is null and resolution '' while open; verdict is '', resolved or
dismissed as staff said; level is a place in SEVERITIES; low_since and missing_since are the first of the days in a row
on which the probability lay under clear_at, or on which there was no evidence; row is that of the day's evidence, -1
without."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def nothing_held() -> pd.DataFrame:
    """HELD without rows: before the first day."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in HELD.items()})


def usable(evidence: pd.DataFrame, config: EarlyWarningConfig) -> pd.DataFrame:
    """The rows of which something can be said, rounded as they are shown, with their place as `row`."""
    rounded = evidence.assign(
        probability=evidence["probability"].round(config.probability_decimals), row=np.arange(len(evidence))
    )
    return rounded[rounded["probability"].notna()]


def advance(
    held: pd.DataFrame, evidence: pd.DataFrame, students: pd.DataFrame, day: pd.Timestamp, config: EarlyWarningConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Warnings (HELD) after the step of `day`, and evidence that the week's budget held back.

    `evidence` is as of `usable`, one row of a KEY. Warnings that have ended are given back as they are.
    """
    is_open = held["resolved_date"].isna()
    ended = held[~is_open]
    followed = _follow(held[is_open], evidence, students, day, config)
    known = pd.concat([ended, followed], ignore_index=True)
    candidates = _candidates(known, evidence, students, day, config)
    fits = _within_budget(candidates, known, students, day, config)
    raised = _raise(candidates[fits], day, config)
    return pd.concat([known, raised], ignore_index=True), candidates[~fits]


def _follow(
    held: pd.DataFrame, evidence: pd.DataFrame, students: pd.DataFrame, day: pd.Timestamp, config: EarlyWarningConfig
) -> pd.DataFrame:
    """Open warnings with the day's evidence, some of them ended by it."""
    own = [*KEY, "tenant_id"]
    rows = held.drop(columns="row").merge(
        evidence[[*own, "probability", "harm", "row"]], on=own, how="left", suffixes=("", "_now")
    )
    is_seen = rows["row"].notna()
    is_low = is_seen & (rows["probability_now"] < _per_type(rows, config, "clear_at"))
    low_since = rows["low_since"].fillna(day).where(is_low)
    missing_since = rows["missing_since"].fillna(day).where(~is_seen)
    is_here = pd.MultiIndex.from_frame(rows[["student_id", "tenant_id"]]).isin(_pairs(students))
    resolution = np.select(
        [
            (rows["verdict"] == "dismissed").to_numpy(bool),
            (rows["verdict"] == "resolved").to_numpy(bool),
            ~is_here,
            ((day - low_since).dt.days >= config.clear_days - 1).to_numpy(bool),
            ((day - missing_since).dt.days >= config.missing_days - 1).to_numpy(bool),
        ],
        [STAFF_DISMISSED, STAFF_RESOLVED, LEFT, IMPROVED, NO_EVIDENCE],
        "",
    )
    product = (rows["probability_now"] * rows["harm"]).to_numpy(np.float64)
    level = _steady_level(rows["level"].to_numpy(np.int64), product, config)
    return rows.assign(
        probability=rows["probability_now"].fillna(rows["probability"]),
        level=np.where(is_seen, level, rows["level"]),
        low_since=low_since,
        missing_since=missing_since,
        resolution=resolution,
        resolved_date=pd.Series(day, index=rows.index).where(resolution != ""),
        row=rows["row"].fillna(-1),
    )[list(HELD)].astype(HELD)


def _candidates(
    known: pd.DataFrame, evidence: pd.DataFrame, students: pd.DataFrame, day: pd.Timestamp, config: EarlyWarningConfig
) -> pd.DataFrame:
    """Evidence of which a warning may be raised, the most certain and most harmful first; ties break on id."""
    enough = evidence[evidence["probability"] >= _per_type(evidence, config, "raise_at")]
    enough = enough[pd.MultiIndex.from_frame(enough[["student_id", "tenant_id"]]).isin(_pairs(students))]
    is_dismissed = (known["resolution"] == STAFF_DISMISSED) | (known["verdict"] == "dismissed")
    rest = np.where(is_dismissed, config.dismissed_cool_down_days, config.cool_down_days)
    is_over = (day - known["resolved_date"]).dt.days > rest
    taken = pd.MultiIndex.from_frame(known.loc[~is_over, KEY])
    free = enough[~pd.MultiIndex.from_frame(enough[KEY]).isin(taken)]
    return (
        free.assign(product=free["probability"] * free["harm"])
        .sort_values(["product", "probability", *KEY], ascending=[False, False, True, True, True])
        .reset_index(drop=True)
    )


def _within_budget(
    candidates: pd.DataFrame,
    known: pd.DataFrame,
    students: pd.DataFrame,
    day: pd.Timestamp,
    config: EarlyWarningConfig,
) -> npt.NDArray[np.bool_]:
    """Which candidates, in their order, the academy's budget of this ISO week still has room for."""
    budget = students["tenant_id"].value_counts().map(config.weekly_budget)
    monday = day - pd.Timedelta(days=day.weekday())
    spent = known.loc[known["detected_date"] >= monday, "tenant_id"].value_counts()
    left = budget.sub(spent, fill_value=0)
    place = candidates.groupby("tenant_id").cumcount()
    return (place < candidates["tenant_id"].map(left).astype("float64")).to_numpy(bool)


def _raise(candidates: pd.DataFrame, day: pd.Timestamp, config: EarlyWarningConfig) -> pd.DataFrame:
    level = _level(candidates["product"].to_numpy(np.float64), np.asarray(config.severity_from))
    return candidates.assign(
        detected_date=day,
        resolved_date=None,
        resolution="",
        verdict="",
        level=level,
        raised_probability=candidates["probability"],
        low_since=None,
        missing_since=None,
    )[list(HELD)].astype(HELD)


def _level(product: Floats, bounds: Floats) -> Ints:
    # Products and bounds are sums and products of decimals: 0.6 x 0.5 must reach a bound of 0.3.
    return np.searchsorted(bounds, np.round(product, 9), side="right").astype(np.int64)


def _steady_level(level: Ints, product: Floats, config: EarlyWarningConfig) -> Ints:
    """A level rises with the product, and falls only when that is `severity_margin` under the level's bound."""
    bounds = np.asarray(config.severity_from)
    lowered = np.round(bounds - config.severity_margin, 9)
    return np.clip(level, _level(product, bounds), _level(product, lowered))


def _per_type(rows: pd.DataFrame, config: EarlyWarningConfig, name: str) -> pd.Series:
    values = {warning_type: getattr(rule, name) for warning_type, rule in config.rules.items()}
    return rows["warning_type"].map(values).astype("float64")


def _pairs(students: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(students[["student_id", "tenant_id"]])
