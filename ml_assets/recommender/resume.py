"""What a student has begun and left, worth taking up again. Never among what is new.

Belongs here: which unfinished contents, in which order, and why. Not here: new contents.
"""

from __future__ import annotations

import json
from typing import Final

import numpy as np
import pandas as pd

from ml_assets.recommender.candidates import Bools, World
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.inputs import RecommenderInput
from ml_assets.recommender.reasons import NOUNS, distinct

COLUMNS: Final = [
    "student_id",
    "rank",
    "tenant_id",
    "content_type",
    "content_id",
    "subject_group",
    "subject_id",
    "done_share",
    "last_done_date",
    "reasons",
    "reasoning",
]


def resume(inputs: RecommenderInput, config: RecommenderConfig | None = None) -> pd.DataFrame:
    """Unfinished contents of each student: `COLUMNS`, ordered by student and rank, at most `resume_n` a student.

    Unfinished is what was begun, is known to be left by `finished_share` or has plan items undone where its length is
    unknown, and was last done `paused_days` to `forgotten_days` ago: what was done lately is under way, what was left
    long ago was given up. It must still be offered to the student. What is nearest to its end comes first, older ones
    decayed; `done_share` is 0 to 1, null where the content's length is unknown.
    """
    config = config or RecommenderConfig()
    rows = _unfinished(inputs, config)
    rows = rows[_is_offered(rows, inputs)]
    rows["score"] = np.round(rows["progress"] * 0.5 ** (rows["days"] / config.resume_half_life_days), 6)
    rows = rows.sort_values(["student_id", "score", "content_id"], ascending=[True, False, True], ignore_index=True)
    rows["rank"] = rows.groupby("student_id").cumcount() + 1
    rows = rows[rows["rank"] <= config.resume_n].reset_index(drop=True)
    told = rows[["content_type", "done_pct", "days"]]
    number, first = distinct(told)
    texts = [_text(*values) for values in told.iloc[first].itertuples(index=False)]
    rows[["reasons", "reasoning"]] = pd.DataFrame(texts, columns=["reasons", "reasoning"], dtype="str").to_numpy()[
        number
    ]
    rows["last_done_date"] = rows["last_done_date"].dt.strftime("%Y-%m-%d").astype("str")
    return rows[COLUMNS]


def _unfinished(inputs: RecommenderInput, config: RecommenderConfig) -> pd.DataFrame:
    rows = inputs.interactions.dropna(subset=["last_done_date"])
    rows = rows.merge(inputs.students[["student_id", "tenant_id"]], on="student_id")
    contents = ["content_id", "content_type", "subject_group", "subject_id", "total_units"]
    rows = rows.merge(inputs.contents[contents], on="content_id")
    done, total = (rows[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("done_units", "total_units"))
    share = np.divide(done, total, out=np.full(len(rows), np.nan), where=total > 0)
    rows["done_pct"] = np.minimum(np.floor(100 * done / np.where(total > 0, total, np.nan)), 100)
    rows["done_share"] = np.round(np.clip(share, 0.0, 1.0), 4)
    items = (rows["done_count"] / rows["planned_count"].clip(lower=1)).astype("float64").clip(upper=1.0)
    rows["progress"] = rows["done_share"].fillna(items)
    rows["days"] = (pd.Timestamp(inputs.as_of) - rows["last_done_date"]).dt.days
    is_left = rows["days"].between(config.paused_days, config.forgotten_days)
    return rows[is_left & (rows["progress"] < config.finished_share)].reset_index(drop=True)


def _is_offered(rows: pd.DataFrame, inputs: RecommenderInput) -> Bools:
    """Active, and for the student's academy, school type, year and curriculum."""
    world = World(inputs)
    learner, content = world.learner_positions(rows["student_id"]), world.content_positions(rows["content_id"])
    return world.eligible(world.learners[learner], content)


def _text(content_type: str, done_pct: float, days: int) -> tuple[str, str]:
    noun = NOUNS.get(content_type, "콘텐츠")
    params: dict[str, int] = {"days": int(days)}
    progress = ""
    if np.isfinite(done_pct):
        params["done_pct"] = int(done_pct)
        progress = f"{params['done_pct']}%까지 진행했고, "
    reason = {"code": "unfinished", "params": params}
    return json.dumps([reason]), f"{progress}{days}일 전에 마지막으로 공부한 {noun}예요. 이어서 마쳐 보세요."
