"""What must hold of the app's raw tables before anything is built from them.

Belongs here: keys that joins need, and ranges that show whether a column still means what it meant. Not here: rules
between tables, and what staging repairs. The app writes some of these columns as free text and people type dates, so a
value out of range is a warning and a missing key is critical.
"""

from __future__ import annotations

from typing import Final

from expectations import bounds
from expectations.spec import Expectation, SuiteSpec, between, dated_between, not_null, one_of

NEVER_EMPTY: Final = frozenset({"tenants", "students", "student_plan"})
"""Without these there is nobody to recommend to and nothing to learn from. Any other table may be unused: an academy
may keep no lectures, enter no scores or not use the calendar."""


def _dates(*columns: str) -> tuple[Expectation, ...]:
    return tuple(dated_between(column, bounds.FIRST_DATE, bounds.LAST_DATE, "warning") for column in columns)


def _school_years(*columns: str) -> tuple[Expectation, ...]:
    return tuple(between(column, *bounds.SCHOOL_YEAR_LEVELS, "warning") for column in columns)


EXPECTATIONS: Final[dict[str, tuple[Expectation, ...]]] = {
    "tenants": not_null("id"),
    "students": (
        *not_null("id", "tenant_id"),
        one_of("school_type", bounds.SCHOOL_TYPES, "warning"),
        *_school_years("grade"),
    ),
    "curriculum_revisions": not_null("id", "name"),
    "subject_groups": not_null("id", "curriculum_revision_id", "name"),
    "subjects": not_null("id", "subject_group_id", "name"),
    "student_terms": (
        *not_null("id", "student_id", "school_year", "semester"),
        *_school_years("grade"),
        between("semester", *bounds.SEMESTERS, "warning"),
    ),
    "difficulty_levels": not_null("id", "name"),
    "student_plan": (
        *not_null("id", "student_id", "tenant_id", "content_type", "plan_date"),
        one_of("status", bounds.PLAN_STATUSES, "warning"),
        one_of("content_type", bounds.PLANNED_CONTENT_TYPES, "warning"),
        *_dates("plan_date"),
    ),
    "plan_groups": (
        *not_null("id", "student_id", "tenant_id", "period_start", "period_end"),
        one_of("status", bounds.PLAN_GROUP_STATUSES, "warning"),
        *_dates("period_start", "period_end"),
    ),
    "plan_contents": (
        *not_null("id", "plan_group_id", "content_type", "content_id"),
        one_of("content_type", bounds.PLANNED_CONTENT_TYPES, "warning"),
    ),
    "calendar_events": (
        *not_null("id", "student_id", "tenant_id", "is_task", "is_exclusion"),
        one_of("status", bounds.EVENT_STATUSES, "warning"),
        *_dates("start_date", "start_at"),
    ),
    "event_study_data": (
        *not_null("event_id", "done"),
        one_of("content_type", bounds.PLANNED_CONTENT_TYPES, "warning"),
        *_dates("done_at"),
    ),
    "student_study_sessions": (*not_null("id", "student_id", "tenant_id", "started_at"), *_dates("started_at")),
    "student_goals": (*not_null("id", "student_id", "start_date", "end_date"), *_dates("start_date", "end_date")),
    "student_goal_progress": not_null("id", "goal_id", "student_id"),
    "plan_satisfaction_ratings": (
        *not_null("id", "plan_id", "student_id", "rating"),
        between("rating", *bounds.RATINGS, "warning"),
    ),
    "student_content_progress": not_null("id", "student_id"),
    "student_history": not_null("id", "student_id", "event_type"),
    "attendance_records": (
        *not_null("id", "student_id", "attendance_date"),
        one_of("status", bounds.ATTENDANCE, "warning"),
        *_dates("attendance_date"),
    ),
    "daily_check_ins": (*not_null("id", "student_id", "check_date"), *_dates("check_date")),
    "student_internal_scores": (
        *not_null("id", "student_id", "tenant_id", "subject_group_id", "subject_id", "grade", "semester"),
        *_school_years("grade"),
        between("semester", *bounds.SEMESTERS, "warning"),
        between("rank_grade", *bounds.RANK_GRADES, "warning"),
        between("raw_score", *bounds.RAW_SCORE, "warning"),
    ),
    "student_mock_scores": (
        *not_null("id", "student_id", "tenant_id", "subject_group_id", "subject_id", "grade", "exam_date"),
        *_school_years("grade"),
        between("percentile", *bounds.PERCENTILE, "warning"),
        between("grade_score", *bounds.RANK_GRADES, "warning"),
        between("raw_score", *bounds.RAW_SCORE, "warning"),
        *_dates("exam_date"),
    ),
    "books": not_null("id"),
    "lectures": not_null("id"),
    "student_custom_contents": not_null("id", "student_id"),
    "master_books": (
        *not_null("id"),
        one_of("school_type", bounds.SCHOOL_TYPES, "warning"),
        *_school_years("grade_min", "grade_max"),
    ),
    "book_details": not_null("id", "book_id"),
    "master_lectures": not_null("id"),
    "lecture_episodes": not_null("id"),
    "master_custom_contents": not_null("id"),
    "content_difficulty_analysis": (
        *not_null("id", "content_id"),
        between("overall_difficulty_score", *bounds.DIFFICULTY_SCORE, "warning"),
    ),
    "content_dependencies": not_null("id", "prerequisite_content_id", "dependent_content_id"),
    "student_block_sets": not_null("id", "student_id"),
    "student_block_schedule": (
        *not_null("id", "student_id", "start_time", "end_time"),
        between("day_of_week", *bounds.WEEKDAYS, "warning"),
    ),
    "time_slots": not_null("id", "tenant_id", "start_time", "end_time"),
    "tenant_scheduler_settings": not_null("tenant_id"),
}


def raw_suite(table: str) -> SuiteSpec:
    """The suite of a raw table. Raises KeyError for a table that the pipeline does not read."""
    least = 1 if table in NEVER_EMPTY else 0
    return SuiteSpec(name=table, columns=(), min_rows=least, expectations=EXPECTATIONS[table])
