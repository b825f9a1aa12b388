"""Every number that decides when staff are warned, with its reason.

Belongs here: types, thresholds, lengths of time, budgets. Not here: words (`texts`) and the probabilities themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TYPES: Final = (
    *("completion_drop", "streak_break", "subject_struggle", "burnout_risk", "schedule_overload"),
    "exam_unpreparedness",
)
"""Types of warning, as the app names them."""

SEVERITIES: Final = ("low", "medium", "high", "critical")
"""From the least to the worst; a place in it is a level."""


@dataclass(frozen=True, kw_only=True)
class WarningRule:
    """When a warning of one type is raised and when its cause is gone.

    Raises ValueError unless 0 < clear_at < raise_at <= 1 and 0 < harm <= 1.
    """

    harm: float
    """How bad the event is beside the worst one, which is 1."""

    raise_at: float = 0.5
    """Probability from which it is raised: probabilities are calibrated, so at least every other warning is right.
    Judgement, the same for all types until a monthly review has proposed another."""

    clear_at: float = 0.35
    """Probability under which the cause counts as gone: far enough below `raise_at` that the noise of a day does not
    cross both. Judgement."""

    def __post_init__(self) -> None:
        if not 0 < self.clear_at < self.raise_at <= 1:
            raise ValueError(f"clear_at {self.clear_at} must lie between 0 and raise_at {self.raise_at}, and that in 1")
        if not 0 < self.harm <= 1:
            raise ValueError(f"harm {self.harm} must lie between 0 and 1")


def _rules() -> dict[str, WarningRule]:
    """Harm, a judgement: who stops altogether is lost; an exam cannot be sat again; a streak can begin again."""
    return {
        "burnout_risk": WarningRule(harm=1.0),
        "exam_unpreparedness": WarningRule(harm=0.8),
        "completion_drop": WarningRule(harm=0.7),
        "subject_struggle": WarningRule(harm=0.7),
        "schedule_overload": WarningRule(harm=0.5),
        "streak_break": WarningRule(harm=0.5),
    }


@dataclass(frozen=True, kw_only=True)
class EarlyWarningConfig:
    """Settings of the warnings. "Judgement" means chosen by us and not tuned on data.

    Raises ValueError where a type has no rule, a cool-down outlasts what is kept, or severities are out of order.
    """

    rules: Mapping[str, WarningRule] = field(default_factory=_rules)

    # Evidence
    evidence_max_age_days: int = 1
    """Days before the cut-off that evidence may be dated; older evidence counts as none: it says what was."""

    probability_decimals: int = 3
    """Thresholds are held against what is shown: more decimals would be false and would rewrite rows every night."""

    # Severity: probability times harm
    severity_from: tuple[float, float, float] = (0.3, 0.45, 0.65)
    """Products from which a warning is medium, high and critical: an even chance of the mildest harm is low, an even
    chance of the worst is high. Judgement."""

    severity_margin: float = 0.05
    """How far under its bound the product must fall before a severity is lowered. Judgement: a severity may rise at
    once, for then somebody should know, and falls only when it clearly has."""

    # Ending
    clear_days: int = 3
    """Days in a row under `clear_at` after which a warning ends by itself: a good Sunday is not yet a change."""

    missing_days: int = 14
    """Days in a row without evidence after which a warning ends: for two weeks nothing could be said. Judgement."""

    cool_down_days: int = 7
    """A warning that ended comes again only after more than so many days, so that none flaps within a week."""

    dismissed_cool_down_days: int = 28
    """The same after staff said that it was wrong: as long as the events looked ahead to. Judgement."""

    keep_days: int = 180
    """How long a warning that ended is kept, for the reviews and the app's history."""

    # Budget
    weekly_per_100_students: float = 5.0
    """New warnings of an academy in an ISO week, per hundred of its students. No table says who looks after whom; a
    consultant with 60 students gets three new talks a week, beside those still open. Judgement."""

    weekly_least: int = 5
    """New warnings a week that even the smallest academy may have: one a working day. Judgement."""

    # Judging
    horizon_days: int = 28
    """An event counts for a warning when it begins on the warning's day or in the 27 after it."""

    flap_days: int = 7
    """An alert that ends and comes again after no more than so many days has flapped."""

    review_months: int = 3
    """Complete months before the cut-off that are reviewed: the oldest one's warnings are all still kept."""

    review_min_cases: int = 30
    """Replayed alerts with a known outcome, at the threshold that raises most, under which none is proposed: with 30
    the standard error of a share of a half is 9 points."""

    review_min_events: int = 10
    """Events under which no threshold is proposed. Judgement: the share caught moves by 10 points with each."""

    review_caught_share: float = 0.5
    """Share of the events that a proposed threshold must still catch, unless it fills the budget. Judgement: an
    absolute share, for one of what is caught now would be cut again every month."""

    review_step: float = 0.05
    """Distance of the thresholds tried: a finer choice among a few dozen cases would be chance. Judgement."""

    def __post_init__(self) -> None:
        if missing := sorted(set(TYPES) - set(self.rules)):
            raise ValueError(f"no rule for {', '.join(missing)}")
        if not self.cool_down_days <= self.dismissed_cool_down_days < self.keep_days:
            raise ValueError("a cool-down after a dismissal must be the longer one, and shorter than keep_days")
        low, middle, high = self.severity_from
        if not 0 < low < middle < high <= 1 or not 0 <= self.severity_margin < low:
            raise ValueError("severity_from must rise within 0 to 1, and severity_margin stay below its first bound")
        if min(self.clear_days, self.missing_days) < 1:
            raise ValueError("clear_days and missing_days must be at least 1")

    def weekly_budget(self, students: int) -> int:
        """New warnings a week of an academy with so many students."""
        return max(self.weekly_least, int(self.weekly_per_100_students * students / 100))
