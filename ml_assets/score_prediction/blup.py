"""Level 1: best linear unbiased prediction of a student's place, at any date, for all students at once.

Belongs here: the covariance of two scores of a student, its estimation, and the conditional mean. Not here: exams.

A score's place u in its exam, in deviations, is a sum of parts that are independent and have mean 0: of the student, of
the student in the subject group, recent forms of both that are forgotten with time (e^{-days / length}), of the student
in this kind of exam, and noise by type of exam. Two scores of a student share parts, so

    cov = student + kind[same kind] + subject[same group] + (recent + recent_subject[same group]) e^{-days / length}

and the prediction is the conditional mean (Henderson 1975, BLUP; with estimated variances also called empirical Bayes).
The variances are non-negative least squares on differences and products of pairs of scores of a student: sums over
students, so that any partition of them gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from ml_assets.score_prediction.config import ScorePredictionConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PARTS: Final = ("student", "subject", "recent", "recent_subject", "kind")
_PRIOR: Final = np.array([0.25, 0.1, 0.1, 0.1, 0.05])
"""Prior variances on a scale where scores have variance 1: half is noise. Between OULAD and the generated academies."""

_PRIOR_NOISE: Final = 0.4
_PRIOR_FORM: Final = 0.2
_NOISE_PRIOR_SCORES: Final = 50.0
"""Pairs of scores of a type that the noise of all types is worth."""

_LEAST_NOISE: Final = 0.02
"""No exam is without noise; keeps the systems well conditioned."""

_SIZES: Final = (1, 2, 4, 6, 8, 12, 16, 24, 32)
"""Histories are solved in batches of like length, padded to the next of these."""

_TARGETS: Final = 20_000
"""Targets at once: with 32 scores each their systems are 160 MB."""


@dataclass(frozen=True)
class Scores:
    """Scores in arrays of one length: codes of student, subject group, kind and type; day; place; rounding.

    Sorted by student, then day. `rounding` is variance of the place beside the type's noise.
    """

    student: Ints
    group: Ints
    kind: Ints
    type: Ints
    day: Floats
    place: Floats
    rounding: Floats

    def take(self, rows: Any) -> Scores:
        """The scores at `rows`."""
        return Scores(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Targets:
    """What is asked: codes of student (-1: unknown), subject group, kind and type, and the day."""

    student: Ints
    group: Ints
    kind: Ints
    type: Ints
    day: Floats

    def take(self, rows: Any) -> Targets:
        """The targets at `rows`."""
        return Targets(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Components:
    """Variances of the parts of a place, the length of the forgetting in days, and the noise by code of type.

    A type beyond `noise` has `other_noise`.
    """

    student: float
    subject: float
    recent: float
    recent_subject: float
    kind: float
    length_days: float
    noise: Floats
    other_noise: float

    @property
    def variances(self) -> Floats:
        """The five shared variances in the order of the covariance's parts."""
        return np.array([getattr(self, part) for part in _PARTS])

    @property
    def total(self) -> float:
        """Variance of a place without noise."""
        return float(self.variances.sum())

    def noise_of(self, types: Ints) -> Floats:
        """Noise variance of each type."""
        is_known = (types >= 0) & (types < len(self.noise))
        return np.append(self.noise, self.other_noise)[np.where(is_known, types, len(self.noise))]

    def own_group_only(self) -> Components:
        """The same variance, all of it of the student in the subject group: a shrunken mean of each series."""
        return replace(self, student=0.0, subject=self.total, recent=0.0, recent_subject=0.0, kind=0.0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "noise": self.noise.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Components:
        """Back from JSON."""
        return cls(**{**values, "noise": np.array(values["noise"], dtype=np.float64)})


@dataclass(frozen=True)
class Predicted:
    """Conditional mean and variance of the place of each target (noise apart), and what they are made of.

    `past`, `form` and `other_kind` add up to `mean`: what the history would say if nothing were ever forgotten and all
    kinds of exam were one; what recent form adds to it; and what the other kind of exam takes away or adds.
    """

    mean: Floats
    variance: Floats
    past: Floats
    form: Floats
    other_kind: Floats


def predict(history: Scores, targets: Targets, components: Components, longest: int = 30) -> Predicted:
    """Prediction for each target from the last `longest` scores of its student in `history`.

    Who has no history is predicted at 0 with the whole variance.
    """
    count = len(targets.student)
    mean, past, static = np.zeros(count), np.zeros(count), np.zeros(count)
    variance = np.full(count, components.total)
    still, one_kind = _still(components), _one_kind(components)
    for batch in _batches(history, targets, longest):
        rows = batch.rows
        mean[rows], variance[rows] = batch.conditional(components)
        static[rows], past[rows] = batch.mean(still), batch.mean(one_kind)
    return Predicted(mean, variance, past=past, form=mean - static, other_kind=static - past)


def predict_mean(history: Scores, targets: Targets, components: Components, longest: int = 30) -> Floats:
    """The conditional mean of `predict` alone."""
    mean = np.zeros(len(targets.student))
    for batch in _batches(history, targets, longest):
        mean[batch.rows] = batch.mean(components)
    return mean


@dataclass(frozen=True)
class _Batch:
    """Targets at `rows`, and the histories of their students, students × scores; `of` is each target's student."""

    rows: Ints
    asked: Targets
    scores: Scores
    is_there: npt.NDArray[np.bool_]
    of: Ints

    def mean(self, components: Components) -> Floats:
        """Conditional mean of each target."""
        answered = np.linalg.solve(self._own(components), self._places()[:, :, None])[:, :, 0]
        return np.asarray(np.einsum("tk,tk->t", self._across(components), answered[self.of]))

    def conditional(self, components: Components) -> tuple[Floats, Floats]:
        """Conditional mean and variance of each target."""
        inverse = np.linalg.inv(self._own(components))
        across = self._across(components)
        weights = np.matmul(across[:, None, :], inverse[self.of])[:, 0, :]
        mean = np.einsum("tk,tk->t", weights, self._places()[self.of])
        variance = np.maximum(components.total - np.einsum("tk,tk->t", weights, across), 0.0)
        return mean, variance

    def _places(self) -> Floats:
        return np.where(self.is_there, self.scores.place, 0.0)

    def _own(self, components: Components) -> Floats:
        """Covariance of the scores of each student; where there is none, a score of its own that says nothing."""
        scores = self.scores
        own = _covariance(
            components,
            np.abs(scores.day[:, :, None] - scores.day[:, None, :]),
            scores.group[:, :, None] == scores.group[:, None, :],
            scores.kind[:, :, None] == scores.kind[:, None, :],
        )
        own *= self.is_there[:, :, None] & self.is_there[:, None, :]
        noise = np.where(self.is_there, components.noise_of(scores.type) + scores.rounding, 1.0)
        diagonal = np.arange(own.shape[1])
        own[:, diagonal, diagonal] += noise
        return own

    def _across(self, components: Components) -> Floats:
        """Covariance of each target with the scores of its student."""
        scores, asked = self.scores.take(self.of), self.asked
        across = _covariance(
            components,
            np.abs(scores.day - asked.day[:, None]),
            scores.group == asked.group[:, None],
            scores.kind == asked.kind[:, None],
        )
        return np.where(self.is_there[self.of], across, 0.0)


def _still(components: Components) -> Components:
    """The same variances with nothing forgotten."""
    return replace(components, length_days=np.inf)


def _one_kind(components: Components) -> Components:
    """Nothing forgotten, and what belongs to a kind belongs to the student."""
    return replace(_still(components), student=components.student + components.kind, kind=0.0)


def _batches(history: Scores, targets: Targets, longest: int) -> Iterator[_Batch]:
    """Targets whose students have histories of like length, some thousand at once."""
    students = max(int(history.student.max(initial=-1)), int(targets.student.max(initial=-1))) + 1
    count = np.bincount(history.student, minlength=students)
    end = np.cumsum(count)
    length = np.where(targets.student >= 0, np.minimum(np.append(count, 0)[targets.student], longest), 0)
    size = np.searchsorted(_SIZES, length)
    for step in np.unique(size[length > 0]):
        of_size = np.flatnonzero((size == step) & (length > 0))
        of_size = of_size[np.argsort(targets.student[of_size], kind="stable")]
        back = np.arange(_SIZES[step])[None]
        for low in range(0, len(of_size), _TARGETS):
            rows = of_size[low : low + _TARGETS]
            asked, of = np.unique(targets.student[rows], return_inverse=True)
            places = end[asked][:, None] - 1 - back
            is_there = back < np.minimum(count[asked], longest)[:, None]
            yield _Batch(rows, targets.take(rows), history.take(np.where(is_there, places, 0)), is_there, of)


def _covariance(components: Components, days: Floats, same_group: Any, same_kind: Any) -> Floats:
    fading = np.exp(-days / components.length_days) if np.isfinite(components.length_days) else 1.0
    covariance: Floats = (
        components.student
        + components.recent * fading
        + (components.subject + components.recent_subject * fading) * same_group
        + components.kind * same_kind
    )
    return covariance


def fit_components(
    scores: Scores, types: int, config: ScorePredictionConfig, length: float | None = None
) -> Components:
    """Variances from the pairs of `scores`; the length of the forgetting too, unless it is given.

    Form and noise come from differences within a series (a variogram; Matheron 1963), which do not mind how students
    differ among each other, nor whether they differed more in the past. What students share over subject groups and
    kinds comes from products. `types` is the number of types of exam: the noise of one with few scores is that of all.
    """
    change = _changes(scores, config.longest_history)
    lengths = np.array([length] if length else config.decay_days)
    fits = [_fit_change(change, days, config) for days in lengths]
    best = int(np.argmin([loss for _, loss in fits]))
    form, days = fits[best][0], float(lengths[best])
    noise, other = _noise(change, types, form, days)
    shared = _fit_shared(*_pair_sums(scores, days, config.longest_history), form, config)
    return Components(**dict(zip(_PARTS, shared, strict=True)), length_days=days, noise=noise, other_noise=other)


@dataclass(frozen=True)
class _Changes:
    """Two scores of a series and type: days between them, half the squared difference less rounding, how far apart."""

    days: Floats
    half: Floats
    type: Ints
    lag: Ints


def _changes(scores: Scores, longest: int) -> _Changes:
    ordered = scores.take(np.lexsort((scores.day, scores.type, scores.group, scores.student)))
    found = []
    for lag in range(1, min(longest, len(ordered.student))):
        a, b = ordered.take(slice(None, -lag)), ordered.take(slice(lag, None))
        is_same = (a.student == b.student) & (a.group == b.group) & (a.type == b.type)
        if not is_same.any():
            break
        a, b = a.take(is_same), b.take(is_same)
        half = (a.place - b.place) ** 2 / 2 - (a.rounding + b.rounding) / 2
        found.append((b.day - a.day, half, a.type, np.full(len(half), lag)))
    if not found:
        return _Changes(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    return _Changes(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _fit_change(change: _Changes, length: float, config: ScorePredictionConfig) -> tuple[float, float]:
    """Variance of form for a length, and how badly it fits: half = noise + form (1 - e^{-days / length})."""
    shared = np.stack([np.ones(len(change.days)), 1 - np.exp(-change.days / length)])
    prior = np.array([_PRIOR_NOISE, _PRIOR_FORM])
    held = shared @ shared.T + config.component_prior_pairs * np.eye(2)
    moments = shared @ change.half + config.component_prior_pairs * prior
    fitted, _ = nnls(held, moments)
    return float(fitted[1]), float(np.sum((change.half - fitted @ shared) ** 2))


def _noise(change: _Changes, types: int, form: float, length: float) -> tuple[Floats, float]:
    """Noise by type, from one score of a series to the next, shrunk to that of all types."""
    is_next = change.lag == 1
    half = (change.half - form * (1 - np.exp(-change.days / length)))[is_next]
    prior = _NOISE_PRIOR_SCORES
    overall = max((float(half.sum()) + prior * _PRIOR_NOISE) / (len(half) + prior), _LEAST_NOISE)
    count = np.bincount(change.type[is_next], minlength=types)
    total = np.bincount(change.type[is_next], half, minlength=types)
    return np.maximum((total + prior * overall) / (count + prior), _LEAST_NOISE), overall


def _pair_sums(scores: Scores, length: float, longest: int) -> tuple[Floats, Floats]:
    """Normal equations of the products of all pairs of a student on what the pairs share, in the order of _PARTS."""
    products, moments = np.zeros((5, 5)), np.zeros(5)
    for lag in range(1, min(longest, len(scores.student))):
        same = np.flatnonzero(scores.student[lag:] == scores.student[:-lag])
        if not len(same):
            break
        a, b = scores.take(same + lag), scores.take(same)
        group, kind = (a.group == b.group).astype(np.float64), (a.kind == b.kind).astype(np.float64)
        fading = np.exp(-np.abs(a.day - b.day) / length)
        shared = np.stack([np.ones(len(same)), group, fading, group * fading, kind])
        products += shared @ shared.T
        moments += shared @ (a.place * b.place)
    return products, moments


def _fit_shared(products: Floats, moments: Floats, form: float, config: ScorePredictionConfig) -> list[float]:
    """Variances in the order of _PARTS, held to the prior ones, with `form` divided between student and subject group.

    Products say how much of form all subject groups have in common; how much there is of it they are not asked.
    """
    held = products + config.component_prior_pairs * np.eye(len(_PRIOR))
    wanted = moments + config.component_prior_pairs * _PRIOR
    free, _ = nnls(held, wanted)
    common = free[2] / (free[2] + free[3]) if free[2] + free[3] > 0 else 0.0
    forms = form * np.array([common, 1 - common])
    still = [_PARTS.index(part) for part in ("student", "subject", "kind")]
    recent = [_PARTS.index(part) for part in ("recent", "recent_subject")]
    lasting, _ = nnls(held[np.ix_(still, still)], wanted[still] - held[np.ix_(still, recent)] @ forms)
    return [float(value) for value in (lasting[0], lasting[1], *forms, lasting[2])]
