from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.lists import coverage, difficulty_hit_rate, novelty, subject_mix_divergence
from ml_assets.evaluation.ranking import evaluate_students, lift

RANKED = pd.DataFrame(
    [("a", "x", 1, "m"), ("a", "y", 2, "m"), ("a", "z", 3, "e"), ("b", "x", 1, "m"), ("b", "y", 2, "m")],
    columns=["student_id", "content_id", "rank", "subject_group"],
)


def test_figures_of_each_student() -> None:
    truth = pd.DataFrame({"student_id": ["b", "a", "c"], "content_id": ["y", "z", "x"]})
    found = evaluate_students(RANKED, truth, 3)
    assert found.index.tolist() == ["a", "b", "c"]
    assert found["reciprocal_rank"].tolist() == pytest.approx([1 / 3, 1 / 2, 0])
    assert found["recall"].tolist() == [1, 1, 0]
    assert found["ndcg"].tolist() == pytest.approx([1 / 2, 1 / np.log2(3), 0])


def test_coverage_counts_contents_once() -> None:
    assert coverage(RANKED, 10, 3) == 0.3
    assert coverage(RANKED, 10, 1) == 0.1
    assert np.isnan(coverage(RANKED, 0, 1))


def test_novelty_is_the_surprise_in_bits() -> None:
    starters = pd.Series({"x": 3, "y": 0})
    # (3 + 1) / 8 is 1 bit, (0 + 1) / 8 is 3; z is known to nobody either.
    assert novelty(RANKED, starters, 7, 3) == pytest.approx((1 + 3 + 3 + 1 + 3) / 5)
    assert novelty(RANKED, starters, 7, 1) == 1


def test_a_list_of_the_own_mix_diverges_by_nothing() -> None:
    own = pd.DataFrame(
        {"student_id": ["a", "a", "b", "c"], "subject_group": ["m", "e", "m", "m"], "weight": [4.0, 2.0, 1.0, 1.0]}
    )
    assert subject_mix_divergence(RANKED, own, 3) == pytest.approx(0, abs=1e-12)
    # Of a the first two are both of m: q = (0.99 + 0.01 * 2/3, 0.01 / 3).
    p = np.array([2 / 3, 1 / 3])
    expected = float((p * np.log(p / (0.99 * np.array([1.0, 0.0]) + 0.01 * p))).sum())
    assert subject_mix_divergence(RANKED, own, 2) == pytest.approx(expected / 2)


def test_difficulty_is_counted_where_both_are_known() -> None:
    difficulty = pd.Series({"x": 2.0, "y": 3.0, "z": 1.0})
    level = pd.DataFrame({"student_id": ["a", "b"], "subject_group": ["m", "m"], "level": [2.4, 3.0]})
    assert difficulty_hit_rate(RANKED, difficulty, level, 3) == pytest.approx(2 / 4)
    assert difficulty_hit_rate(RANKED, difficulty, level, 3, within=0.4) == pytest.approx(2 / 4)
    assert np.isnan(difficulty_hit_rate(RANKED, difficulty, level.iloc[:0], 3))


def test_a_lift_is_paired() -> None:
    """The same gain for everybody is certain, however different the students are."""
    theirs = pd.Series(np.linspace(0.1, 0.9, 40))
    certain = lift(theirs + 0.05, theirs)
    assert (certain.value, certain.low, certain.high) == pytest.approx((0.1, 0.1, 0.1))
    noise = pd.Series(np.resize([0.3, -0.3], 40))
    unsure = lift(theirs + noise, theirs)
    assert unsure.low < 0 < unsure.high
    assert lift(theirs + noise, theirs) == unsure, "the same seed every time"


def test_a_lift_over_nothing_is_not_a_number_and_needs_the_same_students() -> None:
    zero = pd.Series([0.0, 0.0])
    assert np.isnan(lift(zero, zero).value)
    with pytest.raises(ValueError, match="same students"):
        lift(zero, pd.Series([1.0, 1.0], index=[1, 2]))


def test_the_interval_holds_what_it_promises() -> None:
    """Of 200 samples with a true lift of 20 % some 95 in 100 intervals hold it."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        theirs = rng.uniform(0, 1, 80)
        ours = theirs + 0.1 + rng.normal(0, 0.3, 80)
        found = lift(pd.Series(ours), pd.Series(theirs), resamples=200)
        held += found.low <= 0.2 <= found.high
    assert 180 <= held <= 198
