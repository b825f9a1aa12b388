"""Every suite by the name of its table.

Belongs here: which suites exist. Not here: what they ask.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, NoReturn, TypeVar

from expectations.spec import SuiteSpec
from expectations.suites import candidate, features, outlook, patterns, score_predictions, subject_risk
from expectations.suites.raw import EXPECTATIONS, raw_suite

Builder = TypeVar("Builder", bound=Callable[..., SuiteSpec])


class UnknownSuiteError(LookupError):
    """There is no suite of this name; the message lists those there are."""


class Suites(dict[str, Builder], Generic[Builder]):
    """Builders of suites by table. Looking up a name that is not there raises UnknownSuiteError."""

    def __missing__(self, name: str) -> NoReturn:
        raise UnknownSuiteError(f"There is no suite {name!r}. Known are: {', '.join(sorted(self))}.")


RAW_SUITES: Final[Suites[Callable[[], SuiteSpec]]] = Suites(
    {table: partial(raw_suite, table) for table in EXPECTATIONS}
)
"""Raw tables, in the schema of the app."""

FEATURE_SUITES: Final[Suites[Callable[[dt.date], SuiteSpec]]] = Suites(
    {
        "feat_student__profile": features.student_profile,
        "feat_student__subjects": features.student_subjects,
        "feat_content__catalogue": features.content_catalogue,
        "feat_content__prerequisites": features.content_prerequisites,
        "feat_student_content__interactions": features.student_content_interactions,
        "feat_student_subject__scores": features.student_subject_scores,
        "feat_student_exam__scores": features.student_exam_scores,
        "feat_student_subject__weekly_effort": features.student_subject_weekly_effort,
        "feat_student_subject__courses": features.student_subject_courses,
        "feat_student__daily_activity": features.student_daily_activity,
        "feat_student__coming_week": features.student_coming_week,
        "feat_student__enrolments": features.student_enrolments,
        "feat_student__rhythm": features.student_rhythm,
        "feat_student_hour__activity": features.student_hour_activity,
        "feat_student_kind__effort": features.student_kind_effort,
        "feat_student_subject__activity": features.student_subject_activity,
    }
)
"""Feature models; each builder takes the cut-off that the features were built for."""

CANDIDATE_SUITES: Final[Suites[Callable[[], SuiteSpec]]] = Suites(
    {
        "content_recommendations": candidate.content_recommendations,
        "fallback_recommendations": candidate.fallback_recommendations,
        "content_resumptions": candidate.content_resumptions,
        "score_predictions": score_predictions.score_predictions,
        "fallback_score_predictions": score_predictions.fallback_score_predictions,
        "student_learning_patterns": patterns.student_learning_patterns,
        "fallback_learning_patterns": patterns.fallback_learning_patterns,
        "student_risk_analysis": subject_risk.student_risk_analysis,
        "score_summaries": subject_risk.score_summaries,
        "student_predictions": outlook.student_predictions,
        "early_warnings": outlook.early_warnings,
        "warning_rule_reviews": outlook.warning_rule_reviews,
    }
)
"""Tables of a candidate, as frames."""
