"""How good the recommender would have been, and whether it is good enough to be published.

Belongs here: the model beside its baselines on the same candidates, and the rule that decides. Not here: metrics
themselves, and where the truth comes from.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ml_assets.evaluation.ranking import RankingMetrics, evaluate_rankings
from ml_assets.recommender.config import START_HALF_LIVES, RecommenderConfig
from ml_assets.recommender.figures import DEPTH, Facts, figures, lifts
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import RecommenderModel, fit
from ml_assets.recommender.ranking import BASELINES, personal, rank


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
            "baselines": {name: self.figures[name] for name in self.baselines},
            "lift_over": self.lifts,
        }


def evaluate_recommender(
    inputs: RecommenderInput, started_next: pd.DataFrame, config: RecommenderConfig | None = None
) -> Evaluation:
    """Fit on `inputs` and compare with what was started next (student_id, content_id).

    Without a `config` it is chosen by `tuned`, from what came before the cut-off. What counts: pairs of a listed
    student and a listed content that were no interaction before the cut-off, whether or not the content was a
    candidate. A student with such pairs and no list counts as 0.
    """
    return _compare(fit(inputs, config or tuned(inputs)), inputs, _new_pairs(inputs, started_next))


def tuned(inputs: RecommenderInput) -> RecommenderConfig:
    """The configuration whose half-life of a start gave the best NDCG@20 on the last window before the cut-off.

    The window is replayed as in `fit_and_choose`. The shorter half-life wins a tie, and where nobody started anything.
    """
    configs = [RecommenderConfig(start_half_life_days=days) for days in START_HALF_LIVES]
    before, truth = _last_window(inputs, configs[0])
    return max(configs, key=lambda c: evaluate_rankings(rank(fit(before, c), before, personal), truth, DEPTH).ndcg_at_k)


def fit_and_choose(inputs: RecommenderInput, config: RecommenderConfig | None = None) -> RecommenderModel:
    """The model of `inputs` with the ranking to publish, chosen on the last `recent_days` before the cut-off.

    The personal ranking is in use when, tuned and fitted on what was known at the beginning of that window, its NDCG@20
    on the contents started within it is at or above that of every baseline; else, and where nobody started anything,
    `popular_recent` is. The replay is exact for starts; what it approximates is said at
    `RecommenderInput.as_known_before`: it errs in favour of the baseline, which is told of some uses within the window.
    The figures are in `metrics`.
    """
    before, truth = _last_window(inputs, config or RecommenderConfig())
    result = _compare(fit(before, config or tuned(before)), before, truth)
    wins = result.model.ndcg_at_k >= max(metrics.ndcg_at_k for metrics in result.baselines.values())
    model = fit(inputs, config or tuned(inputs))
    return replace(
        model,
        in_use="personal" if wins else "popular_recent",
        metrics={
            "as_of": before.as_of.isoformat(),
            "days": model.config.recent_days,
            "start_half_life_days": model.config.start_half_life_days,
            **result.to_dict(),
        },
    )


def _last_window(inputs: RecommenderInput, config: RecommenderConfig) -> tuple[RecommenderInput, pd.DataFrame]:
    """What was known `recent_days` before the cut-off, and the pairs newly started since."""
    earlier = inputs.as_of - dt.timedelta(days=config.recent_days)
    before = inputs.as_known_before(earlier)
    started = inputs.interactions[inputs.interactions["first_done_date"] >= pd.Timestamp(earlier)]
    return before, _new_pairs(before, started)


def _compare(model: RecommenderModel, inputs: RecommenderInput, truth: pd.DataFrame) -> Evaluation:
    facts = Facts(inputs, truth)
    lists = {name: rank(model, inputs, scorer) for name, scorer in {"model": personal, **BASELINES}.items()}
    metrics = {name: evaluate_rankings(ranked, truth, DEPTH) for name, ranked in lists.items()}
    return Evaluation(
        model=metrics["model"],
        baselines={name: metrics[name] for name in BASELINES},
        figures={name: figures(ranked, facts) for name, ranked in lists.items()},
        lifts={name: lifts(lists["model"], lists[name], facts) for name in BASELINES},
    )


def _new_pairs(inputs: RecommenderInput, started: pd.DataFrame) -> pd.DataFrame:
    pair = ["student_id", "content_id"]
    listed = started["student_id"].isin(inputs.students["student_id"]) & started["content_id"].isin(
        inputs.contents["content_id"]
    )
    candidates = started.loc[listed, pair].drop_duplicates()
    known = candidates.merge(inputs.interactions[pair], on=pair, how="left", indicator=True)["_merge"] == "both"
    return candidates[~known.to_numpy()]
