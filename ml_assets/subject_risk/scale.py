"""The scales between which grades and percentiles are turned.

Belongs here: percentile, z and 등급. Not here: whose they are.

A percentile, 0 to 100 and higher better, is z = Φ⁻¹(p / 100). The nine 등급 end at 4, 11, 23, 40, 60, 77, 89, 96 and
100 % from the best; a 등급 with decimals is read off the straight lines between the middles of these bands, in z.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Floats = npt.NDArray[np.float64]

LARGEST_Z: Final = 3.0
"""Deviations beyond which a place says no more: one in 370 is further out, and most of these are typos."""

_BOUNDS: Final = np.array([0, 4, 11, 23, 40, 60, 77, 89, 96, 100], dtype=np.float64)
_MIDDLES: Final[Floats] = norm.isf((_BOUNDS[:-1] + _BOUNDS[1:]) / 200)
GRADES_PER_Z: Final = float(8 / (_MIDDLES[0] - _MIDDLES[-1]))
"""등급 of nine in a deviation, on average."""

_NINE_OF_FIVE: Final = np.array([2.0, 3.0, 5.0, 7.0, 9.0])
"""What the app takes a 등급 of five for, of nine."""


def z_of_percentile(percentile: Floats) -> Floats:
    """Φ⁻¹ of a percentile 0 to 100, within ±3; NaN stays."""
    z: Floats = norm.ppf(np.clip(percentile / 100, 1e-6, 1 - 1e-6))
    return np.clip(z, -LARGEST_Z, LARGEST_Z)


def percentile_of_z(z: Floats) -> Floats:
    """Percentile 0 to 100 of z."""
    return np.asarray(100 * norm.cdf(z), dtype=np.float64)


def grade_of_z(z: Floats) -> Floats:
    """등급 of nine with decimals, 1 (best) to 9; NaN stays."""
    # Rising for np.interp: from the worst.
    found: Floats = np.interp(z, _MIDDLES[::-1], np.arange(9.0, 0.0, -1.0))
    return np.where(np.isnan(z), np.nan, found)


def nine_of_grade(grade: Floats, levels: Floats) -> Floats:
    """등급 of nine of a 등급 of `levels`, 9 or 5; any other stays as it is."""
    is_five = (levels == 5) & (grade >= 1) & (grade <= 5)
    place = np.where(is_five, np.nan_to_num(grade, nan=1.0), 1.0).astype(np.int64) - 1
    return np.where(is_five, _NINE_OF_FIVE[np.clip(place, 0, 4)], grade)
