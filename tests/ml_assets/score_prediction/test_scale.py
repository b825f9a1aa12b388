"""Scales: bands of 등급 against scipy's truncated normal, maps that never fall, and values of every basis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from ml_assets.score_prediction.scale import (
    GRADE_BOUNDS,
    MonotoneMap,
    band_moments,
    fit_map,
    grade_of_percentile,
    latent,
    percentile_of_z,
    z_of_percentile,
)


def valued(**row: Any) -> tuple[float, float, str]:
    columns = ["percentile", "percentile_basis", "raw_score", "rank_grade", "rank_grade_levels"]
    frame = pd.DataFrame([{**dict.fromkeys(columns), **row}])
    numbers = [name for name in columns if name != "percentile_basis"]
    found = latent(frame.astype(dict.fromkeys(numbers, "float64")).astype({"percentile_basis": "str"}))
    value, rounding, scale = found[["value", "rounding", "scale"]].iloc[0]
    return float(value), float(rounding), str(scale)


@given(st.floats(0.2, 99.8))
def test_a_percentile_comes_back(percentile: float) -> None:
    assert percentile_of_z(z_of_percentile(np.array([percentile])))[0] == pytest.approx(percentile, abs=1e-9)


def test_the_ends_are_three_deviations_out() -> None:
    assert z_of_percentile(np.array([0.0, 0.01, 50.0, 99.99, 100.0])).tolist() == [-3.0, -3.0, 0.0, 3.0, 3.0]


@pytest.mark.parametrize("levels", [5, 9])
def test_bands_are_those_of_the_truncated_normal(levels: int) -> None:
    tops = np.array([0, *GRADE_BOUNDS[levels]]) / 100
    mean, variance = band_moments(levels)
    for grade in range(levels):
        band = truncnorm(norm.isf(tops[grade + 1]), norm.isf(tops[grade]))
        assert mean[grade] == pytest.approx(band.mean(), abs=1e-6)
        assert variance[grade] == pytest.approx(band.var(), abs=1e-6)
    share = np.diff(tops)
    assert share @ mean == pytest.approx(0, abs=1e-9)
    assert share @ (mean**2 + variance) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("levels", "percentile", "grade"),
    [
        *((9, 100, 1), (9, 96, 1), (9, 95.9, 2), (9, 89, 2), (9, 88.9, 3), (9, 50, 5), (9, 4, 8), (9, 3.9, 9)),
        *((9, 0, 9), (5, 100, 1), (5, 90, 1), (5, 89.9, 2), (5, 66, 2), (5, 34, 3), (5, 10, 4), (5, 9.9, 5), (5, 0, 5)),
    ],
)
def test_grades_by_hand(levels: int, percentile: float, grade: int) -> None:
    assert grade_of_percentile(np.array([percentile]), levels).tolist() == [grade]


@pytest.mark.parametrize("levels", [5, 9])
def test_the_middle_of_a_grade_is_of_that_grade(levels: int) -> None:
    middle = percentile_of_z(band_moments(levels)[0])
    assert grade_of_percentile(middle, levels).tolist() == list(range(1, levels + 1))


def test_values_by_basis() -> None:
    assert valued(percentile=84.134, percentile_basis="percentile") == (pytest.approx(1, abs=1e-3), 0.0, "percentile")
    # Within the best tenth of five: its mean, whatever percentile stands for it.
    mean, variance = band_moments(5)
    graded = valued(percentile=95, percentile_basis="rank_grade_5", rank_grade=1, rank_grade_levels=5)
    assert graded == (pytest.approx(mean[0]), pytest.approx(variance[0]), "percentile")
    assert valued(raw_score=71, percentile=30, percentile_basis="raw_score_among_ours") == (71.0, 0.0, "raw_score")
    assert valued(raw_score=71) == (71.0, 0.0, "raw_score")
    assert np.isnan(valued()[0])
    # A 등급 beside an exact percentile does not round it.
    exact = valued(percentile=97, percentile_basis="percentile", rank_grade=1, rank_grade_levels=9)
    assert exact == (pytest.approx(norm.ppf(0.97)), 0.0, "percentile")


@pytest.mark.parametrize("grade", [0, 10, None])
def test_a_grade_that_is_none_leaves_the_percentile(grade: float | None) -> None:
    found = valued(percentile=50, percentile_basis="rank_grade_9", rank_grade=grade, rank_grade_levels=9)
    assert found == (0.0, 0.0, "percentile")


numbers = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=40)


@settings(deadline=None)
@given(numbers)
def test_a_map_never_falls_and_stays_within_what_it_saw(pairs: list[tuple[float, float]]) -> None:
    percentile, other = np.array(pairs).T
    fitted = fit_map(percentile, other)
    read = fitted(np.linspace(-10, 110, 50))
    assert (np.diff(read) >= -1e-9).all()
    assert read.min() >= other.min() - 1e-9
    assert read.max() <= other.max() + 1e-9
    again = MonotoneMap.from_dict(fitted.to_dict())
    assert again(percentile).tolist() == fitted(percentile).tolist()


def test_a_straight_map_is_found_exactly() -> None:
    percentile = np.linspace(0, 100, 101)
    fitted = fit_map(percentile, 50 + percentile / 4)
    assert fitted(np.array([0, 10, 33.3, 100])) == pytest.approx([50, 52.5, 58.325, 75])
