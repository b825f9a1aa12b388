"""Every number that decides a risk, with its reason.

Belongs here: weights, thresholds, priors. Not here: what the app's scales mean (`scale`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SubjectRiskConfig:
    """Settings of the risk. "Judgement" means chosen by us and not tuned on data."""

    # Risk: weights and bends of the app's own formula, so that its thresholds keep their meaning
    level_points: float = 40.0
    """Points of a student at the worst place, 0 for the best: the app's weight."""

    decline_points: float = 30.0
    decline_share_per_grade: float = 0.2
    """A fall by one 등급 is a fifth of `decline_points`: the app's weights."""

    decline_days: float = 182.0
    """Time over which a fall is counted: a term, the distance of two 내신."""

    spread_points: float = 20.0
    spread_full: float = 1.2
    """Deviation of a student's places, in z, that takes all of `spread_points`. The app has 20 raw points, and a raw
    point of a school exam whose deviation is 17 is 0.06 z."""

    no_gain_points: float = 5.0
    """Points of a student whose study brings no gain: a tenth of 50, as in the app."""

    gain_plans: float = 100.0
    """Plans done that a gain is told per. The app tells it per 1000 units, and a plan of an hour has about ten pages
    by its own ten pages an hour."""

    min_gain_plans: float = 10.0
    """Plans done from which a gain is told per plan: of one plan it would be of any size. Judgement."""

    # Enough data
    min_exams: int = 2
    """Exams of a subject group from which it has a risk: a fall and a spread need two. One may have been a bad day."""

    # Weak subjects
    weak_risk: float = 50.0
    """Risk from which a subject group is weak whatever the others are. Of the app's readers most take 50 and one takes
    60. It is 50: without the noise that the old formula counts as risk no subject group of generated academies reaches
    60, and one in a hundred reaches 50."""

    weak_points: float = 5.0
    """Percentile points below the student's own mean from which a subject group is weak. The level is shrunk already,
    so that few exams do not get there. As the app's trend and as recommendations before: 5."""

    need_points: float = 20.0
    """Percentile points below the own mean that count as fully behind: about one 등급 in the middle of the scale."""

    # Levels
    history_days: int = 1_095
    """How long before a student's last exam an exam still counts: three years of a school, over which a straight line
    is a fair picture. Judgement."""

    trend_certainty: float = 0.8
    """Probability of a rise, or of a fall, from which it is called one. Judgement."""

    exam_prior: float = 20.0
    """Takers of a mock exam without places against which its own difficulty is weighed. Judgement: a class."""

    academy_prior: float = 20.0
    """Students against which an academy's mean is weighed. Judgement: a class."""

    kind_prior: float = 20.0
    """Students × subject groups with both kinds of exam against which the distance between the kinds is weighed."""

    noise_prior: Mapping[str, float] = field(default_factory=lambda: {"internal": 0.18, "mock": 0.1})
    """Variance of a place around the student's level, in z². Generated academies have 0.18 and 0.10."""

    slope_prior: float = 0.1
    """Variance of the change in a year, in z². Generated academies have 0.11."""

    kind_variance_prior: float = 0.03
    """Variance of what sets a kind of exam apart for one student, in z². Judgement: a sixth of an exam's noise."""

    group_variance_prior: float = 0.4
    student_variance_prior: float = 0.5
    """Variances of a student's subject groups around the student, and of students around their academy, in z²."""

    prior_weight: float = 50.0
    """Pairs of exams, or students, that the priors are worth: an academy of seven students does not decide alone."""

    spread_prior_pairs: float = 6.0
    """Pairs of exams against which the student's own spread is weighed. Judgement: about two years of one subject."""
