"""Metrics of predicted probabilities: ranking, error and calibration.

Belongs here: figures of arrays. Not here: models, or which rows count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.float64]


def auroc(happened: Floats, probability: Floats) -> float | None:
    """Area under the ROC curve, 0 to 1, ties counted half; None for rates, and where everything or nothing happened."""
    if set(np.unique(happened)) != {0.0, 1.0}:
        return None
    return float(roc_auc_score(happened, probability))


def brier(happened: Floats, probability: Floats) -> float:
    """Mean squared distance of probability and outcome (Brier 1950); outcomes may be rates between 0 and 1."""
    return float(np.mean((happened - probability) ** 2))


def calibration_table(happened: Floats, probability: Floats, bins: int = 10) -> list[dict[str, Any]]:
    """Rows in order of probability, cut into `bins` of equal size: n, mean probability, share that happened."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        {
            "n": len(part),
            "predicted": float(probability[part].mean()),
            "happened": float(happened[part].mean()),
        }
        for part in parts
    ]


def expected_calibration_error(happened: Floats, probability: Floats, bins: int = 10) -> float:
    """Mean distance of predicted and happened over `calibration_table`, weighed by its n (Naeini et al. 2015)."""
    table = calibration_table(happened, probability, bins)
    return float(sum(row["n"] * abs(row["predicted"] - row["happened"]) for row in table) / len(happened))


def probability_figures(happened: Floats, probability: Floats) -> dict[str, Any]:
    """All of these, as the backtest prints them."""
    return {
        "n": len(happened),
        "rate": float(happened.mean()),
        "auroc": auroc(happened, probability),
        "brier": brier(happened, probability),
        "expected_calibration_error": expected_calibration_error(happened, probability),
        "deciles": calibration_table(happened, probability),
    }


def figures_by_group(
    happened: Floats, probability: Floats, group: npt.NDArray[np.object_], threshold: float
) -> dict[str, dict[str, Any]]:
    """Calibration and alarms of each group, for questions of fairness.

    - rate, predicted: share that happened and mean probability
    - false_alarm_rate: of those to whom nothing happened, the share with `threshold` or more (Hardt et al. 2016)
    - caught_rate: of those to whom it happened; precision: of the alarmed, the share to whom it happened; None of none
    """
    found = {}
    for name in sorted(set(group)):
        own = group == name
        told, truth = probability[own], happened[own]
        alarmed = told >= threshold
        found[str(name)] = {
            "n": int(own.sum()),
            "rate": float(truth.mean()),
            "predicted": float(told.mean()),
            "auroc": auroc(truth, told),
            "expected_calibration_error": expected_calibration_error(truth, told),
            "false_alarm_rate": _share(alarmed[truth == 0]),
            "caught_rate": _share(alarmed[truth == 1]),
            "precision": _share(truth[alarmed]),
        }
    return found


def _share(flags: npt.NDArray[Any]) -> float | None:
    return float(flags.mean()) if len(flags) else None
