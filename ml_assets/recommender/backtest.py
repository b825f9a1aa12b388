"""How good the recommender would have been, and whether it is good enough to be published.

Belongs here: the model beside its baselines on the same candidates, and the rule that decides. Not here: metrics
themselves, and where the truth comes from.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.evaluation.ranking import RankingMetrics, evaluate_rankings
from ml_assets.recommender.candidates import World
from ml_assets.recommender.config import PRIOR_WEIGHTS, RecommenderConfig
from ml_assets.recommender.figures import DEPTH, Facts, figures, lifts
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import RecommenderModel, fit, similar_starts
from ml_assets.recommender.ranking import BASELINES, choices_of, rank
from ml_assets.recommender.terms import POSITIVE
from ml_assets.recommender.weights import learn_weights


@dataclass(frozen=True)
class Evaluation:
    """The model and its baselines against the same truth, over the same students.

    `figures` holds all that is measured, under "model" and under the names of the baselines; `lifts`, by baseline, how
    much better the model is, with intervals.
    """

    model: RankingMetrics
    baselines: dict[str, RankingMetrics]
    figures: dict[str, dict[str, float | None]]
    lifts: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The block that `tlu backtest --json` prints; a metric without students is None."""
        return {
            "students": self.model.students,
            **self.figures["model"],
            "before_reranking": self.figures["before_reranking"],
            "baselines": {name: self.figures[name] for name in self.baselines},
            "lift_over": self.lifts,
        }


def evaluate_recommender(
    inputs: RecommenderInput, started_next: pd.DataFrame, config: RecommenderConfig | None = None
) -> Evaluation:
    """Fit on `inputs` and compare with what was started next (student_id, content_id).

    What counts: pairs of a listed student and a listed content that were no interaction before the cut-off, whether or
    not the content was a candidate. A student with such pairs and no list counts as 0.
    """
    return _compare(fit_weighed(inputs, config or RecommenderConfig()), inputs, new_pairs(inputs, started_next))


def fit_weighed(inputs: RecommenderInput, config: RecommenderConfig) -> RecommenderModel:
    """A model fitted on all of `inputs`, its terms weighed by what was started in the last window before the cut-off.

    The weights are learned with a model that was fitted on what was known at the beginning of that window (a global
    cut in time), so that a term is worth what it was worth on what it had not seen.
    """
    before, truth = _last_window(inputs, config)
    return replace(fit(inputs, config), term_weights=_weights(fit(before, config), before, truth))


def fit_and_choose(inputs: RecommenderInput, config: RecommenderConfig | None = None) -> RecommenderModel:
    """The model of `inputs` with the ranking to publish, chosen on the last `recent_days` before the cut-off.

    The personal ranking is in use when, fitted and weighed on what was known at the beginning of that window, its
    NDCG@20 on the contents started within it is at or above that of every baseline; else, and where nobody started
    anything, `popular_recent` is. The replay is exact for starts; what it approximates is said at
    `RecommenderInput.as_known_before`: it errs in favour of the baseline, which is told of some uses within the window.
    The figures are in `metrics`.
    """
    config = config or RecommenderConfig()
    before, truth = _last_window(inputs, config)
    earlier = fit_weighed(before, config)
    result = _compare(earlier, before, truth)
    wins = result.model.ndcg_at_k >= max(metrics.ndcg_at_k for metrics in result.baselines.values())
    return replace(
        fit(inputs, config),
        term_weights=_weights(earlier, before, truth),
        in_use="personal" if wins else "popular_recent",
        metrics={"as_of": before.as_of.isoformat(), "days": config.recent_days, **result.to_dict()},
    )


def _weights(model: RecommenderModel, inputs: RecommenderInput, truth: pd.DataFrame) -> dict[str, float]:
    """Weights of the terms, from what some of the students in `truth` chose among the candidates of `model`."""
    students = np.sort(truth["student_id"].unique())
    hashes = pd.util.hash_array(students.astype(object), categorize=False)
    chosen = students[np.argsort(hashes, kind="stable")[: model.config.weight_students]]
    choices = choices_of(model, inputs.of_students(chosen), truth)
    return learn_weights(choices, PRIOR_WEIGHTS, POSITIVE.keys(), model.config.weight_strength)


def _last_window(inputs: RecommenderInput, config: RecommenderConfig) -> tuple[RecommenderInput, pd.DataFrame]:
    """What was known `recent_days` before the cut-off, and the pairs newly started since."""
    earlier = inputs.as_of - dt.timedelta(days=config.recent_days)
    before = inputs.as_known_before(earlier)
    started = inputs.interactions[inputs.interactions["first_done_date"] >= pd.Timestamp(earlier)]
    return before, new_pairs(before, started)


def _compare(model: RecommenderModel, inputs: RecommenderInput, truth: pd.DataFrame) -> Evaluation:
    facts = Facts(inputs, truth)
    neighbours = replace(
        model, similar=similar_starts(World(inputs), replace(model.config, similarity="shrunk_cosine"))
    )
    lists = {
        "model": rank(model, inputs, reranked=True),
        "before_reranking": rank(model, inputs),
        **{name: rank(neighbours, inputs, scorer) for name, scorer in BASELINES.items()},
    }
    metrics = {name: evaluate_rankings(ranked, truth, DEPTH) for name, ranked in lists.items()}
    return Evaluation(
        model=metrics["model"],
        baselines={name: metrics[name] for name in BASELINES},
        figures={name: figures(ranked, facts) for name, ranked in lists.items()},
        lifts={name: lifts(lists["model"], lists[name], facts) for name in BASELINES},
    )


def new_pairs(inputs: RecommenderInput, started: pd.DataFrame) -> pd.DataFrame:
    """The pairs of `started` that count: of a listed student and content, and no interaction before the cut-off."""
    pair = ["student_id", "content_id"]
    listed = started["student_id"].isin(inputs.students["student_id"]) & started["content_id"].isin(
        inputs.contents["content_id"]
    )
    candidates = started.loc[listed, pair].drop_duplicates()
    known = candidates.merge(inputs.interactions[pair], on=pair, how="left", indicator=True)["_merge"] == "both"
    return candidates[~known.to_numpy()]
