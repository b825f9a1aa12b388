"""Realistic minutes: how long this kind of work takes this student, P50 and P80.

Belongs here: a log-normal with means drawn from student to academy to all. Not here: what is planned.

The logarithm of minutes of an item is normal about a mean of the student, which is normal about that of the academy,
and that about the mean of all (kind of work by kind of work: content type x subject group). Variances between are the
moments of DerSimonian and Laird 1986; the posterior means are those of a normal hierarchy with known variances (Gelman
et al. 2013, section 5.4). P80 is that of the next item: the variance of an item and that of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ml_assets.learning_patterns.config import LearningPatternConfig
from ml_assets.learning_patterns.inputs import LearningPatternInput
from ml_assets.learning_patterns.shrinkage import Floats, Ints

KIND: Final = ["content_type", "subject_group"]
QUANTITIES: Final = {
    "item_minutes": ("item_count", "mean_log_minutes", "var_log_minutes"),
    "minutes_per_unit": ("unit_item_count", "mean_log_unit_minutes", "var_log_unit_minutes"),
    "pace_ratio": ("estimated_item_count", "mean_log_pace", "var_log_pace"),
}
"""What is estimated, and the columns of `LearningPatternInput.kinds` that it is estimated from."""

WORK: Final = (
    *("student_id", *KIND, "item_count", "item_minutes_p50", "item_minutes_p80", "minutes_per_unit_p50"),
    *("minutes_per_unit_p80", "pace_ratio_p50", "pace_ratio_p80", "basis"),
)


def work_minutes(inputs: LearningPatternInput, config: LearningPatternConfig | None = None) -> pd.DataFrame:
    """Realistic minutes (WORK) of students and kinds of work, in order of key.

    - item_minutes of a plan item, minutes_per_unit of a page or episode, pace_ratio minutes taken over minutes
      estimated; each with its median and the quantile `effort_high_quantile` of the next item; NaN where nobody has any
    - item_count: the student's own items
    - basis: own (the student's mean weighs `effort_own_weight` or more), shrunk (drawn to the academy's), academy (no
      item of the student, but of `cohort_min_students` of the academy), all

    Students have a row for each kind that they have done, and for the other kinds of the subject groups they study,
    where at least `cohort_min_students` have done them.
    """
    config = config or LearningPatternConfig()
    kinds = inputs.kinds.merge(inputs.students[["student_id", "tenant_id"]], on="student_id")
    asked = _asked(inputs, kinds, config)
    if asked.empty:
        return pd.DataFrame({name: pd.Series(dtype="object" if name in _TEXTS else "float64") for name in WORK})
    columns: dict[str, Floats | list[str]] = {}
    for name, (count, mean, variance) in QUANTITIES.items():
        fitted = _fit(kinds, asked, count, mean, variance, config)
        reach = ndtri(config.effort_high_quantile) * np.sqrt(fitted.mean_variance + fitted.noise)
        columns |= {f"{name}_p50": np.exp(fitted.mean), f"{name}_p80": np.exp(fitted.mean + reach)}
        if name == "item_minutes":
            columns["basis"] = _basis(fitted, asked, config)
    return asked.assign(**columns)[list(WORK)]


_TEXTS: Final = {"student_id", *KIND, "basis"}


def _asked(inputs: LearningPatternInput, kinds: pd.DataFrame, config: LearningPatternConfig) -> pd.DataFrame:
    """Every student x kind that has a row, with tenant_id and the counts and moments of its own where there are any."""
    key = ["student_id", *KIND]
    studied = inputs.subjects[inputs.subjects["planned_84d_count"] > 0][["student_id", "subject_group"]]
    students = kinds.groupby(KIND)["student_id"].nunique()
    common = students[students >= config.cohort_min_students].reset_index()[KIND]
    others = studied.merge(common, on="subject_group")
    asked = pd.concat([kinds[key], others[key]]).drop_duplicates().sort_values(key)
    asked = asked.merge(inputs.students[["student_id", "tenant_id"]], on="student_id")
    asked = asked.merge(kinds.drop(columns="tenant_id"), on=key, how="left")
    counts = [count for count, _, _ in QUANTITIES.values()]
    asked[counts] = asked[counts].fillna(0.0)
    shown = kinds.groupby([*KIND, "tenant_id"])["student_id"].nunique().rename("academy_students")
    asked = asked.join(shown, on=[*KIND, "tenant_id"])
    return asked.fillna({"academy_students": 0}).sort_values(key).reset_index(drop=True)


@dataclass(frozen=True)
class _Fitted:
    """Posterior mean and variance of each asked row's mean of logarithms, variance of an item, weight of its own."""

    mean: Floats
    mean_variance: Floats
    noise: Floats
    own_weight: Floats


def _fit(
    kinds: pd.DataFrame, asked: pd.DataFrame, count: str, mean: str, variance: str, config: LearningPatternConfig
) -> _Fitted:
    seen = kinds[kinds[count] > 0].sort_values(["student_id", *KIND])
    if seen.empty:
        nothing = np.full(len(asked), np.nan)
        return _Fitted(nothing, nothing, nothing, np.zeros(len(asked)))
    names = pd.MultiIndex.from_frame(seen[KIND]).unique().sort_values()
    academies = pd.MultiIndex.from_frame(seen[[*KIND, "tenant_id"]]).unique().sort_values()
    kind_of_academy = names.get_indexer(academies.droplevel("tenant_id"))
    kind = names.get_indexer(pd.MultiIndex.from_frame(seen[KIND]))
    academy = academies.get_indexer(pd.MultiIndex.from_frame(seen[[*KIND, "tenant_id"]]))
    n, m = seen[count].to_numpy(np.float64), seen[mean].to_numpy(np.float64)
    noise = _item_variance(kind, len(names), n, seen[variance].to_numpy(np.float64), config)
    between = between_variance(m, noise[kind] / n, academy, kind, len(names), config)
    center, center_variance = _pooled(m, between[kind] + noise[kind] / n, academy, len(academies))
    apart = between_variance(
        center, center_variance, kind_of_academy, kind_of_academy, len(names), config, config.cohort_prior_students
    )
    overall, overall_variance = _pooled(center, apart[kind_of_academy] + center_variance, kind_of_academy, len(names))

    at, own = names.get_indexer(pd.MultiIndex.from_frame(asked[KIND])), asked[count].to_numpy(np.float64)
    of = academies.get_indexer(pd.MultiIndex.from_frame(asked[[*KIND, "tenant_id"]]))
    prior, prior_variance = _drawn(
        np.where(of >= 0, center[of], 0.0),
        np.where(of >= 0, center_variance[of], np.inf),
        np.where(at >= 0, overall[at], np.nan),
        overall_variance[at],
        apart[at],
    )
    sampling = np.divide(noise[at], own, out=np.full(len(asked), np.inf), where=own > 0)
    found, found_variance = _drawn(asked[mean].fillna(0).to_numpy(), sampling, prior, prior_variance, between[at])
    weight = _weight(sampling, between[at] + prior_variance)
    return _Fitted(found, found_variance, noise[at], weight)


def _drawn(
    mean: Floats, variance: Floats, prior: Floats, prior_variance: Floats, between: Floats
) -> tuple[Floats, Floats]:
    """`mean` with sampling `variance` (inf: nothing seen) drawn to a `prior` about which it varies by `between`."""
    weight = _weight(variance, between + prior_variance)
    return weight * mean + (1 - weight) * prior, (1 - weight) * (between + prior_variance)


def _weight(variance: Floats, spread: Floats) -> Floats:
    """Weight of what was seen: 0 where its variance is infinite, 1 where neither varies."""
    both = spread + np.where(np.isinf(variance), 1.0, variance)
    weight = np.divide(spread, both, out=np.ones_like(both), where=both > 0)
    return np.where(np.isinf(variance), 0.0, weight)


def _item_variance(kind: Ints, kinds: int, n: Floats, variance: Floats, config: LearningPatternConfig) -> Floats:
    """Variance of an item's logarithm about its student's mean, kind by kind, drawn to that of all kinds."""
    squares, free = np.bincount(kind, n * variance, kinds), np.bincount(kind, n - 1, kinds)
    usual = squares.sum() / free.sum() if free.sum() > 0 else _UNKNOWN_ITEM_VARIANCE
    pooled: Floats = (squares + config.effort_prior_items * usual) / (free + config.effort_prior_items)
    return pooled


_UNKNOWN_ITEM_VARIANCE: Final = 0.25
"""Where nobody has two items of a kind: a deviation of a half in the logarithm, from two thirds to one and a half
times the median. Judgement."""


def between_variance(
    mean: Floats,
    variance: Floats,
    group: Ints,
    kind: Ints,
    kinds: int,
    config: LearningPatternConfig,
    prior: float | None = None,
) -> Floats:
    """Variance (kinds,) of true means about those of their `group`, whose `mean` was seen with `variance`.

    DerSimonian and Laird 1986, summed over the groups of a kind, and drawn to that of all kinds as if `prior` means
    (the default: `effort_prior_items`) more had been seen. At least 0.
    """
    groups = int(group.max(initial=-1)) + 1
    weight = 1 / np.maximum(variance, _SMALLEST_VARIANCE)
    sums = np.bincount(group, weight, groups)
    center = np.bincount(group, weight * mean, groups) / np.where(sums > 0, sums, 1)
    excess = np.bincount(kind, weight * (mean - center[group]) ** 2 - 1 + weight / sums[group], kinds)
    scale = np.bincount(kind, weight - weight**2 / sums[group], kinds)
    usual = max(excess.sum() / scale.sum(), 0.0) if scale.sum() > 0 else 0.0
    added = (config.effort_prior_items if prior is None else prior) * scale.sum() / max(len(mean), 1)
    drawn: Floats = np.divide(excess + added * usual, scale + added, out=np.zeros(kinds), where=scale + added > 0)
    return np.asarray(np.maximum(drawn, 0.0))


_SMALLEST_VARIANCE: Final = 1e-9


def _pooled(mean: Floats, variance: Floats, group: Ints, groups: int) -> tuple[Floats, Floats]:
    """Mean of each group, weighed by precision, and its variance."""
    weight = 1 / np.maximum(variance, _SMALLEST_VARIANCE)
    sums = np.bincount(group, weight, groups)
    return np.bincount(group, weight * mean, groups) / sums, 1 / sums


def _basis(fitted: _Fitted, asked: pd.DataFrame, config: LearningPatternConfig) -> list[str]:
    own = asked["item_count"].to_numpy(np.float64)
    shown = asked["academy_students"].to_numpy(np.float64) >= config.cohort_min_students
    named = np.select(
        [(own > 0) & (fitted.own_weight >= config.effort_own_weight), own > 0, shown],
        ["own", "shrunk", "academy"],
        "all",
    )
    return [str(name) for name in named]
