"""Lists for students without one of their own: what their year begins with in each subject group.

Belongs here: the groups of students, and their lists. Not here: personal lists.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from ml_assets.recommender.candidates import UNKNOWN_LEVEL, UNKNOWN_TYPE, World
from ml_assets.recommender.evidence import evidence_for_all
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.model import RecommenderModel
from ml_assets.recommender.ranking import best_of_course, courses_of, describe, in_order, numbered, relative_scores

COLUMNS: Final = [
    "tenant_id",
    "school_type",
    "school_year_level",
    "subject_group",
    "rank",
    "content_type",
    "content_id",
    "subject_id",
    "score",
    "reasons",
    "reasoning",
    "source",
]
_GROUP: Final = ["tenant_id", "school_type", "school_year_level"]


def fallback(model: RecommenderModel, inputs: RecommenderInput) -> pd.DataFrame:
    """What students without rows of their own may start: `COLUMNS`, ordered by all of them up to `rank`.

    For each tenant, school type ('' unknown) and school year level (0 unknown) that has students, and each subject
    group with eligible contents, the `fallback_n` contents that most students of that context started lately, shrunk to
    all students. `score` is relative to the best of the list, 0 to 1; `source` is "cohort". Raises ModelMismatchError
    as `rank` does.
    """
    world = World(inputs)
    config = model.config
    groups = inputs.students[_GROUP].drop_duplicates().assign(curriculum_revision=None)
    groups = groups.sort_values(_GROUP, ignore_index=True)
    audience = world.audience(groups)
    groups = groups.fillna({"school_type": UNKNOWN_TYPE, "school_year_level": UNKNOWN_LEVEL})
    context = model.context_of(list(zip(groups["school_type"], groups["school_year_level"].astype(int), strict=True)))
    parts = []
    for course, state in courses_of(model, world):
        never = np.full((len(groups), len(course.contents)), np.inf)
        eligible = world.eligible(audience[:, None], course.contents)
        scores = np.where(eligible, np.log(state.shares[context] + config.rate_floor), -np.inf)
        parts.append(best_of_course(scores, np.arange(len(groups)), never, course, state, config.fallback_n, config))
    ranked = numbered(in_order(parts))
    ranked = ranked[ranked["subject_rank"] <= config.fallback_n]
    rows = describe(ranked, evidence_for_all(ranked, world), world, config)
    rows[_GROUP] = groups[_GROUP].iloc[ranked["owner"]].reset_index(drop=True)
    rows["school_year_level"] = rows["school_year_level"].astype("int64")
    rows["rank"] = ranked["subject_rank"].to_numpy()
    rows["score"] = relative_scores(ranked, ["owner", "subject_group"])
    rows["source"] = "cohort"
    rows = rows.astype(dict.fromkeys(("tenant_id", "school_type", "source"), "str"))
    return rows.sort_values([*_GROUP, "subject_group", "rank"], ignore_index=True)[COLUMNS]
