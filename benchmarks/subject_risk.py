"""The app's old risk formula beside the mended one, for 200 students of the sample, each difference by its defect.

    tlu load sample
    tlu run
    python -m benchmarks.subject_risk [--csv FILE]

The old formula is an independent reference: the mended value is reached from it by mending one named defect after the
other, and what the steps add up to is the difference.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ml_assets.subject_risk.legacy import DEFECTS, compare
from orchestration.database import database_url
from orchestration.features import read_subject_risk_input
from orchestration.settings import load_settings
from orchestration.transform import RUN_TARGET, SCHEMAS


def side_by_side(students: int) -> pd.DataFrame:
    """`legacy.compare` of the last run's features."""
    settings = load_settings()
    return compare(read_subject_risk_input(database_url(settings), SCHEMAS[RUN_TARGET]), students=students)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """How far apart the two are, how often each defect takes part, and by how much; what no defect explains."""
    told = rows.dropna(subset=["new_risk"])
    steps = told[[name for name in DEFECTS if name in told]]
    unexplained = (told["new_risk"] - told["old_risk"] - steps.sum(axis=1)).abs()
    return {
        "students": int(rows["student_id"].nunique()),
        "rows": len(rows),
        "insufficient": int(rows["new_risk"].isna().sum()),
        "old": float(told["old_risk"].mean()),
        "new": float(told["new_risk"].mean()),
        "correlation": float(told["old_risk"].corr(told["new_risk"])),
        "most_unexplained": float(unexplained.max()),
        "defects": {
            name: {"rows": int((steps[name].abs() >= 0.1).sum()), "mean_points": float(steps[name].mean())}
            for name in steps
        },
    }


def main() -> None:
    """Print the summary as JSON, and write all rows where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--csv", type=Path)
    chosen = parser.parse_args()
    rows = side_by_side(chosen.students)
    if chosen.csv:
        rows.to_csv(chosen.csv, index=False)
    print(json.dumps(summary(rows), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
