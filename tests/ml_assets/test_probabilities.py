"""Metrics of probabilities: known answers, the library's, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from ml_assets.evaluation.probabilities import (
    auroc,
    brier,
    calibration_table,
    expected_calibration_error,
    probability_figures,
)

rows = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 20)), min_size=1, max_size=60)
"""What happened, and probabilities with many ties, in twentieths."""


def arrays(told: list[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    happened, probability = np.array(told, dtype=float).T
    return happened, probability / 20


def test_known_answers() -> None:
    happened, probability = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    assert auroc(happened, probability) == 3 / 4
    assert brier(happened, probability) == pytest.approx((0.01 + 0.16 + 0.65**2 + 0.04) / 4)
    assert calibration_table(happened, probability, bins=2) == [
        {"n": 2, "predicted": pytest.approx(0.225), "happened": 0.5},
        {"n": 2, "predicted": pytest.approx(0.6), "happened": 0.5},
    ]
    assert expected_calibration_error(happened, probability, bins=2) == pytest.approx((0.275 + 0.1) / 2)


def test_ties_count_half() -> None:
    assert auroc(np.array([0.0, 1.0, 1.0]), np.array([0.3, 0.3, 0.3])) == 0.5
    assert auroc(np.array([0.0, 0.0, 1.0]), np.array([0.3, 0.1, 0.3])) == 0.75


def test_nothing_to_rank() -> None:
    half = np.full(3, 0.5)
    for happened in ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.2, 0.7, 1.0], [0.0, 0.5, 1.0]):
        assert auroc(np.array(happened), half) is None
    assert brier(np.array([0.5, 0.7, 0.3]), half) == pytest.approx(0.08 / 3)


@given(rows)
def test_they_are_those_of_the_library(told: list[tuple[float, int]]) -> None:
    happened, probability = arrays(told)
    assert brier(happened, probability) == pytest.approx(brier_score_loss(happened, probability))
    if len(set(happened)) == 2:
        assert auroc(happened, probability) == pytest.approx(roc_auc_score(happened, probability))


@settings(max_examples=50)
@given(rows, st.integers(1, 12))
def test_bins_hold_every_row_once_and_as_many_each(told: list[tuple[float, int]], bins: int) -> None:
    happened, probability = arrays(told)
    table = calibration_table(happened, probability, bins)
    counts = [row["n"] for row in table]
    assert sum(counts) == len(happened)
    assert len(table) == min(bins, len(happened))
    assert max(counts) - min(counts) <= 1
    assert sum(row["n"] * row["happened"] for row in table) == pytest.approx(happened.sum())
    assert sum(row["n"] * row["predicted"] for row in table) == pytest.approx(probability.sum())
    assert [row["predicted"] for row in table] == sorted(row["predicted"] for row in table)


@settings(max_examples=50)
@given(rows, st.integers(1, 12))
def test_the_calibration_error_lies_between_that_of_all_and_that_of_each(
    told: list[tuple[float, int]], bins: int
) -> None:
    happened, probability = arrays(told)
    found = expected_calibration_error(happened, probability, bins)
    assert abs(happened.mean() - probability.mean()) - 1e-12 <= found <= np.abs(happened - probability).mean() + 1e-12


@given(rows)
def test_figures_are_all_of_these(told: list[tuple[float, int]]) -> None:
    happened, probability = arrays(told)
    assert probability_figures(happened, probability) == {
        "n": len(told),
        "rate": pytest.approx(happened.mean()),
        "auroc": auroc(happened, probability),
        "brier": brier(happened, probability),
        "expected_calibration_error": expected_calibration_error(happened, probability, 10),
        "deciles": calibration_table(happened, probability, 10),
    }
