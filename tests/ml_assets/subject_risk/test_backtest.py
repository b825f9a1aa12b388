"""The figures: that they tell good from bad, and count what they say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ml_assets.subject_risk.backtest import evaluate_risk
from tests.ml_assets.subject_risk.worlds import frames, made


@pytest.fixture(scope="module")
def block() -> dict:
    inputs, hidden, later = made(students=150)
    return evaluate_risk(inputs, later, hidden)


def test_the_made_weak_and_strong_are_found(block) -> None:
    found = block["hidden"]["at_least_4_scores_in_each"]
    assert found["n"] > 100
    for side in ("weakest", "strongest"):
        assert found["lowest_and_highest"]["level"][side] > 0.9
        assert found["named"]["level"][side] > found["named"]["old_risk"][side]
        assert found["ceiling"][side] > 0.9


def test_ours_ranks_later_results_better_than_the_old_formula(block) -> None:
    later = block["later"]
    assert later["n"] > 300
    for name in ("below_40", "own_lowest"):
        figures = later[name]["auroc"]
        assert figures["risk"] > figures["old_risk"]
        assert figures["level"] > 0.8
    assert later["spearman"]["risk"] > later["spearman"]["old_risk"]


def test_it_is_json_and_the_same_twice(block) -> None:
    inputs, hidden, later = made(students=150)
    assert json.dumps(evaluate_risk(inputs, later, hidden)) == json.dumps(block)


def test_without_a_relation_nothing_is_found() -> None:
    inputs, hidden, later = made(students=150)
    rng = np.random.default_rng(3)
    later = later.assign(percentile=rng.permutation(later["percentile"]))
    names = ["weak_subject", "strong_subject"]
    mixed = hidden.drop(columns=[name for name in hidden if name.startswith("ability")])
    mixed[names] = mixed[names].sample(frac=1, random_state=4).to_numpy()
    block = evaluate_risk(inputs, later, mixed)
    assert abs(block["later"]["below_40"]["auroc"]["risk"] - 0.5) < 0.1
    assert block["hidden"]["at_least_4_scores"]["named"]["level"]["weakest"] < 0.4
    assert "ceiling" not in block["hidden"]["at_least_4_scores"]


def test_exams_before_the_cut_off_are_no_truth() -> None:
    inputs, _, later = made(students=40)
    assert evaluate_risk(inputs, inputs.scores)["later"] == {"n": 0}
    entered_late = inputs.scores.assign(score_id=[f"late{number}" for number in range(len(inputs.scores))])
    assert evaluate_risk(inputs, entered_late)["later"] == {"n": 0}
    both = pd.concat([inputs.scores, later])
    assert evaluate_risk(inputs, both)["later"]["n"] == evaluate_risk(inputs, later)["later"]["n"] > 0


def test_nobody() -> None:
    _inputs, hidden, later = made(students=5)
    block = evaluate_risk(frames([]), later, hidden)
    assert block["rows"] == 0
    assert block["later"] == {"n": 0}
    assert block["hidden"]["at_least_4_scores"] == {"n": 0}
