"""When a student studies: the times of day studied in most, and the hours at which most is begun.

Belongs here: shares of timed sessions over the day, and what may be said of them. Not here: completion.

Sessions of one day follow each other, so that they say less of the habit than as many days would: counts are scaled to
the number of days (the design effect of a cluster; Kish 1965, Survey Sampling, section 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from ml_assets.learning_patterns.config import SLOT_OF_HOUR, SLOTS, LearningPatternConfig
from ml_assets.learning_patterns.shrinkage import Bools, Cohorts, Floats, Ints, Rates, chance_greater, shrink

SLOT_OF: Final = np.eye(len(SLOTS))[list(SLOT_OF_HOUR)]
"""The time of day of each hour, as a matrix (24, 5) that sums hours up."""
HOURS: Final = 24


@dataclass(frozen=True)
class Told:
    """What may be said of each row: `order` (rows, K) from the likeliest, of which the first `count` are told.

    `chance` is the probability that the largest share is among those told, or among the best two where none is.
    """

    order: Ints
    count: Ints
    chance: Floats


@dataclass(frozen=True)
class Peak:
    """The busiest hour of each row.

    `near` (rows, 24) is how much is begun about each hour, 0 to 1, `hour` the busiest, `chance` that it is busier than
    any other time of day.
    """

    near: Floats
    hour: Ints
    chance: Floats
    is_told: Bools


@dataclass(frozen=True)
class Timing:
    """When each of the students studies, rows as given.

    `hours` (students, 24), `sessions` and `minutes` (students, 5) as counted, `session_count` (students,); `share` with
    `lower` and `upper` (students, 5), 0 to 1, of sessions by time of day, shrunk; what is told of times and hours.
    """

    hours: Floats
    sessions: Floats
    minutes: Floats
    session_count: Floats
    share: Floats
    lower: Floats
    upper: Floats
    slots: Told
    peak: Peak


def timing(
    hours: Floats, seconds: Floats, days: Floats, cohorts: Cohorts, slot_rates: Rates, config: LearningPatternConfig
) -> Timing:
    """Timing of students from `hours` and `seconds` (students, 24) of sessions begun, on `days` (students,) in all.

    Nothing is told that the student did not do `slot_min_sessions` times, whatever the cohort does. `slot_rates`
    (students, 5): a time of day in which completion is known to be below the app's 60 % while the student does better
    at another is not called preferred.
    """
    count = hours.sum(axis=1)
    scaled = hours * np.minimum(1, np.divide(days, count, out=np.ones_like(count), where=count > 0))[:, None]
    enough = (count >= config.timing_min_sessions) & (days >= config.timing_min_days)
    sessions = hours @ SLOT_OF
    fits = (sessions >= config.slot_min_sessions) & ~_is_poor(slot_rates, config)
    # A habit is told as the student's own: the cohort is worth no more than the sessions that are asked for.
    most = config.timing_min_sessions
    by_slot = shrink(scaled @ SLOT_OF, cohorts, config, most)
    total = by_slot.sum(axis=1, keepdims=True)
    tail = (1 - config.interval_level) / 2
    peak = peak_of(shrink(scaled, cohorts, config, most), enough, config)
    peak = replace(peak, is_told=peak.is_told & _is_own_peak(scaled, peak.hour, config))
    return Timing(
        hours=hours,
        sessions=sessions,
        minutes=seconds @ SLOT_OF / 60,
        session_count=count,
        share=by_slot / total,
        lower=betaincinv(by_slot, total - by_slot, tail),
        upper=betaincinv(by_slot, total - by_slot, 1 - tail),
        slots=most_used(by_slot, scaled @ SLOT_OF, enough, fits, peak.hour, config),
        peak=peak,
    )


def _is_poor(rates: Rates, config: LearningPatternConfig) -> Bools:
    """Where completion is known to be below the app's threshold, at one time of day but not at every other."""
    below = 1 - rates.above(config.preferred_slot_share)
    poor = (rates.seen >= config.part_min_plans) & (below >= config.decision_probability)
    better = (rates.seen >= config.part_min_plans) & (below < config.decision_probability)
    return np.asarray(poor & better.any(axis=1, keepdims=True), dtype=np.bool_)


def most_used(
    posterior: Floats, own: Floats, enough: Bools, fits: Bools, peak: Ints, config: LearningPatternConfig
) -> Told:
    """The fewest times of day, one or two, among which the one studied in most is with `decision_probability`.

    `posterior` (rows, 5) are Dirichlet parameters. The probability is bounded from below by those of each other time of
    day to exceed the likeliest one (Bonferroni), which needs no simulation. Of two, that of the `peak` hour comes
    first: where use is divided between neighbours, study begins before their border and runs past it. Nothing is told
    where there is not `enough`; who does not fit is left out of what is told.

    A cohort may strengthen what a student's `own` counts (rows, 5) say, never say it for them: without it, the same
    must be likelier than not.
    """
    order = np.argsort(-posterior, axis=1, kind="stable")
    one, two = _chances(np.take_along_axis(posterior, order, axis=1))
    own_one, own_two = _chances(np.take_along_axis(own + _JEFFREYS, order, axis=1))
    need = config.decision_probability
    is_one, is_two = (one >= need) & (own_one > _EVEN), (two >= need) & (own_two > _EVEN)
    count = np.select([~enough, is_one, is_two], [0, 1, 2], 0)
    swap = (count == 2) & (order[:, 1] == np.array(SLOT_OF_HOUR)[peak])
    order[swap, :2] = order[swap, 1::-1]
    told = np.arange(order.shape[1])[None] < count[:, None]
    told &= np.take_along_axis(fits, order, axis=1)
    # Those told come first, in their order.
    place = np.argsort(~told, axis=1, kind="stable")
    chance = np.clip(np.where(count == 1, one, two), 0, 1)
    return Told(np.take_along_axis(order, place, axis=1), told.sum(axis=1), chance)


def _chances(sizes: Floats) -> tuple[Floats, Floats]:
    """Bounds on the probabilities that the largest share of Dirichlet `sizes` is the first, or of the first two."""
    greater = chance_greater(sizes, sizes[:, :1])
    return 1 - greater[:, 1:].sum(axis=1), 1 - greater[:, 2:].sum(axis=1)


_JEFFREYS: Final = 0.5
"""What is added to counts where nothing else is known."""

_EVEN: Final = 0.5


def smooth(posterior: Floats, config: LearningPatternConfig) -> Floats:
    """How much is begun about each hour: shares smoothed on the circle by a von Mises kernel (rows, 24).

    Mardia and Jupp 2000, Directional Statistics, section 12.4; its concentration is that of a normal deviation of
    `peak_kernel_hours`.
    """
    smoothed: Floats = posterior @ _kernel(config) / posterior.sum(axis=1, keepdims=True)
    return smoothed


def _kernel(config: LearningPatternConfig) -> Floats:
    apart = (np.arange(HOURS)[:, None] - np.arange(HOURS)[None]) * 2 * np.pi / HOURS
    concentration = (HOURS / (2 * np.pi * config.peak_kernel_hours)) ** 2
    kernel = np.exp(concentration * (np.cos(apart) - 1))
    scaled: Floats = kernel / kernel.sum(axis=0)
    return scaled


def peak_of(posterior: Floats, enough: Bools, config: LearningPatternConfig) -> Peak:
    """The busiest hour of each row of Dirichlet parameters `posterior` (rows, 24), told where there is `enough`.

    Its chance is that of more being begun about it than about its best rival, `peak_rival_hours` away or more: the
    difference of the two is linear in the shares, whose Dirichlet mean and variance are known; normal beyond that.
    """
    near = smooth(posterior, config)
    hour = near.argmax(axis=1)
    total = posterior.sum(axis=1)
    share = posterior / total[:, None]
    kernel = _kernel(config)
    chance = np.ones(len(posterior))
    for away in range(config.peak_rival_hours, HOURS - config.peak_rival_hours + 1):
        weight = kernel[hour] - kernel[(hour + away) % HOURS]
        mean = (share * weight).sum(axis=1)
        variance = ((share * weight**2).sum(axis=1) - mean**2) / (total + 1)
        chance = np.minimum(chance, ndtr(mean / np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))))
    return Peak(near, hour, chance, enough & (chance >= config.decision_probability))


_SMALLEST_VARIANCE: Final = 1e-12


def _is_own_peak(hours: Floats, peak: Ints, config: LearningPatternConfig) -> Bools:
    """Where a student's own sessions, without the cohort, are more about `peak` than about any other time of day."""
    near = smooth(hours + _JEFFREYS / HOURS, config)
    away = np.arange(config.peak_rival_hours, HOURS - config.peak_rival_hours + 1)
    rivals = np.take_along_axis(near, (peak[:, None] + away) % HOURS, axis=1)
    return np.asarray(near[np.arange(len(near)), peak] > rivals.max(axis=1), dtype=np.bool_)


def peak_hours(peak: Peak, config: LearningPatternConfig) -> pd.Series:
    """The peak hour of each row and those beside it that are nearly as busy, busiest first; empty where not told."""
    beside = np.stack([peak.hour, (peak.hour + 1) % HOURS, (peak.hour - 1) % HOURS], axis=1)
    busy = np.take_along_axis(peak.near, beside, axis=1)
    keep = (busy >= config.peak_shoulder_share * busy[:, :1]) & peak.is_told[:, None]
    order = np.argsort(-busy, axis=1, kind="stable")
    return lists_of(np.take_along_axis(beside, order, axis=1), np.take_along_axis(keep, order, axis=1))


def slots_told(told: Told) -> pd.Series:
    """Names of the times of day told of each row, likeliest first."""
    keep = np.arange(told.order.shape[1])[None] < told.count[:, None]
    return lists_of(told.order, keep).map(lambda places: [SLOTS[place] for place in places])


def lists_of(values: Ints, keep: Bools) -> pd.Series:
    """The kept of each row of `values` as a list; there are few different ones, so each is made once."""
    coded = np.where(keep, values, -1)
    if not len(coded):
        return pd.Series([], dtype=object)
    unique, place = np.unique(coded, axis=0, return_inverse=True)
    made = [[int(value) for value in row if value >= 0] for row in unique]
    return pd.Series([made[number] for number in place.ravel()], dtype=object)
