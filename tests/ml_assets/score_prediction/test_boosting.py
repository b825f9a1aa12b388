"""Boosting: the library's own answers out of plain arrays, rising in the place, and off where it would not help."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from ml_assets.score_prediction.boosting import Trees, fit_trees, wanted_place
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import SERIES
from ml_assets.score_prediction.level1 import fit_level1
from ml_assets.score_prediction.model import BOOSTED, ScorePredictor, fit
from ml_assets.score_prediction.replay import FEATURES, replay
from tests.ml_assets.score_prediction.conftest import BOOSTED as BOOSTED_CONFIG
from tests.ml_assets.score_prediction.worlds import AS_OF, Made, made_input

CONFIG = ScorePredictionConfig(boosting_iterations=40)


def rows_of(seed: int = 0, size: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(size, len(FEATURES))), columns=list(FEATURES))
    rows = rows.mask(rng.random(rows.shape) < 0.1)
    rows["minutes_rank_4w"] = np.nan
    rows[["exam_mean", "exam_sd", "place"]] = rows[["exam_mean", "exam_sd", "place"]].fillna(0.0)
    rows["exam_sd"] = 1.0
    wanted = rows["place"] + np.where(rows["trend"] > 0, 1.0, -0.5) + rng.standard_t(3, size) * 0.5
    rows["value"] = rows["exam_mean"] + wanted
    return rows.assign(origin=pd.Timestamp("2026-01-01"), score_id=[f"x{number:05}" for number in range(size)])


@pytest.fixture(scope="module")
def trees() -> Trees:
    return fit_trees(rows_of(), CONFIG)


def test_predictions_are_those_of_the_library(trees: Trees) -> None:
    rows = rows_of()
    matrix = rows[list(FEATURES)].to_numpy(np.float64, copy=True)
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    library = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=CONFIG.boosting_learning_rate,
        max_iter=40,
        max_leaf_nodes=CONFIG.boosting_leaves,
        min_samples_leaf=CONFIG.boosting_min_leaf,
        monotonic_cst=[int(name == "place") for name in FEATURES],
        early_stopping=False,
        random_state=20261125,
    ).fit(matrix, wanted_place(rows))
    other = rows_of(seed=1)
    expected = library.predict(other[list(FEATURES)].to_numpy(np.float64))
    assert np.std(expected) > 0.5
    np.testing.assert_array_equal(trees.predict(other), expected)


def test_plain_arrays_give_the_same_predictions(trees: Trees) -> None:
    arrays = trees.arrays()
    assert all(values.dtype != object and values.dtype.names is None for values in arrays.values())
    other = rows_of(seed=2)
    np.testing.assert_array_equal(Trees.from_arrays(arrays).predict(other), trees.predict(other))


def test_a_better_place_is_not_predicted_worse(trees: Trees) -> None:
    """But by the little that the library lets its leaves slip: it puts their medians in after the splits are made."""
    rows = rows_of(seed=3, size=300)
    answers = np.stack([trees.predict(rows.assign(place=place)) for place in np.linspace(-3, 3, 25)])
    assert np.diff(answers, axis=0).min() > -0.02
    assert (np.diff(answers, axis=0) > -1e-12).mean() > 0.998
    assert (answers[-1] - answers[0]).min() > 0.5


def test_trees_learn_what_level_one_cannot_see(trees: Trees) -> None:
    rows = rows_of(seed=4)
    wanted = wanted_place(rows)
    ours, place = (np.abs(values - wanted).mean() for values in (trees.predict(rows), rows["place"]))
    assert ours < 0.8 * place


def test_wanted_places_are_cut() -> None:
    rows = pd.DataFrame({"value": [70.0, 0.0, 100.0], "exam_mean": 60.0, "exam_sd": [10.0, 5.0, 8.0]})
    assert wanted_place(rows).tolist() == [1.0, -4.0, 4.0]


def test_only_the_latest_rows_are_learned_from() -> None:
    config = ScorePredictionConfig(boosting_max_rows=500, boosting_iterations=5)
    old = rows_of(seed=5).assign(origin=pd.Timestamp("2025-01-01"), value=100.0)
    new = rows_of(seed=6, size=500)
    both, alone = fit_trees(pd.concat([old, new], ignore_index=True), config), fit_trees(new, config)
    np.testing.assert_array_equal(both.predict(new), alone.predict(new))


def test_boosting_is_tried_from_its_least_series_on() -> None:
    assert ScorePredictionConfig().boosting_min_series == 300
    inputs = made_input(Made(students=60))
    config = replace(BOOSTED_CONFIG, boosting_iterations=2)
    rows = replay(inputs, config, fit_level1(inputs.known, pd.Timestamp(AS_OF), config).components.length_days)
    known = rows[rows["known_date"] < pd.Timestamp(AS_OF) - pd.Timedelta(days=config.calibration_days)]
    series = len(known.drop_duplicates(SERIES))
    assert series > 100
    for least, is_tried in ((series, True), (series + 1, False)):
        model = fit(inputs, replace(config, boosting_min_series=least))
        assert (BOOSTED in model.metrics["mae"]) == is_tried
        assert is_tried or model.trees is None
        assert is_tried or model.in_use != BOOSTED


def test_the_artifact_holds_no_pickle(boosted_model: ScorePredictor, tmp_path: Path) -> None:
    assert boosted_model.in_use == BOOSTED
    boosted_model.save(tmp_path)
    with zipfile.ZipFile(tmp_path / "arrays.npz") as archive:
        assert archive.namelist()
        for name in archive.namelist():
            with archive.open(name) as file:
                assert b"'|O'" not in file.read(200)
    planted = {"trees/node_value": np.array([print], dtype=object)}
    np.savez(tmp_path / "arrays.npz", allow_pickle=True, **planted)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        ScorePredictor.load(tmp_path)
