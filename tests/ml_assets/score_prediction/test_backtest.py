"""The backtest: its figures by hand, its baselines by the library, and intervals that hold on a class made for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.api import SimpleExpSmoothing

from ml_assets.score_prediction import backtest
from ml_assets.score_prediction.backtest import BASELINES, _baselines, _smoothed, evaluate_scores
from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.inputs import SERIES, ScorePredictionInput, known_scores
from ml_assets.score_prediction.model import fit, points
from tests.ml_assets.score_prediction.conftest import FEW_REPLAYS
from tests.ml_assets.score_prediction.worlds import AS_OF, Made, all_scores, as_known, later_than

FIGURES = {"n", "mae", "rmse", "r2", "coverage_80", "coverage_90", "width_80", "winkler_80", "baselines"}
KEY = ["scale", *SERIES]


@pytest.fixture(scope="module")
def block(class_scores: pd.DataFrame, class_input: ScorePredictionInput) -> dict[str, Any]:
    return evaluate_scores(class_input, later_than(class_scores), FEW_REPLAYS)


def series(*rows: tuple[str, list[float]], kind: str = "mock") -> pd.DataFrame:
    """Known scores: each student's raw scores in order."""
    parts = [
        pd.DataFrame({"student_id": student, "value": values, "day": np.arange(len(values))})
        for student, values in rows
    ]
    return pd.concat(parts, ignore_index=True).assign(scale="raw_score", subject_group="수학", exam_kind=kind)


def test_the_block_has_the_promised_keys(block: dict[str, Any]) -> None:
    assert block.keys() >= FIGURES | {"by_n_past", "by_kind"}
    assert set(block["baselines"]) == {"last", "mean", "shrunken_mean", "ets"} == set(BASELINES)
    assert set(block["by_kind"]) == {"mock", "internal"}
    assert set(block["by_n_past"]) <= {"0", "1", "2", "3-4", "5+"}
    for figures in [*block["by_n_past"].values(), *block["by_kind"].values()]:
        assert figures.keys() >= FIGURES
    for figures in block["baselines"].values():
        assert figures.keys() == {"mae", "rmse", "r2"}
    told = [figures["n"] for name, figures in block["by_n_past"].items() if name != "0"]
    assert sum(told) == block["n"] == sum(figures["n"] for figures in block["by_kind"].values())
    assert json.loads(json.dumps(block)) == block


def test_the_figures_are_those_of_the_predictions(
    block: dict[str, Any], class_scores: pd.DataFrame, class_input: ScorePredictionInput
) -> None:
    """Once more without the backtest: the first score of each series that came, by hand."""
    later = known_scores(later_than(class_scores))
    ahead = later[later["exam_date"] >= pd.Timestamp(AS_OF)]
    truth = ahead.sort_values(["exam_date", "score_id"]).groupby(SERIES, as_index=False).first()
    rows = fit(class_input, FEW_REPLAYS).predict(class_input, truth)
    rows = rows[rows["past_count"] > 0]
    actual = points(rows["value"].to_numpy(), rows["scale"].to_numpy(object))
    assert block["n"] == len(rows)
    assert block["mae"] == pytest.approx(np.abs(actual - rows["predicted"]).mean())
    assert block["rmse"] == pytest.approx(np.sqrt(((actual - rows["predicted"]) ** 2).mean()))
    assert block["coverage_80"] == pytest.approx(((rows["lower"] <= actual) & (actual <= rows["upper"])).mean())
    assert block["coverage_90"] == pytest.approx(((rows["lower_90"] <= actual) & (actual <= rows["upper_90"])).mean())
    assert block["width_80"] == pytest.approx((rows["upper"] - rows["lower"]).mean())
    last = class_input.known.groupby(KEY)["value"].last()
    last = points(rows[KEY].join(last, on=KEY)["value"].to_numpy(), rows["scale"].to_numpy(object))
    assert block["baselines"]["last"]["mae"] == pytest.approx(np.abs(actual - last).mean())
    won = block["gain_over"]["last"]
    assert won["value"] == pytest.approx(1 - block["mae"] / block["baselines"]["last"]["mae"])


def test_baselines_by_hand() -> None:
    found = _baselines(series(("a", [40, 60]), ("b", [80, 80]), ("c", [50])))
    by_student = found.reset_index().set_index("student_id")
    assert by_student["last"].to_dict() == {"a": 60, "b": 80, "c": 50}
    assert by_student["mean"].to_dict() == {"a": 50, "b": 80, "c": 50}
    # Center 62; noise (100 + 100) / (5 - 3) = 100; between (144 + 324 + 144) / 3 - 100 · (1/2 + 1/2 + 1) / 3.
    between = 204 - 100 * 2 / 3
    two, one = 2 * between / (2 * between + 100), between / (between + 100)
    expected = {"a": 62 - 12 * two, "b": 62 + 18 * two, "c": 62 - 12 * one}
    assert by_student["shrunken_mean"].to_dict() == pytest.approx(expected)


histories = st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=9), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(histories, st.sampled_from([0.05, 0.3, 0.6, 0.95]))
def test_smoothing_is_that_of_statsmodels(values: list[list[float]], alpha: float) -> None:
    rows = series(*((f"s{number}", own) for number, own in enumerate(values)))
    rows = rows.assign(point=rows["value"])
    original = backtest._ALPHAS
    try:
        backtest._ALPHAS = np.array([alpha])
        found = _smoothed(rows, KEY)
    finally:
        backtest._ALPHAS = original
    for number, own in enumerate(values):
        if len(own) == 1:
            expected = own[0]
        else:
            model = SimpleExpSmoothing(np.array(own), initialization_method="known", initial_level=own[0])
            expected = model.fit(smoothing_level=alpha, optimized=False).forecast(1)[0]
        assert found["raw_score", f"s{number}", "수학", "mock"] == pytest.approx(expected, abs=1e-9)


def test_the_smoothing_that_forecast_best_is_taken() -> None:
    """A random walk is best forecast by its last value, and scatter about a level by nearly its mean."""
    rng = np.random.default_rng(0)
    walks = [(f"s{n}", (50 + rng.normal(0, 5, 30).cumsum()).tolist()) for n in range(40)]
    levels = [(f"s{n}", (50 + 15 * rng.normal() + rng.normal(0, 5, 30)).tolist()) for n in range(40)]
    walk, level = _baselines(series(*walks)), _baselines(series(*levels))
    assert (walk["ets"] - walk["last"]).abs().mean() < 0.1 * (walk["ets"] - walk["mean"]).abs().mean()
    assert (level["ets"] - level["mean"]).abs().mean() < 0.4 * (level["ets"] - level["last"]).abs().mean()


def test_nothing_came(class_input: ScorePredictionInput, class_scores: pd.DataFrame) -> None:
    config = ScorePredictionConfig(replay_most=1)
    assert evaluate_scores(class_input, class_scores.iloc[:0], config)["n"] == 0
    late = later_than(class_scores).assign(exam_date=pd.Timestamp(AS_OF) - pd.Timedelta(days=1))
    assert evaluate_scores(class_input, late, config)["n"] == 0, "an exam before the cut-off is not one to come"
    far = later_than(class_scores).assign(exam_date=pd.Timestamp(AS_OF) + pd.Timedelta(days=365))
    assert evaluate_scores(class_input, far, config)["n"] == 0, "nor is one in a year"


def test_late_entries_change_no_figure(
    block: dict[str, Any], class_scores: pd.DataFrame, class_input: ScorePredictionInput
) -> None:
    later = later_than(class_scores)
    late = later.assign(
        exam_date=pd.Timestamp(AS_OF) - pd.Timedelta(days=1), percentile=1.0, score_id="late " + later["score_id"]
    )
    again = evaluate_scores(class_input, pd.concat([late, later]), FEW_REPLAYS)
    assert again == block


def test_grades_are_judged_where_there_are_some(block: dict[str, Any]) -> None:
    assert set(block) & {"rank_grade_9", "rank_grade_5"} == {"rank_grade_5"}
    found = block["rank_grade_5"]
    assert found["n"] > 20
    assert 0 < found["mae"] < 2
    assert found["mae"] <= found["baselines"]["last"] + 0.1


def test_the_model_beats_what_needs_none(block: dict[str, Any]) -> None:
    for name in ("last", "mean", "ets"):
        assert block["mae"] < block["baselines"][name]["mae"]
    assert block["r2"] > 0.3


@pytest.fixture(scope="module")
def exchangeable() -> list[dict[str, Any]]:
    """Four classes whose future is made as their past was, and exams that are hardly unlike each other.

    Series of a student err together: it takes a thousand students to tell 80 % from 77 %.
    """
    blocks = []
    for seed in range(5, 9):
        scores = all_scores(Made(students=300, exam_sd=0.03, type_sd=0.03, raw_terms=False, seed=seed))
        blocks.append(evaluate_scores(as_known(scores), later_than(scores), replace(FEW_REPLAYS, replay_most=3)))
    return blocks


def pooled(blocks: list[dict[str, Any]], name: str) -> tuple[int, float]:
    """Rows of all blocks, and the mean of a figure over them."""
    count = [block["n"] for block in blocks]
    return sum(count), float(np.average([block[name] for block in blocks], weights=count))


@pytest.mark.parametrize("level", [80, 90])
def test_intervals_keep_their_word(exchangeable: list[dict[str, Any]], level: int) -> None:
    name = f"coverage_{level}"
    rows, share = pooled(exchangeable, name)
    assert rows > 3000
    assert share == pytest.approx(level / 100, abs=0.03)
    for by in ("by_n_past", "by_kind"):
        for group in exchangeable[0][by]:
            rows, share = pooled([block[by][group] for block in exchangeable if group in block[by]], name)
            assert rows < 500 or share == pytest.approx(level / 100, abs=0.06), group


def test_confidence_is_the_share_that_lands_near(exchangeable: list[dict[str, Any]]) -> None:
    promised, achieved = (np.mean([block["confidence"][k] for block in exchangeable]) for k in ("promised", "achieved"))
    assert 0.05 < promised < 0.6
    assert achieved == pytest.approx(promised, abs=0.03)


def test_a_world_of_which_nothing_was_known_is_evaluated() -> None:
    scores = all_scores(Made(students=3, seed=2))
    known = as_known(scores)
    found = evaluate_scores(replace(known, scores=known.scores.iloc[:0]), later_than(scores))
    assert found["n"] == 0
    assert found["by_n_past"]["0"]["n"] > 0
    assert found["in_use"] == "shrunken_mean"


def test_a_tiny_world_is_evaluated() -> None:
    scores = all_scores(Made(students=3, seed=2))
    found = evaluate_scores(as_known(scores), later_than(scores), ScorePredictionConfig(replay_most=1))
    assert found["n"] > 0
    assert all(np.isfinite(gain["low"]) for gain in found["gain_over"].values())
