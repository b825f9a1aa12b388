"""Intervals: as often right as they say, on errors that are like those of before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ml_assets.score_prediction.config import PAST_SCORES, ScorePredictionConfig
from ml_assets.score_prediction.intervals import Calibration, calibrate, history_class

CONFIG = ScorePredictionConfig()


def rows_of(past: object, kind: object = "mock", is_new: object = False, exam: object = None) -> pd.DataFrame:
    past = np.asarray(past, dtype=np.float64)
    frame = pd.DataFrame({"past_count": past, "exam_kind": kind, "is_new_exam": is_new})
    return frame.assign(exam=np.arange(len(past)) if exam is None else exam)


def drawn(rng: np.random.Generator, size: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows whose errors are skewed, wider than expected and other in each class: none is what the model expects."""
    past = rng.choice([0, 1, 2, 3, 4, 5, 9, 20], size)
    kind = rng.choice(["mock", "internal"], size, p=[0.7, 0.3])
    deviation = rng.uniform(0.4, 1.5, size)
    skewed = 1 - rng.exponential(1.0, size)
    size_of = np.where(past == 0, 2.0, np.where(past < 3, 1.3, 0.8)) * np.where(kind == "mock", 1.0, 1.4)
    return rows_of(past, kind), deviation * size_of * skewed, deviation


def covered(found: Calibration, rows: pd.DataFrame, error: np.ndarray, deviation: np.ndarray, level: float):
    low, high = found.bounds(rows, np.zeros(len(rows)), deviation, level)
    return (low <= error) & (error <= high)


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_coverage_is_what_was_promised_over_all_and_in_each_class(level: float) -> None:
    rng = np.random.default_rng(1)
    found = calibrate(*drawn(rng, 4000), CONFIG)
    rows, error, deviation = drawn(rng, 20_000)
    is_in = covered(found, rows, error, deviation, level)
    assert is_in.mean() == pytest.approx(level, abs=0.03)
    for classes in (history_class(rows["past_count"].to_numpy()), rows["exam_kind"].to_numpy()):
        for name in np.unique(classes.astype(str)):
            assert is_in[classes == name].mean() == pytest.approx(level, abs=0.06), name


def test_each_tail_is_missed_as_often() -> None:
    rng = np.random.default_rng(2)
    found = calibrate(*drawn(rng, 4000), CONFIG)
    rows, error, deviation = drawn(rng, 20_000)
    low, high = found.bounds(rows, np.zeros(len(rows)), deviation, 0.8)
    assert (error < low).mean() == pytest.approx(0.1, abs=0.02)
    assert (error > high).mean() == pytest.approx(0.1, abs=0.02)


def test_small_calibrations_are_not_too_narrow() -> None:
    """Over many calibrations of sixty rows the mean coverage is no less than promised: the mass of one more row."""
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(300):
        found = calibrate(rows_of(np.full(60, 5)), rng.standard_t(3, 60), np.ones(60), CONFIG)
        low, high = found.bounds(rows_of([5]), np.zeros(1), np.ones(1), 0.8)
        error = rng.standard_t(3, 500)
        shares.append(np.mean((low <= error) & (error <= high)))
    assert np.mean(shares) == pytest.approx(0.8, abs=0.015)


def test_fifty_errors_by_hand() -> None:
    """Of 1 … 50 the 90 % quantile is the 45.9th: of 51, for the next one may lie anywhere among them."""
    found = calibrate(rows_of(np.full(50, 5)), np.arange(1.0, 51.0), np.ones(50), CONFIG)
    low, high = found.bounds(rows_of([5]), np.array([100.0]), np.array([2.0]), 0.8)
    assert high == pytest.approx([100 + 2 * 45.9])
    assert low == pytest.approx([100.0]), "all erred to one side, and the prediction stays within"


@pytest.mark.parametrize("size", [0, 49])
def test_too_few_to_judge_by_is_uncalibrated_and_normal(size: int) -> None:
    found = calibrate(rows_of(np.full(size, 3)), np.zeros(size), np.ones(size), CONFIG)
    assert found.interval_basis() == "uncalibrated"
    low, high = found.bounds(rows_of([1, 7]), np.array([1.0, 2.0]), np.array([1.0, 2.0]), 0.8)
    assert low == pytest.approx([1 - 1.28155, 2 - 2 * 1.28155], abs=2e-3)
    assert high == pytest.approx([1 + 1.28155, 2 + 2 * 1.28155], abs=2e-3)
    within_one = found.probability(rows_of([1]), np.array([-1.0]), np.array([1.0]))
    assert within_one == pytest.approx([norm.cdf(1) - norm.cdf(-1)], abs=2e-3)


def test_fifty_rows_calibrate() -> None:
    assert calibrate(rows_of(np.full(50, 3)), np.ones(50), np.ones(50), CONFIG).interval_basis() == "calibrated"


def test_groups_back_off_to_what_is_known() -> None:
    """60 mock and 10 school exams with five scores; 60 with one score; 8 with none; 55 of a new type."""
    sizes = {"5/mock": (5, "mock", False, 60, 1.0), "5/internal": (5, "internal", False, 10, 9.0)}
    sizes |= {"1": (1, "mock", False, 60, 2.0), "0": (0, "mock", False, 8, 30.0), "new": (5, "mock", True, 55, 4.0)}
    parts = [(rows_of(np.full(n, past), kind, new), np.full(n, error)) for past, kind, new, n, error in sizes.values()]
    rows = pd.concat([frame for frame, _ in parts], ignore_index=True)
    rows["exam"] = np.arange(len(rows))
    error = np.concatenate([values for _, values in parts]) * np.tile([1.0, -1.0], len(rows))[: len(rows)]
    found = calibrate(rows, error, np.ones(len(rows)), CONFIG)
    assert set(found.quantiles) == {"all", "1", "1/mock", "5+", "5+/mock", "new", "new/mock"}

    def upper(past: int, kind: str, new: bool = False) -> float:
        return float(found.bounds(rows_of([past], kind, new), np.zeros(1), np.ones(1), 0.8)[1][0])

    everybody = upper(2, "mock")
    assert upper(5, "mock") == pytest.approx(1.0)
    assert upper(1, "internal") == upper(1, "mock") == pytest.approx(2.0), "a kind without rows is as its class"
    assert upper(5, "mock", new=True) == upper(0, "internal", new=True) == pytest.approx(4.0)
    assert upper(0, "mock") == everybody, "eight rows are as all are"
    assert everybody == pytest.approx(4.0, abs=0.1)


calibrations = st.builds(
    lambda seed, widening, size: Calibration(
        calibrate(
            rows_of(np.random.default_rng(seed).integers(0, 8, size)),
            np.random.default_rng(seed + 1).normal(np.random.default_rng(seed).normal(), 1, size),
            np.ones(size),
            CONFIG,
        ).quantiles,
        size,
        widening,
    ),
    st.integers(0, 999),
    st.floats(1, 3),
    st.sampled_from([0, 50, 300]),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(calibrations, st.integers(0, 30), st.floats(-3, 3), st.floats(0.01, 5))
def test_bounds_are_around_the_prediction_and_in_order(
    found: Calibration, past: int, center: float, deviation: float
) -> None:
    rows = rows_of([past])
    edges = [found.bounds(rows, np.array([center]), np.array([deviation]), level) for level in (0.5, 0.8, 0.9, 0.98)]
    lows, highs = (np.array([edge[side][0] for edge in edges]) for side in (0, 1))
    assert (np.diff(lows) <= 0).all()
    assert (np.diff(highs) >= 0).all()
    assert lows[0] <= center <= highs[0]
    far = found.probability(rows, np.array([-1e9]), np.array([1e9]))
    assert far == pytest.approx([1.0])


def test_the_probability_within_a_range_is_what_lands_there() -> None:
    rng = np.random.default_rng(4)
    found = calibrate(*drawn(rng, 4000), CONFIG)
    rows, error, deviation = drawn(rng, 20_000)
    for half in (0.2, 0.5, 1.0):
        promised = found.probability(rows, -half / deviation, half / deviation)
        landed = np.abs(error) <= half
        assert promised.mean() == pytest.approx(landed.mean(), abs=0.02)
        by_class = history_class(rows["past_count"].to_numpy())
        for name in PAST_SCORES:
            own = by_class == name
            assert promised[own].mean() == pytest.approx(landed[own].mean(), abs=0.05), name


def test_widening_makes_intervals_so_many_times_as_wide() -> None:
    rng = np.random.default_rng(5)
    found = calibrate(*drawn(rng, 500), CONFIG)
    wide = Calibration(found.quantiles, found.rows, 1.5)
    rows = rows_of([0, 3, 9])
    (low, high), (wide_low, wide_high) = (c.bounds(rows, np.zeros(3), np.ones(3), 0.9) for c in (found, wide))
    np.testing.assert_allclose(wide_low, 1.5 * low)
    np.testing.assert_allclose(wide_high, 1.5 * high)
    near = (rows, np.full(3, -0.1), np.full(3, 0.1))
    assert (wide.probability(*near) < found.probability(*near)).all()


def test_a_large_exam_does_not_drown_the_others() -> None:
    """One exam of 2000 rows that all erred by 3, and 200 rows that did not: it counts as about a hundred."""
    exam = np.concatenate([np.zeros(2000), np.arange(1, 201)]).astype(int)
    error = np.concatenate([np.full(2000, 3.0), np.linspace(-1, 1, 200)])
    found = calibrate(rows_of(np.full(2200, 5), exam=exam), error, np.ones(2200), CONFIG)
    share = found.probability(rows_of([5]), np.array([2.5]), np.array([3.5]))[0]
    assert share == pytest.approx(2000 / 21 / (2000 / 21 + 200 / 1.01), abs=0.03)


def test_classes_of_past_scores() -> None:
    assert history_class(np.array([0, 1, 2, 3, 4, 5, 400])).tolist() == ["0", "1", "2", "3-4", "3-4", "5+", "5+"]


def test_a_calibration_is_the_same_after_json() -> None:
    found = calibrate(*drawn(np.random.default_rng(6), 400), CONFIG)
    assert Calibration.from_dict(found.to_dict()).to_dict() == found.to_dict()
