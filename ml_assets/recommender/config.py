"""Every number that decides something in the recommender, with its reason.

Belongs here: constants. Not here: anything computed.

"Tuned" means: best mean NDCG@20 over cut-offs 2013-03-10, 04-01, 05-15, 06-10, 08-01, 10-25 and 11-15 of OULAD, each
with the next 14 days as truth. All of that lies before 2013-12-01, the first cut-off that results are reported for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

START_HALF_LIVES: Final = (1.0, 7.0, 30.0)
"""Half-lives of a start, in days, that compete on the last window before the cut-off: a day, a week and a month.

A paced course (OULAD) is best read by the day, and longer ones were worse the longer; an academy where each student
goes at a pace of their own gives too few starts a day. On the generated sample NDCG@20 was .19 with a day, .25 with a
week and .27 with a month."""


@dataclass(frozen=True, kw_only=True)
class RecommenderConfig:
    """Settings of the recommender. Raises ValueError for a value outside its range, naming all of them."""

    start_half_life_days: float = START_HALF_LIVES[0]
    """Decay of a start in the popularity of its content. Chosen from START_HALF_LIVES by `backtest.tuned`; this default
    holds where there is nothing to choose by. Tuned over 1, 1.5, 2, 3, 4, 5, 7, 10 and 14, the shorter the better."""

    background_half_life_days: float = 60.0
    """Decay of the long-run rate that the short one is shrunk to: about a school term. Not tuned, hardly matters with
    many students."""

    prior_student_days: float = 50.0
    """Weight of the wider rate (context to course, short-run to long-run to course mean) in student-days at risk: about
    a class of 20 over the short half-life. Not tuned: OULAD's courses are far larger."""

    cohort_half_life_days: float = 14.0
    """Decay of a start in the lists of students of whom nothing is known, who are at no point of a course yet: the
    window of `recent_days`, softened. Not tuned."""

    prior_students: float = 20.0
    """Weight of all students in the share of a school type and year, in students: about a class. Not tuned."""

    transition_days: int = 7
    """Length of a step that links are learned on. A week, so that every weekday weighs the same; 14 was no better."""

    transition_windows: int = 2
    """Latest steps that links are learned on. Tuned over 1, 2 and 3: 2 beats 1 slightly, 3 adds nothing."""

    transition_discount: float = 0.5
    """Weight of a step relative to the one after it. Not tuned."""

    history_half_life_days: float = 7.0
    """Decay of a start in the "lately" half of a student's history; the other half does not. Tuned over 3, 5 and 7."""

    engaged_days: int = 28
    """Who started nothing for so long, and no longer studies the course, is left out when links are learned."""

    ridge_per_content: float = 1.0
    """Penalty on links, in students for each linked content of the course: the more links share in an effect, the
    smaller each is. Tuned over .5, 1 and 2: flat (five of the dates), and as good as the best fixed one, 300."""

    link_weight: float = 0.5
    """Share of the links in the blended log score, popularity having the rest. Tuned over 0, .3 to .7 and 1: flat
    between .4 and .7."""

    rate_floor: float = 1e-4
    """Added to a rate or share of starts before its logarithm: one start in 10 000 is as good as none."""

    link_floor: float = 3e-3
    """Least chance of a start within a step that links may state. Tuned over .0003, .001 and .003: flat."""

    max_linked_contents: int = 2000
    """Contents of one course that take part in links, the most started first: the solver needs 8 bytes × (2n)²."""

    min_support: int = 5
    """Least number of students behind a number that is shown or a content that is linked: fewer could be recognised."""

    recent_days: int = 14
    """What "lately" means in reasons and in `popular_recent`: the window in which recommendations are measured."""

    next_days: int = 14
    """Within how many days a start counts as following another in a reason."""

    min_next_share: float = 0.2
    """Least share of students who went on from one content to another for that to be worth saying. A judgement."""

    base_contents: int = 10
    """A student's latest contents of a course from which a reason may start: older ones would puzzle the reader."""

    top_n: int = 50
    """Depth of a list, so that the app's filters and limits find enough."""

    per_subject_group: int = 10
    """Least depth in each subject group that a student takes, when there are so many candidates."""

    fallback_n: int = 20
    """Depth of a list for students without one of their own, per subject group."""

    score_decimals: int = 6
    """Scores are rounded to this before they are compared: the last digits of a sum depend on the processor."""

    chunk_students: int = 4096
    """Students of a course that are dense in memory at once."""

    def __post_init__(self) -> None:
        problems = [
            f"{field.name} must be above 0, not {getattr(self, field.name)!r}"
            for field in fields(self)
            if field.name != "link_weight" and not getattr(self, field.name) > 0
        ]
        if not 0 <= self.link_weight <= 1:
            problems.append(f"link_weight must be 0 to 1, not {self.link_weight!r}")
        if self.per_subject_group > self.top_n:
            problems.append(f"per_subject_group ({self.per_subject_group}) must not be above top_n ({self.top_n})")
        if problems:
            raise ValueError("Recommender settings: " + "; ".join(problems))
