"""How true the patterns turn out, beside what one would say without a model.

Belongs here: patterns at a cut-off against what came after it, and against the habits that a sample was made of.
Not here: where either comes from.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.evaluation.intervals import coverage, mae
from ml_assets.learning_patterns.changes import change_points
from ml_assets.learning_patterns.config import SLOTS, LearningPatternConfig
from ml_assets.learning_patterns.inputs import LaterActivity, LearningPatternInput
from ml_assets.learning_patterns.model import Habits, habits, placed
from ml_assets.learning_patterns.series import daily_series
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Ints
from ml_assets.learning_patterns.timing import HOURS, SLOT_OF, smooth
from ml_assets.learning_patterns.work import KIND, work_minutes

RECOVERY_SESSIONS: Final = 30
"""Timed sessions from which a hidden habit is asked to be found."""

_LATER_SESSIONS: Final = 5
"""Sessions afterwards from which a student has a most used time of day and a busiest hour. Judgement."""


def evaluate_patterns(
    inputs: LearningPatternInput,
    later: LaterActivity,
    hidden: pd.DataFrame | None = None,
    config: LearningPatternConfig | None = None,
) -> dict[str, Any]:
    """The block that `tlu backtest --json` prints as `patterns`.

    - counts: students, and how many are told each figure
    - preferred_slot, peak_hour: what was told at the cut-off against `later.spells`, beside baselines on the same
      students; completion_by_weekday: Brier score of every later plan; realistic_minutes: later items
    - hidden: with the frame `hidden` (student_id, slot, peak_hour: what a sample's students are made of), how many of
      the students with RECOVERY_SESSIONS or more were recovered, not told counting as not recovered, and how many were
      told with fewer sessions than the minimum, which must be 0
    """
    config = config or LearningPatternConfig()
    found = habits(inputs, config)
    block: dict[str, Any] = {"counts": _counts(inputs, found, config)}
    if not found.students.empty:
        spells = _later_hours(later, found)
        block["preferred_slot"] = _slots(found, spells)
        block["peak_hour"] = _peaks(found, spells, config)
        block["completion_by_weekday"] = _completion(found, later)
        block["realistic_minutes"] = _work(inputs, later, config)
        if hidden is not None:
            block["hidden"] = _hidden(found, hidden, config)
    return block


def _counts(inputs: LearningPatternInput, found: Habits, config: LearningPatternConfig) -> dict[str, Any]:
    series = daily_series(inputs.daily, found.students["student_id"], inputs.as_of, config)
    changed = sum(change_points(own, inputs.as_of, config)["student"].nunique() for own in series)
    told = {
        "preferred_study_times": found.timing.slots.count > 0,
        "peak_productivity_hours": found.timing.peak.is_told,
        "strong_days": found.strong.is_any_told,
        "weak_days": found.weak.is_any_told,
        "overall_completion_rate": found.overall.seen >= config.rate_min_plans,
    }
    return {
        "students": len(found.students),
        "with_timed_sessions": int((found.timing.session_count > 0).sum()),
        "told": {name: int(own.sum()) for name, own in told.items()} | {"change_points": int(changed)},
        "told_share": {name: _share(own) for name, own in told.items()},
        "insufficient_share": {name: _share(~own) for name, own in told.items()},
    }


def _share(of: Bools) -> float | None:
    return float(of.mean()) if len(of) else None


def _later_hours(later: LaterActivity, found: Habits) -> Floats:
    rows = placed(later.spells, found.students)
    hours = np.zeros((len(found.students), HOURS))
    np.add.at(hours, (rows["student"], rows["start_hour"]), rows["spell_count"])
    return hours


def _slots(found: Habits, spells: Floats) -> dict[str, Any]:
    """Whether the most used time of day of the following weeks is the first told, and among those told."""
    used = (spells @ SLOT_OF).argmax(axis=1)
    rows = (found.timing.slots.count > 0) & (spells.sum(axis=1) >= _LATER_SESSIONS)
    order, count = found.timing.slots.order, found.timing.slots.count
    within = ((order == used[:, None]) & (np.arange(len(SLOTS)) < count[:, None])).any(axis=1)
    # The same number of times of day, so that telling two is no advantage.
    plain = np.argsort(-found.timing.sessions, axis=1, kind="stable")
    usual = np.argsort(-_others(found.timing.sessions), axis=1, kind="stable")

    def figures(best: Ints) -> dict[str, float | None]:
        among = ((best == used[:, None]) & (np.arange(len(SLOTS)) < count[:, None])).any(axis=1)
        return {"first": _share((best[:, 0] == used)[rows]), "among_told": _share(among[rows])}

    return {
        "n": int(rows.sum()),
        "told_two": int((count[rows] == 2).sum()),
        "promised": float(found.timing.slots.chance[rows].mean()) if rows.any() else None,
        "first": _share((order[:, 0] == used)[rows]),
        "among_told": _share(within[rows]),
        "baselines": {"most_counted": figures(plain), "most_common_of_others": figures(usual)},
    }


def _others(counts: Floats) -> Floats:
    """Of each row, the mean shares of all other rows."""
    seen = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, seen, out=np.zeros_like(counts), where=seen > 0)
    others: Floats = share.sum(axis=0) - share
    return others


def apart(one: Ints, other: Ints) -> Ints:
    """Hours between two hours of the day, the shorter way round."""
    hours: Ints = np.abs((one - other + HOURS // 2) % HOURS - HOURS // 2)
    return hours


def _peaks(found: Habits, spells: Floats, config: LearningPatternConfig) -> dict[str, Any]:
    """Whether the busiest hour of the following weeks, smoothed alike, is within an hour of the one told."""
    rows = found.timing.peak.is_told & (spells.sum(axis=1) >= _LATER_SESSIONS)
    actual = smooth(np.where(rows[:, None], spells, 1.0), config).argmax(axis=1)
    usual = smooth(_others(found.timing.hours) + 1e-9, config).argmax(axis=1)
    baselines = {"most_counted": found.timing.hours.argmax(axis=1), "most_common_of_others": usual}
    return {
        "n": int(rows.sum()),
        "within_one_hour": _share((apart(found.timing.peak.hour, actual) <= 1)[rows]),
        "baselines": {
            name: {"within_one_hour": _share((apart(hour, actual) <= 1)[rows])} for name, hour in baselines.items()
        },
    }


def _completion(found: Habits, later: LaterActivity) -> dict[str, Any]:
    """Brier score of the rate of a weekday as the probability that a later plan of that weekday is done."""
    rows = placed(later.plans, found.students)
    student, day = rows["student"].to_numpy(np.int64), rows["weekday"].to_numpy(np.int64)
    planned, done = rows["planned_count"].to_numpy(np.float64), rows["done_count"].to_numpy(np.float64)
    if not planned.sum():
        return {"n": 0}
    seen, kept = found.weekdays.seen, found.weekday_done
    own = np.divide(kept.sum(axis=1), seen.sum(axis=1), out=np.full(len(seen), np.nan), where=seen.sum(axis=1) > 0)
    everybody = kept.sum() / max(seen.sum(), 1)
    own = np.where(np.isnan(own), everybody, own)
    raw = np.where(seen > 0, kept / np.maximum(seen, 1), own[:, None])

    def brier(rate: Floats) -> float:
        return float((done * (1 - rate) ** 2 + (planned - done) * rate**2).sum() / planned.sum())

    return {
        "n": int(planned.sum()),
        "brier": brier(found.weekdays.mean[student, day]),
        "baselines": {
            "own_overall_rate": {"brier": brier(own[student])},
            "own_weekday_rate": {"brier": brier(raw[student, day])},
            "rate_of_all": {"brier": brier(np.full(len(rows), everybody))},
        },
    }


def _work(inputs: LearningPatternInput, later: LaterActivity, config: LearningPatternConfig) -> dict[str, Any]:
    """Later items against the median and P80 of their kind: share within P80 (promised 0.8), error of the median.

    The app's estimate and the mean of all students stand beside it; of these a share within the estimate is given,
    which promises nothing.
    """
    key = ["student_id", *KIND]
    work = work_minutes(inputs, config)
    items = later.items.merge(work, on=key)
    if items.empty:
        return {"n": 0, "later_items": len(later.items)}
    rows = items["estimated_minutes"].notna() & (items["estimated_minutes"] > 0)
    found = {"n": len(items), "later_items": len(later.items), **_item_figures(items)}
    found["by_basis"] = {name: _item_figures(own) for name, own in items.groupby("basis", sort=True)}
    with_units = items[(items["unit_count"] > 0) & items["minutes_per_unit_p80"].notna()]
    if len(with_units):
        per_unit = (with_units["minutes"] / with_units["unit_count"]).to_numpy(np.float64)
        found["per_unit"] = _quantile_figures(per_unit, with_units, "minutes_per_unit")
    estimated = items[rows & items["pace_ratio_p80"].notna()]
    if len(estimated):
        found["by_pace"] = _pace_figures(estimated)
    return found


def _item_figures(items: pd.DataFrame) -> dict[str, Any]:
    return _quantile_figures(items["minutes"].to_numpy(np.float64), items, "item_minutes")


def _quantile_figures(actual: Floats, items: pd.DataFrame, name: str) -> dict[str, Any]:
    high, middle = items[f"{name}_p80"].to_numpy(np.float64), items[f"{name}_p50"].to_numpy(np.float64)
    return {
        "n": len(items),
        "within_p80": coverage(actual, np.zeros(len(actual)), high),
        "within_p50": coverage(actual, np.zeros(len(actual)), middle),
        "median_mae": mae(actual, middle),
        "mean_log_error": mae(np.log(actual), np.log(middle)),
    }


def _pace_figures(items: pd.DataFrame) -> dict[str, Any]:
    """Minutes of items with an estimate: the estimate times the student's pace, the kind's median, the app's own."""
    actual = items["minutes"].to_numpy(np.float64)
    estimate = items["estimated_minutes"].to_numpy(np.float64)
    ours = estimate * items["pace_ratio_p50"].to_numpy(np.float64)
    high = estimate * items["pace_ratio_p80"].to_numpy(np.float64)
    low = np.zeros(len(items))
    return {
        "n": len(items),
        "within_p80": coverage(actual, low, high),
        "median_mae": mae(actual, ours),
        "baselines": {
            "app_estimate": {"within_p80": coverage(actual, low, estimate), "median_mae": mae(actual, estimate)},
            "kind_median": {"median_mae": mae(actual, items["item_minutes_p50"].to_numpy(np.float64))},
        },
    }


def _hidden(found: Habits, hidden: pd.DataFrame, config: LearningPatternConfig) -> dict[str, Any]:
    """What was recovered of the habits in `hidden`, beside the plain counts."""
    truth = hidden.drop_duplicates("student_id").set_index("student_id").reindex(found.students["student_id"])
    known = truth["slot"].notna().to_numpy()
    slot = truth["slot"].map({name: place for place, name in enumerate(SLOTS)}).fillna(-1).to_numpy(np.int64)
    hour = truth["peak_hour"].fillna(-1).to_numpy(np.int64)
    timing = found.timing
    rows = known & (timing.session_count >= RECOVERY_SESSIONS)
    told = np.arange(len(SLOTS)) < timing.slots.count[:, None]
    first = (timing.slots.order[:, 0] == slot) & (timing.slots.count > 0)
    few = timing.session_count < config.timing_min_sessions
    near = timing.peak.is_told & (apart(timing.peak.hour, hour) <= 1)
    return {
        "students": int(rows.sum()),
        "least_sessions": RECOVERY_SESSIONS,
        "preferred_slot": {
            "told": _share((timing.slots.count > 0)[rows]),
            "first": _share(first[rows]),
            "among_told": _share(((timing.slots.order == slot[:, None]) & told).any(axis=1)[rows]),
            "told_two": int((timing.slots.count[rows] == 2).sum()),
            "baselines": {"most_counted": {"first": _share((timing.sessions.argmax(axis=1) == slot)[rows])}},
        },
        "peak_hour": {
            "told": _share(timing.peak.is_told[rows]),
            "within_one_hour": _share(near[rows]),
            "baselines": {
                "most_counted": {"within_one_hour": _share((apart(timing.hours.argmax(axis=1), hour) <= 1)[rows])}
            },
        },
        "under_minimum": {
            "students": int((known & few).sum()),
            "told": int((few & ((timing.slots.count > 0) | timing.peak.is_told)).sum()),
        },
    }
