"""What the model looks at of each student across all courses: tastes, levels, when a subject group was last begun.

Belongs here: a student's own past as numbers. Not here: other students, one course alone.

Everything comes from the student's own rows and the catalogue, so that a student alone gets the same as in a batch;
what it is shrunk to (`Priors`) is part of the fitted model.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse
from scipy.special import logit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from ml_assets.recommender.candidates import Bools, Floats, Ints, World
from ml_assets.recommender.config import RecommenderConfig

CONTENT_TYPES: Final = ("book", "lecture", "custom")


@dataclass(frozen=True)
class Priors:
    """What students without much of a past are taken for.

    Shares of CONTENT_TYPES, the mean difficulty level, and the share of planned items that get done.
    """

    type_shares: tuple[float, ...]
    difficulty: float
    completion: float


class Histories:
    """Arrays over the learners, contents and subject groups of a world."""

    def __init__(self, world: World, config: RecommenderConfig, priors: Priors | None = None) -> None:
        """Read the starts of `world`; without `priors` they are those of `world` itself."""
        self.world, self._config, self._given = world, config, priors
        rows = world.inputs.interactions
        rows = rows[rows["first_done_date"].notna() & rows["student_id"].isin(world.learner_ids)]
        self._learner = world.learner_positions(rows["student_id"])
        self._content = world.content_positions(rows["content_id"])
        self._age = (pd.Timestamp(world.inputs.as_of) - rows["first_done_date"]).dt.days.to_numpy(dtype=np.float64)

    @cached_property
    def started(self) -> scipy.sparse.csr_array:
        """Learners × contents: 1 where the student has started it."""
        return self._sparse(np.ones(len(self._age)))

    def has_started(self, learner: Ints, content: Ints) -> Bools:
        """Whether each learner has started the content beside them."""
        if not len(learner):
            return np.zeros(0, dtype=bool)
        started: Bools = np.asarray(self.started[learner, content]).ravel() > 0
        return started

    @cached_property
    def start_counts(self) -> Ints:
        """Learners: contents started."""
        return np.bincount(self._learner, minlength=len(self.world.learner_ids)).astype(np.int64)

    @cached_property
    def ages(self) -> scipy.sparse.csr_array:
        """Learners × contents: days since the start; where there was none, no entry. A start is 1 day old or older."""
        return self._sparse(self._age)

    @cached_property
    def titles(self) -> scipy.sparse.csr_array:
        """Contents × words in at least two titles, TF-IDF in rows of length 1 (Salton and Buckley 1988)."""
        contents = self.world.contents
        text = contents["title_stem"].fillna("") + " " + contents["series_name"].fillna("").str.lower()
        titles_of_word = Counter(word for title in text for word in set(_words(title)))
        if all(count < 2 for count in titles_of_word.values()):
            return scipy.sparse.csr_array((len(contents), 1))
        return scipy.sparse.csr_array(TfidfVectorizer(analyzer=_words, min_df=2).fit_transform(text))

    @cached_property
    def profiles(self) -> scipy.sparse.csr_array:
        """Learners × words: the mean direction of what each has started."""
        return scipy.sparse.csr_array(normalize(self.started @ self.titles))

    @cached_property
    def types(self) -> Ints:
        """Position of each content's type in CONTENT_TYPES; the last for any other."""
        found = pd.Index(CONTENT_TYPES).get_indexer(pd.Index(self.world.contents["content_type"], dtype=object))
        return np.where(found < 0, len(CONTENT_TYPES) - 1, found).astype(np.int64)

    @cached_property
    def type_counts(self) -> Floats:
        """Learners × CONTENT_TYPES: starts."""
        return self._counts(self.types[self._content], len(CONTENT_TYPES), np.ones(len(self._age)))

    @cached_property
    def group_counts(self) -> Floats:
        """Learners × subject groups: starts."""
        return self._counts(self._group, self._groups, np.ones(len(self._age)))

    @cached_property
    def last_start(self) -> Floats:
        """Learners × subject groups: days since the last start; infinite for none."""
        found = np.full((len(self.world.learner_ids), self._groups), np.inf)
        known = self._group >= 0
        np.minimum.at(found, (self._learner[known], self._group[known]), self._age[known])
        return found

    @cached_property
    def difficulty(self) -> Floats:
        """Difficulty level of each content, 1 to 4; NaN for unknown."""
        levels: Floats = self.world.contents["difficulty_level"].to_numpy(dtype=np.float64, na_value=np.nan)
        return levels

    @cached_property
    def priors(self) -> Priors:
        """Those given, else of all starts of this world; equal shares and the middle of the scale if there are none."""
        if self._given is not None:
            return self._given
        counts = self.type_counts.sum(axis=0) + 1.0
        known = self.difficulty[self._content]
        known = known[np.isfinite(known)]
        difficulty = float(known.mean()) if len(known) else self._config.middle_difficulty
        planned = self.world.inputs.interactions[["done_count", "planned_count"]].sum()
        weight = self._config.prior_items
        completion = (planned["done_count"] + weight * 0.5) / (planned["planned_count"] + weight)
        return Priors(
            tuple(float(x) for x in np.round(counts / counts.sum(), 9)),
            round(difficulty, 9),
            round(float(completion), 9),
        )

    @cached_property
    def type_shares(self) -> Floats:
        """Learners × CONTENT_TYPES: shares of starts, shrunk to all students' by `prior_starts`."""
        shares: Floats = self.type_counts + self._config.prior_starts * np.asarray(self.priors.type_shares)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    @cached_property
    def group_levels(self) -> tuple[Floats, Floats]:
        """Learners × subject groups: starts of known difficulty, and their mean difficulty; NaN for none."""
        difficulty = self.difficulty[self._content]
        group = np.where(np.isfinite(difficulty), self._group, -1)
        count = self._counts(group, self._groups, np.ones(len(difficulty)))
        total = self._counts(group, self._groups, np.nan_to_num(difficulty))
        return count, np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    @cached_property
    def levels(self) -> Floats:
        """Learners × subject groups: mean difficulty of what was started.

        Shrunk to the student's own mean over all groups, and that to everybody's, by `prior_starts` each.
        """
        count, mean = self.group_levels
        total = count * np.nan_to_num(mean)
        weight = self._config.prior_starts
        own = (total.sum(axis=1) + weight * self.priors.difficulty) / (count.sum(axis=1) + weight)
        levels: Floats = (total + weight * own[:, None]) / (count + weight)
        return levels

    @cached_property
    def completion(self) -> Floats:
        """Learners: log odds of doing a planned item, beyond everybody's; shrunk to 0 by `prior_items` items."""
        rows = self.world.inputs.interactions
        learner = self.world.learner_positions(rows["student_id"])
        done, planned = (
            np.bincount(learner, rows[name].to_numpy(dtype=np.float64), len(self.world.learner_ids))
            for name in ("done_count", "planned_count")
        )
        weight, usual = self._config.prior_items, self.priors.completion
        shift: Floats = logit((done + weight * usual) / (planned + weight)) - logit(usual)
        return shift

    @cached_property
    def needs(self) -> Floats:
        """Learners × subject groups: how far the student is behind, 0 to 1; 0 where it is unknown.

        Taken as it is: it comes from a level that is shrunk by the number of exams already.
        """
        return self._of_weak_subjects("need", 0.0)

    @cached_property
    def is_weak(self) -> Bools:
        """Learners × subject groups: whether the subject group is weak; not where it is unknown."""
        is_weak: Bools = self._of_weak_subjects("is_weak", 0.0) > 0
        return is_weak

    @cached_property
    def percentiles(self) -> tuple[Floats, Floats]:
        """Learners × subject groups: where the student stands, and on average over the groups; NaN for unknown."""
        return self._of_weak_subjects("percentile", np.nan), self._of_weak_subjects("own_percentile", np.nan)

    @property
    def _groups(self) -> int:
        return max(len(self.world.subject_groups), 1)

    @cached_property
    def _group(self) -> Ints:
        return self.world.group_of_content[self._content]

    def _counts(self, column: Ints, columns: int, values: Floats) -> Floats:
        rows = len(self.world.learner_ids)
        known = column >= 0
        cell = self._learner[known] * columns + column[known]
        return np.bincount(cell, values[known], rows * columns).reshape(rows, columns).astype(np.float64)

    def _of_weak_subjects(self, column: str, unknown: float) -> Floats:
        rows = self.world.inputs.weak_subjects
        learner = self.world.learner_positions(rows["student_id"])
        group = self.world.subject_group_positions(rows["subject_group"])
        known = (learner >= 0) & (group >= 0)
        found = np.full((len(self.world.learner_ids), self._groups), unknown)
        found[learner[known], group[known]] = rows[column].to_numpy(dtype=np.float64)[known]
        return found

    def _sparse(self, values: Floats) -> scipy.sparse.csr_array:
        shape = (len(self.world.learner_ids), len(self.world.contents))
        return scipy.sparse.csr_array((values, (self._learner, self._content)), shape)


def _words(title: str) -> list[str]:
    """Words of a title, without numbers and single signs."""
    return re.findall(r"[^\s\d]{2,}", title)
