"""How good the models would have been: a run with an earlier cut-off, compared with what happened next.

Belongs here: building features of a past cut-off beside those of the last run, and reading what came after it.
Not here: models and metrics (`ml_assets`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml_assets.recommender.backtest import evaluate_recommender
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.score_prediction.backtest import evaluate_scores
from ml_assets.score_prediction.inputs import ScorePredictionInput
from orchestration.cutoff import Cutoff
from orchestration.features import read_exam_scores, read_recommender_input, read_score_input
from orchestration.settings import Settings
from orchestration.transform import (
    BACKTEST_TARGET,
    FEATURES_ONLY,
    OUTCOMES_ONLY,
    SCHEMAS,
    SCORES_ONLY,
    dbt_environment,
    run_dbt,
)
from postgres_arrow import read_arrow

# Two weeks: long enough for a student to start something new, short enough that the list is still the one shown.
WINDOW = dt.timedelta(days=14)

# A year: as far ahead as a score is predicted.
SCORES_WINDOW = dt.timedelta(days=365)

_STARTED_SINCE = """
    select student_id::text, content_id::text
    from {schema}_features.feat_student_content__interactions
    where first_done_date >= date '{since}'
    order by student_id, content_id
"""


def backtest(settings: Settings, url: str, cutoffs: list[Cutoff]) -> list[dict[str, Any]]:
    """Metrics of every model at each cut-off, beside its baselines on the same rows.

    Works in schemas of its own (`backtest_*`); the features of the last run stay as they are.
    """
    return [{"as_of": cutoff.date.isoformat(), **_at(settings, url, cutoff)} for cutoff in cutoffs]


def _at(settings: Settings, url: str, cutoff: Cutoff) -> dict[str, Any]:
    sides = read_both_sides(settings, url, cutoff)
    return {
        "recommendations": evaluate_recommender(sides.inputs, sides.started).to_dict(),
        "score_predictions": evaluate_scores(sides.scores, sides.later_scores),
    }


@dataclass(frozen=True)
class BothSides:
    """What was known at a cut-off, and what came after it.

    `started` are student × content pairs first done within `WINDOW`; `later_scores` are scores as `scores.scores` holds
    them, known within `SCORES_WINDOW`.
    """

    inputs: RecommenderInput
    scores: ScorePredictionInput
    started: pd.DataFrame
    later_scores: pd.DataFrame


def read_both_sides(settings: Settings, url: str, cutoff: Cutoff) -> BothSides:
    """Both sides of `cutoff`, in the schemas of the backtest."""
    schema = SCHEMAS[BACKTEST_TARGET]
    cutoff.write(url, schema)
    run_dbt(settings, FEATURES_ONLY, BACKTEST_TARGET, dbt_environment(url))
    inputs, scores = read_recommender_input(url, schema), read_score_input(url, schema)
    # The features are in memory; the cut-off moves on, and the same models tell what came next.
    Cutoff(cutoff.date + WINDOW).write(url, schema)
    run_dbt(settings, OUTCOMES_ONLY, BACKTEST_TARGET, dbt_environment(url))
    started = _started_since(url, schema, cutoff)
    Cutoff(cutoff.date + SCORES_WINDOW).write(url, schema)
    run_dbt(settings, SCORES_ONLY, BACKTEST_TARGET, dbt_environment(url))
    return BothSides(inputs, scores, started, read_exam_scores(url, schema))


def _started_since(url: str, schema: str, cutoff: Cutoff) -> pd.DataFrame:
    """Student × content first done between `cutoff` and the cut-off that the schema was built for."""
    query = _STARTED_SINCE.format(schema=schema, since=cutoff.date.isoformat())
    return read_arrow(url, query).to_pandas()
