"""The terms of a score: what speaks for a content, one number each, for every student and content of a course.

Belongs here: the terms and their names. Not here: how they are weighed (weights.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from ml_assets.recommender.candidates import Bools, Course, Floats, Ints
from ml_assets.recommender.histories import Histories
from ml_assets.recommender.links import history

if TYPE_CHECKING:
    from ml_assets.recommender.config import RecommenderConfig
    from ml_assets.recommender.model import CourseModel, Similar

GAPS: Final = ((0, 7), (7, 14), (14, 21), (21, 28), (28, 42), (42, 70), (70, np.inf))
"""Classes of days since the student last began something in the subject group, up to and without the second number."""


@dataclass(frozen=True)
class View:
    """Some learners of a course, as the model looks at them. `context` are their rows of `CourseModel.rates`."""

    state: CourseModel
    course: Course
    chunk: slice
    context: Ints
    histories: Histories
    similar: Similar
    config: RecommenderConfig

    @property
    def learners(self) -> Ints:
        """Positions in `World.learner_ids`."""
        return self.course.learners[self.chunk]

    @property
    def shape(self) -> tuple[int, int]:
        """Learners × contents of the course."""
        return len(self.learners), len(self.course.contents)

    @cached_property
    def ages(self) -> Floats:
        """Days since each start; infinite for none."""
        return self.course.ages(self.chunk)

    @cached_property
    def candidates(self) -> Bools:
        """Which contents may be offered: of a subject group that is studied, new to the student, and suitable."""
        world = self.histories.world
        is_new: Bools = self.course.is_offered[self.chunk][:, None] & ~self.course.known(self.chunk)
        return is_new & world.eligible(world.learners[self.learners][:, None], self.course.contents)

    @cached_property
    def last_start(self) -> Floats:
        """Days since each learner last began something in the subject group (one column)."""
        days: Floats = self.histories.last_start[self.learners, self.group][:, None]
        return days

    @cached_property
    def previous(self) -> Floats:
        """Days since the volume before each content was begun; infinite where it was not, or there is none."""
        before = self.histories.world.previous_volume[self.course.contents]
        found = np.full(self.shape, np.inf)
        has = np.flatnonzero(before >= 0)
        if len(has):
            ages = self.histories.ages[self.learners][:, before[has]].toarray()
            found[:, has] = np.where(ages > 0, ages, np.inf)
        return found

    @property
    def group(self) -> int:
        """Position of the subject group in `World.subject_groups`."""
        return int(self.histories.world.group_of_content[self.course.contents[0]])


Term = Callable[[View], Floats]


def start_rate(number: int) -> Term:
    """Log rate of starts just now, over one of START_HALF_LIVES."""
    return lambda view: np.log(view.state.rates[number][view.context] + view.config.rate_floor)


def cohort_share(view: View) -> Floats:
    """Log share of the school type and year who began it lately, whatever they study."""
    return np.log(view.state.shares[view.context] + view.config.rate_floor)


def links(view: View) -> Floats:
    """Log chance that the student's own starts in the course lead to it within a step."""
    chance = np.full(view.shape, view.config.link_floor)
    state = view.state
    linked = state.bias + history(view.ages[:, state.linked], view.config) @ state.weights
    chance[:, state.linked] = np.maximum(linked, view.config.link_floor)
    logs: Floats = np.log(chance)
    return logs


def similar_starts(view: View) -> Floats:
    """Log of x · W: contents that were started by the students of what this student has started, in any course."""
    reached = view.histories.started[view.learners] @ view.similar.weights[:, view.course.contents]
    logs: Floats = np.log(np.maximum(reached.toarray(), 0.0) / view.similar.largest + view.config.similarity_floor)
    return logs


def studies_subject(view: View) -> Floats:
    """1 where the student studies the very subject, 0 where another of its group."""
    return np.broadcast_to(view.course.is_member[view.chunk][:, None].astype(np.float64), view.shape)


def next_volume(view: View) -> Floats:
    """1 for the volume after the one that the student began last in the subject group."""
    return (np.isfinite(view.previous) & (view.previous <= view.last_start)).astype(np.float64)


def later_volume(view: View) -> Floats:
    """1 for the volume after one that the student has begun, though not last."""
    return (np.isfinite(view.previous) & (view.previous > view.last_start)).astype(np.float64)


def not_a_skipped_volume(view: View) -> Floats:
    """-1 for a volume whose predecessor the student has not begun."""
    has_previous = view.histories.world.previous_volume[view.course.contents] >= 0
    return -(has_previous[None, :] & ~np.isfinite(view.previous)).astype(np.float64)


def familiar_title(view: View) -> Floats:
    """Cosine of the title's words with those of what the student has begun, in whatever subject."""
    histories = view.histories
    cosine: Floats = (histories.profiles[view.learners] @ histories.titles[view.course.contents].T).toarray()
    return cosine


def familiar_type(view: View) -> Floats:
    """Log share of the content's type among the student's starts."""
    shares = np.log(view.histories.type_shares[view.learners])
    share: Floats = shares[:, view.histories.types[view.course.contents]]
    return share


def fitting_level(view: View) -> Floats:
    """Minus the squared distance to the level the student works at in the subject group; 0 where it is unknown."""
    level = view.histories.levels[view.learners, view.group][:, None]
    gap = view.histories.difficulty[view.course.contents][None, :] - level
    fit: Floats = -(np.nan_to_num(gap, nan=0.0) ** 2)
    return fit


def group_share(view: View) -> Floats:
    """Log share of the subject group among the student's starts."""
    counts = view.histories.group_counts[view.learners]
    share = np.log((counts[:, [view.group]] + 0.5) / (counts.sum(axis=1, keepdims=True) + 1.0))
    return np.broadcast_to(share, view.shape)


def days_since(low: float, high: float) -> Term:
    """1 where the student last began something in the subject group that many days ago."""
    return lambda view: np.broadcast_to(
        ((view.last_start >= low) & (view.last_start < high)).astype(np.float64), view.shape
    )


def never(view: View) -> Floats:
    """1 where the student has begun nothing in the subject group."""
    return np.broadcast_to(np.isinf(view.last_start).astype(np.float64), view.shape)


POSITIVE: Final[dict[str, Term]] = {
    "start_rate_day": start_rate(0),
    "start_rate_week": start_rate(1),
    "start_rate_month": start_rate(2),
    "cohort_share": cohort_share,
    "links": links,
    "similar_starts": similar_starts,
    "studies_subject": studies_subject,
    "next_volume": next_volume,
    "later_volume": later_volume,
    "not_a_skipped_volume": not_a_skipped_volume,
    "familiar_title": familiar_title,
    "familiar_type": familiar_type,
    "fitting_level": fitting_level,
    "group_share": group_share,
}
"""Terms that can only speak for a content: their weights are 0 or more."""

TIMING: Final[dict[str, Term]] = {
    **{f"days_since_{low}": days_since(low, high) for low, high in GAPS},
    "never_began_group": never,
}
"""Terms of the subject group alone, of either sign: when the student is likely to begin something in it again."""

TERMS: Final[dict[str, Term]] = POSITIVE | TIMING
