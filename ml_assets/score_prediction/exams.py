"""What is to be expected of an exam: its mean and spread among our students, from the exams before it.

Belongs here: the means of past exams, and the expectation of one that nobody has sat, with its variance. Not here:
students.

Exams are Gaussian with shared parts (kriging, or Gaussian process regression; Rasmussen & Williams 2006, §2.2): of the
type, of the subject group, of the group's year, of group and type, and of the place in the course, which falls off with
the days between. An exam of a kind never seen shares little, so its expectation is wide of itself. The variances are
least squares fits to products of pairs, held to prior shares, so that twenty exams are enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import nnls

from ml_assets.score_prediction.config import ScorePredictionConfig
from ml_assets.score_prediction.scale import PERCENTILE

Floats = npt.NDArray[np.float64]

EXAM: Final = ["scale", "exam_kind", "exam_type", "subject_group", "subject_id", "school_year_level", "exam_date"]
"""What makes two scores of the same exam: the day that was scheduled, not the day of handing in."""

_SERIES_OF_EXAMS: Final = ["scale", "exam_kind", "exam_type", "subject_group"]

_PARTS: Final = ("type", "group", "level", "group_type", "place")
_LEAST_SD: Final = 5.0
"""Points: an exam in which all did the same still tells students apart a little. A third of the usual spread."""

_SHARES: Final = np.array([0.15, 0.15, 0.1, 0.2, 0.3, 0.1])
"""Prior shares of the variance between exams, the last of each exam's own. Judgement: most belongs to the course."""


@dataclass(frozen=True)
class Expectation:
    """A quantity of exams: its mean over all, the variance of each shared part and of an exam's own, and what was seen.

    `exams` has the columns of EXAM and course_day, `value` and `error` what was observed of each and its variance.
    """

    center: float
    variances: Floats
    exams: pd.DataFrame
    value: Floats
    error: Floats
    days: float

    def at(self, exams: pd.DataFrame) -> tuple[Floats, Floats]:
        """Mean and variance of the quantity for `exams` that nobody has sat.

        The variances themselves are estimates, those of a few groups and types rough ones: the variance of the answer
        is as if these were as large as a new group may find them.
        """
        shared = _shared(exams, self.exams, self.days)
        covariance = np.einsum("p,pte->te", self.variances[:-1], shared)
        mean = self.center + covariance @ cho_solve(self._factor, self.value - self.center)
        wide = np.einsum("p,pte->te", self._wide[:-1], shared)
        explained = np.einsum("te,te->t", wide, cho_solve(self._wide_factor, wide.T).T)
        return mean, np.maximum(self._wide.sum() - explained, 0.0)

    def known(self, exams: pd.DataFrame, value: Floats, error: Floats) -> Floats:
        """The quantity of `exams` that were sat, drawn to what was expected of them by as much as `error` is larger.

        Of a large exam it is what was seen; of one that five of ours sat, mostly what exams like it had. The exams that
        the expectation is made of are solved together with it, others one by one.
        """
        place = pd.MultiIndex.from_frame(self.exams[EXAM]).get_indexer(pd.MultiIndex.from_frame(exams[EXAM]))
        mean, variance = self.at(exams)
        one_by_one = (mean * error + value * variance) / (error + variance)
        shared = np.einsum("p,pij->ij", self.variances[:-1], _shared(self.exams, self.exams, self.days))
        own = shared + self.variances[-1] * np.eye(len(shared))
        together = self.center + own @ cho_solve(self._factor, self.value - self.center)
        return np.where(place >= 0, together[place], one_by_one)

    @property
    def _wide(self) -> Floats:
        factor = _few_levels(self.exams["subject_group"].nunique())
        return self.variances * np.where(np.arange(len(self.variances)) < _FEW_LEVELS, factor, 1.0)

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        return self._factored(self.variances)

    @cached_property
    def _wide_factor(self) -> tuple[Floats, bool]:
        return self._factored(self._wide)

    def _factored(self, variances: Floats) -> tuple[Floats, bool]:
        shared = np.einsum("p,pij->ij", variances[:-1], _shared(self.exams, self.exams, self.days))
        factor: tuple[Floats, bool] = cho_factor(shared + np.diag(self.error + variances[-1] + 1e-9))
        return factor


@dataclass(frozen=True)
class ExamEffects:
    """Means and spreads of the exams known, and the expectation of others, by scale.

    `known` has one row an exam: the columns of EXAM, n (scores), seen_mean and seen_sd, those of our students alone,
    and mean and sd, which are drawn to what was expected where the exam is small. On the percentile scale sd is 1: a
    percentile is placed among all takers already.
    """

    known: pd.DataFrame
    means: dict[str, Expectation]
    log_sds: dict[str, Expectation]

    def of(self, exams: pd.DataFrame) -> pd.DataFrame:
        """mean, variance, sd and is_new for each row of `exams` (columns of EXAM and course_day), known or not.

        The mean of an exam that is known is its own, and its variance 0. An exam is new where none of its type is known
        in its subject group: what it will be like is anybody's guess.
        """
        keys = exams[[*EXAM, "course_day"]].drop_duplicates(EXAM)
        expected = []
        for scale, rows in keys.groupby("scale", sort=True):
            if scale in self.means:
                mean, variance = self.means[str(scale)].at(rows)
                expected.append(rows[EXAM].assign(mean=mean, variance=variance, sd=self._sd(str(scale), rows)))
            else:
                unknown = dict(zip(("mean", "variance", "sd"), _unknown(str(scale)), strict=True))
                expected.append(rows[EXAM].assign(**unknown))
        nothing = keys[EXAM].iloc[:0].assign(mean=0.0, variance=0.0, sd=0.0)
        found = keys[EXAM].merge(pd.concat(expected or [nothing]), on=EXAM, how="left")
        known = (
            exams[EXAM]
            .merge(found, on=EXAM, how="left")
            .merge(self.known[[*EXAM, "mean", "sd"]], on=EXAM, how="left", suffixes=("", "_known"))
        )
        is_known = known["mean_known"].notna()
        return pd.DataFrame(
            {
                "mean": known["mean"].where(~is_known, known["mean_known"]).to_numpy(np.float64),
                "variance": known["variance"].where(~is_known, 0.0).to_numpy(np.float64),
                "sd": known["sd"].where(~is_known, known["sd_known"]).to_numpy(np.float64),
                "is_new": ~pd.MultiIndex.from_frame(exams[_SERIES_OF_EXAMS]).isin(
                    pd.MultiIndex.from_frame(self.known[_SERIES_OF_EXAMS])
                ),
            },
            index=exams.index,
        )

    def _sd(self, scale: str, exams: pd.DataFrame) -> Floats:
        if scale not in self.log_sds:
            return np.ones(len(exams))
        return np.asarray(np.exp(self.log_sds[scale].at(exams)[0]), dtype=np.float64)


_UNKNOWN: Final[dict[str, tuple[float, float, float]]] = {PERCENTILE: (0.0, 0.25, 1.0)}


def _unknown(scale: str) -> tuple[float, float, float]:
    """Mean, variance and sd of an exam where none of its scale is known: the nation's, or two thirds of the points."""
    return _UNKNOWN.get(scale, (66.0, 225.0, 18.0))


def fit_exams(scores: pd.DataFrame, as_of: pd.Timestamp, config: ScorePredictionConfig) -> ExamEffects:
    """Effects of the exams in `scores` (columns of EXAM, course_day, value).

    An exam has a mean of its own once its day is over: before `as_of`. Coursework that some have handed in early is
    still an exam to come, and what is known of it says nothing about it.
    """
    grouped = scores[scores["exam_date"] < as_of].groupby(EXAM, sort=True, dropna=False)
    known = grouped.agg(
        n=("value", "size"), seen_mean=("value", "mean"), seen_sd=("value", "std"), course_day=("course_day", "first")
    ).reset_index()
    known = known[known["n"] >= config.exam_min_scores]
    means, log_sds, kept = {}, {}, []
    for name, exams in known.groupby("scale", sort=True):
        scale = str(name)
        exams = exams.assign(seen_sd=1.0 if scale == PERCENTILE else exams["seen_sd"].clip(lower=_LEAST_SD))
        means[scale] = _fit(exams, "mean", config)
        own = exams.assign(mean=means[scale].known(exams, *_seen(exams, "mean")), sd=1.0)
        if scale != PERCENTILE:
            log_sds[scale] = _fit(exams, "log_sd", config)
            own["sd"] = np.exp(log_sds[scale].known(exams, *_seen(exams, "log_sd")))
        kept.append(own)
    nothing = known.assign(mean=0.0, sd=0.0)
    return ExamEffects((pd.concat(kept) if kept else nothing).reset_index(drop=True), means, log_sds)


def _seen(exams: pd.DataFrame, quantity: str) -> tuple[Floats, Floats]:
    """What was seen of the mean or log_sd of each exam, and its sampling variance."""
    n, sd = exams["n"].to_numpy(np.float64), exams["seen_sd"].to_numpy(np.float64)
    if quantity == "mean":
        return exams["seen_mean"].to_numpy(np.float64), sd**2 / n
    # The logarithm of a standard deviation has a variance of 1 / 2(n - 1).
    return np.log(sd), 0.5 / (n - 1)


def expectation(
    exams: pd.DataFrame, quantity: str, center: float, variances: Floats, config: ScorePredictionConfig
) -> Expectation:
    """The expectation of `quantity` (mean or log_sd) from known `exams`: those of most scores."""
    largest = exams.nlargest(config.max_exams, "n").sort_index()
    value, error = _seen(largest, quantity)
    return Expectation(center, variances, largest[[*EXAM, "course_day"]], value, error, config.exam_position_days)


def _fit(exams: pd.DataFrame, quantity: str, config: ScorePredictionConfig) -> Expectation:
    """Center and variances from the products of pairs of `exams`."""
    seen = expectation(exams, quantity, 0.0, _SHARES, config)
    between = max(float(np.var(seen.value)) - float(np.mean(seen.error)), 1e-4)
    center = float(np.average(seen.value, weights=1 / (seen.error + between)))
    deviation = seen.value - center
    total = max(float(np.mean(deviation**2 - seen.error)), 1e-4)
    pairs = np.triu_indices(len(deviation), 1)
    shared = [part[pairs] for part in _shared(seen.exams, seen.exams, seen.days)]
    own, prior = np.sqrt(len(deviation)), np.sqrt(config.exam_prior_pairs)
    features = np.column_stack([*shared, np.zeros(len(pairs[0]))])
    rows = np.vstack([features, np.full((1, len(_SHARES)), own), np.diag(np.full(len(_SHARES), prior))])
    wanted = np.concatenate([np.outer(deviation, deviation)[pairs], [own * total], prior * _SHARES * total])
    variances, _ = nnls(rows.T @ rows, rows.T @ wanted)
    return replace(seen, center=center, variances=variances)


_FEW_LEVELS: Final = 4
"""The parts whose variance is that between a handful of groups and types, not between many exams."""


def _few_levels(groups: int) -> float:
    """By how much the variance of a new group exceeds that among `groups` known ones.

    Their mean and variance are estimates, so that a new draw has the variance of Student's t:
    (1 + 1/n) (n - 1) / (n - 3). Below five groups that of five.
    """
    n = max(groups, 5)
    return (1 + 1 / n) * (n - 1) / (n - 3)


def _shared(left: pd.DataFrame, right: pd.DataFrame, days: float) -> npt.NDArray[np.float64]:
    """How much each pair of exams shares of each part, 0 to 1: parts × left × right."""

    def same(*columns: str) -> npt.NDArray[np.bool_]:
        equal = np.ones((len(left), len(right)), dtype=np.bool_)
        for column in columns:
            a, b = (frame[column].to_numpy(object) for frame in (left, right))
            codes = pd.factorize(np.concatenate([a, b]))[0]
            equal &= codes[: len(a), None] == codes[None, len(a) :]
        return equal

    apart = left["course_day"].to_numpy(np.float64)[:, None] - right["course_day"].to_numpy(np.float64)[None]
    near = np.exp(-0.5 * (apart / days) ** 2)
    group_type = same("subject_group", "exam_kind", "exam_type")
    return np.stack(
        [
            same("exam_kind", "exam_type").astype(np.float64),
            same("subject_group").astype(np.float64),
            same("subject_group", "school_year_level").astype(np.float64),
            group_type.astype(np.float64),
            group_type * near,
        ]
    )


def summary(effects: ExamEffects) -> dict[str, Any]:
    """Standard deviations between exams by part, for people."""
    return {
        scale: {part: round(float(np.sqrt(v)), 3) for part, v in zip((*_PARTS, "own"), found.variances, strict=True)}
        for scale, found in effects.means.items()
    }
