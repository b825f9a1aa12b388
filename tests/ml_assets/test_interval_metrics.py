"""Metrics of intervals: known answers, the library's, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score, root_mean_squared_error

from ml_assets.evaluation.intervals import coverage, gain, mae, r2, rmse, winkler_score

columns = st.lists(st.tuples(*[st.floats(0, 100)] * 4), min_size=2, max_size=30)


def arrays(rows: list[tuple[float, ...]]) -> tuple[np.ndarray, ...]:
    actual, predicted, a, b = np.array(rows).T
    return actual, predicted, np.minimum(a, b), np.maximum(a, b)


def test_known_answers() -> None:
    actual, predicted = np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 3.0, 3.0])
    assert mae(actual, predicted) == 1.0
    assert rmse(actual, predicted) == pytest.approx(np.sqrt(10 / 4))
    assert r2(actual, predicted) == pytest.approx(1 - 10 / 14)
    lower, upper = np.array([1.0, 0.0, 4.0, 0.0]), np.array([2.0, 1.0, 5.0, 6.0])
    assert coverage(actual, lower, upper) == 0.5
    # Widths 1, 1, 1, 6; the second and third miss by 1, which costs 2 / 0.2 = 10 each.
    assert winkler_score(actual, lower, upper, 0.8) == pytest.approx((9 + 20) / 4)
    assert winkler_score(actual, lower, upper, 0.9) == pytest.approx((9 + 40) / 4)


def test_nothing_to_explain_has_no_share() -> None:
    assert r2(np.array([3.0, 3.0]), np.array([2.0, 4.0])) is None


@given(columns)
def test_errors_are_those_of_the_library(rows: list[tuple[float, ...]]) -> None:
    actual, predicted, _, _ = arrays(rows)
    assert mae(actual, predicted) == pytest.approx(mean_absolute_error(actual, predicted))
    assert rmse(actual, predicted) == pytest.approx(root_mean_squared_error(actual, predicted))
    found = r2(actual, predicted)
    if found is not None and np.ptp(actual) > 1e-6:
        assert found == pytest.approx(r2_score(actual, predicted), rel=1e-6, abs=1e-6)


@given(columns, st.sampled_from([0.5, 0.8, 0.9]))
def test_the_winkler_score_is_the_pinball_loss_of_both_ends(rows: list[tuple[float, ...]], level: float) -> None:
    """2 / α times the sum of both quantile losses (Bracher et al. 2021)."""
    actual, _, lower, upper = arrays(rows)
    tail = (1 - level) / 2
    both = mean_pinball_loss(actual, lower, alpha=tail) + mean_pinball_loss(actual, upper, alpha=1 - tail)
    assert winkler_score(actual, lower, upper, level) == pytest.approx(2 / (1 - level) * both, abs=1e-9)


@given(columns)
def test_wider_covers_no_less(rows: list[tuple[float, ...]]) -> None:
    actual, _, lower, upper = arrays(rows)
    assert coverage(actual, lower - 1, upper + 1) >= coverage(actual, lower, upper)
    assert coverage(actual, actual, actual) == 1.0


def test_the_true_quantiles_have_the_lowest_winkler_score() -> None:
    actual = np.random.default_rng(0).normal(size=50_000)
    scores = {z: winkler_score(actual, np.full(50_000, -z), np.full(50_000, z), 0.8) for z in (0.8, 1.2816, 1.8)}
    assert min(scores, key=scores.__getitem__) == 1.2816


def test_gain_known_answer() -> None:
    owners = np.array(["a", "b"], dtype=object)
    found = gain(np.array([1.0, 2.0]), np.array([2.0, 4.0]), owners)
    assert found == {"value": 0.5, "low": pytest.approx(0.5), "high": pytest.approx(0.5)}


def test_the_interval_of_a_gain_holds_the_truth_and_knows_that_students_differ() -> None:
    """Errors of 4/5 of the baseline's: 50 classes of which nineteen in twenty hold 0.2, and more rows a student
    alone make no interval narrower."""
    held, widths = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        owner = np.repeat(np.arange(80), 4)
        baseline = np.repeat(rng.gamma(4, 2, 80), 4)
        ours = np.repeat(baseline[::4] * (0.8 + rng.normal(0, 0.3, 80)), 4)
        found = gain(ours, baseline, owner.astype(object), draws=400)
        held.append(found["low"] <= 0.2 <= found["high"])
        widths.append(found["high"] - found["low"])
        assert found["low"] <= found["value"] <= found["high"]
        once = gain(ours[::4], baseline[::4], owner[::4].astype(object), draws=400)
        assert once["low"] == pytest.approx(found["low"])
    assert 0.85 <= np.mean(held) <= 1.0
    assert 0.05 < np.mean(widths) < 0.3


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(1, 4))
def test_few_students_have_an_interval_without_warnings(count: int) -> None:
    """A bootstrap draw may hold nobody: it has no share, and is left out."""
    owners = np.array([f"s{number}" for number in range(count)], dtype=object)
    with np.errstate(all="raise"):
        found = gain(np.full(count, 1.0), np.full(count, 2.0), owners)
    assert found == {"value": 0.5, "low": pytest.approx(0.5), "high": pytest.approx(0.5)}


def test_there_is_no_gain_over_what_never_errs() -> None:
    with np.errstate(all="raise"):
        found = gain(np.array([1.0, 2.0]), np.zeros(2), np.array(["a", "b"], dtype=object))
    assert all(np.isnan(value) for value in found.values())


def test_the_interval_of_many_students_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(1)
    ours = rng.gamma(2, 1, 30_000)
    found = gain(ours, np.full(30_000, 4.0), np.arange(30_000).astype(object), draws=700)
    assert found["low"] < found["value"] < found["high"]
    assert found["value"] == pytest.approx(0.5, abs=0.02)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * np.sqrt(2) / 4 / np.sqrt(30_000), rel=0.3)
