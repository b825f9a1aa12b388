"""How much a student studied before a day, from weekly sums.

Belongs here: sums over the weeks before a day and a student's place among those of the subject group. Not here: scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WEEKS: Final = (2, 4, 12)
"""Windows: what was done just now, in the app's own four weeks, and in a term's twelve."""

FEATURES: Final = (
    *(f"done_rank_{weeks}w" for weeks in WEEKS),
    "minutes_rank_4w",
    "completion_4w",
    "carried_over_4w",
    "weeks_since_active",
)
_EPOCH: Final = pd.Timestamp("2000-01-03")  # a Monday
_SPAN: Final = 4_096  # weeks, more than any database spans


@dataclass(frozen=True)
class Effort:
    """Weekly effort, laid out so that the sum over any weeks of any students is two look-ups."""

    pairs: pd.MultiIndex
    group_of_pair: npt.NDArray[np.object_]
    keys: Ints
    sums: dict[str, Floats]

    @classmethod
    def of(cls, effort: pd.DataFrame) -> Effort:
        """From rows of student_id, subject_group, week_start and the week's counts."""
        pair_columns = ["student_id", "subject_group"]
        ordered = effort.sort_values([*pair_columns, "week_start"], kind="stable")
        pairs = pd.MultiIndex.from_frame(ordered[pair_columns].drop_duplicates())
        code = pairs.get_indexer(pd.MultiIndex.from_frame(ordered[pair_columns])).astype(np.int64)
        week = ((ordered["week_start"] - _EPOCH).dt.days // 7).to_numpy(np.int64)
        values = {
            "planned": ordered["planned_count"],
            "done": ordered["done_count"],
            "carried_over": ordered["carried_over_count"],
            "seconds": ordered["net_seconds"].fillna(0.0),
            "timed": ordered["net_seconds"].notna(),
        }
        sums = {name: np.concatenate([[0.0], np.cumsum(v.to_numpy(np.float64))]) for name, v in values.items()}
        return cls(pairs, pairs.get_level_values(1).to_numpy(object), code * _SPAN + week, sums)

    def before(self, day: pd.Timestamp) -> pd.DataFrame:
        """FEATURES of every student and subject group from whole weeks that ended by `day`.

        Ranks are places from 0 to 1 among all students who had planned anything in the subject group by then. Unknown,
        not zero, of a student who had not.
        """
        everyone = np.arange(len(self.pairs))
        week = (day - _EPOCH).days // 7
        since = self._weeks_since(everyone, week)
        found = {}
        for weeks in WEEKS:
            done = np.where(np.isnan(since), np.nan, self._sum("done", everyone, week, weeks))
            found[f"done_rank_{weeks}w"] = self._rank(done)
        timed = self._sum("timed", everyone, week, 4) > 0
        found["minutes_rank_4w"] = self._rank(np.where(timed, self._sum("seconds", everyone, week, 4), np.nan))
        planned = self._sum("planned", everyone, week, 4)
        for name, part in (("completion_4w", "done"), ("carried_over_4w", "carried_over")):
            nothing = np.full_like(planned, np.nan)
            found[name] = np.divide(self._sum(part, everyone, week, 4), planned, out=nothing, where=planned > 0)
        found["weeks_since_active"] = since
        return pd.DataFrame(found, index=self.pairs)[list(FEATURES)]

    def _sum(self, name: str, pairs: Ints, week: int, weeks: int) -> Floats:
        last = np.searchsorted(self.keys, pairs * _SPAN + week)
        first = np.searchsorted(self.keys, pairs * _SPAN + week - weeks)
        return np.asarray(self.sums[name][last] - self.sums[name][first])

    def _weeks_since(self, pairs: Ints, week: int) -> Floats:
        last = np.searchsorted(self.keys, pairs * _SPAN + week)
        if not len(self.keys):
            return np.zeros(0)
        key = self.keys[np.maximum(last - 1, 0)]
        is_own = (last > 0) & (key // _SPAN == pairs)
        return np.where(is_own, week - key % _SPAN, np.nan)

    def _rank(self, value: Floats) -> Floats:
        """Place of each pair's value among those of its subject group, ties in the middle."""
        rank = pd.Series(value).groupby(self.group_of_pair).rank(pct=True)
        return np.asarray(rank, dtype=np.float64)
