"""Scales: known answers, and that better is better everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.subject_risk.scale import GRADES_PER_Z, grade_of_z, nine_of_grade, percentile_of_z, z_of_percentile


def test_the_middle_of_a_band_is_its_grade() -> None:
    middles = np.array([98.0, 92.5, 83.0, 68.5, 50.0, 31.5, 17.0, 7.5, 2.0])
    assert grade_of_z(z_of_percentile(middles)) == pytest.approx(np.arange(1.0, 10.0))


def test_beyond_the_last_middles_there_is_no_grade() -> None:
    assert grade_of_z(np.array([3.0, -3.0])).tolist() == [1.0, 9.0]


def test_five_grades_stand_for_those_the_app_takes_them_for() -> None:
    grades = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 4.0, np.nan])
    levels = np.array([5.0, 5.0, 5.0, 5.0, 5.0, 9.0, 5.0])
    assert nine_of_grade(grades, levels)[:6].tolist() == [2.0, 3.0, 5.0, 7.0, 9.0, 4.0]
    assert np.isnan(nine_of_grade(grades, levels)[6])


def test_unknown_stays_unknown() -> None:
    assert np.isnan(grade_of_z(z_of_percentile(np.array([np.nan])))).all()


def test_a_deviation_is_about_two_grades() -> None:
    assert pytest.approx(1.95, abs=0.01) == GRADES_PER_Z


@given(st.floats(0.2, 99.8), st.floats(0.2, 99.8))
def test_a_better_percentile_is_never_a_worse_grade(one: float, other: float) -> None:
    low, high = sorted((one, other))
    grades = grade_of_z(z_of_percentile(np.array([low, high])))
    assert grades[0] >= grades[1]


@given(st.floats(0.2, 99.8))
def test_a_percentile_comes_back(percentile: float) -> None:
    assert percentile_of_z(z_of_percentile(np.array([percentile])))[0] == pytest.approx(percentile, abs=1e-6)
