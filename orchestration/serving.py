"""What the app reads, read the way the app does: for the command line's summary, `show` and `status`."""

from __future__ import annotations

import datetime as dt
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from orchestration.freshness import source_freshness
from orchestration.settings import Settings
from orchestration.transform import prepare_manifest


class UnknownStudent(Exception):
    """No student of the app has this id."""


# Titles are looked up for people to read; the published rows carry ids only.
_WITH_TITLES: LiteralString = """
    select listed.*, coalesce(book.title, lecture.title, custom.title) as title
    from {listed} as listed
    left join public.master_books as book on book.id = listed.content_id
    left join public.master_lectures as lecture on lecture.id = listed.content_id
    left join public.master_custom_contents as custom on custom.id = listed.content_id
    order by listed.rank
"""
_RECOMMENDATIONS = _WITH_TITLES.format(listed="serving.recommend_contents(%(student)s, null, %(items)s)")
_RESUMPTIONS = _WITH_TITLES.format(listed="serving.resume_contents(%(student)s, %(items)s)")
# What is predicted for the next exam that is on the calendar, else for the first week.
_NEXT_EXAMS: LiteralString = """
    select distinct on (subject_group, exam_kind)
        subject_group, exam_kind, exam_type, target_date::text, past_exam_count, current_score, predicted_score, lower,
        upper, confidence
    from serving.score_predictions
    where student_id = %(student)s
    order by subject_group, exam_kind desc, exam_type is null, target_date
"""
_PATTERNS: LiteralString = "select * from serving.analyze_patterns(%(student)s)"
_RISKS: LiteralString = """
    select subject, risk_score, legacy_risk_score, score_count, reasoning
    from serving.student_risk_analysis
    where student_id = %(student)s
    order by risk_score desc nulls last, subject
"""
_OUTLOOK: LiteralString = """
    select distinct on (prediction_type) prediction_type, prediction_score, base_score, basis, reasoning
    from serving.student_predictions
    where student_id = %(student)s
    order by prediction_type, prediction_date desc
"""
_OPEN_WARNINGS: LiteralString = """
    select detected_date::text, warning_type, subject, severity, reasoning
    from serving.early_warnings
    where student_id = %(student)s and resolved_at is null
    order by probability desc, warning_type, subject
"""
_WITH_RECOMMENDATIONS = "select student_id::text from serving.content_recommendations order by student_id limit 1"
_WITH_BOTH = """
    select student_id::text from serving.score_predictions as predicted
    where exists (select from serving.content_recommendations as listed where listed.student_id = predicted.student_id)
    order by student_id limit 1
"""
_PUBLICATION = """
    select version, as_of::text, published_at, valid_until, content_hash, row_counts, changed_counts, models
    from serving.publication where is_current
"""


def recommendations(url: str, student_id: str, items: int = 10) -> list[dict[str, Any]]:
    """Rows of `serving.recommend_contents` with titles. Raises UnknownStudent for an id that no student has."""
    return _of_student(url, _RECOMMENDATIONS, student_id, items)


def resumptions(url: str, student_id: str, items: int = 10) -> list[dict[str, Any]]:
    """Rows of `serving.resume_contents` with titles. Raises UnknownStudent for an id that no student has."""
    return _of_student(url, _RESUMPTIONS, student_id, items)


def next_exams(url: str, student_id: str) -> list[dict[str, Any]]:
    """Predictions of a student for the next exam of each series. Raises UnknownStudent for an id no student has."""
    return _of_student(url, _NEXT_EXAMS, student_id, 0)


def analysis(url: str, student_id: str) -> dict[str, list[dict[str, Any]]]:
    """Habits, risks, latest predictions and open warnings of a student. Raises UnknownStudent for an unknown id."""
    return {
        name: _of_student(url, query, student_id, 0)
        for name, query in (
            ("patterns", _PATTERNS),
            ("risks", _RISKS),
            ("outlook", _OUTLOOK),
            ("warnings", _OPEN_WARNINGS),
        )
    }


def _of_student(url: str, query: LiteralString, student_id: str, items: int) -> list[dict[str, Any]]:
    try:
        student = UUID(student_id)
    except ValueError as error:
        raise UnknownStudent(f"{student_id!r} is not a student id (a uuid)") from error
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if connection.execute("select from public.students where id = %s", [student]).fetchone() is None:
            raise UnknownStudent(f"No student has the id {student}.")
        return connection.execute(query, {"student": student, "items": items}).fetchall()


def example_student(url: str) -> str | None:
    """A student with recommendations of their own, and with predicted scores if anybody has both; None without any.

    The same one every time.
    """
    with psycopg.connect(url) as connection:
        row = connection.execute(_WITH_BOTH).fetchone() or connection.execute(_WITH_RECOMMENDATIONS).fetchone()
    return row[0] if row else None


def status(settings: Settings, url: str, now: dt.datetime) -> dict[str, Any]:
    """Last publication, models and freshness, in the shape that docs and `tlu status --json` promise."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        exists = connection.execute("select to_regclass('serving.publication') is not null as there").fetchone()
        row = connection.execute(_PUBLICATION).fetchone() if exists and exists["there"] else None
    publication = None
    if row:
        publication = {
            "version": row["version"],
            "as_of": row["as_of"],
            "published_at": row["published_at"].isoformat(),
            "valid_until": row["valid_until"].isoformat(),
            "content_hash": row["content_hash"],
            "rows": row["row_counts"],
            "changed": row["changed_counts"],
        }
    fresh = source_freshness(url, prepare_manifest(settings), now)
    return {
        "publication": publication,
        "models": row["models"] if row else {},
        "freshness": {table: freshness.to_dict() for table, freshness in fresh.items()},
    }
