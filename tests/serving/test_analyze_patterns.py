"""What `serving.analyze_patterns` answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.serving.world import ELSEWHERE, NEW, NOBODY, STUDENT, TENANT, UNSORTED

EVIDENCE = {"preferred_study_times": {"status": "measured", "n": 44, "minimum": 30, "lower": 0.4, "upper": 0.6}}
CHANGES = [{"date": "2026-10-12", "kind": "daily_minutes", "before": 120, "after": 80, "text": "10월 12일부터"}]


@pytest.fixture(autouse=True)
def rows(owner: psycopg.Connection[Any]) -> None:
    """Patterns and risks of one student, and cohorts."""
    owner.execute(
        "insert into serving.student_learning_patterns values (%s, %s, '{evening}', '{1,2}', '{0}', '{영어}', 71.5, 95,"
        " 120, '[]', '[]', '[{\"subject\": \"영어\"}]', null, null, null, null, '{20,21}', 40, 0.7, '2026-08-31',"
        " '2026-11-22', 'measured', 'run-1', 'patterns-1', now(), %s, null, %s, '[{\"p50\": 40}]')",
        [STUDENT, TENANT, Jsonb(EVIDENCE), Jsonb(CHANGES)],
    )
    owner.cursor().executemany(
        "insert into serving.student_risk_analysis (student_id, subject, tenant_id, risk_score, recent_grade_trend,"
        " mastery_estimate, factors, basis, run_id, model_version, computed_at, is_weak, score_count,"
        " legacy_differences, reasoning)"
        " values (%s, %s, %s, %s, 0, %s, '[]', %s, 'run-1', 'risk-1', now(), false, 4, '[]', '')",
        [
            (STUDENT, "국어", TENANT, None, None, "insufficient"),
            (STUDENT, "영어", TENANT, 70, 30, "measured"),
            (STUDENT, "수학", TENANT, 20, 85, "measured"),
        ],
    )
    owner.cursor().executemany(
        "insert into serving.fallback_learning_patterns values (%s, %s, %s, '{evening}', '{1}', '{6}', %s, 60, '{19}',"
        " 30, 8, 'cohort', 'run-1', 'patterns-1', now())",
        [(TENANT, "HIGH", 2, 62), (TENANT, "", 0, 64)],
    )


def answer(connection: psycopg.Connection[Any], student: UUID) -> list[Any]:
    return connection.execute("select * from serving.analyze_patterns(%s)", [student]).fetchall()


def test_the_students_own_row_with_the_subjects_from_strong_to_weak(owner: psycopg.Connection[Any]) -> None:
    (row,) = answer(owner, STUDENT)
    assert (row.preferred_study_times, row.peak_productivity_hours) == (["evening"], [20, 21])
    assert (row.overall_completion_rate, row.avg_session_duration_minutes, row.total_plans_analyzed) == (71.5, 40, 120)
    assert row.subject_strengths == [
        {"subject": "수학", "mastery": 85, "risk": 20, "status": "measured"},
        {"subject": "영어", "mastery": 30, "risk": 70, "status": "measured"},
        {"subject": "국어", "mastery": None, "risk": None, "status": "insufficient"},
    ]
    assert row.details["subject_completion_analysis"] == [{"subject": "영어"}]
    assert (row.details["evidence"], row.details["change_points"]) == (EVIDENCE, CHANGES)
    assert (row.details["weekly_rhythm"], row.details["realistic_minutes"]) == (None, [{"p50": 40}])
    assert (row.source, row.basis, row.as_of, row.model_version) == ("personal", "measured", "2026-11-23", "patterns-1")


@pytest.mark.parametrize(("student", "rate"), [(NEW, 62), (UNSORTED, 64)])
def test_without_a_row_the_cohort_answers(owner: psycopg.Connection[Any], student: UUID, rate: float) -> None:
    (row,) = answer(owner, student)
    assert (row.source, row.overall_completion_rate, row.total_plans_analyzed) == ("cohort", rate, 0)
    assert row.details == {"student_count": 8}
    assert row.subject_strengths == []


@pytest.mark.parametrize("student", [ELSEWHERE, NOBODY])
def test_what_nobody_knows_has_no_row(owner: psycopg.Connection[Any], student: UUID) -> None:
    assert answer(owner, student) == []


def test_stale_rows_say_so(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set valid_until = now() - interval '1 second'")
    assert [row.source for row in answer(owner, STUDENT)] == ["stale"]
