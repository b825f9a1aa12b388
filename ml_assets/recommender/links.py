"""Which contents students go on to from which.

Belongs here: item-item weights W, learned from what followed what, and the plain counts behind reasons.
Not here: popularity, and what is shown.

The contract is `score = bias + x · W`, with x a student's history in the course: starts decayed ("lately") beside
starts not decayed ("ever"). A builder makes `Links` from `LinkSums`, which are additive over students; builders are
interchangeable. The one here is ridge regression from the history before a step to the starts within it: EASE's closed
form (Steck 2019) with the target moved forward in time, because courses are paced and order matters more than taste.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse

from ml_assets.recommender.candidates import Bools, Course, Floats, Ints
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.popularity import decay


@dataclass(frozen=True)
class LinkSums:
    """`gram` = X'X and `cross` = X'Y over students and steps; X is history and a final 1, Y what was started next."""

    gram: Floats
    cross: Floats

    def __add__(self, other: LinkSums) -> LinkSums:
        return LinkSums(self.gram + other.gram, self.cross + other.cross)


@dataclass(frozen=True)
class Links:
    """Chance to start each of n contents within a step: `bias` (n) + `history` (students × 2n) · `weights` (2n × n)."""

    bias: Floats
    weights: Floats


LinkBuilder = Callable[[LinkSums, RecommenderConfig], Links]


def history(ages: Floats, config: RecommenderConfig) -> Floats:
    """Students × 2n: starts lately (decayed), then starts ever; `ages` in days, infinite for never."""
    return np.hstack([decay(ages, config.history_half_life_days), np.isfinite(ages).astype(np.float64)])


def sum_links(ages: Floats, is_member: Bools, config: RecommenderConfig) -> LinkSums:
    """Sums over students × n `ages` of starts; who neither studies the course nor was engaged in it is left out."""
    contents = ages.shape[1]
    sums = LinkSums(np.zeros((2 * contents + 1, 2 * contents + 1)), np.zeros((2 * contents + 1, contents)))
    for step in range(config.transition_windows):
        end, start = step * config.transition_days, (step + 1) * config.transition_days
        is_engaged = is_member | (ages <= start + config.engaged_days).any(axis=1)
        seen = ages[is_engaged]
        before = history(np.where(seen > start, seen - start, np.inf), config)
        before = np.hstack([before, np.ones((len(seen), 1))])
        started = ((seen > end) & (seen <= start)).astype(np.float64)
        weight = config.transition_discount**step
        sums += LinkSums(weight * _cross(before, before), weight * _cross(before, started))
    return sums


def _cross(x: Floats, y: Floats) -> Floats:
    """x'y, by the non-zero entries alone where these are few: in a large catalogue nobody has started most."""
    if np.count_nonzero(x) > _DENSE_FROM * x.size:
        dense: Floats = x.T @ y
        return dense
    sparse: Floats = (scipy.sparse.csr_array(x).T @ scipy.sparse.csr_array(y)).toarray()
    return sparse


_DENSE_FROM = 0.1
"""Share of non-zero entries above which the dense product is the faster one, roughly."""


def ridge_links(sums: LinkSums, config: RecommenderConfig) -> Links:
    """Minimise the squared error of starts plus `ridge_per_content` × n × the squared weights; the bias is free."""
    penalty = np.full(len(sums.gram), config.ridge_per_content * sums.cross.shape[1])
    penalty[-1] = 1e-9  # Free, but not singular where nobody was engaged.
    penalised = sums.gram + np.diag(penalty)
    solved = scipy.linalg.solve(penalised, sums.cross, assume_a="pos")
    return Links(bias=solved[-1], weights=solved[:-1])


def next_starts(course: Course, config: RecommenderConfig) -> tuple[Ints, Ints, Ints]:
    """Pairs of contents (from, to), and how many students started the second 1 to `next_days` days after the first.

    Only pairs with at least `min_support` such students.
    """
    done = np.flatnonzero(np.isfinite(course.first_age))
    by_age = done[np.argsort(course.first_age[done], kind="stable")]
    rows, columns, age = course.rows[by_age], course.columns[by_age], course.first_age[by_age]
    shape = (len(course.learners), len(course.contents))

    def started(low: int, high: int) -> scipy.sparse.csr_array:
        ones = np.ones(high - low, dtype=np.int64)
        return scipy.sparse.csr_array((ones, (rows[low:high], columns[low:high])), shape)

    total = started(0, 0).T @ started(0, 0)
    for day in np.unique(age):
        low, high, last = np.searchsorted(age, [day, day + 1, day + config.next_days + 1]).tolist()
        total += started(high, last).T @ started(low, high)
    pairs = total.tocoo()
    supported = pairs.data >= config.min_support
    source, target = (position[supported].astype(np.int64) for position in pairs.coords)
    return source, target, pairs.data[supported].astype(np.int64)


def linked_contents(starters: Ints, config: RecommenderConfig) -> Ints:
    """Positions of the contents that take part in links: with enough starters, the most started first if too many."""
    order = np.argsort(-starters, kind="stable")[: config.max_linked_contents]
    return np.sort(order[starters[order] >= config.min_support])
