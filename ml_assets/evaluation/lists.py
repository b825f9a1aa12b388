"""What lists are like, beside how well they name what happened: breadth, novelty, balance, difficulty.

Belongs here: figures of lists that need no truth. Not here: how the lists came to be.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def coverage(ranked: pd.DataFrame, contents: int, k: int) -> float:
    """Share of `contents` that stand in anybody's first `k`; NaN without contents."""
    if not contents:
        return float("nan")
    return float(ranked.loc[ranked["rank"] <= k, "content_id"].nunique() / contents)


def novelty(ranked: pd.DataFrame, starters: pd.Series[int], students: int, k: int) -> float:
    """Mean of -log2 of the share of students who know a recommended content (Zhou et al. 2010).

    `starters` counts by content_id; one is added, so that a content nobody knows is as novel as one that one of
    `students` knows. NaN for empty lists.
    """
    top = ranked.loc[ranked["rank"] <= k, "content_id"]
    share = (top.map(starters).astype("float64").fillna(0).to_numpy() + 1) / (students + 1)
    return float(-np.log2(share).mean()) if len(share) else float("nan")


def subject_mix_divergence(ranked: pd.DataFrame, own: pd.DataFrame, k: int, smoothing: float = 0.01) -> float:
    """Mean Kullback-Leibler divergence, in nats, of the subject mix of a list from the student's own.

    `ranked` has student_id, subject_group and rank; `own` student_id, subject_group and weight, above 0. The list's mix
    is blended with `smoothing` of the student's own, so that a missing subject does not make it infinite (Steck 2018,
    "Calibrated recommendations"). Students without a list or a mix are left out; NaN without any.
    """
    listed = ranked[ranked["rank"] <= k].groupby(["student_id", "subject_group"]).size().rename("listed")
    wanted = own.groupby(["student_id", "subject_group"])["weight"].sum()
    both = pd.concat([wanted, listed], axis=1).fillna(0.0)
    totals = both.groupby("student_id").transform("sum")
    both = both[(totals > 0).all(axis=1)]
    mix = both / totals.loc[both.index]
    p = mix["weight"].to_numpy(dtype=np.float64)
    q = (1 - smoothing) * mix["listed"].to_numpy(dtype=np.float64) + smoothing * p
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, q, 1)), 0.0)
    by_student = pd.Series(terms, index=mix.index).groupby("student_id").sum()
    return float(by_student.mean()) if len(by_student) else float("nan")


def difficulty_hit_rate(
    ranked: pd.DataFrame, difficulty: pd.Series[float], level: pd.DataFrame, k: int, within: float = 0.5
) -> float:
    """Share of recommended contents whose difficulty is `within` of the student's level in the subject.

    `difficulty` by content_id and `level` (student_id, subject_group, level) are on one scale; pairs of which either is
    unknown are not counted. NaN without any.
    """
    top = ranked[ranked["rank"] <= k].merge(level, on=["student_id", "subject_group"])
    gap = (top["content_id"].map(difficulty).astype("float64") - top["level"]).abs().dropna()
    return float((gap <= within).mean()) if len(gap) else float("nan")
