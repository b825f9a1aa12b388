"""From what a student is likely to start to what is good to see: the last say over the order of a list.

Belongs here: what is added to a score, and the order it gives. Not here: the score, and its learned terms.

Everything is computed row by row of all lists at once. What is likely stays the judge; these terms are light, and
their weights published in config.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from ml_assets.recommender.candidates import Bools, Floats, Ints, World
from ml_assets.recommender.config import RecommenderConfig
from ml_assets.recommender.histories import Histories


def rerank(ranked: pd.DataFrame, histories: Histories, config: RecommenderConfig) -> pd.DataFrame:
    """`ranked` (owner, content, score, group, completion, starters) with its `score` adjusted, best first.

    `completion` is the share of planned items of the content that students do. The subject's share of the list is
    balanced in Sainte-Laguë's manner (highest averages): the j-th content of a subject group, in order of score, is
    moved by the log of the student's wanted share of the group over j - 1/2. As that falls with j, sorting by the sum
    is what filling the list slot by slot would give.
    """
    if ranked.empty:
        return ranked
    owner, content, group = (ranked[name].to_numpy(dtype=np.int64) for name in ("owner", "content", "group"))
    score = (
        ranked["score"].to_numpy(dtype=np.float64)
        + config.completion_weight * np.log(completion(ranked["completion"].to_numpy(), owner, histories))
        - config.challenge_weight * challenge(owner, content, group, histories, config)
        + config.need_weight * histories.needs[owner, group]
        - config.prerequisite_penalty * lacks_prerequisite(owner, content, histories)
    )
    place = _place(np.round(score, config.score_decimals), owner, group, content)
    wanted = wanted_shares(ranked.assign(owner=owner, group=group), histories, config)
    score += config.balance_weight * (np.log(wanted) - np.log(place - 0.5))
    adjusted = ranked.assign(score=np.round(score, config.score_decimals))
    adjusted = adjusted.iloc[np.lexsort((content, -adjusted["score"], owner))].reset_index(drop=True)
    return explore(adjusted, config)


def completion(of_content: Floats, owner: Ints, histories: Histories) -> Floats:
    """Chance that a planned item of the content gets done by the student: both rates, as they differ from the mean."""
    return np.asarray(expit(logit(of_content) + histories.completion[owner]))


def challenge(owner: Ints, content: Ints, group: Ints, histories: Histories, config: RecommenderConfig) -> Floats:
    """How far success would lie outside of what teaches best; 0 within, and where the difficulty is unknown.

    Success is logistic in the gap between the level the student works at in the subject group and the content's.
    Squared, in units of the width of the range.
    """
    gap = np.nan_to_num(histories.levels[owner, group] - histories.difficulty[content])
    low, high = config.least_success, config.most_success
    success = expit(logit((low + high) / 2) + config.success_slope * gap)
    outside: Floats = (success - np.clip(success, low, high)) / (high - low)
    return outside**2


def lacks_prerequisite(owner: Ints, content: Ints, histories: Histories) -> Bools:
    """Where the student's academy wants something studied before the content that the student has not begun."""
    world: World = histories.world
    wanted = world.inputs.prerequisites
    if wanted.empty:
        return np.zeros(len(owner), dtype=bool)
    rules = pd.DataFrame(
        {
            "tenant": world.tenant_positions(wanted["tenant_id"]),
            "content": world.content_positions(wanted["content_id"]),
            "before": world.content_positions(wanted["prerequisite_id"]),
        }
    )
    rows = pd.DataFrame({"row": np.arange(len(owner)), "tenant": world.learners.tenant[owner], "content": content})
    met = rows[rows["content"].isin(rules["content"])].merge(rules, on=["tenant", "content"])
    has_begun = histories.has_started(owner[met["row"]], met["before"].to_numpy())
    lacks = np.zeros(len(owner), dtype=bool)
    lacks[met["row"].to_numpy()[~has_begun]] = True
    return lacks


def wanted_shares(ranked: pd.DataFrame, histories: Histories, config: RecommenderConfig) -> Floats:
    """Share of its list that each row's subject group should have, among the groups of that list.

    The student's own mix of starts, shrunk to equal shares by one start for each group, and `need_share` of it given
    to the groups in which the student is behind.
    """
    pairs = ranked[["owner", "group"]].drop_duplicates()
    owner, group = pairs["owner"].to_numpy(), pairs["group"].to_numpy()
    mix = _shares(histories.group_counts[owner, group] + 1.0, owner)
    need = histories.needs[owner, group]
    has_need = np.bincount(owner, need)[owner] > 0
    moved = config.need_share * has_need
    shares = (1 - moved) * mix + moved * _shares(need + 1e-9, owner)
    wanted: Floats = ranked[["owner", "group"]].merge(pairs.assign(share=shares), how="left")["share"].to_numpy()
    return wanted


def explore(ranked: pd.DataFrame, config: RecommenderConfig) -> pd.DataFrame:
    """The last of every first `explore_every` places given to a content that hardly anybody has started yet.

    The student's best such content moves up there where none stands above, and takes the score of the one it sends down
    by one; the rest of the order stays.
    """
    place = ranked.groupby("owner").cumcount().to_numpy() + 1
    is_new = ranked["starters"].to_numpy() < config.min_support
    first_new = pd.Series(np.where(is_new, place, np.inf)).groupby(ranked["owner"]).transform("min").to_numpy()
    moves = (place == first_new) & (place > config.explore_every)
    target = np.where(moves, config.explore_every - 0.5, place)
    order = np.lexsort((target, ranked["owner"]))
    moved = ranked.iloc[order].reset_index(drop=True)
    return moved.assign(score=moved["score"].where(~moves[order], moved["score"].shift(-1)))


def _place(score: Floats, owner: Ints, group: Ints, content: Ints) -> Floats:
    """Place of each row among those of its owner and group, from 1."""
    order = np.lexsort((content, -score, group, owner))
    is_first = np.r_[True, (np.diff(owner[order]) != 0) | (np.diff(group[order]) != 0)]
    starts = np.flatnonzero(is_first)
    place = np.empty(len(order))
    place[order] = np.arange(len(order)) - starts[np.cumsum(is_first) - 1] + 1.0
    return place


def _shares(weight: Floats, owner: Ints) -> Floats:
    return weight / np.bincount(owner, weight)[owner]
