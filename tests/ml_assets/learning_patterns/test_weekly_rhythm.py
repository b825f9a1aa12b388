from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.seasonal import seasonal_decompose

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.series import Series
from ml_assets.learning_patterns.weekly_rhythm import decompose, weekly_rhythm

CONFIG = LearningPatternConfig()


def series_of(days: np.ndarray) -> Series:
    return Series(np.arange(len(days)), days, np.ones(len(days), dtype=bool))


@pytest.mark.parametrize("weeks", [3, 8, 26])
def test_the_numbers_are_those_of_statsmodels(weeks):
    rng = np.random.default_rng(weeks)
    values = rng.gamma(2, 30, (20, 7 * weeks)) + 20 * np.sin(np.arange(7 * weeks))
    found = decompose(values)
    for row in range(20):
        expected = seasonal_decompose(values[row], model="additive", period=7, two_sided=True)
        np.testing.assert_allclose(found.trend[row], expected.trend, rtol=1e-10)
        np.testing.assert_allclose(found.seasonal[row], expected.seasonal, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.resid[row], expected.resid, rtol=1e-9, atol=1e-9)


def test_series_that_begin_later_are_decomposed_as_if_alone():
    rng = np.random.default_rng(0)
    values = rng.gamma(2, 30, (3, 182))
    values[1, : 182 - 63] = np.nan
    found = decompose(values)
    expected = seasonal_decompose(values[1, -63:], period=7)
    np.testing.assert_allclose(found.seasonal[1, -63:], expected.seasonal, rtol=1e-9)
    np.testing.assert_allclose(found.trend[1, -63:], expected.trend, rtol=1e-10)
    assert np.isnan(found.seasonal[1, :-63]).all()


def test_the_profile_is_that_of_the_right_weekday():
    days = np.zeros((1, 182))
    # The cut-off is a Wednesday, so that the last column is a Tuesday.
    days[0, 181::-7] = 70.0
    found = weekly_rhythm(series_of(days), 3, CONFIG)
    assert found.profile[0].argmax() == 2
    assert found.profile[0, 2] == pytest.approx(60.0)
    assert found.strength[0] == pytest.approx(1.0)
    assert found.level[0] == pytest.approx(10.0)


def test_under_eight_weeks_there_is_no_rhythm():
    days = np.random.default_rng(0).gamma(2, 30, (2, 182))
    days[0, : 182 - 49] = np.nan
    found = weekly_rhythm(series_of(days), 3, CONFIG)
    assert np.isnan(found.strength).tolist() == [True, False]
    assert np.isnan(found.profile[0]).all()


def test_noise_has_a_distinct_week_as_often_as_said():
    days = np.random.default_rng(1).normal(60, 20, (4000, 182))
    found = weekly_rhythm(series_of(days), 3, CONFIG)
    assert (found.chance <= 0.05).mean() < 0.08
