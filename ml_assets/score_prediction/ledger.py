"""What published intervals promised and what came of them.

Belongs here: coverage of resolved predictions, and what follows from it for the next intervals. Not here: where the
outcomes come from (the mart fct_score_prediction_outcomes, over the log that each publication keeps).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.evaluation.intervals import coverage
from ml_assets.score_prediction.config import ScorePredictionConfig

Floats = npt.NDArray[np.float64]

COLUMNS: Final = ("predicted_score", "lower", "upper", "lower_90", "upper_90", "actual_score", "is_recent")


@dataclass(frozen=True)
class Ledger:
    """Resolved predictions of the last `ledger_days`: COLUMNS, all on the scale that was published, 0 to 100.

    `is_recent` says that the score came within the last `ledger_refuse_days`.
    """

    outcomes: pd.DataFrame

    def metrics(self) -> dict[str, Any]:
        """n, and the coverage that 80 % and 90 % intervals achieved; empty without outcomes."""
        if self.outcomes.empty:
            return {}
        actual = self._column("actual_score")
        return {
            "n": len(self.outcomes),
            "coverage_80": coverage(actual, self._column("lower"), self._column("upper")),
            "coverage_90": coverage(actual, self._column("lower_90"), self._column("upper_90")),
        }

    def widening(self, config: ScorePredictionConfig) -> float:
        """How many times as wide 80 % intervals would have had to be to keep their word; 1 where they did, or wide."""
        if len(self.outcomes) < config.ledger_min_rows:
            return 1.0
        actual, predicted = self._column("actual_score"), self._column("predicted_score")
        low, high = predicted - self._column("lower"), self._column("upper") - predicted
        half = np.maximum(np.where(actual < predicted, low, high), 0.1)
        return float(max(1.0, np.quantile(np.abs(actual - predicted) / half, 0.8)))

    def verdict(self, config: ScorePredictionConfig) -> tuple[str, ...]:
        """Why a candidate must be refused: the promise was broken badly, just now. Nothing where it was hardly tried.

        Only recent outcomes count: what is published next is widened by all of them, and a refusal that waits for
        outcomes of what it does not publish would never end.
        """
        found = Ledger(self.outcomes[self.outcomes["is_recent"].astype(bool)]).metrics()
        if not found or found["n"] < config.ledger_min_rows or found["coverage_80"] >= config.ledger_refuse_below:
            return ()
        return (
            f"80 % intervals covered {found['coverage_80']:.0%} of {found['n']:,} scores of the last "
            f"{config.ledger_refuse_days} days; below {config.ledger_refuse_below:.0%} nothing is published. Has an "
            "exam changed, or a scale? `tlu publish RUN` publishes an earlier candidate.",
        )

    def _column(self, name: str) -> Floats:
        return self.outcomes[name].to_numpy(np.float64)
