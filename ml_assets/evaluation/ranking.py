"""How well a ranking names what happened next.

Belongs here: metrics of ranked lists against a set of true contents. Not here: how either came to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import bootstrap

_PAIR = ["student_id", "content_id"]
_SEED = 7


@dataclass(frozen=True)
class RankingMetrics:
    """Means over students with at least one true content; NaN when there is none.

    `recall_at_k` is hits over the number of true contents. `ndcg_at_k` has binary gains, the discount
    1 / log2(rank + 1), and as ideal a list that begins with min(true contents, k) hits (Järvelin and Kekäläinen 2002).
    `mrr_at_k` is 1 over the rank of the first hit, 0 without one (Voorhees 1999). All are 0 to 1.
    """

    students: int
    recall_at_k: float
    ndcg_at_k: float
    mrr_at_k: float


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
    """Means of `evaluate_students` over all students with true contents; raises as that does."""
    found = evaluate_students(ranked, truth, k)
    return RankingMetrics(
        students=len(found),
        recall_at_k=float(found["recall"].mean()),
        ndcg_at_k=float(found["ndcg"].mean()),
        mrr_at_k=float(found["reciprocal_rank"].mean()),
    )


def evaluate_students(ranked: pd.DataFrame, truth: pd.DataFrame, k: int = 20) -> pd.DataFrame:
    """`recall`, `ndcg` and `reciprocal_rank` of each student in `truth`, which is the index, in order of id.

    `ranked` has student_id, content_id and rank from 1, `truth` student_id and content_id. A student with true contents
    and no list counts as 0; a list of a student without true contents is not counted. Raises ValueError where a student
    has a content or a rank twice, for the figures would not mean anything.
    """
    _refuse_twice(ranked, _PAIR, "ranked")
    _refuse_twice(ranked, ["student_id", "rank"], "ranked")
    _refuse_twice(truth, _PAIR, "truth")
    relevant = truth.groupby("student_id").size()
    hits = ranked.loc[ranked["rank"] <= k, [*_PAIR, "rank"]].merge(truth[_PAIR], on=_PAIR)
    hits["gain"] = discounts(k)[hits["rank"].to_numpy(dtype=np.int64) - 1]
    by_student = hits.groupby("student_id")
    found = pd.DataFrame(
        {"hits": by_student.size(), "gain": by_student["gain"].sum(), "first": by_student["rank"].min()},
        index=relevant.index,
    )
    ideal = discounts(k).cumsum()[np.minimum(relevant.to_numpy(dtype=np.int64), k) - 1]
    return pd.DataFrame(
        {
            "recall": found["hits"].fillna(0) / relevant,
            "ndcg": found["gain"].fillna(0) / ideal,
            "reciprocal_rank": (1.0 / found["first"].astype("float64")).fillna(0),
        }
    )


@dataclass(frozen=True)
class Lift:
    """How much better one mean is than another, as a share of the other, with a 95 % interval."""

    value: float
    low: float
    high: float


def lift(ours: pd.Series[float], theirs: pd.Series[float], resamples: int = 1000) -> Lift:
    """Difference of the means of the same students over the mean of theirs, with a bootstrap interval.

    Efron and Tibshirani 1993. The interval is that of the difference: the baseline's mean is taken as given. The same
    seed every time. NaN where theirs are all 0 or nobody has a figure. Raises ValueError when the two are not of the
    same students in the same order.
    """
    if not ours.index.equals(theirs.index):
        raise ValueError("A lift compares the same students in the same order.")
    base = float(theirs.mean())
    if not base > 0:
        return Lift(float("nan"), float("nan"), float("nan"))
    gain = (ours - theirs).to_numpy(dtype=np.float64) / base
    value = float(gain.mean())
    if len(gain) == 1:
        return Lift(value, float("-inf"), float("inf"))
    found = bootstrap(
        (gain,), np.mean, method="percentile", n_resamples=resamples, batch=50, rng=np.random.default_rng(_SEED)
    ).confidence_interval
    return Lift(value, float(found.low), float(found.high))


def _refuse_twice(frame: pd.DataFrame, key: list[str], name: str) -> None:
    twice = int(frame.duplicated(key).sum())
    if twice:
        raise ValueError(f"{name}: {twice} rows repeat a combination of {', '.join(key)}; each may occur once")
