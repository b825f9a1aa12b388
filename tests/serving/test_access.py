"""Who may read what in `serving`, for every table and function that the catalogue knows, asked as PostgREST asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from local_supabase import schema
from orchestration.publishing.migrations import migrate
from tests.serving.world import (
    ADMIN,
    CALCULUS,
    CONSULTANT,
    ELSEWHERE,
    NOBODY,
    OTHER,
    OTHER_ADMIN,
    OTHER_PARENT,
    OTHER_TENANT,
    PARENT,
    STUDENT,
    SUPERADMIN,
    TENANT,
    claims_of,
    signed_in,
)  # fmt: skip

# A row of any table: one value a column, whichever table has it. A new column must be added here.
VALUES: dict[str, Any] = {
    **dict.fromkeys(["subject_group", "subject"], "수학"),
    **dict.fromkeys(["target_date", "prediction_date", "detected_date", "study_date", "period_start"], "2026-12-01"),
    **dict.fromkeys(["target_period_start", "target_period_end", "period_end"], "2026-12-07"),
    **dict.fromkeys(["analyzed_period_start", "analyzed_period_end", "last_done_date"], "2026-11-01"),
    **dict.fromkeys(["computed_at", "detected_at", "action_at"], "2026-11-23 00:00+09"),
    **dict.fromkeys(["reasons", "factors", "failure_reasons", "contributing_factors", "legacy_differences"], "[]"),
    **dict.fromkeys(["change_points", "realistic_minutes"], "[]"),
    **dict.fromkeys(["recommended_interventions", "recommended_actions"], "[]"),
    **dict.fromkeys(["context_data", "report", "scales", "evidence"], "{}"),
    **dict.fromkeys(["study_time_analysis", "day_analysis", "subject_completion_analysis"], "[]"),
    **dict.fromkeys(["preferred_study_times", "frequently_incomplete_subjects"], "{}"),
    **dict.fromkeys(["strong_days", "weak_days", "peak_productivity_hours"], "{}"),
    **dict.fromkeys(["run_id", "model_version", "source", "reasoning", "page", "content_type"], "x"),
    **dict.fromkeys(["rank", "slot", "recent_grade_trend"], 1),
    **dict.fromkeys(["score_count", "raised_count", "resolved_count", "confirmed_count", "dismissed_count"], 1),
    **dict.fromkeys(["score", "confidence", "probability", "threshold"], 0.5),
    **dict.fromkeys(["predicted_score", "lower", "upper", "lower_90", "upper_90"], 50),
    **dict.fromkeys(["prediction_score", "base_score"], 50),
    "content_id": UUID(int=1), "school_type": "HIGH", "school_year_level": 2, "exam_kind": "mock", "trend": "stable",
    "total_plans_analyzed": 10, "student_count": 5, "prediction_type": "burnout_risk", "severity": "low",
    "warning_type": "streak_break", "period_type": "weekly", "scale": "percentile", "interval_basis": "calibrated",
    "past_exam_count": 3, "basis": "insufficient", "is_weak": False, "month": "2026-10", "action_type": "acknowledged",
    "action_taken_by": UUID(int=1),
}  # fmt: skip
TENANT_OF = {STUDENT: TENANT, OTHER: TENANT, ELSEWHERE: OTHER_TENANT}
EVERYBODY = frozenset(TENANT_OF)
# Whose rows each may read: of students, and of academies.
MAY_READ: dict[str, tuple[str, frozenset[UUID], frozenset[UUID]]] = {
    "student": (claims_of(STUDENT), frozenset({STUDENT}), frozenset({TENANT})),
    "other student": (claims_of(OTHER), frozenset({OTHER}), frozenset({TENANT})),
    "student elsewhere": (claims_of(ELSEWHERE), frozenset({ELSEWHERE}), frozenset({OTHER_TENANT})),
    "parent": (claims_of(PARENT), frozenset({STUDENT}), frozenset({TENANT})),
    "another child's parent": (claims_of(OTHER_PARENT), frozenset({OTHER}), frozenset({TENANT})),
    "consultant": (claims_of(CONSULTANT), frozenset({STUDENT, OTHER}), frozenset({TENANT})),
    "admin": (claims_of(ADMIN), frozenset({STUDENT, OTHER}), frozenset({TENANT})),
    "other academy's admin": (claims_of(OTHER_ADMIN), frozenset({ELSEWHERE}), frozenset({OTHER_TENANT})),
    "superadmin": (claims_of(SUPERADMIN), EVERYBODY, frozenset({TENANT, OTHER_TENANT})),
    "unknown user": (claims_of(NOBODY), frozenset(), frozenset()),
    "no subject": (claims_of(None), frozenset(), frozenset()),
    "no claims": ("", frozenset(), frozenset()),
    "claims without an object": ("null", frozenset(), frozenset()),
    "a subject that is no id": ('{"sub": "\' or true --"}', frozenset(), frozenset()),
}
# What is said of students among staff: of those above, only they see it.
STAFF_ONLY = {"early_warnings", "warning_actions", "warning_rule_reviews"}
STAFF = {"consultant", "admin", "other academy's admin", "superadmin"}
# Written by the app, the rest by the publisher alone.
OF_THE_APP = "warning_actions"
each_reader = pytest.mark.parametrize("reader", MAY_READ)
CALLS = {
    "recommend_contents": sql.SQL("select * from serving.recommend_contents({student})"),
    "predict_score": sql.SQL("select * from serving.predict_score({student}, {subject}, '2026-12-01')"),
    "analyze_patterns": sql.SQL("select * from serving.analyze_patterns({student})"),
    "resume_contents": sql.SQL("select * from serving.resume_contents({student})"),
    "subject_risks": sql.SQL("select * from serving.subject_risks({student})"),
    "student_outlook": sql.SQL("select * from serving.student_outlook({student})"),
    "open_warnings": sql.SQL("select * from serving.open_warnings({tenant}, {student})"),
    "score_summary": sql.SQL("select * from serving.score_summary({student})"),
}
# Called by the functions above, with the rights of whoever calls those; it reads nothing.
HELPER = "subject_group_name"
WRITES = ("insert into {} default values", "update {} set run_id = ''", "delete from {}", "truncate {}")


@pytest.fixture(scope="module", autouse=True)
def rows(url: str) -> None:
    """A row of each student, or of each academy, in every table."""
    with psycopg.connect(url) as connection:
        for table in owned_tables(connection):
            needed = [
                name
                for (name,) in connection.execute(
                    "select attname::text from pg_attribute"
                    " where attrelid = %s::regclass and attnum > 0 and attnotnull and not attisdropped",
                    [f"serving.{table}"],
                )
            ]
            for student, tenant in TENANT_OF.items():
                values = {**VALUES, "student_id": student, "tenant_id": tenant, "id": student, "warning_id": student}
                assert set(needed) <= set(values), f"{table}: say here what its new columns may hold"
                connection.execute(
                    sql.SQL("insert into serving.{} ({}) values ({}) on conflict do nothing").format(
                        sql.Identifier(table),
                        sql.SQL(", ").join(map(sql.Identifier, needed)),
                        sql.SQL(", ").join(sql.Literal(values[name]) for name in needed),
                    )
                )


def owned_tables(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Every table of `serving` but `publication`, and the column that says whose a row is."""
    return dict(
        connection.execute(
            "select relname::text, coalesce(max(attname) filter (where attname = 'student_id'), 'tenant_id')"
            " from pg_class c join pg_attribute on attrelid = c.oid"
            " where relnamespace = 'serving'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
            " and relname <> 'publication' group by relname order by relname"
        ).fetchall()
    )


def call_of(function: str, student: UUID) -> sql.Composed:
    asked = {"student": student, "subject": CALCULUS, "tenant": TENANT_OF[student]}
    return CALLS[function].format(**{name: sql.Literal(value) for name, value in asked.items()})


def seen(connection: psycopg.Connection[Any], table: str, owner: str) -> frozenset[UUID]:
    statement = sql.SQL("select {} from serving.{}").format(sql.Identifier(owner), sql.Identifier(table))
    return frozenset(value for (value,) in connection.execute(statement))


@each_reader
def test_each_reads_the_rows_that_are_theirs(url: str, owner: psycopg.Connection[Any], reader: str) -> None:
    claims, students, tenants = MAY_READ[reader]
    tables = owned_tables(owner)
    assert len(tables) >= 12
    with signed_in(url, claims) as connection:
        found = {table: seen(connection, table, column) for table, column in tables.items()}
    expected = {table: students if column == "student_id" else tenants for table, column in tables.items()}
    if reader not in STAFF:
        expected |= dict.fromkeys(STAFF_ONLY, frozenset())
    assert found == expected


@each_reader
@pytest.mark.parametrize("function", CALLS)
def test_each_function_answers_who_may_read(url: str, reader: str, function: str) -> None:
    claims, students, tenants = MAY_READ[reader]
    for student in TENANT_OF:
        call = call_of(function, student)
        with signed_in(url, claims) as connection:
            sources = {row.source for row in connection.execute(call)}
        if function == "open_warnings":
            assert sources == ({"personal"} if student in students and reader in STAFF else set())
        elif student in students:
            assert sources == {"personal"}
        else:
            # A cohort's rows are no secret within its academy, but only of a student whom the app lets one see.
            assert sources <= ({"cohort"} if TENANT_OF[student] in tenants else set())


def test_malformed_claims_read_nothing(url: str, owner: psycopg.Connection[Any]) -> None:
    for table in owned_tables(owner):
        with signed_in(url, "{nonsense") as connection, pytest.raises(psycopg.DataError):
            connection.execute(f"select * from serving.{table}".encode())


@pytest.mark.parametrize("claims", [claims_of(None, "anon"), claims_of(STUDENT, "anon")])
def test_anon_reads_and_calls_nothing(url: str, owner: psycopg.Connection[Any], claims: str) -> None:
    statements = [
        sql.SQL("select from serving.{}").format(sql.Identifier(t)) for t in [*owned_tables(owner), "publication"]
    ]
    statements += [call_of(function, STUDENT) for function in CALLS]
    for statement in statements:
        with signed_in(url, claims, "anon") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@each_reader
@pytest.mark.parametrize("write", WRITES)
def test_nobody_writes(url: str, owner: psycopg.Connection[Any], reader: str, write: str) -> None:
    for table in [*owned_tables(owner), "publication"]:
        column = "action_type" if table == OF_THE_APP else "run_id"
        statement = sql.SQL(write.replace("run_id", column)).format(sql.Identifier("serving", table))
        with signed_in(url, MAY_READ[reader][0]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


ACT = """
    insert into serving.warning_actions (
        warning_id, student_id, tenant_id, warning_type, subject, detected_date, action_type, action_taken_by,
        action_notes
    )
    select %(warning)s, %(student)s, %(tenant)s, %(warning_type)s, %(subject)s, %(detected_date)s, 'contacted_student',
        %(by)s, '전화로 이야기했어요.'
"""


def act(url: str, who: UUID, **said: Any) -> None:
    """What the app's form sends for the warning about STUDENT, in a transaction that is taken back."""
    values = {name: VALUES[name] for name in ("warning_type", "subject", "detected_date")}
    values |= {"warning": STUDENT, "student": STUDENT, "tenant": TENANT, "by": who, **said}
    with signed_in(url, claims_of(who)) as connection:
        before = connection.execute("select now() as at").fetchone()
        connection.execute(ACT, values)
        [row] = connection.execute(
            "select * from serving.warning_actions where action_type = 'contacted_student'"
        ).fetchall()
        assert (row.action_taken_by, row.action_notes, row.action_at) == (who, "전화로 이야기했어요.", before.at)
        connection.rollback()


@pytest.mark.parametrize("who", [CONSULTANT, ADMIN])
def test_staff_act_on_warnings_of_their_academy(url: str, who: UUID) -> None:
    act(url, who)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (STUDENT, {}), (OTHER, {}), (PARENT, {}), (OTHER_ADMIN, {}), (NOBODY, {}), (SUPERADMIN, {}),
        (CONSULTANT, {"by": ADMIN}), (CONSULTANT, {"tenant": OTHER_TENANT}), (OTHER_ADMIN, {"tenant": OTHER_TENANT}),
        (CONSULTANT, {"warning": OTHER}), (CONSULTANT, {"student": OTHER}), (CONSULTANT, {"warning": NOBODY}),
        (CONSULTANT, {"warning": ELSEWHERE, "student": ELSEWHERE}), (CONSULTANT, {"subject": "영어"}),
        (CONSULTANT, {"warning_type": "burnout_risk"}), (CONSULTANT, {"detected_date": "2026-12-02"}),
    ],
)  # fmt: skip
def test_nobody_acts_for_others_nor_on_what_is_no_warning(url: str, who: UUID, said: dict[str, Any]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security policy"):
        act(url, who, **said)


@pytest.mark.parametrize("column", ["id", "action_at"])
def test_what_the_database_says_nobody_else_says(url: str, column: str) -> None:
    value = {"id": "gen_random_uuid()", "action_at": "now()"}[column]
    with signed_in(url, claims_of(CONSULTANT)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"insert into serving.warning_actions ({column}) values ({value})".encode())


def test_staging_is_nobodys(url: str) -> None:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select relname::text from pg_class where relnamespace = 'serving_staging'::regnamespace and relkind = 'r'"
        ).fetchall()
    assert {"publish_log", "score_prediction_log"} <= {name for (name,) in tables}
    for (name,) in tables:
        with signed_in(url, claims_of(SUPERADMIN)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("select from serving_staging.{}").format(sql.Identifier(name)))


def test_dropping_any_policy_shows(url: str, owner: psycopg.Connection[Any]) -> None:
    policies = owner.execute(
        "select polname::text, relname::text, polroles[1]::regrole::text as role from pg_policy"
        " join pg_class c on c.oid = polrelid where relnamespace = 'serving'::regnamespace and polcmd <> 'a'"
    ).fetchall()
    assert {table for _, table, role in policies if role == "authenticated"} == {*owned_tables(owner), "publication"}
    for policy, table, role in policies:
        with psycopg.connect(url) as connection:
            connection.execute("select set_config('request.jwt.claims', %s, true)", [claims_of(SUPERADMIN)])
            become = sql.SQL("set local role {}").format(sql.Identifier(role))
            drop = sql.SQL("drop policy {} on serving.{}").format(sql.Identifier(policy), sql.Identifier(table))
            read = sql.SQL("select from serving.{}").format(sql.Identifier(table))
            connection.execute(become)
            assert connection.execute(read).fetchall(), f"{role} does not read {table}"
            connection.execute("reset role")
            connection.execute(drop)
            connection.execute(become)
            assert not connection.execute(read).fetchall(), f"{role} reads {table} without {policy}"
            connection.rollback()


def test_the_catalogue_has_no_way_around(owner: psycopg.Connection[Any]) -> None:
    """Row level security, one policy for users, no grant but select and none to anon, no definer, one search path.

    What staff append to has a policy more, and no grant on the table for it: only on columns that are theirs to say.
    """
    tables = owner.execute(
        "select relname, relrowsecurity, relacl::text, (select count(*) from pg_policy where polrelid = c.oid"
        " and polroles && array[0::oid, 'anon'::regrole, 'authenticated'::regrole])"
        " from pg_class c where relnamespace = 'serving'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    assert [t for t in tables if not t.relrowsecurity or t.count != 1 + (t.relname == OF_THE_APP)] == []
    assert [t for t in tables if "anon" in t.relacl or "authenticated=r/" not in t.relacl] == []
    functions = owner.execute(
        "select proname::text, provolatile, prosecdef, proconfig, has_function_privilege('anon', oid, 'execute')"
        " from pg_proc where pronamespace = 'serving'::regnamespace order by proname"
    ).fetchall()
    assert functions == [
        (name, "i" if name == HELPER else "s", False, ['search_path=""'], False) for name in sorted([*CALLS, HELPER])
    ]


def test_access_rules_come_when_the_helpers_do(postgres_url: str) -> None:
    policies = "select count(*) from pg_policy where polname = 'app_reads'"
    migrate(postgres_url)
    schema.install(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(policies).fetchone() == (0,)
        tables = len(owned_tables(connection)) + 1
    for _ in range(2):
        migrate(postgres_url, again=True)
        with psycopg.connect(postgres_url) as connection:
            assert connection.execute(policies).fetchone() == (tables,)
