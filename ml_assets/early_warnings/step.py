"""One night of the warnings: the published table and the day's evidence give the next table.

Belongs here: reading what is published, and writing it again. Not here: who is warned of (`lifecycle`).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.early_warnings.config import SEVERITIES, EarlyWarningConfig
from ml_assets.early_warnings.inputs import KEY, WARNINGS, EarlyWarningInput
from ml_assets.early_warnings.lifecycle import HELD, advance, usable
from ml_assets.early_warnings.texts import RESOLUTIONS, recommended_actions

SEOUL: Final = "Asia/Seoul"
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_OID, "serving.early_warnings")
_ID: Final = [*KEY, "detected_date"]


@dataclass(frozen=True)
class Step:
    """What `step` gives.

    - warnings: the columns and types WARNINGS, sorted by student_id, warning_type, subject and detected_date
    - held_back: what the budget had no room for: tenant_id, warning_type, held_back_count
    """

    warnings: pd.DataFrame
    held_back: pd.DataFrame


def step(inputs: EarlyWarningInput, config: EarlyWarningConfig | None = None) -> Step:
    """The warnings after 00:00 of `inputs.as_of` in Seoul.

    A warning is raised at `raise_at` of its type where the academy's budget of the ISO week has room; it stays open,
    with the latest probability, severity, context and reasoning, until its probability was under `clear_at` on
    `clear_days` days in a row, there was no evidence for `missing_days`, staff resolved or dismissed it, or the student
    left. Then resolved_at is 00:00 of `as_of`, and context_data says why in `resolution`. The same type and subject is
    not raised again before a cool-down is over.

    What a run of the same or a later day has written is undone first, so the table may be handed over as it is
    published, and the same step twice gives the same rows.

    context_data is that of the evidence, with `tracking` (raised_probability, low_since, missing_since) beside it.
    recommended_actions is a list of {action, priority, text}.
    """
    config = config or EarlyWarningConfig()
    day = pd.Timestamp(inputs.as_of)
    state = _as_it_was(inputs.state, day, config)
    held = _read(state, _verdicts(inputs.actions, state), day, config)
    is_fresh = (day - inputs.evidence["evidence_date"]).dt.days <= config.evidence_max_age_days
    evidence = inputs.evidence[is_fresh].reset_index(drop=True)
    after, held_back = advance(held, usable(evidence, config), inputs.students, day, config)
    return Step(_written(after, state, evidence, day), _counted(held_back))


def warning_ids(rows: pd.DataFrame) -> list[str]:
    """The id of each row of student_id, warning_type, subject and detected_date: a UUID of version 5 (RFC 9562)."""
    days = rows["detected_date"].dt.strftime("%Y-%m-%d")
    names = rows["student_id"].astype(object) + "/" + rows["warning_type"] + "/" + rows["subject"] + "/" + days
    return [str(uuid.uuid5(_NAMESPACE, name)) for name in names]


def days_in_seoul(moments: pd.Series) -> pd.Series:
    """The day in Seoul, as datetime64[s], of each moment."""
    days: pd.Series = moments.dt.tz_convert(SEOUL).dt.normalize().dt.tz_localize(None)
    return days.astype("datetime64[s]")


def _as_it_was(published: pd.DataFrame, day: pd.Timestamp, config: EarlyWarningConfig) -> pd.DataFrame:
    """The table before the step of `day`, without what ended too long ago."""
    before: pd.DataFrame = published[published["detected_date"] < day]
    resolved = days_in_seoul(before["resolved_at"])
    before = before.assign(resolved_at=before["resolved_at"].where(resolved < day))
    is_kept = before["resolved_at"].isna() | ((day - resolved).dt.days <= config.keep_days)
    kept: pd.DataFrame = before[is_kept].reset_index(drop=True)
    return kept


def _verdicts(actions: pd.DataFrame, state: pd.DataFrame) -> pd.Series:
    """What staff said of each warning of `state`: '', resolved or dismissed, which outweighs the other."""
    final = actions[actions["action_type"].isin(["resolved", "dismissed"])]
    # 'dismissed' comes before 'resolved'.
    said = final.groupby(["warning_id", "tenant_id"], as_index=False)["action_type"].min()
    joined = state[["id", "tenant_id"]].merge(
        said, left_on=["id", "tenant_id"], right_on=["warning_id", "tenant_id"], how="left"
    )
    return joined["action_type"].fillna("").astype("str")


def _read(state: pd.DataFrame, verdicts: pd.Series, day: pd.Timestamp, config: EarlyWarningConfig) -> pd.DataFrame:
    """The published warnings as HELD; `row` is -1."""
    resolved = days_in_seoul(state["resolved_at"])
    contexts = [json.loads(text) for text in state["context_data"]]
    tracking = pd.DataFrame(
        [context.get("tracking", {}) for context in contexts],
        columns=["raised_probability", "low_since", "missing_since"],
        index=state.index,
    )
    since = {name: tracking[name].astype("datetime64[s]") for name in ("low_since", "missing_since")}
    codes = pd.Series([context.get("resolution", {}).get("code", "") for context in contexts], dtype="str")
    return state.assign(
        # A probability may have been stored in single precision.
        probability=state["probability"].round(config.probability_decimals),
        resolved_date=resolved,
        resolution=codes.where(resolved.notna(), ""),
        verdict=verdicts,
        level=state["severity"].map({name: level for level, name in enumerate(SEVERITIES)}),
        raised_probability=tracking["raised_probability"].astype("float64").fillna(state["probability"]),
        **{name: days.where(days < day) for name, days in since.items()},
        row=-1,
    )[list(HELD)].astype(HELD)


def _written(after: pd.DataFrame, state: pd.DataFrame, evidence: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Rows of WARNINGS: those that had ended as they were, the others with today's numbers and words."""
    midnight = day.tz_localize(SEOUL).tz_convert("UTC")
    old = ["id", "detected_at", "resolved_at", "context_data", "recommended_actions", "reasoning"]
    rows = after.merge(state[[*_ID, *old]], on=_ID, how="left")
    is_new = rows["id"].isna().to_numpy(bool)
    rows.loc[is_new, "id"] = warning_ids(rows[is_new])
    rows.loc[is_new, "recommended_actions"] = recommended_actions(rows[is_new])
    has_ended = rows["resolved_date"].notna() & (rows["resolved_date"] < day)
    facts, reasoning = _latest(rows, evidence, "context", "context_data"), _latest(rows, evidence, "reasoning")
    rows["context_data"] = rows["context_data"].where(has_ended, _contexts(rows[~has_ended], facts))
    rows["reasoning"] = reasoning
    rows["detected_at"] = rows["detected_at"].fillna(midnight)
    rows["resolved_at"] = (
        rows["resolved_at"].where(has_ended, pd.Series(midnight, rows.index)).where(rows["resolved_date"].notna())
    )
    rows["severity"] = np.asarray(SEVERITIES, dtype=object)[rows["level"].to_numpy(np.int64)]
    return rows[list(WARNINGS)].astype(WARNINGS).sort_values(_ID).reset_index(drop=True)


def _latest(rows: pd.DataFrame, evidence: pd.DataFrame, name: str, published: str | None = None) -> pd.Series:
    """Text of today's evidence, or what is published where there is none."""
    place = rows["row"].to_numpy(np.int64)
    return evidence[name].reindex(place).set_axis(rows.index).fillna(rows[published or name])


def _contexts(rows: pd.DataFrame, facts: pd.Series) -> pd.Series:
    """context_data of open and just ended warnings: as many as the budgets let be raised, so one by one."""
    written = [
        _context(json.loads(fact), raised, low, missing, resolution)
        for fact, raised, low, missing, resolution in zip(
            facts.loc[rows.index],
            rows["raised_probability"],
            _dates(rows["low_since"]),
            _dates(rows["missing_since"]),
            rows["resolution"],
            strict=True,
        )
    ]
    return pd.Series(written, index=rows.index, dtype="str")


def _dates(days: pd.Series) -> list[str | None]:
    return [day if isinstance(day, str) else None for day in days.dt.strftime("%Y-%m-%d")]


def _context(facts: dict[str, Any], raised: float, low: str | None, missing: str | None, resolution: str) -> str:
    found = {name: value for name, value in facts.items() if name not in ("tracking", "resolution")}
    found["tracking"] = {"raised_probability": raised, "low_since": low, "missing_since": missing}
    if resolution:
        found["resolution"] = {"code": resolution, "text": RESOLUTIONS[resolution]}
    return json.dumps(found, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _counted(held_back: pd.DataFrame) -> pd.DataFrame:
    return (
        held_back.groupby(["tenant_id", "warning_type"], sort=True)
        .size()
        .rename("held_back_count")
        .reset_index()
        .astype({"tenant_id": "str", "warning_type": "str", "held_back_count": "int64"})
    )
