"""How good the predictions would have been, beside what one would do without a model.

Belongs here: each series' next score after a cut-off against the prediction and the baselines, on identical rows. Not
here: metrics themselves (`evaluation.intervals`), and where the scores come from.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.evaluation.intervals import coverage, gain, mae, r2, rmse, winkler_score
from ml_assets.score_prediction.config import PAST_SCORES, ScorePredictionConfig
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput, known_scores
from ml_assets.score_prediction.intervals import history_class
from ml_assets.score_prediction.model import ScorePredictor, fit, points
from ml_assets.score_prediction.replay import next_exams
from ml_assets.score_prediction.scale import GRADE_BOUNDS, PERCENTILE, grade_of_percentile

Floats = npt.NDArray[np.float64]

BASELINES: Final = ("last", "mean", "shrunken_mean", "ets")
_ALPHAS: Final = np.linspace(0.05, 0.95, 19)


def evaluate_scores(
    inputs: ScorePredictionInput, later: pd.DataFrame, config: ScorePredictionConfig | None = None
) -> dict[str, Any]:
    """The block that `tlu backtest --json` prints as `score_predictions`.

    `later` holds scores as `inputs.scores` does, known at or after the cut-off. The truth is each series' first score
    of an exam that was still to come. Its day, type and subject are taken as given, for they are on a calendar; its
    scores are not. The figures at the top are over series with a past score, which every baseline needs;
    `by_n_past["0"]` has the others, beside the mean of the subject group.
    """
    config = config or ScorePredictionConfig()
    truth = next_exams(known_scores(later), pd.Timestamp(inputs.as_of), config.horizon_days)
    model = fit(inputs, config)
    if truth.empty:
        return {"n": 0, "in_use": model.in_use}
    rows = model.predict(inputs, truth)
    scale = rows["scale"].to_numpy(object)
    rows["actual"] = points(rows["value"].to_numpy(np.float64), scale)
    rows = rows.join(_baselines(inputs.known), on=["scale", *SERIES])
    told = rows[rows["past_count"] > 0]
    return {
        **_figures(told),
        "plain_split_conformal": _plain_figures(model, told),
        "confidence": _confidence(told, config),
        "by_n_past": {
            name: _figures(rows[classes])
            for name in PAST_SCORES
            if (classes := history_class(rows["past_count"].to_numpy(np.float64)) == name).any()
        },
        "by_kind": {kind: _figures(own) for kind, own in told.groupby("exam_kind", sort=True)},
        "in_use": model.in_use,
        "validation": model.metrics,
    }


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    if rows.empty:
        return {"n": 0}
    actual = rows["actual"].to_numpy(np.float64)
    found = {"n": len(rows), **_errors(actual, rows["predicted"].to_numpy(np.float64))}
    found |= _interval_figures(rows, rows["lower"].to_numpy(), rows["upper"].to_numpy())
    found["coverage_90"] = coverage(actual, rows["lower_90"].to_numpy(), rows["upper_90"].to_numpy())
    found["baselines"], found["gain_over"] = {}, {}
    error = np.abs(actual - rows["predicted"].to_numpy(np.float64))
    for name in BASELINES:
        baseline = rows[name].fillna(rows["cohort_mean"]).to_numpy(np.float64)
        found["baselines"][name] = _errors(actual, baseline)
        found["gain_over"][name] = gain(error, np.abs(actual - baseline), rows["student_id"].to_numpy(object))
    return found | _grades(rows)


def _errors(actual: Floats, predicted: Floats) -> dict[str, Any]:
    return {"mae": mae(actual, predicted), "rmse": rmse(actual, predicted), "r2": r2(actual, predicted)}


def _interval_figures(rows: pd.DataFrame, lower: Floats, upper: Floats) -> dict[str, float]:
    if rows.empty:
        return {}
    actual = rows["actual"].to_numpy(np.float64)
    return {
        "coverage_80": coverage(actual, lower, upper),
        "width_80": float(np.mean(upper - lower)),
        "winkler_80": winkler_score(actual, lower, upper, 0.8),
    }


def _grades(rows: pd.DataFrame) -> dict[str, Any]:
    """Errors in 등급, where the scores have one: ours and the baselines', each read off its percentile."""
    found: dict[str, Any] = {}
    for levels in GRADE_BOUNDS:
        own = rows[(rows["rank_grade_levels"] == levels) & rows["rank_grade"].notna() & (rows["scale"] == PERCENTILE)]
        if own.empty:
            continue
        actual = own["rank_grade"].to_numpy(np.float64)

        def grade_mae(percentile: pd.Series, actual: Floats = actual, levels: int = levels) -> float:
            return mae(actual, grade_of_percentile(percentile.to_numpy(np.float64), levels).astype(np.float64))

        found[f"rank_grade_{levels}"] = {
            "n": len(own),
            "mae": grade_mae(own["predicted"]),
            "baselines": {name: grade_mae(own[name].fillna(own["cohort_mean"])) for name in BASELINES},
        }
    return found


def _confidence(rows: pd.DataFrame, config: ScorePredictionConfig) -> dict[str, float]:
    """Mean confidence beside the share that did land within `confidence_points`."""
    if rows.empty:
        return {}
    landed = (rows["actual"] - rows["predicted"]).abs() <= config.confidence_points
    return {"promised": float(rows["confidence"].mean()), "achieved": float(landed.mean())}


def _plain_figures(model: ScorePredictor, rows: pd.DataFrame) -> dict[str, float]:
    """Split conformal intervals of the same predictions without groups and without a deviation of each row's own.

    Over rows of a scale that had errors to calibrate on; a scale without any has no such interval.
    """
    on = rows[rows["scale"].isin(list(model.plain_halfwidths))]
    scale = on["scale"].to_numpy(object)
    center = on["center"].to_numpy(np.float64)
    width = on["scale"].map(model.plain_halfwidths).to_numpy(np.float64)
    return _interval_figures(on, points(center - width, scale), points(center + width, scale))


def _baselines(known: pd.DataFrame) -> pd.DataFrame:
    """last, mean, shrunken_mean and ets of each series, by scale and series, in points.

    - shrunken_mean: the mean, drawn to that of all series of subject group and kind by the share of noise
      (empirical Bayes; Morris 1983)
    - ets: simple exponential smoothing, ETS(A,N,N) (Hyndman et al. 2008), its smoothing chosen for all series together
      by the one-step errors of the past: series of one to fifteen scores cannot choose their own
    """
    key = ["scale", *SERIES]
    rows = known[key].assign(point=points(known["value"].to_numpy(np.float64), known["scale"].to_numpy(object)))
    series = rows.groupby(key)["point"]
    found = pd.DataFrame({"last": series.last(), "mean": series.mean(), "n": series.size()})
    group = [level for level in key if level != "student_id"]
    rows["center"] = rows.groupby(group)["point"].transform("mean")
    found["center"] = rows.groupby(key)["center"].first()
    noise = float(rows["point"].sub(series.transform("mean")).pow(2).sum() / max(len(rows) - len(found), 1))
    between = max(float(found["mean"].sub(found["center"]).pow(2).mean()) - noise * float((1 / found["n"]).mean()), 1.0)
    weight = found["n"] * between / (found["n"] * between + noise)
    found["shrunken_mean"] = weight * found["mean"] + (1 - weight) * found["center"]
    found["ets"] = _smoothed(rows, key).reindex(found.index)
    return found[list(BASELINES)]


def _smoothed(rows: pd.DataFrame, key: list[str]) -> pd.Series:
    """Level after the last score of each series, with the smoothing that forecast the next score best."""
    number = rows.groupby(key).cumcount().to_numpy()
    series = rows.groupby(key, sort=True).ngroup().to_numpy()
    names = rows.groupby(key, sort=True).size().index
    table = np.full((len(names), int(number.max()) + 1 if len(rows) else 1), np.nan)
    table[series, number] = rows["point"].to_numpy()
    levels, losses = [], []
    for alpha in _ALPHAS:
        level, loss = table[:, 0].copy(), 0.0
        for step in range(1, table.shape[1]):
            error = table[:, step] - level
            is_there = ~np.isnan(error)
            loss += float(np.sum(error[is_there] ** 2))
            level[is_there] += alpha * error[is_there]
        levels.append(level)
        losses.append(loss)
    return pd.Series(levels[int(np.argmin(losses))], index=names)
