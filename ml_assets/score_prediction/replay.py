"""What would have been predicted at earlier days, and what came: the rows that boosting and intervals learn from.

Belongs here: the next exam of every series after each earlier day, with everything as it was known on that day. Not
here: what is learned from it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.effort import FEATURES as EFFORT_FEATURES
from ml_assets.score_prediction.effort import Effort
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput
from ml_assets.score_prediction.level1 import Level1, fit_level1, type_codes

LEVEL1_FEATURES = ("place", "place_sd", "exam_mean", "exam_sd", "exam_error")
HISTORY_FEATURES = (
    *(
        "past_count",
        "group_count",
        "student_count",
        "last_place",
        "second_last_place",
        "third_last_place",
        "group_mean",
        "student_mean",
    ),
    *("type_mean", "trend", "days_since_last"),
)
EXAM_FEATURES = ("exam_type_code", "is_mock", "course_day", "days_ahead", "credit_hours")
FEATURES: tuple[str, ...] = (*LEVEL1_FEATURES, *HISTORY_FEATURES, *EXAM_FEATURES, *EFFORT_FEATURES)

_LEAST_SCORES = 30
"""Scores known before a day from which it is worth replaying: fewer say nothing about any exam."""


def next_exams(scores: pd.DataFrame, day: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
    """The score of each series that came next after `day`: one scheduled from then on, within the horizon.

    `scores` are valued ones (`inputs.known_scores`). What was entered late, for an exam before `day`, is not next.
    Where several exams wait, that which was handed in first came next.
    """
    last = day + pd.Timedelta(days=horizon_days)
    ahead = scores[(scores["exam_date"] >= day) & (scores["known_date"] >= day) & (scores["exam_date"] < last)]
    return ahead.sort_values(["day", "exam_date", "score_id"]).drop_duplicates(SERIES).reset_index(drop=True)


def described(
    level: Level1, known: pd.DataFrame, asked: pd.DataFrame, effort: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    """`asked` with what level 1 says of each row and with FEATURES, all from what is known before `day`.

    `effort` is that of everybody before `day`: `Effort.before`.
    """
    rows = asked.reset_index(drop=True)
    rows = rows.join(level.predict(known, rows))
    rows["place_sd"] = np.sqrt(rows["place_variance"])
    rows["exam_error"] = np.sqrt(rows["exam_variance"]) / rows["exam_sd"]
    rows = rows.join(_history(level, known, rows, day))
    rows["exam_type_code"] = type_codes(rows, level.types).astype(np.float64)
    rows["is_mock"] = (rows["exam_kind"] == "mock").astype(np.float64)
    rows["days_ahead"] = (rows["exam_date"] - day).dt.days.astype(np.float64)
    return rows.join(effort, on=["student_id", "subject_group"])


def replay(inputs: ScorePredictionInput, config: ScorePredictionConfig, length: float) -> pd.DataFrame:
    """The next exams at each replayed day, described as they were on that day, with `value` and `origin`, the day.

    Level 1 is fitted anew on what was known before each day; only the length of its forgetting is given, for choosing
    it costs a fit for each length. Days are `replay_step_days` apart, the last one that long before the cut-off.
    """
    known, effort = inputs.known, Effort.of(inputs.effort)
    parts = []
    for day in _days(inputs, config):
        before = known[known["known_date"] < day]
        asked = next_exams(known, day, config.horizon_days)
        if len(before) < _LEAST_SCORES or asked.empty:
            continue
        level = fit_level1(before, day, config, length)
        parts.append(
            _with_baseline(level, before, described(level, before, asked, effort.before(day), day)).assign(origin=day)
        )
    # Without any day the columns of one are still there, without rows.
    return pd.concat(parts, ignore_index=True) if parts else _nothing(known, effort, config, inputs)


def _nothing(
    known: pd.DataFrame, effort: Effort, config: ScorePredictionConfig, inputs: ScorePredictionInput
) -> pd.DataFrame:
    day, none = pd.Timestamp(inputs.as_of), known.iloc[:0]
    level = fit_level1(none, day, config)
    return _with_baseline(level, none, described(level, none, none, effort.before(day), day)).assign(origin=day)


def _with_baseline(level: Level1, known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(shrunken_place=level.shrunken(known, rows))


def _days(inputs: ScorePredictionInput, config: ScorePredictionConfig) -> Iterator[pd.Timestamp]:
    for back in range(config.replay_most, 0, -1):
        yield pd.Timestamp(inputs.as_of) - pd.Timedelta(days=back * config.replay_step_days)


def _history(level: Level1, known: pd.DataFrame, asked: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """HISTORY_FEATURES of each row of `asked`; counts are 0 and the rest unknown where there is no score."""
    past = known[["student_id", "subject_group", "exam_kind", "exam_type", "day"]].assign(place=level.places(known))
    group = ["student_id", "subject_group"]
    back = past.groupby(group).cumcount(ascending=False)
    by_group = past.groupby(group).agg(
        group_count=("place", "size"), group_mean=("place", "mean"), last_day=("day", "max")
    )
    for name, ago in (("last_place", 0), ("second_last_place", 1), ("third_last_place", 2)):
        by_group[name] = past[back == ago].set_index(group)["place"]
    by_student = past.groupby("student_id").agg(student_count=("place", "size"), student_mean=("place", "mean"))
    by_series = past.groupby(SERIES).agg(past_count=("place", "size"))
    of_type = ["student_id", "exam_kind", "exam_type"]
    by_type = past.groupby(of_type).agg(type_mean=("place", "mean"))
    found = (
        asked[[*SERIES, "exam_type"]]
        .join(by_group, on=group)
        .join(by_student, on="student_id")
        .join(by_series, on=SERIES)
        .join(by_type, on=of_type)
    )
    found["trend"] = found["last_place"] - found["group_mean"]
    found["days_since_last"] = (day - found["last_day"]).dt.days.astype(np.float64)
    for count in ("past_count", "group_count", "student_count"):
        found[count] = found[count].fillna(0.0)
    return found[list(HISTORY_FEATURES)]
