"""Level 2: gradient-boosted trees on what level 1 says and on what it cannot see.

Belongs here: fitting, keeping the trees as arrays, predicting. Not here: features (`replay`) and when it is used.

Trees of scikit-learn's HistGradientBoostingRegressor (after Ke et al. 2017, LightGBM), absolute loss, held to rise in
level 1's place (but for the medians that the library puts into leaves afterwards: a hundredth of a deviation at most).
They are kept as plain arrays, never pickled, and put back into the library's own predictor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from threadpoolctl import threadpool_limits

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.replay import FEATURES

Floats = npt.NDArray[np.float64]

_SEED: Final = 20261125
_LARGEST: Final = 4.0
"""Deviations beyond which a place to be learned is cut: a single absent student must not bend a tree."""


@dataclass(frozen=True)
class Trees:
    """Boosted trees as arrays: `nodes` of all, one tree after another, where each starts, and their first value."""

    nodes: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    baseline: float

    def predict(self, features: pd.DataFrame) -> Floats:
        """Place of each row of `features` (FEATURES; unknown values are NaN), in deviations."""
        matrix = np.ascontiguousarray(features[list(FEATURES)].to_numpy(np.float64))
        total = np.full(len(matrix), self.baseline)
        no_categories = np.zeros((0, 8), dtype=np.uint32)
        for low, high in zip(self.starts[:-1], self.starts[1:], strict=True):
            tree = TreePredictor(self.nodes[low:high], no_categories, no_categories)
            total += tree.predict(matrix, no_categories, np.zeros(0, dtype=np.uint32), 1)
        return total

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, one a field of a node."""
        fields = {f"node_{name}": np.ascontiguousarray(self.nodes[name]) for name in self.nodes.dtype.names or ()}
        return {**fields, "starts": self.starts, "baseline": np.array([self.baseline])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Trees:
        """Back from `arrays`."""
        nodes = np.zeros(len(arrays["node_value"]), dtype=PREDICTOR_RECORD_DTYPE)
        for name in PREDICTOR_RECORD_DTYPE.names:
            nodes[name] = arrays[f"node_{name}"]
        return cls(nodes, arrays["starts"], float(arrays["baseline"][0]))


def wanted_place(rows: pd.DataFrame) -> Floats:
    """Where each row's score lay in what was expected of its exam, in deviations: what the trees learn."""
    place = (rows["value"] - rows["exam_mean"]) / rows["exam_sd"]
    return np.asarray(place.clip(-_LARGEST, _LARGEST), dtype=np.float64)


def fit_trees(rows: pd.DataFrame, config: ScorePredictionConfig) -> Trees:
    """Trees for the latest `boosting_max_rows` of `rows`: replayed rows with FEATURES, value and origin."""
    latest = rows.sort_values(["origin", "score_id"], kind="stable").tail(config.boosting_max_rows)
    model = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=config.boosting_learning_rate,
        max_iter=config.boosting_iterations,
        max_leaf_nodes=config.boosting_leaves,
        min_samples_leaf=config.boosting_min_leaf,
        monotonic_cst=[1 if name == "place" else 0 for name in FEATURES],
        early_stopping=False,
        random_state=_SEED,
    )
    matrix = latest[list(FEATURES)].to_numpy(np.float64, copy=True)
    # The library cannot bin a column in which nothing is known; a constant says as little.
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    # One thread: the same sums on every machine, and two threads on a busy one wait for each other for minutes.
    with threadpool_limits(limits=1):
        model.fit(matrix, wanted_place(latest))
    trees = [predictor.nodes for (predictor,) in model._predictors]
    starts = np.concatenate([[0], np.cumsum([len(nodes) for nodes in trees])])
    return Trees(np.concatenate(trees), starts.astype(np.int64), float(model._baseline_prediction[0, 0]))
