"""What must hold of a candidate before it may replace what the app reads.

Belongs here: the shape of each published table and the promises its readers rely on. Not here: whether the
recommendations are any good (`ml_assets.evaluation`), or how they compare with the last publication (the publisher).
"""

from __future__ import annotations

from typing import Final

from expectations import bounds
from expectations.spec import SuiteSpec, between, columns_exactly, not_null, numbered_from_one, one_of, unique

_RECOMMENDATION_COLUMNS: Final = (
    "student_id",
    "rank",
    "tenant_id",
    "content_type",
    "content_id",
    "subject_group",
    "subject_id",
    "subject_rank",
    "score",
    "reasons",
    "reasoning",
    "source",
)
_FALLBACK_COLUMNS: Final = (
    "tenant_id",
    "school_type",
    "school_year_level",
    "subject_group",
    "rank",
    "content_type",
    "content_id",
    "subject_id",
    "score",
    "reasons",
    "reasoning",
    "source",
)
_FALLBACK_LIST: Final = ("tenant_id", "school_type", "school_year_level", "subject_group")
_ALWAYS_SAID: Final = ("content_type", "content_id", "score", "reasons", "reasoning", "source")


def content_recommendations() -> SuiteSpec:
    """One ranked list per student."""
    return SuiteSpec(
        name="content_recommendations",
        columns=_RECOMMENDATION_COLUMNS,
        min_rows=1,
        expectations=(
            columns_exactly(*_RECOMMENDATION_COLUMNS),
            *not_null("student_id", "tenant_id", "rank", *_ALWAYS_SAID),
            unique("student_id", "rank"),
            unique("student_id", "content_id"),
            between("rank", 1, bounds.LIST_LENGTH),
            between("subject_rank", 1, bounds.LIST_LENGTH),
            between("score", *bounds.SCORE),
            one_of("content_type", bounds.CONTENT_TYPES),
            one_of("source", bounds.SOURCES),
        ),
        rules=(numbered_from_one("rank", within=("student_id",)),),
    )


def content_resumptions() -> SuiteSpec:
    """What each student has begun and left; nobody need have anything."""
    columns = (
        *("student_id", "rank", "tenant_id", "content_type", "content_id", "subject_group", "subject_id"),
        *("done_share", "last_done_date", "reasons", "reasoning"),
    )
    return SuiteSpec(
        name="content_resumptions",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null("student_id", "tenant_id", "rank", "content_type", "content_id", "last_done_date"),
            *not_null("reasons", "reasoning"),
            unique("student_id", "rank"),
            unique("student_id", "content_id"),
            between("rank", 1, bounds.LIST_LENGTH),
            between("done_share", *bounds.SCORE),
            one_of("content_type", bounds.CONTENT_TYPES),
        ),
        rules=(numbered_from_one("rank", within=("student_id",)),),
    )


def fallback_recommendations() -> SuiteSpec:
    """One ranked list per academy, school type, school year and subject group, for students without their own."""
    return SuiteSpec(
        name="fallback_recommendations",
        columns=_FALLBACK_COLUMNS,
        min_rows=1,
        expectations=(
            columns_exactly(*_FALLBACK_COLUMNS),
            *not_null(*_FALLBACK_LIST, "rank", *_ALWAYS_SAID),
            unique(*_FALLBACK_LIST, "rank"),
            unique(*_FALLBACK_LIST, "content_id"),
            between("rank", 1, bounds.FALLBACK_LENGTH),
            between("score", *bounds.SCORE),
            one_of("content_type", bounds.CONTENT_TYPES),
            one_of("source", bounds.SOURCES),
        ),
        rules=(numbered_from_one("rank", within=_FALLBACK_LIST),),
    )
