"""How much of what was planned is done: in all, by weekday, time of day, subject and week.

Belongs here: rates and their trends. Not here: when a student studies.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.shrinkage import Bools, Floats, Ints, Rates, part_rates, strength_of

SUBJECT_RATES = ("student", "subject_group", "planned", "done", "rate", "lower", "upper", "below")


@dataclass(frozen=True)
class Verdict:
    """Which parts of each row are told (rows, parts), and whether their absence would be sure, too (rows,)."""

    told: Bools
    is_measured: Bools

    @property
    def is_any_told(self) -> Bools:
        """Rows of which some part is told."""
        return any_of_row(self.told)


def any_of_row(flags: Bools) -> Bools:
    """Rows of `flags` (rows, parts) with any."""
    return np.asarray(flags.any(axis=1), dtype=np.bool_)


def verdict(found: Rates, threshold: float, is_above: bool, config: LearningPatternConfig) -> Verdict:
    """Parts whose rate is above (or below) `threshold` with `decision_probability`, of those with enough plans.

    Measured is a row where some part is told, or none is and every part with enough plans surely is not.
    """
    counted = found.seen >= config.part_min_plans
    above = np.zeros(counted.shape)
    above[counted] = found.where(counted).above(threshold)
    chance = above if is_above else 1 - above
    told = counted & (chance >= config.decision_probability)
    open_ = counted & (chance > 1 - config.decision_probability)
    return Verdict(told, any_of_row(told) | (any_of_row(counted) & ~any_of_row(open_)))


def subject_rates(subjects: pd.DataFrame, overall: Rates, config: LearningPatternConfig) -> pd.DataFrame:
    """SUBJECT_RATES of `subjects` (student: place in `overall`, subject_group, planned, done above 0 plans).

    A subject is drawn to the student's own rate in the rest, itself drawn to the cohort, as `part_rates` does, times
    what the subject is like over all students. `below` is the probability of a rate under `incomplete_subject_share`.
    """
    rows = subjects[subjects["planned"] > 0].reset_index(drop=True)
    if rows.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in SUBJECT_RATES})
    student = rows["student"].to_numpy(np.int64)
    group, names = pd.factorize(rows["subject_group"], sort=True)
    # One column a subject: a student has few of them, and there are few.
    planned, done = np.zeros((len(overall.done), len(names))), np.zeros((len(overall.done), len(names)))
    planned[student, group] = rows["planned"]
    done[student, group] = rows["done"]
    found = part_rates(planned, done, overall, config)
    own = Rates(found.done[student, group], found.missed[student, group], found.seen[student, group])
    lower, upper = own.bounds(config.interval_level)
    below = 1 - own.above(config.incomplete_subject_share)
    return rows.assign(rate=own.mean, lower=lower, upper=upper, below=below)[list(SUBJECT_RATES)]


@dataclass(frozen=True)
class WeeklyRate:
    """The mean of the weekly rates of each student, 0 to 1, with its interval, over `weeks` weeks with plans."""

    mean: Floats
    lower: Floats
    upper: Floats
    weeks: Ints


def weekly_rate(planned: Floats, done: Floats, overall: Rates, config: LearningPatternConfig) -> WeeklyRate:
    """Mean over weeks with plans of (students, weeks) counts, each week's rate drawn to the student's own.

    The interval is that of a mean of weeks: their posterior variances, and their spread about the mean.
    """
    own = np.broadcast_to(overall.mean[:, None], planned.shape)
    mix = np.stack([own.ravel(), 1 - own.ravel()], axis=1)
    strength = strength_of(np.stack([done.ravel(), (planned - done).ravel()], axis=1), mix, config)
    has = planned > 0
    weeks = has.sum(axis=1)
    rate = np.where(has, (strength * own + done) / (strength + planned), 0.0)
    count = np.maximum(weeks, 1)
    mean = rate.sum(axis=1) / count
    variance = np.where(has, rate * (1 - rate) / (strength + planned + 1), 0).sum(axis=1) / count**2
    spread = np.where(has, (rate - mean[:, None]) ** 2, 0).sum(axis=1) / np.maximum(weeks - 1, 1) / count
    reach = ndtri(0.5 + config.interval_level / 2) * np.sqrt(variance + spread)
    return WeeklyRate(mean, np.maximum(mean - reach, 0), np.minimum(mean + reach, 1), weeks)


TRENDS = ("student", "subject_group", "weeks", "planned", "slope", "lower", "upper", "trend")


def subject_trends(weekly: pd.DataFrame, as_of: dt.date, config: LearningPatternConfig) -> pd.DataFrame:
    """Where the completion of each student and subject is going (TRENDS), over the window; slope is share a week.

    Least squares over weeks, weighed by plans, the variance that of binomial counts but at least what the residuals
    show; subjects with plans in fewer than `trend_min_weeks` weeks have no row. improving or declining where the
    interval of `decision_probability` lies on one side of 0, else stable.
    """
    since = pd.Timestamp(as_of) - pd.Timedelta(days=config.window_days)
    rows = weekly[(weekly["week_start"] >= since) & (weekly["planned_count"] > 0)]
    week = (pd.Timestamp(as_of) - rows["week_start"]).dt.days.to_numpy(np.float64) / -7
    weight = rows["planned_count"].to_numpy(np.float64)
    share = rows["done_count"].to_numpy(np.float64) / weight
    sums = pd.DataFrame(
        {
            "student": rows["student"].to_numpy(np.int64),
            "subject_group": rows["subject_group"].to_numpy(object),
            "weeks": 1.0,
            "planned": weight,
            "wx": weight * week,
            "wxx": weight * week**2,
            "wy": weight * share,
            "wxy": weight * week * share,
            "wyy": weight * share**2,
        }
    )
    found = sums.groupby(["student", "subject_group"], sort=True).sum().reset_index()
    found = found[found["weeks"] >= config.trend_min_weeks]
    n = found["planned"].to_numpy(np.float64)
    x, y = found["wx"].to_numpy() / n, found["wy"].to_numpy() / n
    xx = np.maximum(found["wxx"].to_numpy() - n * x**2, 1e-9)
    slope = (found["wxy"].to_numpy() - n * x * y) / xx
    rest = np.maximum(found["wyy"].to_numpy() - n * y**2 - slope**2 * xx, 0) / (found["weeks"].to_numpy() - 2)
    # A plan more and a plan less: with all done, or none, the binomial variance would be nothing.
    smoothed = (n * y + 1) / (n + 2)
    deviation = np.sqrt(np.maximum(smoothed * (1 - smoothed), rest) / xx)
    reach = ndtri(config.decision_probability) * deviation
    trend = np.select([slope - reach > 0, slope + reach < 0], ["improving", "declining"], "stable")
    return found.assign(slope=slope, lower=slope - reach, upper=slope + reach, trend=trend)[list(TRENDS)]
