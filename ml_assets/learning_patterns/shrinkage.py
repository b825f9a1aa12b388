"""Shares drawn to those of the student's cohort by how much was seen of the student.

Belongs here: Dirichlet-multinomial and beta-binomial posteriors for everybody at once. Not here: what is counted.

Counts x of K kinds of a student, n in all, are multinomial with shares that are Dirichlet about the cohort's mix m with
strength s: the posterior is Dirichlet with s m + x, its mean the weighted mean of the cohort and the student with
weights s and n (Gelman et al. 2013, Bayesian Data Analysis, sections 2.4 and 3.4; Casella 1985 on empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betainc, betaincc, betaincinv

from ml_assets.learning_patterns.config import LearningPatternConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ALMOST_NOTHING = 1e-6
_NEVER_CERTAIN = 0.02
"""How near to 0 or 1 an expected rate may come: at the very end a prior would forbid the other outcome."""


@dataclass(frozen=True)
class Cohorts:
    """The groups that a student is compared with, widest first: everybody, the academy, its school type and year.

    `codes` holds an array of group numbers a level, students in the order of the frame that it was made of.
    """

    codes: tuple[Ints, ...]

    @classmethod
    def of(cls, students: pd.DataFrame) -> Cohorts:
        """The cohorts of `students`; an unknown school type or year is a cohort of its own."""
        everybody = np.zeros(len(students), dtype=np.int64)
        academy = _codes(students[["tenant_id"]])
        return cls((everybody, academy, _codes(students[["tenant_id", "school_type", "school_year_level"]])))


def _codes(columns: pd.DataFrame) -> Ints:
    return np.asarray(columns.groupby(list(columns), dropna=False, sort=True).ngroup(), dtype=np.int64)


def shrink(counts: Floats, cohorts: Cohorts, config: LearningPatternConfig, most: float = np.inf) -> Floats:
    """Dirichlet parameters (students, K) of the posterior of each student's shares, from `counts` (students, K).

    The prior is worth `most` observations at most, however alike the students are.
    """
    mix = cohort_mix(counts, cohorts, config.strength_start, config)
    strength = min(strength_of(counts, mix, config), most)
    mix = cohort_mix(counts, cohorts, strength, config)
    return strength * mix + counts


def cohort_mix(counts: Floats, cohorts: Cohorts, strength: float, config: LearningPatternConfig) -> Floats:
    """What would be expected of each student if only the others were known: mixes (students, K), rows sum to 1.

    A level's mix is the mean of its other students' shares, each weighted by n / (n + strength) (Kleinman 1973) so that
    the average one weighs 1, and drawn to the wider level's, which is worth `cohort_prior_students`; the widest is
    drawn to equal shares.
    """
    seen = counts.sum(axis=1)
    weight = seen / (seen + strength)
    weight /= weight[seen > 0].mean() if (seen > 0).any() else 1.0
    own = counts * np.divide(weight, seen, out=np.zeros_like(seen), where=seen > 0)[:, None]
    mix = np.full(counts.shape, 1.0 / counts.shape[1])
    for codes in cohorts.codes:
        groups = int(codes.max(initial=-1)) + 1
        others = np.stack([np.bincount(codes, column, groups)[codes] for column in own.T], axis=1) - own
        others = np.maximum(others, 0)
        prior = config.cohort_prior_students
        mix = (others + prior * mix) / (others.sum(axis=1, keepdims=True) + prior)
    return mix


def strength_of(counts: Floats, mix: Floats, config: LearningPatternConfig) -> float:
    """How many observations the prior `mix` (rows, K) is worth, by moments, within `strength_bounds`.

    The squared deviation of a row's counts, over that of a multinomial, is expected to be 1 + (n - 1) / (strength + 1)
    (Brier 1980, Biometrika 67; for K = 2 it is the beta-binomial's).
    """
    seen = counts.sum(axis=1)
    several = seen >= 2
    x, m, n = counts[several], mix[several], seen[several]
    low, high = config.strength_bounds
    spread = n * (1 - (m**2).sum(axis=1))
    usable = spread > 0
    if not usable.any():
        return config.strength_start
    squared = ((x - n[:, None] * m) ** 2).sum(axis=1)
    share = (squared[usable] / spread[usable] - 1).sum() / (n[usable] - 1).sum()
    return float(np.clip(1 / share - 1, low, high)) if share > 0 else high


@dataclass(frozen=True)
class Rates:
    """Beta posteriors of rates, in any shape: `done` and `missed` parameters, and the plans that were seen.

    Rates, bounds and probabilities are shares 0 to 1.
    """

    done: Floats
    missed: Floats
    seen: Floats

    @property
    def mean(self) -> Floats:
        """The shrunk rate."""
        return self.done / (self.done + self.missed)

    def where(self, chosen: Bools) -> Rates:
        """The rates of `chosen` places alone, in a row."""
        return Rates(self.done[chosen], self.missed[chosen], self.seen[chosen])

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """The ends of the central interval that holds the rate with probability `level`."""
        tail = (1 - level) / 2
        return betaincinv(self.done, self.missed, tail), betaincinv(self.done, self.missed, 1 - tail)

    def above(self, threshold: float) -> Floats:
        """Probability that the rate is above `threshold`."""
        return np.asarray(betaincc(self.done, self.missed, threshold), dtype=np.float64)


def rates(planned: Floats, done: Floats, cohorts: Cohorts, config: LearningPatternConfig) -> Rates:
    """Rates of students (students,), drawn to their cohort's."""
    posterior = shrink(np.stack([done, planned - done], axis=1), cohorts, config)
    return Rates(posterior[:, 0], posterior[:, 1], planned)


def part_rates(planned: Floats, done: Floats, overall: Rates, config: LearningPatternConfig) -> Rates:
    """Rates of parts of each student's plans (students, parts): weekdays, times of day, weeks.

    A part is drawn to what the rest of the student's plans say of the student, itself drawn to the cohort, plus the
    part's own deviation over all students. `overall` are the rates of students that hold all parts and perhaps more.
    """
    rest_done = np.maximum(overall.done[:, None] - done, _ALMOST_NOTHING)
    rest_missed = np.maximum(overall.missed[:, None] - (planned - done), _ALMOST_NOTHING)
    rest = rest_done / (rest_done + rest_missed)
    expected = (rest * planned).sum(axis=0)
    ratio = np.divide(done.sum(axis=0), expected, out=np.ones(planned.shape[1]), where=expected > 0)
    prior = np.clip(rest * ratio, _NEVER_CERTAIN, 1 - _NEVER_CERTAIN)
    mix = np.stack([prior.ravel(), 1 - prior.ravel()], axis=1)
    counts = np.stack([done.ravel(), (planned - done).ravel()], axis=1)
    strength = strength_of(counts, mix, config)
    return Rates(strength * prior + done, strength * (1 - prior) + planned - done, planned)


def chance_greater(other: Floats, first: Floats) -> Floats:
    """Probability that a share with Dirichlet parameter `other` exceeds one with `first`, of the same student.

    The first's part in the two is beta distributed, whatever the rest does.
    """
    return np.asarray(betainc(first, other, 0.5), dtype=np.float64)
