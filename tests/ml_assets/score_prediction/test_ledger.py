"""The ledger: how much wider, and when to publish nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.ledger import COLUMNS, Ledger

CONFIG = ScorePredictionConfig()


def ledger(
    actual: object, predicted: float = 50, low: float = 10, high: float = 10, is_recent: object = True
) -> Ledger:
    actual = np.asarray(actual, dtype=np.float64)
    bounds = (predicted, predicted - low, predicted + high, predicted - 2 * low, predicted + 2 * high)
    columns = dict(zip(COLUMNS, (np.full(len(actual), bound) for bound in bounds), strict=False))
    return Ledger(pd.DataFrame({**columns, "actual_score": actual, "is_recent": is_recent}))


def missing(by: float, share: float, size: int = 100) -> Ledger:
    """Outcomes of which `share` lie `by` points off, and the rest where they were predicted."""
    return ledger(50 + by * (np.arange(size) < round(share * size)))


def test_metrics() -> None:
    found = ledger([50, 60, 61, 35, 80]).metrics()
    assert found == {"n": 5, "coverage_80": 0.4, "coverage_90": 0.8}
    assert Ledger(pd.DataFrame(columns=list(COLUMNS))).metrics() == {}


def test_the_factor_is_that_which_would_have_kept_the_promise() -> None:
    # Errors of 0.1, 0.2 … 20 points over halves of 10: the 80 % quantile of 200 is 16 and a little.
    assert ledger(50 + np.arange(1, 201) / 10).widening(CONFIG) == pytest.approx(1.602, abs=1e-3)
    # Downwards the half is 5: errors of 0.1 … 20 are twice as many halves.
    assert ledger(50 - np.arange(1, 201) / 10, low=5).widening(CONFIG) == pytest.approx(3.204, abs=1e-3)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.floats(0.1, 30), st.integers(100, 300))
def test_so_widened_intervals_hold_four_in_five_and_are_never_narrowed(seed: int, size: float, rows: int) -> None:
    rng = np.random.default_rng(seed)
    found = ledger(50 + rng.normal(0, size, rows), low=8, high=12)
    factor = found.widening(CONFIG)
    actual = found.outcomes["actual_score"]
    low, high = 50 - factor * 8 - 1e-9, 50 + factor * 12 + 1e-9
    assert factor >= 1
    assert actual.between(low, high).mean() >= 0.8 - 1 / rows


def test_a_kept_promise_changes_nothing() -> None:
    assert missing(by=20, share=0.1).widening(CONFIG) == 1.0
    assert ledger([50.0] * 200).widening(CONFIG) == 1.0


def test_a_few_outcomes_say_nothing() -> None:
    few = missing(by=40, share=1.0, size=99)
    assert few.widening(CONFIG) == 1.0
    assert few.verdict(CONFIG) == ()
    assert Ledger(pd.DataFrame(columns=list(COLUMNS))).verdict(CONFIG) == ()


@pytest.mark.parametrize(("share", "is_refused"), [(0.41, True), (0.4, False), (0.2, False)])
def test_a_promise_broken_badly_is_refused(share: float, is_refused: bool) -> None:
    said = missing(by=40, share=share).verdict(CONFIG)
    assert bool(said) == is_refused
    if is_refused:
        assert "80 % intervals covered 59% of 100 scores" in said[0]


def test_an_interval_without_width_is_widened_by_a_number() -> None:
    assert np.isfinite(ledger([60.0] * 100, low=0, high=0).widening(CONFIG))


def test_what_was_broken_long_ago_widens_and_refuses_nothing() -> None:
    found = ledger([90.0] * 200, is_recent=False)
    assert found.verdict(CONFIG) == ()
    assert found.widening(CONFIG) == pytest.approx(4.0)


def test_only_what_came_in_these_weeks_refuses() -> None:
    is_recent = np.arange(300) < 100
    kept, broken = np.full(300, 50.0), np.full(300, 90.0)
    assert ledger(np.where(is_recent, kept, broken), is_recent=is_recent).verdict(CONFIG) == ()
    assert (
        "covered 0% of 100 scores of the last 28 days"
        in (ledger(np.where(is_recent, broken, kept), is_recent=is_recent).verdict(CONFIG)[0])
    )
    assert ledger(broken, is_recent=np.arange(300) < 99).verdict(CONFIG) == ()
