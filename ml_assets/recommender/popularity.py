"""How often students start each content of a course just now.

Belongs here: decayed starts per student at risk, shrunk from wide to narrow. Not here: who has started what else.

A start is the first day on which a student did something of a content. Dividing by the students who could still start
it (a hazard) lifts what almost everybody has begun, and the rest will. All sums are additive over students. The rates
rest on first dates only, so that an earlier cut-off can be replayed from the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_assets.recommender.candidates import Course, Floats, Ints
from ml_assets.recommender.config import START_HALF_LIVES, RecommenderConfig


@dataclass(frozen=True)
class StartCounts:
    """Sums over the learners of one course. Contexts × contents unless said otherwise.

    `starts` (START_HALF_LIVES × contexts × contents), `past_starts` and `cohort_starts` are starts decayed over each of
    the half-lives, the background's and the cohort's; `waiting` are the students of the course who have not started the
    content. Per content: students who started it lately, who ever did, and who used it lately, started then or before.
    """

    starts: Floats
    past_starts: Floats
    cohort_starts: Floats
    waiting: Floats
    recent_starters: Ints
    starters: Ints
    recent_users: Ints

    def __add__(self, other: StartCounts) -> StartCounts:
        return StartCounts(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def count_starts(course: Course, context: Ints, contexts: int, config: RecommenderConfig) -> StartCounts:
    """Sums over all learners of `course`, whose contexts (0 to `contexts` - 1) are given in `context`."""
    contents = len(course.contents)
    done = np.isfinite(course.first_age)
    rows, columns, first_age = course.rows[done], course.columns[done], course.first_age[done]
    cell = context[rows] * contents + columns

    def total(weights: Floats) -> Floats:
        sums = np.bincount(cell, weights, contexts * contents).reshape(contexts, contents)
        return sums.astype(np.float64)  # Of no weights at all, NumPy makes whole numbers.

    def per_content(chosen: Floats) -> Ints:
        return np.bincount(columns, chosen, contents).astype(np.int64)

    members = np.bincount(context[course.is_member], minlength=contexts).astype(np.float64)
    return StartCounts(
        starts=np.stack([total(decay(first_age, days)) for days in START_HALF_LIVES]),
        past_starts=total(decay(first_age, config.background_half_life_days)),
        cohort_starts=total(decay(first_age, config.cohort_half_life_days)),
        waiting=members[:, None] - total(course.is_member[rows].astype(np.float64)),
        recent_starters=per_content((first_age <= config.recent_days).astype(np.float64)),
        starters=per_content(np.ones(len(columns))),
        recent_users=per_content((course.last_age[done] <= config.recent_days).astype(np.float64)),
    )


def start_rates(counts: StartCounts, config: RecommenderConfig) -> Floats:
    """Starts per student-day at risk, START_HALF_LIVES × contexts + 1 × contents; the last context is the whole course.

    Gamma-Poisson shrinkage with `prior_student_days` at each step: the course's mean over all contents, each content
    over the background half-life, each content over the short half-life, and the same within a context.
    """
    waiting = counts.waiting.sum(axis=0)
    past, past_risk = _exposure(counts.past_starts.sum(axis=0), waiting, config.background_half_life_days)
    background = _shrink(past, past_risk, past.sum() / max(past_risk.sum(), 1.0), config)

    def rates(starts: Floats, half_life: float) -> Floats:
        course = _shrink(*_exposure(starts.sum(axis=0), waiting, half_life), background, config)
        return np.vstack([_shrink(*_exposure(starts, counts.waiting, half_life), course, config), course])

    return np.stack([rates(starts, days) for starts, days in zip(counts.starts, START_HALF_LIVES, strict=True)])


def start_shares(counts: StartCounts, students: Floats, config: RecommenderConfig) -> Floats:
    """Decayed starts per student, contexts + 1 × contents; the last row is that of all students.

    For students of whom nothing is known: what is started much, whoever has studied the course. `students` are the
    listed students of each context, who study it or not. A context is shrunk to all with `prior_students`.
    """
    everybody = counts.cohort_starts.sum(axis=0) / max(students.sum(), 1.0)
    context = counts.cohort_starts + config.prior_students * everybody
    return np.vstack([context / (students[:, None] + config.prior_students), everybody])


def decay(age: Floats, half_life: float) -> Floats:
    """Weight of something `age` days ago: 1 at 0 days, 1/2 at the half-life, 0 for never (infinite age)."""
    return np.exp2(-age / half_life)


def _exposure(starts: Floats, waiting: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Decayed starts, and decayed student-days at risk: of those who wait, and of the others until they started."""
    days = 1.0 / (2.0 ** (1.0 / half_life) - 1.0)  # The sum of the weights of 1, 2, 3, ... days ago.
    return starts, waiting * days + starts * (1.0 + days)


def _shrink(starts: Floats, risk: Floats, towards: Floats | float, config: RecommenderConfig) -> Floats:
    return (starts + config.prior_student_days * towards) / (risk + config.prior_student_days)
