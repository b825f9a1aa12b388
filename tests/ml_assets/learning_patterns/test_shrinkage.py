from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.shrinkage import (
    Cohorts,
    Rates,
    chance_greater,
    cohort_mix,
    part_rates,
    rates,
    shrink,
    strength_of,
)

CONFIG = LearningPatternConfig()


def cohorts(count: int, academies: int = 1) -> Cohorts:
    return Cohorts.of(
        pd.DataFrame(
            {
                "tenant_id": [f"t{number % academies}" for number in range(count)],
                "school_type": ["HIGH"] * count,
                "school_year_level": [1.0] * count,
            }
        )
    )


def test_who_was_not_seen_is_told_what_the_cohort_is_like():
    counts = np.array([[0.0, 0], [80, 20], [80, 20], [80, 20], [80, 20], [80, 20], [80, 20], [80, 20]])
    found = shrink(counts, cohorts(8), CONFIG)
    share = found / found.sum(axis=1, keepdims=True)
    # Seven students who weigh almost one each, against a prior of five drawn to a half at three levels.
    assert 0.7 < share[0, 0] < 0.8
    assert share[1, 0] == pytest.approx(0.8, abs=0.02)


def test_the_others_of_the_own_academy_weigh_more_than_those_of_another():
    counts = np.array([[90.0, 10]] * 20 + [[10.0, 90]] * 20)
    codes = Cohorts((np.zeros(40, dtype=np.int64), np.repeat([0, 1], 20)))
    mix = cohort_mix(counts, codes, 10.0, CONFIG)
    assert mix[0, 0] > 0.75
    assert mix[39, 0] < 0.25


def test_nobody_is_their_own_cohort():
    counts = np.array([[1000.0, 0], [5, 5], [5, 5]])
    changed = np.array([[0.0, 1000], [5, 5], [5, 5]])
    one, other = (cohort_mix(own, cohorts(3), 10.0, CONFIG)[0] for own in (counts, changed))
    assert one == pytest.approx(other)


@pytest.mark.parametrize("strength", [4.0, 20.0])
def test_the_strength_of_a_prior_is_found_by_moments(strength):
    rng = np.random.default_rng(1)
    mix = np.array([0.2, 0.5, 0.3])
    shares = rng.dirichlet(mix * strength, size=4000)
    counts = np.stack([rng.multinomial(n, p) for n, p in zip(rng.integers(2, 60, 4000), shares, strict=True)])
    found = strength_of(counts.astype(float), np.tile(mix, (4000, 1)), CONFIG)
    assert found == pytest.approx(strength, rel=0.1)


def test_students_who_do_not_differ_have_the_strongest_prior():
    rng = np.random.default_rng(2)
    counts = rng.multinomial(30, [0.5, 0.5], size=500).astype(float)
    assert strength_of(counts, np.full((500, 2), 0.5), CONFIG) == CONFIG.strength_bounds[1]


def test_nothing_seen_gives_the_stated_strength():
    assert strength_of(np.zeros((3, 2)), np.full((3, 2), 0.5), CONFIG) == CONFIG.strength_start


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12))
def test_a_shrunk_rate_lies_between_the_own_and_the_expected(seen):
    done, missed = (np.array(own, dtype=float) for own in zip(*seen, strict=True))
    found = rates(done + missed, done, cohorts(len(seen)), CONFIG)
    posterior = np.stack([found.done, found.missed], axis=1)
    prior = posterior - np.stack([done, missed], axis=1)
    expected = prior[:, 0] / prior.sum(axis=1)
    own = np.where(done + missed > 0, done / np.maximum(done + missed, 1), expected)
    assert (found.mean >= np.minimum(own, expected) - 1e-9).all()
    assert (found.mean <= np.maximum(own, expected) + 1e-9).all()
    lower, upper = found.bounds(0.8)
    assert ((lower >= 0) & (lower <= upper) & (upper <= 1)).all()


def test_bounds_and_probabilities_are_those_of_the_beta_distribution():
    found = Rates(np.array([8.0]), np.array([4.0]), np.array([10.0]))
    lower, upper = found.bounds(0.8)
    assert (lower[0], upper[0]) == pytest.approx(beta(8, 4).interval(0.8))
    assert found.above(0.7)[0] == pytest.approx(beta(8, 4).sf(0.7))
    assert chance_greater(np.array([4.0]), np.array([8.0]))[0] == pytest.approx(beta(4, 8).sf(0.5))


def test_a_weekday_is_drawn_to_the_rest_of_the_own_week():
    planned = np.full((30, 7), 12.0)
    done = np.random.default_rng(0).choice([2.0, 10.0], (30, 7))
    done[0] = 12
    done[0, 3] = 0
    planned[1, 3], done[1, 3] = 0, 0
    overall = rates(planned.sum(axis=1), done.sum(axis=1), cohorts(30), CONFIG)
    found = part_rates(planned, done, overall, CONFIG)
    assert found.mean[0, 3] < 0.5 < 0.85 < found.mean[0, 2]
    # Nothing was planned on that day: what the rest of the week says.
    rest = done[1].sum() / planned[1].sum()
    assert found.mean[1, 3] == pytest.approx(rest, abs=0.1)
    assert found.seen[1, 3] == 0
