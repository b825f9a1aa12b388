"""The outlook on OULAD: is it as right for every group of learners, and what does a gap come from.

    tlu load oulad FOLDER
    python -m benchmarks.outlook fairness FOLDER 2013-11-30 2014-01-29 2014-04-02 2014-06-01

Gender, disability and deprivation are read from the folder here, for the evaluation alone: the app does not have them,
and no feature does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.evaluation.probabilities import figures_by_group
from ml_assets.outlook.backtest import asked_and_told
from ml_assets.outlook.config import OutlookConfig
from ml_assets.outlook.model import fit
from ml_assets.outlook.outcomes import SILENCE
from orchestration.backtest import read_both_sides
from orchestration.cutoff import Cutoff
from orchestration.database import database_url
from orchestration.settings import load_settings

ALARMED_SHARE: Final = 0.1
"""Share of the learners that are alarmed, those of the highest probability: about as many as fall silent."""

GAP_POINTS: Final = 5.0
"""Gap between the groups of an attribute, in percentage points, from which something has to be said."""

LEAST_LEARNERS: Final = 200
"""Learners of a group from which its figures are compared."""


def fairness(folder: Path, days: list[str]) -> dict[str, Any]:
    """Calibration and alarms by gender, disability and deprivation band, over the cut-offs of `days` together."""
    rows = pd.concat([_told(day) for day in days], ignore_index=True)
    rows = rows.merge(_learners(folder), on="student_id")
    happened, probability = (rows[name].to_numpy(np.float64) for name in ("outcome", "probability"))
    threshold = float(np.quantile(probability, 1 - ALARMED_SHARE))
    found: dict[str, Any] = {"n": len(rows), "threshold": threshold, "gaps_over_points": {}}
    for attribute in ("gender", "disability", "imd_band"):
        groups = figures_by_group(happened, probability, rows[attribute].to_numpy(object), threshold)
        found[attribute] = groups
        compared = [each for each in groups.values() if each["n"] >= LEAST_LEARNERS]
        gaps = {
            "predicted - rate": [100 * (each["predicted"] - each["rate"]) for each in compared],
            "false_alarm_rate": [100 * each["false_alarm_rate"] for each in compared],
            "caught_rate": [100 * each["caught_rate"] for each in compared],
        }
        found["gaps_over_points"][attribute] = {name: round(max(own) - min(own), 2) for name, own in gaps.items()}
    return found


def _told(day: str) -> pd.DataFrame:
    """Learners asked about at a cut-off, with probability and outcome."""
    settings = load_settings()
    sides = read_both_sides(settings, database_url(settings), Cutoff.parse(day))
    config = OutlookConfig()
    rows = asked_and_told(sides.outlook, sides.later_outlook, config, SILENCE)
    model = fit(sides.outlook, config).answers[SILENCE].model
    if model is None:
        raise SystemExit(f"Too few learners fell silent before {day} for a model. Choose a later day.")
    return rows[["student_id", "outcome"]].assign(probability=model.probability(rows))


def _learners(folder: Path) -> pd.DataFrame:
    """Attributes of each learner, by the id that the loader gives; of several registrations the last one's."""
    info = pd.read_parquet(folder / "studentInfo.parquet").sort_values(["code_presentation", "code_module"])
    info = info.drop_duplicates("id_student", keep="last")
    attributes = {name: info[name].fillna("unknown").astype(str) for name in ("gender", "disability", "imd_band")}
    return pd.DataFrame({"student_id": _ids(info["id_student"].to_numpy(np.int64)), **attributes})


def _ids(learners: npt.NDArray[np.int64]) -> list[str]:
    """Ids as local_supabase.oulad makes them of a learner's number."""
    digests = (hashlib.md5(f"oulad:student:{n}".encode(), usedforsecurity=False).hexdigest() for n in learners)
    plain = (f"{digest[:12]}8{digest[13:16]}8{digest[17:]}" for digest in digests)
    return [f"{p[:8]}-{p[8:12]}-{p[12:16]}-{p[16:20]}-{p[20:]}" for p in plain]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("fairness",))
    parser.add_argument("folder", type=Path)
    parser.add_argument("days", nargs="+")
    chosen = parser.parse_args()
    print(json.dumps(fairness(chosen.folder, chosen.days), indent=2))


if __name__ == "__main__":
    main()
