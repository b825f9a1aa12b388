"""Metrics of predictions with intervals: errors, coverage, winkler score.

Belongs here: figures of arrays. Not here: models, or which rows count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mae(actual: Floats, predicted: Floats) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(actual - predicted)))


def rmse(actual: Floats, predicted: Floats) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))


def r2(actual: Floats, predicted: Floats) -> float | None:
    """Share of the variance of `actual` that is predicted; below 0 where its mean does better, None without any."""
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return 1 - float(np.sum((actual - predicted) ** 2)) / spread if spread > 0 else None


def coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Share of rows within their interval, ends included."""
    return float(np.mean((lower <= actual) & (actual <= upper)))


def winkler_score(actual: Floats, lower: Floats, upper: Floats, level: float) -> float:
    """Mean winkler score of intervals at `level` (Winkler 1972): width and 2 / (1 - level) for each point missed by."""
    missed = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    return float(np.mean(upper - lower + 2 / (1 - level) * missed))


def gain(
    errors: Floats, baseline: Floats, owners: npt.NDArray[np.object_], draws: int = 1000, seed: int = 0
) -> dict[str, float]:
    """How much smaller the mean of `errors` is than that of `baseline`, as a share, with a 95 % interval.

    The interval is a bootstrap over `owners`: errors of one student go together. Draws in which the baseline errs
    nowhere have no share and are left out; where it never errs everything is NaN.
    """
    codes = np.unique(owners.astype(str), return_inverse=True)[1]
    ours, theirs = np.bincount(codes, errors), np.bincount(codes, baseline)
    rng = np.random.default_rng(seed)
    weights = (rng.poisson(1.0, len(ours)) for _ in range(draws))  # one draw at a time, whatever the number of students
    totals = np.array([(weight @ ours, weight @ theirs) for weight in weights])
    totals = totals[totals[:, 1] > 0]
    if not len(totals):
        return dict.fromkeys(("value", "low", "high"), float("nan"))
    low, high = np.quantile(1 - totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return {"value": float(1 - errors.mean() / baseline.mean()), "low": float(low), "high": float(high)}
