"""Everything that is measured of a recommender's lists, in the names that the command line and the model card print.

Belongs here: which figures, at which depth, over which students. Not here: how a figure is computed (evaluation).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from ml_assets.evaluation.lists import coverage, difficulty_hit_rate, novelty, subject_mix_divergence
from ml_assets.evaluation.ranking import evaluate_students, lift
from ml_assets.recommender.inputs import RecommenderInput

DEPTH: Final = 20
"""Length of the lists that are measured: what the app shows at most on one page."""

SHOWN: Final = 10
"""Length of the list that the app asks for by default."""

HISTORIES: Final = {"0": (0, 0), "1-4": (1, 4), "5-19": (5, 19), "20+": (20, math.inf)}
"""Students by how many contents they had started before the cut-off."""

COMPARED: Final = {"recall": DEPTH, "ndcg": DEPTH}
"""Figures of a student that are compared with a baseline's, and their depth."""


@dataclass(frozen=True)
class Facts:
    """What was known before the cut-off, as the figures need it, and the pairs started after it."""

    inputs: RecommenderInput
    truth: pd.DataFrame

    @cached_property
    def starts(self) -> pd.DataFrame:
        """Started pairs with subject group and difficulty of the content."""
        done = self.inputs.interactions.dropna(subset=["first_done_date"])[["student_id", "content_id"]]
        return done.merge(self.inputs.contents[["content_id", "subject_group", "difficulty_level"]], on="content_id")

    @cached_property
    def own_mix(self) -> pd.DataFrame:
        """Starts of each student by subject group."""
        return self.starts.groupby(["student_id", "subject_group"]).size().rename("weight").reset_index()

    @cached_property
    def level(self) -> pd.DataFrame:
        """Mean difficulty of what each student has started in a subject group."""
        known = self.starts.dropna(subset=["difficulty_level"])
        mean = known.assign(level=known["difficulty_level"].astype("float64"))
        return mean.groupby(["student_id", "subject_group"])["level"].mean().reset_index()

    @cached_property
    def history(self) -> pd.Series[str]:
        """Class of HISTORIES of each student with true contents."""
        students = np.sort(self.truth["student_id"].unique())
        counts = self.starts.groupby("student_id").size().reindex(students, fill_value=0)
        classes = [next(name for name, (low, high) in HISTORIES.items() if low <= n <= high) for n in counts]
        return pd.Series(classes, index=counts.index, dtype="str")

    def with_subjects(self, ranked: pd.DataFrame) -> pd.DataFrame:
        """`ranked` of students with true contents, with the subject group of each content."""
        listed = ranked[ranked["student_id"].isin(self.truth["student_id"]) & (ranked["rank"] <= DEPTH)]
        return listed.merge(self.inputs.contents[["content_id", "subject_group"]], on="content_id")


def figures(ranked: pd.DataFrame, facts: Facts) -> dict[str, float | None]:
    """Figures of one set of lists over the students with true contents; None where there is nothing to measure."""
    listed = facts.with_subjects(ranked)
    at = {k: evaluate_students(ranked, facts.truth, k).mean() for k in (SHOWN, DEPTH)}
    contents = facts.inputs.contents
    starters = facts.starts.groupby("content_id").size()
    difficulty = contents.set_index("content_id")["difficulty_level"].astype("float64")
    found = {
        f"recall_at_{DEPTH}": at[DEPTH]["recall"],
        f"ndcg_at_{DEPTH}": at[DEPTH]["ndcg"],
        f"ndcg_at_{SHOWN}": at[SHOWN]["ndcg"],
        f"mrr_at_{DEPTH}": at[DEPTH]["reciprocal_rank"],
        f"coverage_at_{DEPTH}": coverage(listed, int(contents["is_active"].sum()), DEPTH),
        f"novelty_at_{SHOWN}": novelty(listed, starters, facts.inputs.students["student_id"].nunique(), SHOWN),
        f"subject_mix_kl_at_{SHOWN}": subject_mix_divergence(listed, facts.own_mix, SHOWN),
        f"difficulty_hit_rate_at_{SHOWN}": difficulty_hit_rate(listed, difficulty, facts.level, SHOWN),
    }
    return {name: _rounded(value) for name, value in found.items()}


def lifts(ours: pd.DataFrame, theirs: pd.DataFrame, facts: Facts) -> dict[str, Any]:
    """Relative gain of our lists over a baseline's with its 95 % interval, over all and by length of history."""
    a, b = (
        pd.DataFrame(
            {f"{name}_at_{k}": evaluate_students(ranked, facts.truth, k)[name] for name, k in COMPARED.items()}
        )
        for ranked in (ours, theirs)
    )
    groups = {"all": facts.history.index, **{name: facts.history.index[facts.history == name] for name in HISTORIES}}
    return {
        group: {
            "students": len(students),
            **{name: _lift(a.loc[students, name], b.loc[students, name]) for name in a.columns},
        }
        for group, students in groups.items()
        if len(students)
    }


def _lift(ours: pd.Series[float], theirs: pd.Series[float]) -> dict[str, float | None]:
    return {part: _rounded(value) for part, value in asdict(lift(ours, theirs)).items()}


def _rounded(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
