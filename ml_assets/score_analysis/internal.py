"""School scores: GPA by term, Z-index, and the subject groups from the strongest on.

Belongs here: internal_summary and the figures that the strategy takes from it. Not here: mock exams.

A GPA is the mean of 등급 by credit hours. 등급 of nine and of five are never in one mean: a term has a GPA in each
system that it has 등급 of, and the average is over the terms of the system of the latest one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml_assets.score_analysis import json_text
from ml_assets.score_analysis.config import ScoreAnalysisConfig

_TERM: Final = ["student_id", "schoolYear", "semester", "gradeLevels"]
_PLACED: Final = ("class_rank", "raw_score")
"""Bases of a percentile that stand for the own place, from which z can be read where mean and deviation are unknown."""


def internal_figures(scores: pd.DataFrame, config: ScoreAnalysisConfig) -> pd.DataFrame:
    """One row per student with a school score, by student_id: gpa, grade_levels, z_index and internal_summary (JSON).

    Parts that cannot be told are null, and `reasons` says why.
    """
    rows = scores[scores["exam_kind"] == "internal"]
    students = pd.Index(rows["student_id"].unique(), dtype="str", name="student_id").sort_values()
    terms = _terms(rows)
    average = _average(terms).reindex(students)
    z = _z_index(rows).reindex(students)
    band = pd.Series(
        np.select([z["z"] >= config.good_z, z["z"] >= config.fair_z], ["우수", "평균"], "미흡"), index=students
    )
    reasons = json_text.reasons(
        {
            "averageGpa": {"no_rank_grade_with_credit_hours": average["gpa"].isna()},
            "zIndex": {"no_place_with_credit_hours": z["z"].isna()},
        }
    )
    summary = json_text.objects(
        {
            "averageGpa": json_text.written(average["gpa"]),
            "gradeLevels": json_text.written(average["gradeLevels"]),
            "termCount": json_text.written(average["terms"].fillna(0)),
            "gpaTrend": _listed(terms, students),
            "zIndex": json_text.written(z["z"]),
            "zBand": json_text.written(band.where(z["z"].notna())),
            "zBasis": json_text.written(z["basis"]),
            "subjectStrength": _listed(_strength(rows), students),
            "reasons": reasons,
        }
    )
    return pd.DataFrame(
        {
            "gpa": average["gpa"],
            "grade_levels": average["gradeLevels"],
            "z_index": z["z"],
            "internal_summary": pd.Series(summary, index=students),
        }
    )


def _terms(rows: pd.DataFrame) -> pd.DataFrame:
    """GPA of each term and system, oldest first: _TERM, gpa, creditHours, scoreCount.

    A school year begins in March, its second semester in September; a term's day lies well within.
    """
    graded = rows[rows["rank_grade"].notna() & rows["rank_grade_levels"].notna() & (rows["credit_hours"] > 0)]
    month = graded["exam_date"].dt.month
    graded = graded.assign(
        schoolYear=graded["exam_date"].dt.year - (month < 3),
        semester=np.where(month.between(3, 8), 1, 2),
        gradeLevels=graded["rank_grade_levels"],
        weighted=graded["rank_grade"] * graded["credit_hours"],
    )
    found = graded.groupby(_TERM).agg(
        weighted=("weighted", "sum"), creditHours=("credit_hours", "sum"), scoreCount=("weighted", "size")
    )
    found.insert(0, "gpa", (found["weighted"] / found["creditHours"]).round(2))
    return found.drop(columns="weighted").reset_index()


def _average(terms: pd.DataFrame) -> pd.DataFrame:
    """By student, of the system of the latest term: gpa, the mean over its terms, gradeLevels and terms, their number.

    Of two systems in one term that of nine is taken.
    """
    latest = terms.sort_values(_TERM).drop_duplicates("student_id", keep="last")[["student_id", "gradeLevels"]]
    own = terms.merge(latest, on=["student_id", "gradeLevels"]).groupby("student_id")
    found = own.agg(gpa=("gpa", "mean"), gradeLevels=("gradeLevels", "first"), terms=("gpa", "size"))
    return found.assign(gpa=found["gpa"].round(2))


def _z_index(rows: pd.DataFrame) -> pd.DataFrame:
    """By student: z, the mean by credit hours, and its basis: raw_scores where any z_score is known, else places."""
    known = rows[rows["credit_hours"] > 0]
    place = pd.Series(norm.ppf(known["percentile"].clip(0.1, 99.9) / 100), index=known.index)
    place = place.where(known["percentile_basis"].isin(_PLACED))
    parts = {}
    for basis, value in (("raw_scores", known["z_score"]), ("places", place)):
        weight = known["credit_hours"].where(value.notna())
        sums = pd.DataFrame({"z": value * weight, "weight": weight}).groupby(known["student_id"]).sum()
        parts[basis] = (sums["z"] / sums["weight"].where(sums["weight"] > 0)).round(2)
    z = parts["raw_scores"].fillna(parts["places"])
    of_raw = pd.Series("raw_scores", index=z.index).where(parts["raw_scores"].notna(), "places")
    return pd.DataFrame({"z": z, "basis": of_raw.where(z.notna())})


def _strength(rows: pd.DataFrame) -> pd.DataFrame:
    """Subject groups of each student from the strongest on, by mean percentile; those without one last, and unranked.

    Columns: student_id, subjectGroup, rank, averagePercentile, averageGrade with its gradeLevels (the system of the
    latest score), scoreCount. Means are by credit hours, 1 where there are none.
    """
    key = ["student_id", "subject_group"]
    weight = rows["credit_hours"].where(rows["credit_hours"] > 0, 1.0)
    graded = rows[rows["rank_grade"].notna() & rows["rank_grade_levels"].notna()].sort_values(["exam_date", "score_id"])
    latest = graded.groupby(key)["rank_grade_levels"].last().rename("gradeLevels")
    own = graded.merge(latest.reset_index(), on=key)
    own = own[own["rank_grade_levels"] == own["gradeLevels"]]
    found = pd.DataFrame({"scoreCount": rows.groupby(key).size()})
    found.insert(0, "averagePercentile", _mean(rows, "percentile", weight).round(1))
    own_weight = own["credit_hours"].where(own["credit_hours"] > 0, 1.0)
    found.insert(1, "averageGrade", _mean(own, "rank_grade", own_weight).round(2))
    found.insert(2, "gradeLevels", latest)
    found.insert(0, "rank", found.groupby("student_id")["averagePercentile"].rank(method="min", ascending=False))
    found = found.reset_index().rename(columns={"subject_group": "subjectGroup"})
    return found.sort_values(["student_id", "rank", "subjectGroup"], na_position="last", ignore_index=True)


def _mean(rows: pd.DataFrame, column: str, weight: pd.Series) -> pd.Series:
    known = weight.where(rows[column].notna())
    keys = [rows["student_id"], rows["subject_group"]]
    total = known.groupby(keys).sum()
    return (rows[column] * known).groupby(keys).sum() / total.where(total > 0)


def _listed(rows: pd.DataFrame, students: pd.Index) -> json_text.Texts:
    """JSON array of the rows of each of `students`, [] where there are none."""
    items = json_text.of_frame(rows.drop(columns="student_id"))
    found: json_text.Texts = (
        json_text.arrays(rows["student_id"], items).reindex(students).fillna("[]").to_numpy(dtype=object)
    )
    return found
