"""Every number that decides something in the recommender, with its reason.

Belongs here: constants. Not here: anything computed.

"Tuned" means: best mean NDCG@20 over cut-offs 2013-03-10, 04-01, 05-15, 06-10, 08-01, 10-25 and 11-15 of OULAD, each
with the next 14 days as truth. All of that lies before 2013-12-01, the first cut-off that results are reported for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal

START_HALF_LIVES: Final = (1.0, 7.0, 30.0)
"""Half-lives of a start in the popularity of its content, in days: a day, a week and a month, each a term of its own.

A paced course (OULAD) is best read by the day; an academy where each student goes at a pace of their own gives too few
starts a day, and is best read by the month."""

BuilderName = Literal["shrunk_cosine", "rp3beta", "ease", "local_ease"]
"""Builders of item-item weights, see similarity.py."""

PRIOR_WEIGHTS: Final[dict[str, float]] = {
    "start_rate_day": 0.1,
    "start_rate_week": 0.2,
    "start_rate_month": 0.4,
    "cohort_share": 0.1,
    "links": 0.3,
    "similar_starts": 0.3,
    "studies_subject": 1.0,
    "next_volume": 3.0,
    "later_volume": 1.0,
    "not_a_skipped_volume": 0.8,
    "familiar_title": 2.0,
    "familiar_type": 0.2,
    "fitting_level": 0.2,
    "group_share": 0.1,
    "days_since_0": -0.5,
    "days_since_7": 0.0,
    "days_since_14": 0.2,
    "days_since_21": 0.2,
    "days_since_28": 0.2,
    "days_since_42": 0.0,
    "days_since_70": 0.0,
    "never_began_group": -1.0,
}
"""Weights of the terms of a score where there are too few choices to learn from. In logits: a content whose score is
higher by 1 is chosen 2.7 times as often. Rounded from what generated academies gave on windows before 2026-10-01."""


@dataclass(frozen=True, kw_only=True)
class RecommenderConfig:
    """Settings of the recommender. Raises ValueError for a value outside its range, naming all of them."""

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

    weight_students: int = 2000
    """Students whose choices the weights are learned from, those whose ids have the smallest hashes: with two thousand
    the weights hardly change any more, and their candidates fit 1 GB."""

    weight_strength: float = 20.0
    """Pull of the weights towards PRIOR_WEIGHTS, in students who chose something: about a class. Not tuned."""

    prior_starts: float = 3.0
    """Weight of what all students do in a student's own shares of types and level, in starts. Not tuned."""

    middle_difficulty: float = 2.0
    """Level of difficulty, 1 to 4, where nobody has started anything: 기본."""

    prior_items: float = 20.0
    """Weight of what is usual in a content's and in a student's share of planned items done: about two
    weeks of items. Not tuned."""

    completion_weight: float = 0.25
    """Weight of the log chance that a planned item gets done. Re-ranking cannot be tuned on what was started: weights
    are as large as NDCG@10 bears without loss on generated academies before 2026-10-01."""

    challenge_weight: float = 0.25
    """Weight of the squared distance of the chance of success from where most is learned."""

    least_success: float = 0.70
    """Lowest chance of success that is not too hard. A judgement: less discourages those who work alone."""

    most_success: float = 0.85
    """Highest that is not too easy (Wilson et al. 2019, "The eighty five percent rule for optimal learning")."""

    success_slope: float = 0.6
    """Log odds of success for each level that a content is below the student's. A judgement: one level above, .66."""

    need_weight: float = 0.25
    """Weight of a subject group in which the student is fully behind."""

    need_share: float = 0.2
    """Share of a list that goes to subject groups in which the student is behind, where there are any."""

    prerequisite_penalty: float = 3.0
    """Taken from a content whose prerequisite the student has not begun: it is chosen a twentieth as often."""

    balance_weight: float = 1.0
    """Weight of the balance between subject groups."""

    explore_every: int = 10
    """One place in the first so many goes to a content that hardly anybody has started: what is never shown is never
    learned about."""

    similarity: BuilderName = "local_ease"
    """Builder of the item-item weights. Best by a little of shrunk_cosine, rp3beta and local_ease on one window of
    generated academies before 2026-10-01; one of OULAD makes no difference between them."""

    max_local_ease: int = 10_000
    """Started contents up to which `similarity` is built as asked; above, `shrunk_cosine`, whose cost grows with pairs
    that occur."""

    similarity_floor: float = 1e-2
    """Added to x · W, in units of its largest weight, before the logarithm. Tuned over .001 and .01."""

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

    max_reasons: int = 3
    """Reasons of a row: more are not read."""

    high_completion: float = 0.8
    """Share of planned items done from which a content is said to be one that gets completed. A judgement: generated
    academies do .62 of theirs."""

    least_levels: int = 3
    """Contents that a student has started in a subject group before their mean level is spoken of."""

    fitting_levels: float = 0.5
    """Levels of difficulty from the student's mean within which a content is said to fit: rounded, it is the same."""

    base_contents: int = 10
    """A student's latest contents of a course from which a reason may start: older ones would puzzle the reader."""

    top_n: int = 50
    """Depth of a list, so that the app's filters and limits find enough."""

    per_subject_group: int = 10
    """Least depth in each subject group that a student takes, when there are so many candidates."""

    holdout_share: float = 0.0
    """Share of students, always the same ones, who get the list of their year instead of a personal one, so that the
    effect of the latter can be measured. A run sets it, see orchestration/settings.py."""

    short_history: int = 5
    """Starts from which a list counts as personal in full: below, what all students do weighs more than the student's
    own past (`prior_starts`), and the list says so."""

    resume_n: int = 5
    """Most unfinished contents that a student is reminded of."""

    paused_days: int = 7
    """Days without work on a content before it counts as left: a week, since many plan by weekday."""

    forgotten_days: int = 120
    """Days after which what was left was given up: a school term."""

    finished_share: float = 0.9
    """Share of a content's length from which it counts as finished: the rest is index and answers. A judgement."""

    resume_half_life_days: float = 30.0
    """Half-life of the wish to go on. A judgement; too few go on for one to be measured on generated academies."""

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
            if field.name not in {"similarity", "holdout_share"} and not getattr(self, field.name) > 0
        ]
        if not 0 <= self.holdout_share < 1:
            problems.append(f"holdout_share must be 0 or above and below 1, not {self.holdout_share!r}")
        if self.per_subject_group > self.top_n:
            problems.append(f"per_subject_group ({self.per_subject_group}) must not be above top_n ({self.top_n})")
        if problems:
            raise ValueError("Recommender settings: " + "; ".join(problems))
