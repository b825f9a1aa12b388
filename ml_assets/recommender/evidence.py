"""The facts that reasons are made of, for every row of all lists.

Belongs here: gathering what the model has counted and what a student's own rows tell. Not here: what is worth saying.

What is counted over students comes from the fitted model, so that a student alone is told the same as in a batch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml_assets.recommender.candidates import World
from ml_assets.recommender.histories import Histories


def evidence_for_all(ranked: pd.DataFrame, world: World) -> pd.DataFrame:
    """`EVIDENCE` of `ranked` (content, base and the counts of the model) for nobody in particular."""
    contents = world.contents.iloc[ranked["content"]].reset_index(drop=True)
    bases = world.contents.reindex(ranked["base"]).reset_index(drop=True)
    counts = ["base_students", "next_students", "planners", "planned_items", "done_items"]
    return pd.DataFrame(
        {
            "content_type": contents["content_type"],
            "subject_group": contents["subject_group"],
            "is_studied": False,
            "previous_content_id": None,
            "is_weak": False,
            "percentile": np.nan,
            "own_percentile": np.nan,
            "volume_number": contents["volume_number"].astype("float64"),
            "base_content_id": bases["content_id"],
            "base_content_type": bases["content_type"],
            **{name: ranked[name].reset_index(drop=True) for name in [*counts, "recent_starters", "starters"]},
            "level": contents["difficulty_level"].astype("float64"),
            "own_level": np.nan,
            "levels_known": 0,
        }
    )


def evidence_for_students(ranked: pd.DataFrame, world: World, histories: Histories) -> pd.DataFrame:
    """`EVIDENCE` of `ranked` for the student who owns each row."""
    owner, content = ranked["owner"].to_numpy(), ranked["content"].to_numpy()
    group = world.group_of_content[content]
    before = world.previous_volume[content]
    has_begun = (before >= 0) & histories.has_started(owner, before)
    previous = world.contents["content_id"].reindex(np.where(has_begun, before, -1))
    count, mean = histories.group_levels
    percentile, own_percentile = histories.percentiles
    return evidence_for_all(ranked, world).assign(
        is_studied=True,
        previous_content_id=previous.to_numpy(),
        is_weak=histories.is_weak[owner, group],
        percentile=np.round(percentile[owner, group], 1),
        own_percentile=np.round(own_percentile[owner, group], 1),
        own_level=np.round(mean[owner, group], 1),
        levels_known=count[owner, group].astype(np.int64),
    )
