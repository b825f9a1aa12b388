"""What the functions for risks, outlook, warnings and score summaries answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.serving.world import CONSULTANT, ELSEWHERE, OTHER, OTHER_TENANT, STUDENT, TENANT, claims_of, signed_in

WARNINGS = [UUID(int=800 + number) for number in range(6)]


@pytest.fixture(autouse=True)
def rows(owner: psycopg.Connection[Any]) -> None:
    """Rows of one student, and warnings of two academies."""
    many = owner.cursor().executemany
    many(
        "insert into serving.student_risk_analysis (student_id, subject, tenant_id, risk_score, recent_grade_trend,"
        " factors, basis, run_id, model_version, computed_at, is_weak, score_count, legacy_differences, reasoning)"
        " values (%s, %s, %s, %s, -1, '[]', %s, 'run-1', 'risk-1', now(), %s, 4, '[]', '')",
        [
            (STUDENT, "국어", TENANT, None, "insufficient", False),
            (STUDENT, "영어", TENANT, 20, "measured", False),
            (STUDENT, "수학", TENANT, 70, "measured", True),
            (OTHER, "수학", TENANT, 90, "measured", True),
        ],
    )
    many(
        "insert into serving.student_predictions (student_id, prediction_type, prediction_date, tenant_id,"
        " target_period_start, target_period_end, prediction_score, base_score, confidence, contributing_factors,"
        " recommended_interventions, basis, reasoning, run_id, model_version, computed_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, 50, 0.5, '[]', '[]', 'pooled', '', 'run-1', 'outlook-1', now())",
        [
            (STUDENT, "weekly_completion", "2026-11-22", TENANT, "2026-11-22", "2026-11-28", 60),
            (STUDENT, "weekly_completion", "2026-11-23", TENANT, "2026-11-23", "2026-11-29", 61),
            (STUDENT, "burnout_risk", "2026-11-20", TENANT, "2026-11-20", "2026-12-17", 12),
            (STUDENT, "exam_readiness", "2026-10-20", TENANT, "2026-10-20", "2026-11-22", 70),
        ],
    )
    many(
        "insert into serving.early_warnings (student_id, warning_type, subject, detected_date, tenant_id, severity,"
        " detected_at, resolved_at, context_data, recommended_actions, id, probability, reasoning, run_id,"
        " model_version, computed_at) values (%s, 'subject_struggle', %s, '2026-11-20', %s, %s,"
        " '2026-11-20 00:00+09', %s, '{}', '[]', %s, %s, '', 'run-1', 'warnings-1', now())",
        [
            (STUDENT, "국어", TENANT, "low", None, WARNINGS[0], 0.9),
            (STUDENT, "수학", TENANT, "critical", None, WARNINGS[1], 0.6),
            (OTHER, "수학", TENANT, "critical", None, WARNINGS[2], 0.7),
            (OTHER, "영어", TENANT, "critical", "2026-11-21 00:00+09", WARNINGS[3], 0.9),
            (ELSEWHERE, "영어", OTHER_TENANT, "critical", None, WARNINGS[4], 0.9),
            (OTHER, "국어", TENANT, "medium", None, WARNINGS[5], 0.9),
        ],
    )
    owner.execute(
        "insert into serving.score_summaries (student_id, tenant_id, mock_summary, peer_comparison, run_id,"
        " model_version, computed_at) values (%s, %s, '{\"avgPercentile\": 71}', null, 'run-1', 'scores-1', now())",
        [STUDENT, TENANT],
    )


def acted(owner: psycopg.Connection[Any], warning: UUID, *actions: str) -> None:
    for number, action in enumerate(actions):
        owner.execute(
            "insert into serving.warning_actions (warning_id, student_id, tenant_id, warning_type, subject,"
            " detected_date, action_type, action_taken_by, action_at)"
            " values (%s, %s, %s, 'subject_struggle', '', '2026-11-20', %s, %s, now() + %s * interval '1 hour')",
            [warning, OTHER, TENANT, action, CONSULTANT, number],
        )


def test_risks_from_high_to_low_then_what_is_not_known(owner: psycopg.Connection[Any]) -> None:
    found = owner.execute("select * from serving.subject_risks(%s)", [STUDENT]).fetchall()
    assert [(row.subject, row.risk_score, row.is_weak, row.basis) for row in found] == [
        ("수학", 70, True, "measured"),
        ("영어", 20, False, "measured"),
        ("국어", None, False, "insufficient"),
    ]
    assert {(row.source, row.as_of, row.model_version) for row in found} == {("personal", "2026-11-23", "risk-1")}


def test_the_newest_prediction_of_each_type_whose_period_is_not_over(owner: psycopg.Connection[Any]) -> None:
    found = owner.execute("select * from serving.student_outlook(%s)", [STUDENT]).fetchall()
    assert [(row.prediction_type, row.prediction_date, row.prediction_score) for row in found] == [
        ("burnout_risk", "2026-11-20", 12),
        ("weekly_completion", "2026-11-23", 61),
    ]


def ids(owner: psycopg.Connection[Any], *arguments: object) -> list[UUID]:
    marks = ", ".join(["%s"] * len(arguments))
    return [row.id for row in owner.execute(f"select * from serving.open_warnings({marks})".encode(), arguments)]


def test_open_warnings_the_worst_and_most_certain_first(owner: psycopg.Connection[Any]) -> None:
    assert ids(owner, TENANT) == [WARNINGS[2], WARNINGS[1], WARNINGS[5], WARNINGS[0]]
    assert ids(owner, TENANT, STUDENT) == [WARNINGS[1], WARNINGS[0]]
    assert ids(owner, OTHER_TENANT, STUDENT) == []
    assert ids(owner, TENANT, None, 1) == ids(owner, TENANT, None, 0) == [WARNINGS[2]]


def test_what_staff_have_closed_is_not_open(owner: psycopg.Connection[Any]) -> None:
    acted(owner, WARNINGS[2], "acknowledged", "resolved")
    acted(owner, WARNINGS[5], "dismissed")
    acted(owner, WARNINGS[1], "dismissed", "contacted_student")
    found = owner.execute("select * from serving.open_warnings(%s)", [TENANT]).fetchall()
    assert [(row.id, row.last_action) for row in found] == [
        (WARNINGS[1], "contacted_student"),
        (WARNINGS[0], None),
    ]


def test_a_summary_or_none(owner: psycopg.Connection[Any]) -> None:
    [row] = owner.execute("select * from serving.score_summary(%s)", [STUDENT]).fetchall()
    assert (row.internal_summary, row.mock_summary, row.source) == (None, {"avgPercentile": 71}, "personal")
    assert owner.execute("select * from serving.score_summary(%s)", [OTHER]).fetchall() == []


def test_stale_rows_say_so(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set valid_until = now() - interval '1 second'")
    for call in ("subject_risks(%s)", "student_outlook(%s)", "score_summary(%s)"):
        found = owner.execute(f"select source from serving.{call}".encode(), [STUDENT]).fetchall()
        assert {row.source for row in found} == {"stale"}
    found = owner.execute("select source from serving.open_warnings(%s)", [TENANT]).fetchall()
    assert {row.source for row in found} == {"stale"}


def test_without_a_publication_rows_are_stale_and_of_no_day(owner: psycopg.Connection[Any]) -> None:
    owner.execute("update serving.publication set is_current = false")
    found = owner.execute("select source, as_of from serving.student_outlook(%s)", [STUDENT]).fetchall()
    assert [tuple(row) for row in found] == [("stale", None)] * 3


def test_a_consultant_sees_nobody_elses_warnings(url: str) -> None:
    with signed_in(url, claims_of(CONSULTANT)) as connection:
        assert connection.execute("select from serving.open_warnings(%s)", [OTHER_TENANT]).fetchall() == []
