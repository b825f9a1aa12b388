"""The risk of a student in a subject group, and which groups are weak: the one definition for all who ask.

Belongs here: points, thresholds, and the rows that the app reads. Not here: levels (`levels`), words (`texts`), the
app's old formula (`legacy`).

The risk has the app's four parts with the app's weights: a low level, a fall, an unsteady way, and study without gain.
Each is taken from the shrunk level of `levels`, and they add up to it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from ml_assets.subject_risk import texts
from ml_assets.subject_risk.config import SubjectRiskConfig
from ml_assets.subject_risk.inputs import GROUP, SubjectRiskInput
from ml_assets.subject_risk.levels import LevelModel, fit, levels
from ml_assets.subject_risk.places import CELL, exams
from ml_assets.subject_risk.scale import GRADES_PER_Z, Floats, grade_of_z, percentile_of_z

SCORES: Final = "scores"
INSUFFICIENT: Final = "insufficient"

WEAK_SUBJECTS: Final = (
    *GROUP,
    *("exam_count", "last_exam_date", "percentile", "own_percentile", "need", "is_weak"),
)

_SMALL: Final = 1e-9
"""Stands for a deviation of nothing: a gain over no time is known to be none."""


def figures(
    inputs: SubjectRiskInput, config: SubjectRiskConfig | None = None, model: LevelModel | None = None
) -> pd.DataFrame:
    """Every number about each student of `inputs` and subject group that is studied or has a score, sorted.

    Columns: student_id, subject_group, tenant_id, those of `levels.levels`, the parts (`texts.POINTS` + their code),
    risk_score (null where there are fewer than `min_exams`), percentile and own_percentile (0 to 100, null without an
    exam), need (0 to 1), is_weak, recent_grade_trend, consistency_score, mastery_estimate, recent_3_avg_grade,
    grade_change, score_variance, improvement_rate, level_grade.
    """
    config = config or SubjectRiskConfig()
    model = model or fit(inputs, config)
    rows = _groups(inputs).merge(levels(inputs, model, config), how="left", on=GROUP)
    rows = rows.merge(_recent(inputs, model, config), how="left", on=GROUP)
    rows["exam_count"] = rows["exam_count"].fillna(0).astype("int64")
    rows["done_count"] = _done(rows, inputs, config)
    return _judged(_weak(_measured(rows, config), config), config)


def weak_subjects(
    inputs: SubjectRiskInput, config: SubjectRiskConfig | None = None, model: LevelModel | None = None
) -> pd.DataFrame:
    """WEAK_SUBJECTS of every student and subject group with an exam, sorted by key: what the other products ask.

    - percentile: where the student stands, 0 to 100, shrunk by how much was seen
    - own_percentile: mean of the student's groups
    - need: 0 to 1, how far behind the own mean, `need_points` being all
    - is_weak: with `min_exams` or more, and either `weak_points` or more below the own mean, or at risk by `weak_risk`
      and not above the own mean: of a student who is at risk everywhere, the lower half
    """
    rows = figures(inputs, config, model)
    return rows.loc[rows["exam_count"] > 0, list(WEAK_SUBJECTS)].reset_index(drop=True)


def _groups(inputs: SubjectRiskInput) -> pd.DataFrame:
    """What has rows: every subject group of a student that is planned, studied or has a score."""
    every = pd.concat([inputs.courses[GROUP], inputs.subjects[GROUP], inputs.scores[GROUP]], ignore_index=True)
    tenants = inputs.students[["student_id", "tenant_id"]]
    return every.drop_duplicates().merge(tenants, on="student_id").sort_values(GROUP, ignore_index=True)


def _recent(inputs: SubjectRiskInput, model: LevelModel, config: SubjectRiskConfig) -> pd.DataFrame:
    """GROUP, recent_3_avg_grade and grade_change, in 등급 of nine.

    The mean is over the last three exams; the change is that of the last exam from the one before it of its kind,
    positive for worse.
    """
    scores = inputs.scores[inputs.scores["student_id"].isin(inputs.students["student_id"])]
    rows = exams(scores, model.places, config)
    rows["grade"] = grade_of_z(rows["z"].to_numpy(np.float64))
    rows["grade_change"] = rows.groupby(CELL)["grade"].diff()
    rows = rows.sort_values([*GROUP, "exam_date", "exam_kind"])
    rows["mean"] = rows.groupby(GROUP)["grade"].rolling(3, min_periods=1).mean().reset_index(level=[0, 1], drop=True)
    last = rows.drop_duplicates(GROUP, keep="last")
    return last[[*GROUP, "mean", "grade_change"]].rename(columns={"mean": "recent_3_avg_grade"})


def _done(rows: pd.DataFrame, inputs: SubjectRiskInput, config: SubjectRiskConfig) -> Floats:
    """Plans done since the week of the first exam; NaN where fewer than `min_gain_plans` are known."""
    done = inputs.weekly[inputs.weekly["done_count"] > 0].merge(rows[[*GROUP, "first_exam_date"]], on=GROUP)
    done = done[done["week_start"] + pd.Timedelta(days=7) > done["first_exam_date"]]
    total = done.groupby(GROUP)["done_count"].sum().rename("done")
    total = total[total >= config.min_gain_plans]
    found: Floats = rows[GROUP].merge(total.reset_index(), how="left", on=GROUP)["done"].to_numpy(np.float64)
    return found


def _measured(rows: pd.DataFrame, config: SubjectRiskConfig) -> pd.DataFrame:
    """`rows` with the parts, the risk, and the app's columns."""
    level, slope, spread = (rows[name].to_numpy(np.float64) for name in ("level", "slope", "spread"))
    latest = rows.groupby("student_id")["last_exam_date"].transform("max")
    years = np.asarray((rows["first_exam_date"] - latest).dt.days / 365.25, dtype=np.float64)
    grade = grade_of_z(level)
    fall = grade - grade_of_z(level - slope * config.decline_days / 365.25)
    gain = grade_of_z(level + slope * years) - grade
    rate = gain / rows["done_count"].to_numpy(np.float64) * config.gain_plans
    spread_grades = (grade_of_z(level - spread) - grade_of_z(level + spread)) / 2
    consistency = np.maximum(0.0, 100 - 50 * spread_grades)
    parts = {
        "level": config.level_points * (grade - 1) / 8,
        "decline": config.decline_points * np.clip(fall * config.decline_share_per_grade, 0, 1),
        "spread": config.spread_points * np.clip(spread / config.spread_full, 0, 1),
        "no_gain": config.no_gain_points * _chance_of_no_gain(rows, rate, years, config),
    }
    has_risk = (rows["exam_count"] >= config.min_exams).to_numpy(bool)
    rounded = {name: np.where(has_risk, np.round(part, 1), np.nan) for name, part in parts.items()}
    return rows.assign(
        **{texts.POINTS + name: points for name, points in rounded.items()},
        risk_score=np.round(sum(rounded.values()), 1),
        level_grade=np.round(grade, 1),
        recent_grade_trend=_trend(rows, config, has_risk),
        consistency_score=np.where(has_risk, np.round(consistency, 1), np.nan),
        mastery_estimate=np.where(has_risk, np.round(0.7 * (9 - grade) / 8 * 100 + 0.3 * consistency, 1), np.nan),
        recent_3_avg_grade=rows["recent_3_avg_grade"].round(2),
        grade_change=rows["grade_change"].round(2),
        score_variance=np.where(
            has_risk, np.round((percentile_of_z(level + spread) - percentile_of_z(level - spread)) / 2, 1), np.nan
        ),
        improvement_rate=np.where(has_risk, np.round(rate, 4), np.nan),
    )


def _chance_of_no_gain(rows: pd.DataFrame, rate: Floats, years: Floats, config: SubjectRiskConfig) -> Floats:
    """Probability that the gain per study is below a half, the middle of the app's ramp from none to all.

    The ramp itself is narrower than the gain is known, so that it would turn noise into all or nothing. Where too
    little study is known it is a half: neither all nor nothing.
    """
    deviation = np.sqrt(rows["slope_variance"].to_numpy(np.float64)) * np.abs(years) * GRADES_PER_Z
    per = config.gain_plans / rows["done_count"].to_numpy(np.float64)
    chance = norm.cdf((0.5 - rate) / np.maximum(deviation * per, _SMALL))
    return np.where(np.isnan(rate), 0.5, chance)


def _trend(rows: pd.DataFrame, config: SubjectRiskConfig, has_risk: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """+1 for a student who gets better, -1 for worse, where it is `trend_certainty` sure; else 0."""
    sure = norm.ppf(config.trend_certainty) * np.sqrt(rows["slope_variance"].to_numpy(np.float64))
    slope = rows["slope"].to_numpy(np.float64)
    return np.where(has_risk & (np.abs(slope) >= sure), np.sign(np.nan_to_num(slope)), 0).astype(np.int16)


def _weak(rows: pd.DataFrame, config: SubjectRiskConfig) -> pd.DataFrame:
    percentile = pd.Series(np.round(percentile_of_z(rows["level"].to_numpy(np.float64)), 1), index=rows.index)
    own = percentile.groupby(rows["student_id"]).transform("mean").round(1)
    behind = (own - percentile).round(1)
    weak = (behind >= config.weak_points) | ((rows["risk_score"] >= config.weak_risk) & (behind >= 0))
    return rows.assign(
        percentile=percentile,
        own_percentile=own,
        need=(behind / config.need_points).clip(0, 1).round(3),
        is_weak=weak & (rows["exam_count"] >= config.min_exams),
    )


def _judged(rows: pd.DataFrame, config: SubjectRiskConfig) -> pd.DataFrame:
    enough = rows["exam_count"] >= config.min_exams
    rows = rows.assign(basis=np.where(enough, SCORES, INSUFFICIENT))
    return rows.assign(factors=texts.factors(rows), reasoning=texts.reasoning(rows))
