"""What the notebooks share: the file they read, and how their plots look.

Belongs here: connecting, fonts, colours. Not here: any analysis.
"""

from __future__ import annotations

import os
from importlib.metadata import distribution
from pathlib import Path

import duckdb
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from matplotlib import font_manager

# Okabe and Ito: told apart also by the colour-blind, and in grey.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
# One colour each, the same in every plot.
EXAM_KINDS = {"internal": ("내신", BLUE), "mock": ("모의고사", ORANGE)}
# Element 0 is Sunday, as in the app.
WEEKDAYS = ("일", "월", "화", "수", "목", "금", "토")
LEVELS = {1: "개념", 2: "기본", 3: "심화", 4: "최상"}

_MARTS = Path(__file__).resolve().parents[1] / ".tlu" / "marts.duckdb"
_FONT = "NanumGothic"


def connect() -> duckdb.DuckDBPyConnection:
    """Open the marts read-only, so that a run may replace the file meanwhile, and prepare the plots.

    The facts of students are read without the app's dummies. The file is the one that `TLU_MARTS` names, else the one
    that `make run` leaves in this checkout. Raises FileNotFoundError with what to do when there is none.
    """
    file = Path(os.environ.get("TLU_MARTS") or _MARTS)
    if not file.exists():
        raise FileNotFoundError(f"There is no {file}. `make run` writes it; TLU_MARTS names another one.")
    prepare()
    db = duckdb.connect(str(file), read_only=True)
    [(catalog,)] = db.execute("select current_database()").fetchall()
    for fact in ("fct_plan", "fct_score", "fct_study_daily", "fct_study_session"):
        people = "(from dim_student where not is_synthetic)"
        db.execute(f"create temp view {fact} as from {catalog}.{fact} semi join {people} using (student_id)")
    return db


def prepare() -> None:
    """Set matplotlib's defaults: a font with Korean, and the look of every plot."""
    # The font is taken from the package's files: importing it needs distutils, which Python 3.12 no longer has.
    package = distribution("koreanize-matplotlib")
    for weight in ("", "Bold"):
        font_manager.fontManager.addfont(str(package.locate_file(f"koreanize_matplotlib/fonts/{_FONT}{weight}.ttf")))
    plt.rcParams.update(
        {
            "font.family": _FONT,
            # The font has no U+2212; a hyphen is a minus sign that it has.
            "axes.unicode_minus": False,
            "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, GREY]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 13,
            "axes.titleweight": "semibold",
            "axes.titlelocation": "left",
            "axes.titlepad": 12,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#E6E6E6",
            "legend.frameon": False,
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
        }
    )


def enough(frame: pd.DataFrame, rows: int, of_what: str) -> bool:
    """Return whether there are `rows` rows or more to draw; say so where there are not."""
    if len(frame) >= rows:
        return True
    print(f"Not enough data: {len(frame)} {of_what}, and a picture of fewer than {rows} would mislead.")
    return False
