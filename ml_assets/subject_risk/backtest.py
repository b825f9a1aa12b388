"""How right the risk is: against what generated students are really like, and against later exams of any data.

Belongs here: truth, baselines on the same rows, figures. Not here: where later scores come from.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import GROUP, SubjectRiskInput
from ml_assets.subject_risk.legacy import old_formula
from ml_assets.subject_risk.levels import LevelModel, fit
from ml_assets.subject_risk.places import is_placed
from ml_assets.subject_risk.risk import figures

LOW_PERCENTILE: Final = 40.0
"""A place below which an exam went badly: the lower end of the middle 등급 of nine."""

MANY: Final = 4
"""Scores from which the strongest and weakest subject are asked for."""

METHODS: Final = ("level", "risk", "old_risk", "mean_percentile")
"""Ours by level, ours by risk, and the baselines: the old formula, and the plain mean of percentiles."""

LATER_METHODS: Final = ("level", "risk", "old_risk", "last_percentile", "mean_percentile")


def evaluate_risk(
    inputs: SubjectRiskInput,
    later_scores: pd.DataFrame,
    hidden: pd.DataFrame | None = None,
    config: SubjectRiskConfig | None = None,
) -> dict[str, Any]:
    """The block that `tlu backtest --json` prints of the risk.

    `later_scores` holds scores as `inputs.scores` does; those of exams at or after the cut-off count. `hidden`, of
    generated students alone, has student_id, weak_subject and strong_subject, and may have `ability_<subject group>`.
    """
    config = config or SubjectRiskConfig()
    model = fit(inputs, config)
    rows = _told(inputs, config, model)
    block: dict[str, Any] = {"rows": len(rows), "sufficient": int(rows["risk"].notna().sum())}
    block["later"] = _later(rows, inputs, later_scores)
    if hidden is not None:
        block["hidden"] = _hidden(rows, inputs, hidden)
    return block


def _told(inputs: SubjectRiskInput, config: SubjectRiskConfig, model: LevelModel) -> pd.DataFrame:
    """GROUP and, higher worse, what each method says of it."""
    rows = figures(inputs, config, model)
    placed = inputs.scores[inputs.scores["percentile"].notna()].sort_values([*GROUP, "exam_date", "score_id"])
    group = placed.groupby(GROUP)["percentile"]
    plain = pd.DataFrame({"last_percentile": -group.last(), "mean_percentile": -group.mean()}).reset_index()
    old = old_formula(inputs.scores, inputs.amounts)
    told = rows[[*GROUP, "exam_count"]].assign(level=-rows["level"], risk=rows["risk_score"])
    return told.merge(old, how="left", on=GROUP).merge(plain, how="left", on=GROUP)


def _later(rows: pd.DataFrame, inputs: SubjectRiskInput, later: pd.DataFrame) -> dict[str, Any]:
    """How well each method ranks the next exam of each student and subject group that has a rank among its takers.

    `below_40` is over all of them; `own_lowest` asks which of a student's groups was the lowest next time, over
    students with three or more, each method centred on the student's mean. The truth is the percentile as it was
    entered.
    """
    truth = _next(inputs, later)
    both = rows.dropna(subset=["risk", *LATER_METHODS]).merge(truth, on=GROUP)
    found: dict[str, Any] = {"n": len(both)}
    if both.empty:
        return found
    found["spearman"] = {name: _number(spearmanr(-both[name], both["actual"]).statistic) for name in LATER_METHODS}
    is_low = both["actual"] < LOW_PERCENTILE
    found["below_40"] = {"n": len(both), "share": float(is_low.mean())} | _aurocs(both, is_low)
    several = both[both.groupby("student_id")["actual"].transform("size") >= 3]
    lowest = several.groupby("student_id")["actual"].transform("min") == several["actual"]
    methods = list(LATER_METHODS)
    centred = several[methods] - several.groupby("student_id")[methods].transform("mean")
    found["own_lowest"] = {
        "n": len(several),
        "students": int(several["student_id"].nunique()),
        **_aurocs(centred, lowest),
    }
    return found


def _next(inputs: SubjectRiskInput, later: pd.DataFrame) -> pd.DataFrame:
    """GROUP and actual: mean percentile on the day of the first exam at or after the cut-off that has ranks."""
    day = later["exam_date"].astype("datetime64[s]")
    is_new = (day >= pd.Timestamp(inputs.as_of)) & is_placed(later) & ~later["score_id"].isin(inputs.scores["score_id"])
    rows = later.loc[is_new, [*GROUP, "percentile"]].assign(exam_date=day[is_new])
    first = rows.groupby(GROUP)["exam_date"].transform("min") == rows["exam_date"]
    return rows[first].groupby(GROUP)["percentile"].mean().rename("actual").reset_index()


def _hidden(rows: pd.DataFrame, inputs: SubjectRiskInput, hidden: pd.DataFrame) -> dict[str, Any]:
    """Shares of students of whom the weakest and the strongest subject group are named rightly.

    Over the groups that can be weak or strong. `named` is the group that was lowered (raised) when the student was
    made, `lowest` (`highest`) the one of the least (most) ability: chance can make another one lower still, and
    `ceiling` is how often the named one is found by who knows the abilities. Students of whom a method says nothing
    are counted as wrong. Keys: at_least_4_scores, in all, and at_least_4_scores_in_each group.
    """
    groups = sorted(set(hidden["weak_subject"]) | set(hidden["strong_subject"]))
    truth = hidden.set_index("student_id")
    known = [student for student in inputs.students["student_id"].sort_values() if student in truth.index]
    truth = truth.loc[known]
    own = inputs.scores[inputs.scores["student_id"].isin(known)]
    total = own.groupby("student_id").size().reindex(known, fill_value=0)
    counts = _table(own.groupby(GROUP).size().rename("count").reset_index(), "count", known, groups).fillna(0)
    tables = {name: _table(rows, name, known, groups) for name in METHODS}
    found = {}
    for label, chosen in (
        ("at_least_4_scores", total >= MANY),
        ("at_least_4_scores_in_each", (counts >= MANY).all(axis=1)),
    ):
        of_chosen = {name: table[chosen] for name, table in tables.items()}
        found[label] = {"n": int(chosen.sum()), **_shares(truth[chosen], of_chosen, groups)}
    return found


def _table(rows: pd.DataFrame, values: str, students: list[str], groups: list[str]) -> pd.DataFrame:
    """`values` of `rows`, students down and subject groups across."""
    found = rows.pivot_table(values=values, index="student_id", columns="subject_group")
    return found.reindex(index=students, columns=groups)


def _shares(truth: pd.DataFrame, tables: dict[str, pd.DataFrame], groups: list[str]) -> dict[str, Any]:
    if truth.empty:
        return {}
    answers: dict[str, tuple[pd.Series, pd.Series]] = {"named": (truth["weak_subject"], truth["strong_subject"])}
    abilities = [f"ability_{group}" for group in groups]
    if set(abilities) <= set(truth.columns):
        ability = truth[abilities].set_axis(groups, axis=1)
        answers["lowest_and_highest"] = (ability.idxmin(axis=1), ability.idxmax(axis=1))
    found: dict[str, Any] = {}
    for name, (weakest, strongest) in answers.items():
        found[name] = {
            method: {
                "weakest": float((_pick(table, worst=True) == weakest).mean()),
                "strongest": float((_pick(table, worst=False) == strongest).mean()),
            }
            for method, table in tables.items()
        }
    if "lowest_and_highest" in answers:
        best = answers["lowest_and_highest"]
        found["ceiling"] = {
            "weakest": float((best[0] == truth["weak_subject"]).mean()),
            "strongest": float((best[1] == truth["strong_subject"]).mean()),
        }
    return found


def _pick(table: pd.DataFrame, *, worst: bool) -> pd.Series:
    """The group of the highest (lowest) value of each row, the first by name of equal ones; '' where there is none."""
    values = table.to_numpy(np.float64)
    filled = np.where(np.isnan(values), -np.inf if worst else np.inf, values)
    place = filled.argmax(axis=1) if worst else filled.argmin(axis=1)
    names = np.array(table.columns, dtype=object)[place]
    return pd.Series(np.where(np.isnan(values).all(axis=1), "", names), index=table.index)


def _aurocs(told: pd.DataFrame, is_true: pd.Series[bool]) -> dict[str, Any]:
    if is_true.nunique() < 2:
        return {"auroc": dict.fromkeys(LATER_METHODS)}
    return {"auroc": {name: float(roc_auc_score(is_true, told[name])) for name in LATER_METHODS}}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
