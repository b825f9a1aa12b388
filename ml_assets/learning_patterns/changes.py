"""Since when a student studies more or less: breaks in weekly means.

Belongs here: where a series breaks, whether that is more than chance, and saying so. Not here: the series.

A break is the split with the least squares (Bai and Perron 1998); a second one is sought in the two halves (binary
segmentation; Scott and Knott 1974). The two-sample statistic is judged by Student's distribution and by the number of
places where the break could have been (Bonferroni), which bounds the false alarms without any permutation (as
Worsley 1979, JASA 74, for a shift of normal means). Weeks resemble their neighbours: the variance of a mean is widened
by (1 + r) / (1 - r), r being the correlation of neighbouring residuals.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtrc, stdtr

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.series import Series
from ml_assets.learning_patterns.shrinkage import Floats, Ints

_WEEK = 7
_MOST_CORRELATED = 0.8
"""Correlation of neighbouring weeks that is believed at most: beyond it a dozen weeks are one observation."""

CHANGES = ("student", "kind", "first_day", "last_day", "before", "after")


@dataclass(frozen=True)
class Split:
    """The best split of each row: `week` the first week of the later part, the means of both, `gain` the squares saved.

    `chance` bounds the probability of so large a break where there is none; 1 where there are too few weeks.
    """

    week: Ints
    before: Floats
    after: Floats
    gain: Floats
    chance: Floats


def weekly_values(series: Series) -> Floats:
    """Weeks of `series` (students, weeks): minutes a day where minutes are known, else plans completed a week."""
    rows, days = series.days.shape
    by_week = series.days[:, days % _WEEK :].reshape(rows, days // _WEEK, _WEEK)
    weeks: Floats = np.where(series.is_minutes[:, None], by_week.mean(axis=2), by_week.sum(axis=2))
    return weeks


def best_split(weeks: Floats, low: Ints, high: Ints, config: LearningPatternConfig) -> Split:
    """The best split of each row's weeks [low, high), at least `change_segment_weeks` from either end."""
    rows, width = weeks.shape
    place = np.arange(width + 1)
    within = (place[:-1] >= low[:, None]) & (place[:-1] < high[:, None])
    known = np.where(within, np.nan_to_num(weeks), 0.0)
    sums = np.concatenate([np.zeros((rows, 1)), known.cumsum(axis=1)], axis=1)
    total, length = sums[:, -1], (high - low).astype(np.float64)
    left = np.maximum(place - low[:, None], 1)
    right = np.maximum(high[:, None] - place, 1)
    before, after = sums / left, (total[:, None] - sums) / right
    gap = config.change_segment_weeks
    allowed = (place >= low[:, None] + gap) & (place <= high[:, None] - gap)
    gained = np.where(allowed, (before - after) ** 2 * left * right / np.maximum(length, 1)[:, None], -1.0)
    at = gained.argmax(axis=1)
    row = np.arange(rows)
    first, second, gain = before[row, at], after[row, at], np.maximum(gained[row, at], 0)
    rest = np.where(within, known - np.where(place[:-1] < at[:, None], first[:, None], second[:, None]), 0.0)
    noise = _noise(rest, length - 2, 2)
    statistic = np.sqrt(np.divide(gain, noise, out=np.where(gain > 0, np.inf, 0.0), where=noise > 0))
    chance = 2 * (1 - stdtr(np.maximum(length - 2, 1), statistic)) * allowed.sum(axis=1)
    return Split(at, first, second, gain, np.where(allowed.any(axis=1), np.minimum(chance, 1), 1.0))


def change_points(series: Series, as_of: dt.date, config: LearningPatternConfig) -> pd.DataFrame:
    """Breaks of each student (CHANGES), at most two, in order of student and day.

    `kind` is minutes (before and after in minutes a day) or completions (plans a week); `first_day` is the first day of
    the later part, `last_day` the last day before the next break, NaT where it lasts.

    A time that was different and passed hides in a single split, whose parts both hold some of it. So where one split
    is not told, it and the best further one are judged together, by the ratio of variances and the number of pairs of
    places; each of the two ways has half of the false alarms.
    """
    weeks = weekly_values(series)
    width = weeks.shape[1]
    low = (width - (~np.isnan(weeks)).sum(axis=1)).astype(np.int64)
    high = np.full(len(weeks), width)
    one = best_split(weeks, low, high, config)
    earlier = best_split(weeks, low, np.maximum(one.week, low), config)
    later = best_split(weeks, np.maximum(one.week, low), high, config)
    is_earlier = earlier.gain > later.gain
    other = np.where(is_earlier, earlier.week, later.week)
    pair = np.sort(np.stack([one.week, np.maximum(other, low)], axis=1), axis=1)
    half = config.change_false_alarms / 2
    is_single = one.chance <= half
    further = np.where(is_earlier, earlier.chance, later.chance)
    is_double = np.where(is_single, further, _pair_chance(weeks, low, pair, config)) <= half
    single = np.stack([one.week, high], axis=1)
    cuts = np.where(is_double[:, None], pair, np.where(is_single[:, None], single, width))
    cuts[high - low < config.change_min_weeks] = width
    return _worth_telling(_rows(series, weeks, cuts, low, as_of), config)


def _noise(rest: Floats, free: Floats, means: int) -> Floats:
    """Variance of a week about `means` fitted means, from residuals `rest` (rows, weeks), for judging a mean."""
    squares = (rest**2).sum(axis=1)
    alike = np.divide((rest[:, 1:] * rest[:, :-1]).sum(axis=1), squares, out=np.zeros(len(rest)), where=squares > 0)
    # Residuals of fitted means are less alike than the weeks themselves, by about a week's share for each.
    alike = np.clip(alike + means / np.maximum(free + means, 1), 0, _MOST_CORRELATED)
    noise: Floats = squares / np.maximum(free, 1) * (1 + alike) / (1 - alike)
    return noise


def _pair_chance(weeks: Floats, low: Ints, pair: Ints, config: LearningPatternConfig) -> Floats:
    """Bound on the probability of two breaks at `pair` (rows, 2) where there is none; 1 where they leave no room."""
    place = np.arange(weeks.shape[1])
    within = place >= low[:, None]
    known = np.where(within, np.nan_to_num(weeks), 0.0)
    part = (place >= pair[:, :1]).astype(np.int64) + (place >= pair[:, 1:])
    rest = known.copy()
    for number in range(3):
        own = within & (part == number)
        mean = np.where(own, known, 0).sum(axis=1) / np.maximum(own.sum(axis=1), 1)
        rest -= np.where(own, mean[:, None], 0)
    length = within.sum(axis=1).astype(np.float64)
    mean = known.sum(axis=1) / np.maximum(length, 1)
    gain = np.where(within, (known - mean[:, None]) ** 2, 0).sum(axis=1) - (rest**2).sum(axis=1)
    free = np.maximum(length - 3, 1)
    noise = _noise(rest, length - 3, 3)
    ratio = np.divide(gain / 2, noise, out=np.where(gain > 0, np.inf, 0.0), where=noise > 0)
    gap = config.change_segment_weeks
    room = np.maximum(length - 3 * gap + 1, 0)
    pairs = room * (room + 1) / 2
    has_room = (pair[:, 0] - low >= gap) & (pair[:, 1] - pair[:, 0] >= gap) & (weeks.shape[1] - pair[:, 1] >= gap)
    return np.where(has_room, np.minimum(fdtrc(2, free, np.maximum(ratio, 0)) * pairs, 1), 1.0)


def _worth_telling(changes: pd.DataFrame, config: LearningPatternConfig) -> pd.DataFrame:
    """The changes of students all of whose changes are large enough to matter."""
    least = np.where(changes["kind"] == "minutes", config.change_min_minutes, config.change_min_completions)
    small = (changes["after"] - changes["before"]).abs() < least
    return changes[~changes["student"].isin(changes.loc[small, "student"])].reset_index(drop=True)


def _rows(series: Series, weeks: Floats, cuts: Ints, low: Ints, as_of: dt.date) -> pd.DataFrame:
    """A row for each cut below the width, with the means of the parts on either side."""
    width = weeks.shape[1]
    edges = np.concatenate([low[:, None], cuts, np.full((len(weeks), 1), width)], axis=1)
    sums = np.concatenate([np.zeros((len(weeks), 1)), np.nan_to_num(weeks).cumsum(axis=1)], axis=1)
    parts = np.diff(np.take_along_axis(sums, edges, axis=1), axis=1)
    means = parts / np.maximum(np.diff(edges, axis=1), 1)
    row, number = np.nonzero(cuts < width)
    start = np.datetime64(as_of, "D") - (_WEEK * (width - edges)).astype("timedelta64[D]")
    ends = np.where(
        edges[row, number + 2] < width, start[row, number + 2] - np.timedelta64(1, "D"), np.datetime64("NaT")
    )
    return pd.DataFrame(
        {
            "student": series.students[row],
            "kind": np.where(series.is_minutes[row], "minutes", "completions"),
            "first_day": pd.Series(start[row, number + 1]).astype("datetime64[s]"),
            "last_day": pd.Series(ends).astype("datetime64[s]"),
            "before": means[row, number],
            "after": means[row, number + 1],
        },
        columns=list(CHANGES),
    )
