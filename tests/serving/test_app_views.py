"""The optional views under the names that the app's code reads."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import psycopg
import pytest

from local_supabase import schema
from orchestration.publishing.migrations import OPTIONAL, migrate, pending
from tests.publishing.databases import fresh_database
from tests.serving.world import ADMIN, OTHER, PARENT, STUDENT, TENANT, VALUES, WORLD, claims_of, signed_in

# Columns of product semantics, section 1.10, and of the app's generated types.
COLUMNS = {
    "student_learning_patterns": "id student_id tenant_id preferred_study_times strong_days weak_days"
    " frequently_incomplete_subjects overall_completion_rate average_daily_study_minutes total_plans_analyzed"
    " study_time_analysis day_analysis subject_completion_analysis daily_completion_curve weekly_pattern"
    " subject_performance_trend fatigue_indicators peak_productivity_hours avg_session_duration_minutes"
    " avg_weekly_completion_rate analyzed_period_start analyzed_period_end calculated_at created_at updated_at",
    "student_risk_analysis": "id student_id tenant_id subject risk_score recent_grade_trend consistency_score"
    " mastery_estimate recent_3_avg_grade grade_change score_variance improvement_rate calculated_at created_at"
    " updated_at",
    "student_analysis": "id student_id tenant_id subject risk_score recent_grade_trend consistency_score"
    " mastery_estimate difficulty_requirement analysis_data analyzed_at created_at updated_at",
    "student_predictions": "id student_id tenant_id prediction_type prediction_date target_period_start"
    " target_period_end prediction_score confidence contributing_factors recommended_interventions actual_outcome"
    " created_at updated_at",
    "early_warnings": "id student_id tenant_id warning_type severity detected_at acknowledged_at acknowledged_by"
    " resolved_at context_data recommended_actions notification_sent notification_sent_at notification_channels"
    " created_at updated_at",
    "student_score_analysis_cache": "student_id internal_summary mock_summary strategy_summary updated_at",
}
ROWS = """
    insert into serving.student_risk_analysis (student_id, subject, tenant_id, risk_score, recent_grade_trend,
        mastery_estimate, factors, basis, run_id, model_version, computed_at, is_weak, score_count, legacy_differences,
        reasoning)
    select id, '수학', tenant_id, 72.345, -1, 30, '[]', 'b', 'run-1', 'risk-1', now(), true, 4, '[]', ''
    from public.students
"""


TABLES_OF_THE_APP = ("student_analysis", "student_score_analysis_cache")


@pytest.fixture(scope="module")
def url(postgres_server_url: str) -> Iterator[str]:
    with fresh_database(postgres_server_url) as fresh:
        schema.install(fresh)
        migrate(fresh)
        with psycopg.connect(fresh, autocommit=True) as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(WORLD, VALUES)
            cursor.execute(ROWS)
        yield fresh


def test_off_unless_asked_for(url: str) -> None:
    assert pending(url) == []
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select count(*) from pg_views where schemaname = 'public' and viewname = any(%s)", [list(COLUMNS)]
        ).fetchone()
    assert found == (0,)


def test_a_table_of_the_app_is_left_alone(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        migrate(url, again=True, folder=OPTIONAL)
    [message] = [record.getMessage() for record in caplog.records]
    assert all(table in message for table in TABLES_OF_THE_APP)
    with psycopg.connect(url) as connection:
        for table in TABLES_OF_THE_APP:
            kind = connection.execute(
                "select relkind::text from pg_class where oid = %s::regclass", [f"public.{table}"]
            )
            assert kind.fetchone() == ("r",)


@pytest.fixture(scope="module")
def viewed(url: str) -> str:
    """The same once the app has given up its tables."""
    with psycopg.connect(url) as connection:
        for table in TABLES_OF_THE_APP:
            connection.execute(f"drop table public.{table}".encode())
    for _ in range(2):
        migrate(url, again=True, folder=OPTIONAL)
    return url


def test_columns_are_those_that_the_app_expects(viewed: str) -> None:
    with psycopg.connect(viewed) as connection:
        for view, columns in COLUMNS.items():
            cursor = connection.execute(f"select * from public.{view}".encode())
            assert cursor.description
            assert [column.name for column in cursor.description] == columns.split()


def test_each_reads_what_they_would_of_serving_and_writes_nothing(viewed: str) -> None:
    for who, students in {STUDENT: {STUDENT}, PARENT: {STUDENT}, OTHER: {OTHER}}.items():
        with signed_in(viewed, claims_of(who)) as connection:
            found = connection.execute("select student_id, risk_score::text from public.student_analysis").fetchall()
            assert {tuple(row) for row in found} == {(student, "72.345") for student in students}
    with signed_in(viewed, claims_of(ADMIN)) as connection:
        rows = connection.execute("select distinct tenant_id, risk_score::text from public.student_risk_analysis")
        assert [tuple(row) for row in rows] == [(TENANT, "72.35")]
    with (
        signed_in(viewed, claims_of(None, "anon"), "anon") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select from public.student_analysis")
    with signed_in(viewed, claims_of(STUDENT)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from public.student_analysis")


def test_ids_are_stable_and_tell_rows_apart(viewed: str) -> None:
    with psycopg.connect(viewed) as connection:
        first = connection.execute("select id from public.student_risk_analysis order by student_id").fetchall()
        again = connection.execute("select id from public.student_risk_analysis order by student_id").fetchall()
    assert first == again
    assert len(set(first)) == len(first) == 5


def test_a_warning_has_the_id_that_acts_are_about_and_the_first_acknowledges_it(viewed: str) -> None:
    insert = """
        insert into serving.early_warnings (student_id, warning_type, subject, detected_date, tenant_id, severity,
            detected_at, context_data, recommended_actions, id, probability, reasoning, run_id, model_version,
            computed_at)
        select %s, 'subject_struggle', subject, '2026-11-23', %s, 'high', now(), '{}', '[]', id::uuid, 0.7, '', 'run-1',
            'warnings-1', now()
        from unnest(array['국어', '수학'], array['00000000-0000-0000-0000-0000000000f1',
            '00000000-0000-0000-0000-0000000000f2']) as w (subject, id)
    """
    with psycopg.connect(viewed) as connection:
        connection.execute(insert, [STUDENT, TENANT])
    act = """
        insert into serving.warning_actions (warning_id, student_id, tenant_id, warning_type, subject, detected_date,
            action_type, action_taken_by)
        select id, student_id, tenant_id, warning_type, '수학', '2026-11-23', %s, %s from public.early_warnings
        where id = '00000000-0000-0000-0000-0000000000f2'
    """
    with signed_in(viewed, claims_of(ADMIN)) as connection:
        assert connection.execute(act, ["acknowledged", ADMIN]).rowcount == 1
        connection.commit()
    with signed_in(viewed, claims_of(ADMIN)) as connection:
        assert connection.execute(act, ["resolved", ADMIN]).rowcount == 1
        found = connection.execute(
            "select acknowledged_by, acknowledged_at < now() from public.early_warnings order by id"
        )
        assert [tuple(row) for row in found] == [(None, None), (ADMIN, True)]
    with signed_in(viewed, claims_of(STUDENT)) as connection:
        assert connection.execute("select from public.early_warnings").fetchall() == []
