"""The scales of Korean scores and the latent one between them.

Belongs here: maps between percentile, 등급, standard score, raw score and z. Not here: where scores come from.

A percentile, 0 to 100 and higher better, is z = Φ⁻¹(p / 100). A 등급 is a band of percentiles: its z is the mean of a
standard normal within the band, and the rounding adds the variance within it. Bounds of the bands: product semantics
§2.5, nine grades (2009 and 2015 curricula) or five (2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

Floats = npt.NDArray[np.float64]

LARGEST_Z: Final = 3.0
"""Deviations beyond which a score says no more: one in 370 is further out, and most of these are typos."""

GRADE_BOUNDS: Final[Mapping[int, tuple[float, ...]]] = {
    9: (4, 11, 23, 40, 60, 77, 89, 96, 100),
    5: (10, 34, 66, 90, 100),
}
"""Upper ends of the 등급 as cumulative per cent from the best."""

GRADED: Final = ("rank_grade_9", "rank_grade_5", "absolute_grade")
"""Bases of a percentile that are a 등급: the place within the band is unknown."""

RAW_BASES: Final = ("raw_score_among_ours",)
"""Bases that say nothing beyond the raw score: the exam has no scale but its own."""

PERCENTILE, RAW = "percentile", "raw_score"


def z_of_percentile(percentile: Floats) -> Floats:
    """Φ⁻¹ of a percentile 0 to 100, within ±3."""
    z: Floats = norm.ppf(np.clip(np.asarray(percentile, dtype=np.float64) / 100, 1e-6, 1 - 1e-6))
    return np.clip(z, -LARGEST_Z, LARGEST_Z)


def percentile_of_z(z: Floats) -> Floats:
    """Percentile 0 to 100 of z: the inverse of `z_of_percentile` within ±3."""
    return np.asarray(100 * norm.cdf(z), dtype=np.float64)


def band_moments(levels: int) -> tuple[Floats, Floats]:
    """Mean and variance of a standard normal within each 등급 of `levels` (5 or 9), best first."""
    tops = np.array((0.0, *GRADE_BOUNDS[levels])) / 100
    # At ±8 the density is nothing, as it is at infinity, and a product with it is not undefined.
    edges = np.clip(norm.isf(tops), -8.0, 8.0)
    share = np.diff(tops)
    mean = np.diff(norm.pdf(edges)) / share
    return mean, 1 + np.diff(edges * norm.pdf(edges)) / share - mean**2


def latent(scores: pd.DataFrame) -> pd.DataFrame:
    """Columns value, rounding and scale of `scores` (percentile, percentile_basis, raw_score, rank_grade, …_levels).

    `value` is z where the score has a place among all takers, the raw score, 0 to 100, where that is all there is, and
    NaN where there is neither. `rounding` is the variance of z within the 등급 that stands for it, else 0.
    """
    basis = scores["percentile_basis"]
    is_placed = scores["percentile"].notna() & ~basis.isin(RAW_BASES)
    value = np.where(is_placed, z_of_percentile(scores["percentile"].to_numpy(np.float64)), scores["raw_score"])
    rounding = np.zeros(len(scores))
    grade = scores["rank_grade"].to_numpy(np.float64)
    for levels in GRADE_BOUNDS:
        mean, variance = band_moments(levels)
        is_graded = (is_placed & basis.isin(GRADED) & (scores["rank_grade_levels"] == levels)).to_numpy(bool)
        rows = is_graded & (grade >= 1) & (grade <= levels)
        at = grade[rows].astype(int) - 1
        value[rows], rounding[rows] = mean[at], variance[at]
    scale = np.where(is_placed, PERCENTILE, RAW)
    return pd.DataFrame({"value": value, "rounding": rounding, "scale": scale}, index=scores.index)


def grade_of_percentile(percentile: Floats, levels: int) -> npt.NDArray[np.int64]:
    """등급 of a percentile, 1 best."""
    bounds = np.array(GRADE_BOUNDS[levels][:-1])
    return np.searchsorted(bounds, np.round(100 - np.asarray(percentile, dtype=np.float64), 9)).astype(np.int64) + 1


@dataclass(frozen=True)
class MonotoneMap:
    """A rising map from percentile to another scale of the same exams, straight between its knots."""

    knots: Floats
    values: Floats

    def __call__(self, percentile: Floats) -> Floats:
        """Value at each percentile; beyond the knots the nearest."""
        return np.asarray(np.interp(percentile, self.knots, self.values), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"knots": self.knots.tolist(), "values": self.values.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MonotoneMap:
        """Back from JSON."""
        return cls(np.array(values["knots"], dtype=np.float64), np.array(values["values"], dtype=np.float64))


def fit_map(percentile: Floats, other: Floats) -> MonotoneMap:
    """Isotonic regression of `other` on `percentile`, kept at 21 knots."""
    knots = np.linspace(np.min(percentile), np.max(percentile), 21)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(percentile, other)
    return MonotoneMap(knots, np.asarray(fitted.predict(knots), dtype=np.float64))
