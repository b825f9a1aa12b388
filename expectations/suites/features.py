"""What must hold of the features before a model sees them.

Belongs here: keys, counts and the cut-off, which every builder takes, also where nothing is dated. Not here: whether
the numbers are right (dbt's own tests).
"""

from __future__ import annotations

import datetime as dt

from expectations import bounds
from expectations.spec import SuiteSpec, between, columns_exactly, dated_before, not_null, one_of, unique


def student_profile(as_of: dt.date) -> SuiteSpec:
    """One row per student known at the cut-off."""
    return SuiteSpec(
        name="feat_student__profile",
        columns=(
            "student_id",
            "tenant_id",
            "school_type",
            "school_year_level",
            "curriculum_revision_year",
            "is_withdrawn",
            "withdrawn_date",
            "is_synthetic",
        ),
        min_rows=1,
        expectations=(
            *not_null("student_id", "tenant_id", "is_withdrawn", "is_synthetic"),
            unique("student_id"),
            dated_before("withdrawn_date", as_of),
        ),
    )


def student_subjects(as_of: dt.date) -> SuiteSpec:
    """One row per student and subject being studied; nobody may be."""
    return SuiteSpec(
        name="feat_student__subjects",
        columns=("student_id", "subject_group", "subject", "since_date"),
        min_rows=0,
        expectations=(*not_null("student_id", "subject_group"), dated_before("since_date", as_of)),
    )


def content_catalogue(_: dt.date) -> SuiteSpec:
    """One row per master content: books, lectures and customs together, so that at least one of them has rows."""
    return SuiteSpec(
        name="feat_content__catalogue",
        columns=(
            "content_id",
            "content_type",
            "tenant_id",
            "subject_group",
            "subject_id",
            "subject",
            "difficulty_level",
            "curriculum_revision_year",
            "school_type",
            "school_year_min",
            "school_year_max",
            "series_name",
            "title_stem",
            "volume_number",
            "total_units",
            "is_active",
        ),
        min_rows=1,
        expectations=(
            *not_null("content_id", "content_type", "is_active"),
            unique("content_id"),
            one_of("content_type", bounds.CONTENT_TYPES),
        ),
    )


def student_content_interactions(as_of: dt.date) -> SuiteSpec:
    """One row per student and content, all of it before the cut-off; a new academy may have none."""
    dates = ("shelved_date", "first_planned_date", "last_planned_date", "first_done_date", "last_done_date")
    counts = ("planned_count", "done_count")
    return SuiteSpec(
        name="feat_student_content__interactions",
        columns=("student_id", "content_id", *dates, *counts, "done_units"),
        min_rows=0,
        expectations=(
            *not_null("student_id", "content_id", *counts),
            unique("student_id", "content_id"),
            *(dated_before(column, as_of) for column in dates),
            *(between(column, 0) for column in (*counts, "done_units")),
        ),
    )


def content_prerequisites(_: dt.date) -> SuiteSpec:
    """One row per academy and pair of contents; few academies say so at all."""
    key = ("tenant_id", "content_id", "prerequisite_id")
    return SuiteSpec(
        name="feat_content__prerequisites", columns=key, min_rows=0, expectations=(*not_null(*key), unique(*key))
    )


def student_subject_scores(as_of: dt.date) -> SuiteSpec:
    """One row per student, subject group and kind of exam; scores of a subject without a group are of none."""
    key = ("student_id", "subject_group", "exam_kind")
    return SuiteSpec(
        name="feat_student_subject__scores",
        columns=(*key, "exam_count", "last_exam_date", "recent_percentile"),
        min_rows=0,
        expectations=(
            *not_null("student_id", "exam_kind", "exam_count", "last_exam_date", "recent_percentile"),
            unique(*key),
            dated_before("last_exam_date", as_of),
            between("exam_count", 1),
            between("recent_percentile", *bounds.PERCENTILE),
        ),
    )


def student_exam_scores(as_of: dt.date) -> SuiteSpec:
    """One row per score known at the cut-off, whose exam may be due after it; a new academy may have none."""
    key = ("score_id", "student_id", "tenant_id", "subject_group", "subject_id")
    exam = ("exam_kind", "exam_type", "exam_date", "known_date", "course_day")
    marks = ("raw_score", "percentile", "percentile_basis", "rank_grade", "rank_grade_levels", "standard_score")
    columns = (*key, *exam, "school_year_level", *marks, "credit_hours", "z_score")
    return SuiteSpec(
        name="feat_student_exam__scores",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, *exam),
            unique("score_id"),
            one_of("exam_kind", bounds.EXAM_KINDS),
            dated_before("known_date", as_of),
            between("raw_score", *bounds.RAW_SCORE),
            between("percentile", *bounds.PERCENTILE),
            between("rank_grade", *bounds.RANK_GRADES),
        ),
    )


def student_subject_weekly_effort(as_of: dt.date) -> SuiteSpec:
    """One row per student, subject group and week; a new academy has planned and timed nothing yet."""
    key = ("student_id", "subject_group", "week_start")
    counts = ("planned_count", "done_count", "done_by_week_end_count", "carried_over_count")
    columns = (*key, *counts, "net_seconds")
    return SuiteSpec(
        name="feat_student_subject__weekly_effort",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, *counts),
            unique(*key),
            dated_before("week_start", as_of),
            *(between(column, 0) for column in (*counts, "net_seconds")),
        ),
    )


def student_subject_courses(as_of: dt.date) -> SuiteSpec:
    """One row per student and subject group studied or scored; a school year may begin on the day of the cut-off."""
    key = ("student_id", "subject_group")
    columns = (*key, "subject_id", "course_start_date")
    return SuiteSpec(
        name="feat_student_subject__courses",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, "course_start_date"),
            unique(*key),
            dated_before("course_start_date", as_of + dt.timedelta(days=1)),
        ),
    )


def student_daily_activity(as_of: dt.date) -> SuiteSpec:
    """One row per student and day with anything planned, done or timed; a new academy has none yet."""
    key = ("student_id", "activity_date")
    done = ("done_on_time_count", "done_in_week_count", "done_count", "ticked_count", "carried_over_count")
    counts = ("planned_count", "planned_ahead_count", *done, "spell_count")
    columns = (*key, *counts, "net_seconds", "late_seconds")
    return SuiteSpec(
        name="feat_student__daily_activity",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, *counts),
            unique(*key),
            dated_before("activity_date", as_of),
            *(between(column, 0) for column in (*counts, "net_seconds", "late_seconds")),
        ),
    )


def student_coming_week(_: dt.date) -> SuiteSpec:
    """One row per student known at the cut-off, whatever is planned."""
    counts = ("planned_count", "estimated_count")
    columns = ("student_id", *counts, "planned_minutes")
    return SuiteSpec(
        name="feat_student__coming_week",
        columns=columns,
        min_rows=1,
        expectations=(
            columns_exactly(*columns),
            *not_null("student_id", *counts),
            unique("student_id"),
            *(between(column, 0) for column in (*counts, "planned_minutes")),
        ),
    )


def student_enrolments(as_of: dt.date) -> SuiteSpec:
    """One row per plan group, which may begin and end after the cut-off, but was not cancelled after it."""
    key = ("student_id", "plan_group_id")
    columns = (*key, "start_date", "end_date", "cancelled_date")
    return SuiteSpec(
        name="feat_student__enrolments",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, "start_date", "end_date"),
            unique("plan_group_id"),
            dated_before("cancelled_date", as_of),
        ),
    )


def student_hour_activity(_: dt.date) -> SuiteSpec:
    """One row per student and hour in which anything was begun; a new academy has none yet."""
    key = ("student_id", "start_hour")
    counts = ("spell_count", "planned_count", "done_count")
    columns = (*key, "spell_count", "net_seconds", "planned_count", "done_count")
    return SuiteSpec(
        name="feat_student_hour__activity",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, *counts),
            unique(*key),
            between("start_hour", *bounds.HOURS),
            *(between(column, 0) for column in (*counts, "net_seconds")),
        ),
    )


def student_kind_effort(_: dt.date) -> SuiteSpec:
    """One row per student and kind of work that was done and timed; an academy without timers has none."""
    key = ("student_id", "content_type", "subject_group")
    spreads = ("var_log_minutes", "var_log_unit_minutes", "var_log_pace")
    columns = (
        *(*key, "item_count", "mean_log_minutes", "var_log_minutes"),
        *("unit_item_count", "mean_log_unit_minutes", "var_log_unit_minutes"),
        *("estimated_item_count", "mean_log_pace", "var_log_pace"),
    )
    return SuiteSpec(
        name="feat_student_kind__effort",
        columns=columns,
        min_rows=0,
        expectations=(
            columns_exactly(*columns),
            *not_null(*key, "item_count", "mean_log_minutes", "var_log_minutes"),
            *not_null("unit_item_count", "estimated_item_count"),
            unique(*key),
            between("item_count", 1),
            *(between(column, 0) for column in ("unit_item_count", "estimated_item_count", *spreads)),
        ),
    )


def student_rhythm(_: dt.date) -> SuiteSpec:
    """One row per student known at the cut-off; the counts by weekday are arrays, and there whatever was planned."""
    planned = ("weekday_planned_count", "weekday_done_count")
    return SuiteSpec(
        name="feat_student__rhythm",
        columns=("student_id", *planned),
        min_rows=1,
        expectations=(*not_null("student_id", *planned), unique("student_id")),
    )


def student_subject_activity(_: dt.date) -> SuiteSpec:
    """One row per student and subject group with a plan or a spell of late; a new academy has none yet."""
    key = ("student_id", "subject_group")
    counts = ("planned_84d_count", "done_84d_count")
    return SuiteSpec(
        name="feat_student_subject__activity",
        columns=(*key, *counts),
        min_rows=0,
        expectations=(*not_null(*key, *counts), unique(*key), *(between(column, 0) for column in counts)),
    )
