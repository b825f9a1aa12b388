"""The app's own risk formula on the same scores, and what each of its defects is worth.

Belongs here: the formula as it stands, and the chain of corrections from it to the risk. Not here: the risk itself.

Of a student's scores in a subject group, in order:

    0.4 × (mean of the last three 등급 - 1) / 8 × 100
    + 0.3 × min(100, 20 × max(0, last 등급 - the one before it))
    + 0.2 × min(100, deviation of raw scores / 20 × 100)
    + 0.1 × (50 where r is 0 or less, (1 - r) × 50 where it is below 1, else 0)

with r = (first - last 등급) / amount completed × 1000, or × 10 where no amount is. Without scores it is 0. Scores
without a 등급 have no part in the terms of 등급, those without raw points none in the deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.subject_risk import texts
from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import GROUP, SubjectRiskInput
from ml_assets.subject_risk.levels import LevelModel, fit
from ml_assets.subject_risk.places import ABSOLUTE, CELL
from ml_assets.subject_risk.risk import figures
from ml_assets.subject_risk.scale import grade_of_z, nine_of_grade, z_of_percentile

DEFECTS: Final = (
    "undated_internal_scores",
    "mixed_grade_scales",
    "ungraded_scores_left_out",
    "absolute_grades_as_ranks",
    "coarse_grades",
    "same_day_scores_apart",
    "deprecated_amount",
    "raw_score_spread",
    "kinds_thrown_together",
    "few_scores_not_shrunk",
    "no_data_is_zero",
)
"""Defects of the formula, in the order in which `compare` mends them, each on top of those before.

- undated_internal_scores: sorted by the test's date, which school exams do not have, they all come first
- mixed_grade_scales: 등급 of five beside 등급 of nine
- ungraded_scores_left_out: scores with a place but without a 등급 do not count
- absolute_grades_as_ranks: a 등급 of 절대평가 is taken for a rank among takers
- coarse_grades: a 등급 hides where in its band a score stands
- same_day_scores_apart: two 과목 of one day are taken for one exam after the other
- deprecated_amount: study is read from a column that is filled no more, instead of from plans done
- raw_score_spread: exams of different difficulty make a student look unsteady
- kinds_thrown_together: a change from 내신 to 모의고사 is taken for a change of the student
- few_scores_not_shrunk: two scores are believed as much as twenty, and one bad day as a fall
- no_data_is_zero: without enough scores there is a risk, often 0, instead of none
"""

_TOLD: Final = 0.05
"""Points from which a defect is said to have made a difference: less is rounded away."""


def old_formula(scores: pd.DataFrame, amounts: pd.DataFrame | None = None) -> pd.DataFrame:
    """The app's risk of every student and subject group in `scores`: student_id, subject_group, old_risk, 0 to 100.

    `scores` and `amounts` are frames of `SubjectRiskInput`; without amounts no study is known. School exams have no
    date for the formula, and among themselves no order: here it is that of their ids.
    """
    total = _total(amounts, "completed_amount") if amounts is not None else _nothing()
    rows = _old_rows(scores).sort_values([*GROUP, "test_date", "score_id"], na_position="first")
    return _formula(rows, _Study(total, 1000.0)).rename("old_risk").reset_index()


def compare(
    inputs: SubjectRiskInput,
    config: SubjectRiskConfig | None = None,
    model: LevelModel | None = None,
    students: int | None = None,
) -> pd.DataFrame:
    """Old and new risk of every row of `risk.figures`, and what each mended defect changed: columns that add up.

    Columns: student_id, subject_group, old_risk (0 to 100), new_risk (null: insufficient), each of DEFECTS in points,
    codes (JSON array of the defects that made a difference). old_risk and all defects add up to new_risk; where
    that is null, so are they, and the defect is no_data_is_zero. `students` takes the first so many by id, of those
    with a score.
    """
    config = config or SubjectRiskConfig()
    model = model or fit(inputs, config)
    if students is not None:
        scored = inputs.scores["student_id"].unique()
        of_students = inputs.students["student_id"]
        inputs = inputs.of_students(sorted(of_students[of_students.isin(scored)])[:students])
    return differences(inputs, figures(inputs, config, model), config, model)


def differences(
    inputs: SubjectRiskInput, rows: pd.DataFrame, config: SubjectRiskConfig, model: LevelModel
) -> pd.DataFrame:
    """`compare` for `rows`, which are `risk.figures` of the same inputs; same order."""
    scores = inputs.scores[inputs.scores["student_id"].isin(inputs.students["student_id"])]
    of_rows = pd.MultiIndex.from_frame(rows[GROUP])
    stages = [
        stage.reindex(of_rows).fillna(0.0).to_numpy(np.float64) for stage in _stages(scores, inputs, config, model)
    ]
    new = rows["risk_score"].to_numpy(np.float64)
    is_known = ~np.isnan(new)
    stages.append(np.where(is_known, new, np.nan))
    steps = {
        name: np.where(is_known, after - before, np.nan)
        for name, before, after in zip(DEFECTS[:-1], stages[:-1], stages[1:], strict=True)
    }
    steps["no_data_is_zero"] = np.where(is_known, 0.0, np.nan)
    holds = {name: np.abs(np.nan_to_num(step)) >= _TOLD for name, step in steps.items()}
    holds["no_data_is_zero"] = ~is_known
    found = rows[GROUP].assign(old_risk=stages[0], new_risk=new, **steps)
    return found.assign(codes=texts.code_lists(holds, len(found)))


@dataclass(frozen=True)
class _Study:
    """What was studied, by GROUP, and what a gain is multiplied by when it is told per unit of it."""

    total: pd.Series
    per: float


def _stages(
    scores: pd.DataFrame, inputs: SubjectRiskInput, config: SubjectRiskConfig, model: LevelModel
) -> list[pd.Series]:
    """The risk by GROUP with no defect mended, with the first, with the first two, and so on up to the kinds."""
    amount, plans = _Study(_total(inputs.amounts, "completed_amount"), 1000.0), _Study(_plans(inputs), 100.0)
    rows = _old_rows(scores)
    undated = rows.sort_values([*GROUP, "test_date", "score_id"], na_position="first")
    dated = rows.sort_values([*GROUP, "exam_date", "score_id"])
    nine = dated.assign(grade=nine_of_grade(dated["grade"].to_numpy(np.float64), dated["levels"].to_numpy(np.float64)))
    band = grade_of_z(z_of_percentile(scores["percentile"].to_numpy(np.float64))).round()
    graded = nine.assign(grade=nine["grade"].fillna(pd.Series(band, index=scores.index)))
    # Rows are joined by their index from here on, which sorting has kept.
    place = pd.Series(model.places.of(scores), index=scores.index)
    unmoved = place - np.where(scores["exam_kind"].eq("internal"), model.places.kind_shift, 0.0)
    fine_grade = pd.Series(grade_of_z(np.asarray(unmoved, dtype=np.float64)), index=scores.index)
    is_absolute = graded["basis"].eq(ABSOLUTE) & fine_grade.reindex(graded.index).notna()
    ranked = graded.assign(grade=graded["grade"].mask(is_absolute, fine_grade))
    fine = ranked.assign(grade=fine_grade.reindex(ranked.index).fillna(ranked["grade"]), place=place)
    daily = _daily(fine)
    return [
        _formula(undated, amount),
        _formula(dated, amount),
        _formula(nine, amount),
        _formula(graded, amount),
        _formula(ranked, amount),
        _formula(fine, amount),
        _formula(daily, amount),
        _formula(daily, plans),
        _formula(daily, plans, "place", config.spread_full),
        _of_kinds(daily, plans, config, model),
    ]


def _old_rows(scores: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **{name: scores[name] for name in [*GROUP, "score_id", "exam_date"]},
            "kind": scores["exam_kind"],
            "test_date": scores["exam_date"].where(scores["exam_kind"].eq("mock")),
            "grade": scores["rank_grade"],
            "levels": scores["rank_grade_levels"],
            "basis": scores["percentile_basis"].fillna(""),
            "raw": scores["raw_score"],
        }
    )


def _formula(rows: pd.DataFrame, study: _Study, spread: str = "raw", spread_full: float = 20.0) -> pd.Series:
    """The formula by GROUP of `rows`, which are in order, with the deviation of the column `spread`."""
    terms = _terms(rows, GROUP, spread)
    return _sum(terms, study.total.reindex(terms.index), study.per, spread_full)


def _terms(rows: pd.DataFrame, key: list[str], spread: str) -> pd.DataFrame:
    """Terms of the formula by `key`: mean, fall, gain, n, deviation.

    Mean is that of the last three 등급, fall that of the last from the one before, gain from the first to the last.
    """
    graded = rows.dropna(subset=["grade"])
    group = graded.groupby(key)["grade"]
    last = group.last()
    found = pd.DataFrame(
        {
            "mean": graded.groupby(key).tail(3).groupby(key)["grade"].mean(),
            "fall": group.diff().groupby([graded[name] for name in key]).last(),
            "gain": group.first() - last,
            "n": group.size(),
            "deviation": rows.dropna(subset=[spread]).groupby(key)[spread].std(ddof=0),
        }
    )
    return found.rename_axis(key)


def _sum(terms: pd.DataFrame, studied: pd.Series, per: float, spread_full: float) -> pd.Series:
    gain = terms["gain"].fillna(0.0)
    r = (gain / studied.where(studied > 0) * per).fillna(gain * 10)
    # A single 등급 is no gain, and a subject group of raw scores alone has no 등급 and no level.
    risk = (
        0.4 * (terms["mean"] - 1).fillna(0.0) / 8 * 100
        + 0.3 * (20 * terms["fall"].fillna(0.0)).clip(0, 100)
        + 0.2 * (terms["deviation"].fillna(0.0) / spread_full * 100).clip(upper=100)
        + 0.1 * 50 * (1 - r).clip(0, 1)
    )
    return risk.clip(0, 100)


def _of_kinds(daily: pd.DataFrame, study: _Study, config: SubjectRiskConfig, model: LevelModel) -> pd.Series:
    """The formula of each kind of exam, put together by how much their exams tell, school exams moved to mock exams."""
    rows = daily.dropna(subset=["place"])
    rows = rows.assign(grade=grade_of_z(rows["place"].to_numpy(np.float64)))
    terms = _terms(rows.rename(columns={"kind": "exam_kind"}), CELL, "place")
    noise = terms.index.get_level_values("exam_kind").map(dict(model.noise)).to_numpy(np.float64)
    weight = terms["n"] / noise
    names = ["mean", "fall", "gain", "deviation"]
    parts = terms[names].fillna(0.0).mul(weight, axis=0).groupby(GROUP).sum()
    both = parts.div(weight.groupby(GROUP).sum(), axis=0)
    return _sum(both, study.total.reindex(both.index), study.per, config.spread_full)


def _daily(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with one of each day and kind: means of its 과목."""
    key = [*GROUP, "exam_date", "kind"]
    return rows.groupby(key)[["grade", "raw", "place"]].mean().reset_index()


def _plans(inputs: SubjectRiskInput) -> pd.Series:
    return _total(inputs.weekly, "done_count")


def _total(frame: pd.DataFrame, column: str) -> pd.Series:
    return frame.groupby(GROUP)[column].sum().astype("float64")


def _nothing() -> pd.Series:
    return pd.Series(dtype="float64", index=pd.MultiIndex.from_arrays([[], []], names=GROUP))
