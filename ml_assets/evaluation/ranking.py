"""How well a ranking names what happened next.

Belongs here: metrics of ranked lists against a set of true contents. Not here: how either came to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

_PAIR = ["student_id", "content_id"]


@dataclass(frozen=True)
class RankingMetrics:
    """Means over students with at least one true content; NaN when there is none.

    `recall_at_k` is hits over the number of true contents. `ndcg_at_k` has binary gains, the discount
    1 / log2(rank + 1), and as ideal a list that begins with min(true contents, k) hits (Järvelin and Kekäläinen 2002).
    Both are 0 to 1.
    """

    students: int
    recall_at_k: float
    ndcg_at_k: float


def recall_at_k(hits: npt.NDArray[np.bool_], relevant: int, k: int) -> float:
    """Recall of one list: `hits[i]` says whether the content at rank i + 1 is true; `relevant` counts all true ones."""
    return float(hits[:k].sum() / relevant)


def ndcg_at_k(hits: npt.NDArray[np.bool_], relevant: int, k: int) -> float:
    """NDCG of one list, arguments as for `recall_at_k`."""
    top = hits[:k]
    return float((top * discounts(len(top))).sum() / discounts(min(relevant, k)).sum())


def discounts(count: int) -> npt.NDArray[np.float64]:
    """Weights of ranks 1 to `count`."""
    return 1.0 / np.log2(np.arange(2, count + 2))


def evaluate_rankings(ranked: pd.DataFrame, truth: pd.DataFrame, k: int = 20) -> RankingMetrics:
    """Metrics of `ranked` (student_id, content_id, rank from 1) against `truth` (student_id, content_id).

    A student with true contents and no list counts as 0; a list of a student without true contents is not counted.
    Raises ValueError where a student has a content or a rank twice, for the figures would not mean anything.
    """
    _refuse_twice(ranked, _PAIR, "ranked")
    _refuse_twice(ranked, ["student_id", "rank"], "ranked")
    _refuse_twice(truth, _PAIR, "truth")
    relevant = truth.groupby("student_id").size()
    if relevant.empty:
        return RankingMetrics(students=0, recall_at_k=float("nan"), ndcg_at_k=float("nan"))
    hits = ranked.loc[ranked["rank"] <= k, [*_PAIR, "rank"]].merge(truth[_PAIR], on=_PAIR)
    hits["gain"] = discounts(k)[hits["rank"].to_numpy(dtype=np.int64) - 1]
    found = hits.groupby("student_id")["gain"].agg(["size", "sum"]).reindex(relevant.index, fill_value=0)
    ideal = discounts(k).cumsum()[np.minimum(relevant.to_numpy(), k) - 1]
    return RankingMetrics(
        students=len(relevant),
        recall_at_k=float((found["size"] / relevant).mean()),
        ndcg_at_k=float((found["sum"] / ideal).mean()),
    )


def _refuse_twice(frame: pd.DataFrame, key: list[str], name: str) -> None:
    twice = int(frame.duplicated(key).sum())
    if twice:
        raise ValueError(f"{name}: {twice} rows repeat a combination of {', '.join(key)}; each may occur once")
