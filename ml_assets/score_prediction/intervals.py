"""Intervals that were right as often as they promise, on exams that were still to come.

Belongs here: quantiles of past errors, and from them bounds and probabilities. Not here: predictions.

Normalised Mondrian conformal prediction (Vovk, Gammerman & Shafer 2005; Papadopoulos et al. 2011): errors of replayed
predictions, divided by the deviation that the model expects of them, have quantiles by number of past scores and kind
of exam, and apart from these where an exam is of a type that its subject group has never had. Errors within an exam go
together, so that an exam counts by its rows only up to some hundred. Both tails have their own quantile: scores with a
ceiling err further down than up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from ml_assets.score_prediction.config import PAST_SCORES, ScorePredictionConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVELS: Final = (0.8, 0.9)
_KNOTS: Final = np.linspace(0.005, 0.995, 199)
CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"
_ALL, _NEW = "all", "new"


def history_class(past_count: Floats) -> npt.NDArray[np.object_]:
    """Class of PAST_SCORES of each number of past scores."""
    names = np.array(list(PAST_SCORES), dtype=object)
    lows = np.array([low for low, _ in PAST_SCORES.values()])
    return names[np.searchsorted(lows, past_count, side="right") - 1]


@dataclass(frozen=True)
class Calibration:
    """Quantiles of normalised errors by group (`class/kind`, `class`, `all`); none where nothing was there to learn.

    The class is that of PAST_SCORES, or `new` for an exam that is new.

    `widening` is what the ledger asks for: intervals are so many times as wide as the replayed errors say.
    """

    quantiles: dict[str, Floats]
    rows: int
    widening: float = 1.0

    def interval_basis(self) -> str:
        """Whether there was anything to calibrate on."""
        return CALIBRATED if self.quantiles else UNCALIBRATED

    def bounds(self, rows: pd.DataFrame, center: Floats, deviation: Floats, level: float) -> tuple[Floats, Floats]:
        """Lower and upper bound at `level`, on the scale of `center`, and around it whatever side errors lay on."""
        tail = (1 - level) / 2
        low, high = self._quantile(rows, tail), self._quantile(rows, 1 - tail)
        return center + deviation * np.minimum(low, 0.0), center + deviation * np.maximum(high, 0.0)

    def probability(self, rows: pd.DataFrame, low: Floats, high: Floats) -> Floats:
        """Probability that the normalised error of each row lies between `low` and `high`."""
        tables, of = self._groups(rows)
        found = np.zeros(len(rows))
        for number, table in enumerate(tables):
            own = of == number
            found[own] = np.interp(high[own], table, _KNOTS, 0, 1) - np.interp(low[own], table, _KNOTS, 0, 1)
        return np.clip(found, 0.0, 1.0)

    def _quantile(self, rows: pd.DataFrame, share: float) -> Floats:
        tables, of = self._groups(rows)
        return np.array([np.interp(share, _KNOTS, table) for table in tables])[of]

    def _groups(self, rows: pd.DataFrame) -> tuple[list[Floats], Ints]:
        """Quantiles of each group that `rows` (past_count, exam_kind, is_new_exam) belong to, and the group of each."""
        if not self.quantiles:
            return [np.asarray(norm.ppf(_KNOTS), dtype=np.float64)], np.zeros(len(rows), dtype=np.int64)
        of, wanted = pd.factorize(_classes(rows) + "/" + rows["exam_kind"].to_numpy(object))
        found = [
            next(group for group in (name, name.split("/")[0], _ALL) if group in self.quantiles) for name in wanted
        ]
        return [self.widening * self.quantiles[group] for group in found], of.astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "quantiles": {name: values.tolist() for name, values in self.quantiles.items()},
            "rows": self.rows,
            "widening": self.widening,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Back from JSON."""
        quantiles = {name: np.array(found, dtype=np.float64) for name, found in values["quantiles"].items()}
        return cls(quantiles, values["rows"], values["widening"])


def _classes(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    classes = history_class(rows["past_count"].to_numpy(np.float64))
    return np.where(rows["is_new_exam"].to_numpy(bool), _NEW, classes)


def calibrate(rows: pd.DataFrame, error: Floats, deviation: Floats, config: ScorePredictionConfig) -> Calibration:
    """Quantiles of error / deviation over `rows`: past_count, exam_kind, is_new_exam, and exam, its number."""
    if len(rows) < config.calibration_min_rows:
        return Calibration({}, len(rows))
    normalised = error / deviation
    in_exam = rows.groupby("exam")["exam"].transform("size").to_numpy(np.float64)
    weight = 1 / (1 + in_exam / config.calibration_exam_rows)
    classes, kinds = _classes(rows), rows["exam_kind"].to_numpy(object)
    groups = {_ALL: np.ones(len(rows), dtype=bool)}
    for name in set(classes):
        groups[name] = classes == name
        groups |= {f"{name}/{kind}": (classes == name) & (kinds == kind) for kind in set(kinds)}
    quantiles = {}
    for name, chosen in sorted(groups.items()):
        if chosen.sum() < config.calibration_min_rows:
            continue
        # What is new comes exam by exam, and all its rows with it; else the next row is one more row.
        is_new = name.split("/")[0] == _NEW
        more = weight[chosen].sum() / rows.loc[chosen, "exam"].nunique() if is_new else weight[chosen].mean()
        quantiles[name] = _quantiles(normalised[chosen], weight[chosen], float(more))
    return Calibration(quantiles, len(rows))


def _quantiles(values: Floats, weight: Floats, one_more: float) -> Floats:
    """Weighted quantiles at the knots, half of the mass of one more beyond either end, as conformal prediction asks."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    at = (mass - weight[order] / 2 + one_more / 2) / (mass[-1] + one_more)
    return np.asarray(np.interp(_KNOTS, at, values[order]), dtype=np.float64)
