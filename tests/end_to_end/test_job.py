"""The commands a user types, on a local Postgres of the test's own: load, run, run again, and every way to fail.

The tests of this module share one database and build on one another, in order: a run costs half a minute.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from local_supabase import server
from ml_assets.outlook.outcomes import QUESTIONS, READY, STRUGGLE
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.raw_contract import read_contract
from tests.end_to_end.peculiar_students import (
    BACK_AGAIN,
    CHECKBOXES,
    IN_ANOTHER,
    IN_ONE,
    NO_PLAN,
    ONE_PLAN,
    TEN_YEARS,
    insert_peculiar_students,
)
from tests.end_to_end.reasons_from_raw import false_reasons

TLU = Path(sys.executable).with_name("tlu")
# Two weeks before the data end: rows on both sides of the cut-off.
AS_OF = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=14)
# A Monday two months before: by AS_OF it is known what came of everything that was predicted then.
EARLIER = AS_OF - dt.timedelta(days=60 + (AS_OF - dt.timedelta(days=60)).weekday())
# The last day of an earlier week whose predictions are over by AS_OF, and not yet settled: work may be a week late.
UNSETTLED = AS_OF - dt.timedelta(days=10)
# As far back as a backtest needs: its warnings are followed for 112 days.
BACKTEST_AS_OF = AS_OF - dt.timedelta(days=120)

# A status without a time of its own, ticked off, cancelled or replaced, is dated by the plan's last edit: a later edit
# hides when it was given, and then it counts as not given, since the other guess would let the future in. Such rows
# are left out of the edits below.
DATABLE = "(is_active and (status = 'pending' or coalesce(actual_end_time, completed_at) is not null))"

LATER_ROWS = (
    # Plans made or moved to after the cut-off, and plans of the past that were entered later.
    """insert into student_plan (student_id, tenant_id, plan_group_id, block_index, content_type, content_id, plan_date,
           status, actual_end_time, carryover_from_date, carryover_count, created_at, updated_at)
       select student_id, tenant_id, plan_group_id, 0, content_type, content_id, %(day)s, 'completed', %(after)s,
           %(day)s - 1, 1, created_at, %(after)s
       from student_plan where content_id is not null limit 300""",
    """insert into student_plan (student_id, tenant_id, plan_group_id, block_index, content_type, content_id, plan_date,
           status, estimated_minutes, created_at, updated_at)
       select student_id, tenant_id, plan_group_id, 0, content_type, content_id, %(day)s + 3, 'pending', 45, %(after)s,
           %(after)s
       from student_plan where content_id is not null limit 300""",
    """insert into student_plan (student_id, tenant_id, plan_group_id, block_index, content_type, content_id, plan_date,
           status, created_at, updated_at)
       select student_id, tenant_id, plan_group_id, 0, content_type, content_id, %(day)s - 10, 'completed', %(after)s,
           %(after)s
       from student_plan where content_id is not null limit 300""",
    # Completions, cancellations, deletions and replacements of plans that were open at the cut-off.
    """update event_study_data set done = true, done_at = %(after)s where not done""",
    f"""update student_plan set status = 'completed', actual_end_time = %(after)s, updated_at = %(after)s
        where id in (select id from student_plan where status = 'pending' and {DATABLE} limit 500)""",
    f"""update student_plan set status = 'canceled', updated_at = %(after)s
        where id in (select id from student_plan where status = 'pending' and {DATABLE} limit 200)""",
    f"""update student_plan set deleted_at = %(after)s, updated_at = %(after)s
        where id in (select id from student_plan where deleted_at is null and {DATABLE} limit 500)""",
    f"""update student_plan set is_active = false, updated_at = %(after)s
        where id in (select id from student_plan where deleted_at is null and {DATABLE} limit 300)""",
    """update plan_groups set status = 'cancelled', updated_at = %(after)s where status = 'active'""",
    # A catalogue and shelves that grow, contents and students that leave.
    """insert into master_books (title, subject_category, created_at) values ('later', '수학', %(after)s)""",
    """insert into books (title, tenant_id, student_id, master_content_id, created_at)
       select 'later', s.tenant_id, s.id, (select id from master_books order by id limit 1), %(after)s
       from students s""",
    """update master_books set is_active = false, updated_at = %(after)s
       where id in (select id from master_books where is_active limit 50)""",
    """update students set status = 'not_enrolled', withdrawn_at = %(after)s where withdrawn_at is null""",
    """insert into student_goals (title, goal_type, subject, start_date, end_date, student_id, tenant_id, created_at)
       select 'later', 'exam', '한국사', %(day)s, %(day)s + 30, id, tenant_id, %(after)s from students""",
    # Attendance, check-ins, ratings, progress.
    """update attendance_records set status = 'absent', updated_at = %(after)s where updated_at >= %(after)s""",
    """insert into daily_check_ins (student_id, tenant_id, check_date, checked_at, created_at)
       select id, tenant_id, %(day)s - 1, %(after)s, %(after)s from students""",
    """insert into plan_satisfaction_ratings (plan_id, student_id, rating, created_at)
       select p.id, p.student_id, 1, %(after)s from student_plan p
       where not exists (select from plan_satisfaction_ratings r where r.plan_id = p.id) limit 500""",
    """insert into student_goal_progress (goal_id, student_id, tenant_id, progress_amount, created_at)
       select id, student_id, tenant_id, 50, %(after)s from student_goals""",
    # Sessions and scores.
    """insert into student_internal_scores (student_id, tenant_id, subject_group_id, subject_id, subject_type_id,
           curriculum_revision_id, grade, semester, credit_hours, rank_grade, created_at, updated_at)
       select s.id, s.tenant_id, g.id, j.id, t.id, g.curriculum_revision_id, 1, 1, 3, 1, %(after)s, %(after)s
       from students s
       cross join lateral (select * from subjects order by id limit 1) j
       join subject_groups g on g.id = j.subject_group_id
       cross join lateral (select * from subject_types order by id limit 1) t
       on conflict do nothing""",
    # A heartbeat hides the one before it, so only sessions without any can get one and stay as they were.
    """update student_study_sessions set last_heartbeat = %(after)s
       where ended_at is null and last_heartbeat is null""",
    """insert into student_study_sessions (student_id, tenant_id, started_at, ended_at, created_at)
       select id, tenant_id, %(after)s, %(after)s + interval '1 hour', %(after)s from students""",
    """update student_mock_scores set percentile = 1 where created_at >= %(after)s""",
    """insert into student_content_progress (student_id, tenant_id, content_type, content_id, completed_amount,
           last_updated)
       select s.id, s.tenant_id, 'book', (select id from master_books order by id limit 1), 500, %(after)s
       from students s
       on conflict do nothing""",
    # Entered late, of an exam long before the cut-off.
    """insert into student_mock_scores (student_id, tenant_id, subject_group_id, subject_id, exam_date, exam_title,
           grade, percentile, created_at, updated_at)
       select s.id, s.tenant_id, g.id, j.id, %(day)s - 60, '9월 평가원 모의고사', 2, 99, %(after)s, %(after)s
       from students s
       cross join lateral (select * from subjects order by id limit 1) j
       join subject_groups g on g.id = j.subject_group_id
       on conflict do nothing""",
    # What runs of later days have published: their own rows, an end of what was open, and outcomes.
    """insert into serving.student_predictions
       select (jsonb_populate_record(p, jsonb_build_object('prediction_date', %(day)s + 1))).*
       from serving.student_predictions as p where prediction_date = %(day)s""",
    """insert into serving.early_warnings
       select (jsonb_populate_record(w, jsonb_build_object('detected_date', %(day)s + 1, 'id', gen_random_uuid(),
           'detected_at', %(after)s))).*
       from serving.early_warnings as w where resolved_at is null""",
    """update serving.early_warnings set resolved_at = %(after)s + interval '1 day' where resolved_at is null""",
    """update serving.student_predictions set actual_outcome = 7 where prediction_date > %(earlier)s""",
    # What staff said of warnings since.
    """insert into serving.warning_actions (warning_id, student_id, tenant_id, warning_type, subject, detected_date,
           action_type, action_taken_by, action_at)
       select id, student_id, tenant_id, warning_type, subject, detected_date, 'dismissed', gen_random_uuid(), %(after)s
       from serving.early_warnings""",
)

# Of two warnings that a run of EARLIER has left open, staff dismiss one.
KEPT, DISMISSED = "00000000-0000-4000-8000-0000000000aa", "00000000-0000-4000-8000-0000000000bb"
STAFF = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"
AFTER_THE_EARLIER_RUN = (
    f"""insert into serving.early_warnings (student_id, warning_type, subject, detected_date, id, tenant_id, severity,
           probability, detected_at, context_data, recommended_actions, reasoning, run_id, model_version, computed_at)
       select s.id, w.kind, '', %(earlier)s, w.id, s.tenant_id, 'medium', 0.6, %(earlier)s::timestamp at time zone
           'Asia/Seoul', '{{}}', '[]', '학습이 줄었습니다.', 'earlier', 'earlier', %(earlier)s
       from students as s
       cross join (values ('streak_break', '{KEPT}'::uuid), ('completion_drop', '{DISMISSED}'::uuid)) as w (kind, id)
       where s.id = '{TEN_YEARS}'
       on conflict do nothing""",
    # As if there had been a run on the day after as well: its predictions are of the same week.
    """insert into serving.student_predictions
       select (jsonb_populate_record(p, jsonb_build_object('prediction_date', prediction_date + 1))).*
       from serving.student_predictions as p""",
    """insert into serving.student_predictions
       select (jsonb_populate_record(p, jsonb_build_object('prediction_date', %(unsettled)s,
           'target_period_start', %(unsettled)s, 'target_period_end', %(unsettled)s + 6))).*
       from serving.student_predictions as p
       where prediction_type = 'weekly_completion' and prediction_date = %(earlier)s""",
    f"""insert into serving.warning_actions (warning_id, student_id, tenant_id, warning_type, subject, detected_date,
           action_type, action_taken_by, action_notes, action_at)
       select id, student_id, tenant_id, warning_type, subject, detected_date, 'dismissed', '{STAFF}', 'PII-hong',
           %(earlier)s + 1
       from serving.early_warnings where id = '{DISMISSED}'""",
)

# Planted in every text that is not declared as read: names, phones, addresses, memos, tokens, titles, settings.
SECRET = "PII-hong"
# Typed into the texts that are read, to be matched or turned into a flag: they go no further than staging.
TYPED = "typed-hong"
PERSONAL = (SECRET, "@example.com", "010-0000-", "표본로", "상담 메모", "qr-secret-", "홍길동", STAFF)


@dataclass(frozen=True)
class Commands:
    """`tlu` with a TLU_HOME of its own."""

    home: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "TLU_HOME": str(self.home), "SUPABASE_DB_URL": "", **environment}
        return subprocess.run([TLU, *arguments], env=env, capture_output=True, text=True, check=False)

    def status(self) -> dict[str, object]:
        """What `tlu status --json` prints."""
        return json.loads(self("status", "--json").stdout)

    def execute(self, *statements: str) -> None:
        """Run SQL on the local database."""
        after = dt.datetime.combine(AS_OF, dt.time(1), dt.UTC)
        days = {"day": AS_OF, "after": after, "earlier": EARLIER, "unsettled": UNSETTLED}
        with psycopg.connect(server.url(self.home)) as connection:
            for statement in statements:
                connection.execute(statement, days if "%(" in statement else None)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the local database."""
        with psycopg.connect(server.url(self.home)) as connection:
            return connection.execute(query.encode()).fetchall()

    def plant_secrets(self) -> None:
        """Put SECRET into every text column that is not declared, and TYPED into those that people type."""
        declared = {(name, column) for name, table in read_contract().items() for column in table.columns}
        values = {"text": SECRET, "varchar": SECRET, "jsonb": json.dumps(SECRET), "_text": f"{{{SECRET}}}"}
        with psycopg.connect(server.url(self.home)) as connection:
            columns = connection.execute(
                """select table_name, column_name, udt_name from information_schema.columns as c
                   where table_schema = 'public' and udt_name = any(%s)
                     and not exists (
                       select from information_schema.constraint_column_usage as u
                       where (u.table_name, u.column_name) = (c.table_name, c.column_name))""",
                [list(values)],
            ).fetchall()
            texts: dict[str, list[str]] = {}
            for table, column, kind in columns:
                if (table, column) not in declared:
                    texts.setdefault(table, []).append(f"\"{column}\" = '{values[kind]}'")
            assert sum(map(len, texts.values())) > 100
            for table, assignments in texts.items():
                connection.execute(f"update {table} set {', '.join(assignments)}".encode())
            for statement in (
                "update students set memo = %s where memo is null",
                "update student_internal_scores set notes = %s where notes is null",
                "update student_plan set content_subject = %s where content_id is null",
                "update student_goals set subject = %s where goal_type = 'weekly'",
                "update student_mock_scores set exam_title = exam_title || %s",
            ):
                connection.execute(statement, [TYPED])

    def features(self) -> dict[str, str]:
        """A hash of the rows of each feature table."""
        with psycopg.connect(server.url(self.home)) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'analytics_features'")
            hash_of = "select md5(string_agg(t::text, '|' order by t::text)) from analytics_features.{} as t"
            return {
                name: connection.execute(hash_of.format(name).encode()).fetchall()[0][0]
                for (name,) in tables.fetchall()
            }

    def candidates(self) -> list[Path]:
        """Folders of candidates, oldest first."""
        return sorted((self.home / "candidates").iterdir(), key=lambda folder: folder.stat().st_mtime)


@pytest.fixture(scope="module")
def tlu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    home = tmp_path_factory.mktemp("a home with spaces")
    yield Commands(home)
    server.remove(home)


def test_before_anything_is_published_status_says_so(tlu: Commands) -> None:
    done = tlu("status")
    assert done.returncode == 0, done.stderr
    assert "Nothing is published yet" in done.stdout


def test_empty_tables_are_refused_with_every_reason(tlu: Commands) -> None:
    done = tlu("run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "students" in done.stderr
    assert "student_plan" in done.stderr
    assert "Traceback" not in done.stderr
    assert tlu.status()["publication"] is None


def test_a_first_run_publishes_what_can_be_said_without_earlier_ones(tlu: Commands) -> None:
    loaded = tlu("load", "sample", "--students", "300")
    assert loaded.returncode == 0, loaded.stderr
    insert_peculiar_students(server.url(tlu.home), AS_OF)
    tlu.plant_secrets()
    done = tlu("run", "--as-of", EARLIER.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Published version 1" in done.stdout
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert {name for name, rows in published["rows"].items() if not rows} <= {"early_warnings", "warning_rule_reviews"}


def test_a_run_ends_with_recommendations_of_a_real_student(tlu: Commands) -> None:
    tlu.execute(*AFTER_THE_EARLIER_RUN)
    done = tlu("run", "--as-of", AS_OF.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Published version 2" in done.stdout
    assert "교재예요" in done.stdout.replace("\n", "").replace(" ", "") or "시작했어요" in done.stdout
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert published["as_of"] == AS_OF.isoformat()
    assert published["rows"]["content_recommendations"] > 300 * 10
    with duckdb.connect(str(tlu.home / "marts.duckdb"), read_only=True) as db:
        last = db.execute("select max(study_date) from fct_study_daily").fetchone()
        served = db.execute("select count(*) from content_recommendations").fetchone()
    assert last is not None
    assert last[0] < AS_OF
    assert served == (published["rows"]["content_recommendations"],)


def test_five_hundred_published_rows_say_nothing_that_the_raw_tables_do_not(tlu: Commands) -> None:
    stated, false = false_reasons(server.url(tlu.home), AS_OF)
    assert stated > 500
    assert false == {}


def test_every_product_is_published_and_shown(tlu: Commands) -> None:
    document = tlu.status()
    published, models = document["publication"], document["models"]
    assert isinstance(published, dict)
    assert isinstance(models, dict)
    assert set(published["rows"]) == {table.name for table in PUBLISHED_TABLES}
    assert [name for name, rows in published["rows"].items() if not rows] == []
    assert {"learning_patterns", "subject_risk", "score_analysis", "outlook", "early_warnings"} <= set(models)
    assert models["outlook"]["trained_at"] == AS_OF.isoformat()
    [(student,)] = tlu.select(
        """select min(student_id::text) from serving.student_predictions as p
           where exists (select from serving.student_learning_patterns as l where l.student_id = p.student_id)
               and exists (select from serving.student_risk_analysis as r
                   where r.student_id = p.student_id and r.risk_score is not null)"""
    )
    shown = tlu("show", student)
    assert shown.returncode == 0, shown.stderr
    for words in ("How the student studies (personal", "Subjects, the riskiest first", "Outlook"):
        assert words in " ".join(shown.stdout.split())


def test_of_each_earlier_week_the_first_predictions_stay_with_what_came_of_them(tlu: Commands) -> None:
    days = dict(tlu.select("select prediction_date, count(*) from serving.student_predictions group by 1 order by 1"))
    assert list(days) == [EARLIER, UNSETTLED, AS_OF]
    settled = tlu.select(
        f"""select prediction_type, count(actual_outcome) from serving.student_predictions
            where prediction_date = '{EARLIER}' group by 1"""
    )
    assert settled
    assert all(count > 0 for _, count in settled)
    open_days = tlu.select(
        "select prediction_date, count(actual_outcome) from serving.student_predictions group by 1 order by 1"
    )[1:]
    assert open_days == [(UNSETTLED, 0), (AS_OF, 0)]
    # The week's completion once more, from the items themselves.
    different = tlu.select(
        f"""select p.student_id, p.actual_outcome, found.outcome
            from serving.student_predictions as p
            cross join lateral (
                select case when count(*) >= 3 then round(
                    100.0 * count(*) filter (where i.completed_date < i.plan_date + 7) / count(*), 2) end as outcome
                from analytics_intermediate.int_plan__items as i
                where i.student_id = p.student_id and i.counts_for_completion
                  and i.plan_date >= p.prediction_date and i.plan_date < p.prediction_date + 7
            ) as found
            where p.prediction_type = 'weekly_completion' and p.prediction_date = '{EARLIER}'
              and abs(p.actual_outcome - found.outcome) > 0.006 is distinct from false
              and num_nonnulls(p.actual_outcome, found.outcome) > 0"""
    )
    assert different == []


def test_open_warnings_stay_the_same_and_a_verdict_closes_one(tlu: Commands) -> None:
    found = dict(tlu.select("select id::text, resolved_at is null from serving.early_warnings"))
    assert found[KEPT] is True
    assert found[DISMISSED] is False
    [(code,)] = tlu.select(
        f"select context_data -> 'resolution' ->> 'code' from serving.early_warnings where id = '{DISMISSED}'"
    )
    assert code == "staff_dismissed"
    # Only who has left, or whom staff spoke of, is no longer warned of after one run.
    ended = tlu.select(
        f"""select w.id from serving.early_warnings as w inner join students as s on w.student_id = s.id
            where w.resolved_at is not null and w.id <> '{DISMISSED}'
              and (s.withdrawn_at is null or s.withdrawn_at >= '{AS_OF} 00:00+09')"""
    )
    assert ended == []
    [(dismissed,)] = tlu.select(
        f"""select dismissed_count from serving.warning_rule_reviews as r
            inner join students as s on r.tenant_id = s.tenant_id and s.id = '{TEN_YEARS}'
            where month = '{EARLIER:%Y-%m}' and warning_type = 'completion_drop'"""
    )
    assert dismissed == 1


def test_patterns_are_told_of_students_and_of_their_cohort_where_there_are_none(tlu: Commands) -> None:
    query = (
        "select source, basis, preferred_study_times, as_of, details ? 'evidence' from serving.analyze_patterns('{}')"
    )
    assert tlu.select(query.format(TEN_YEARS)) == [("personal", "measured", ["evening"], AS_OF.isoformat(), True)]
    [(source, basis, *_, has_evidence)] = tlu.select(query.format(NO_PLAN))
    assert source == "cohort"
    assert basis
    assert has_evidence is False
    assert tlu.select(query.format("00000000-0000-0000-0000-00000000dead")) == []


def test_weak_subjects_are_the_same_to_all(tlu: Commands) -> None:
    weak = tlu.select(
        """select distinct c.student_id, lower(reason -> 'params' ->> 'subject_group'), coalesce(r.is_weak, false)
           from serving.content_recommendations as c
           cross join lateral jsonb_array_elements(c.reasons) as reason
           left join serving.student_risk_analysis as r
               on r.student_id = c.student_id and r.subject = lower(reason -> 'params' ->> 'subject_group')
           where reason ->> 'code' = 'weak_subject'"""
    )
    assert len(weak) > 100
    assert [row for row in weak if not row[2]] == []
    [(both,)] = tlu.select("select count(distinct is_weak) from serving.student_risk_analysis")
    assert both == 2


def test_every_published_number_is_one(tlu: Commands) -> None:
    found = {
        table.name: tlu.select(
            rf"select count(*) from serving.{table.name} as t where t::text ~* '\y(nan|nat|inf|infinity|<na>)\y'"
        )[0][0]
        for table in PUBLISHED_TABLES
    }
    assert found == dict.fromkeys(found, 0)


def test_of_a_student_with_one_plan_nothing_is_said_to_be_known(tlu: Commands) -> None:
    [row] = tlu.select(
        f"""select basis, total_plans_analyzed, preferred_study_times, strong_days, peak_productivity_hours,
                overall_completion_rate, average_daily_study_minutes, avg_session_duration_minutes, weekly_rhythm,
                change_points
            from serving.student_learning_patterns where student_id = '{ONE_PLAN}'"""
    )
    assert row == ("insufficient", 1, [], [], [], None, None, None, None, [])
    statuses = tlu.select(
        f"""select distinct value ->> 'status'
            from serving.student_learning_patterns, jsonb_each(evidence) where student_id = '{ONE_PLAN}'"""
    )
    assert statuses == [("insufficient",)]


def test_ten_years_of_plans_count_as_far_as_the_window_goes(tlu: Commands) -> None:
    [row] = tlu.select(
        f"""select total_plans_analyzed, analyzed_period_start >= '{AS_OF - dt.timedelta(days=84)}',
                preferred_study_times, peak_productivity_hours, average_daily_study_minutes
            from serving.student_learning_patterns where student_id = '{TEN_YEARS}'"""
    )
    assert row == (12, True, ["evening"], [19], 50)


def test_checkboxes_are_completions_and_no_minutes(tlu: Commands) -> None:
    [row] = tlu.select(
        f"""select overall_completion_rate > 90, average_daily_study_minutes, avg_session_duration_minutes,
                preferred_study_times, peak_productivity_hours, weekly_rhythm ->> 'unit',
                jsonb_path_exists(realistic_minutes, '$[*] ? (@.itemCount > 0)')
            from serving.student_learning_patterns where student_id = '{CHECKBOXES}'"""
    )
    assert row == (True, None, None, [], [], "completions", False)


def test_one_person_in_two_academies_is_two_students_who_never_mix(tlu: Commands) -> None:
    tenants = dict(tlu.select(f"select id::text, tenant_id from students where id in ('{IN_ONE}', '{IN_ANOTHER}')"))
    assert tenants[IN_ONE] != tenants[IN_ANOTHER]
    for table in PUBLISHED_TABLES:
        if table.owner.column != "student_id":
            continue
        mixed = tlu.select(
            f"""select count(*) from serving.{table.name} as t inner join students as s on t.student_id = s.id
                where t.tenant_id <> s.tenant_id"""
        )
        assert mixed == [(0,)], table.name
    told = tlu.select(
        f"""select p.student_id::text, p.tenant_id, total_plans_analyzed, average_daily_study_minutes,
                (select array_agg(subject) from serving.student_risk_analysis as r where r.student_id = p.student_id)
            from serving.student_learning_patterns as p
            where p.student_id in ('{IN_ONE}', '{IN_ANOTHER}') order by p.student_id"""
    )
    assert told == [
        (IN_ONE, tenants[IN_ONE], 60, 40, ["수학"]),
        (IN_ANOTHER, tenants[IN_ANOTHER], 30, None, ["영어"]),
    ]


def test_who_comes_back_after_a_year_begins_anew(tlu: Commands) -> None:
    [row] = tlu.select(
        f"""select total_plans_analyzed, analyzed_period_start >= '{AS_OF - dt.timedelta(days=10)}', weekly_rhythm,
                change_points, avg_session_duration_minutes, evidence -> 'change_points' ->> 'status'
            from serving.student_learning_patterns where student_id = '{BACK_AGAIN}'"""
    )
    assert row == (10, True, None, [], 45, "insufficient")


def test_without_exams_there_is_no_risk_of_zero(tlu: Commands) -> None:
    ids = ", ".join(f"'{student}'" for student in (ONE_PLAN, TEN_YEARS, CHECKBOXES, IN_ONE, IN_ANOTHER, BACK_AGAIN))
    told = tlu.select(
        f"""select basis, risk_score, is_weak, count(*) from serving.student_risk_analysis
            where student_id in ({ids}) group by 1, 2, 3"""
    )
    assert told == [("insufficient", None, False, 6)]
    assert tlu.select(f"select count(*) from serving.early_warnings where student_id = '{NO_PLAN}'") == [(0,)]


def test_a_backtest_tells_of_the_outlook_and_of_the_hidden_habits(tlu: Commands, tmp_path: Path) -> None:
    written = tmp_path / "measured.json"
    done = tlu("backtest", "--as-of", BACKTEST_AS_OF.isoformat(), "--json", str(written))
    assert done.returncode == 0, done.stdout + done.stderr
    [measured] = json.loads(written.read_text("utf-8"))["cutoffs"]
    assert measured["as_of"] == BACKTEST_AS_OF.isoformat()
    outlook = dict(measured["outlook"])
    warnings = outlook.pop("warnings")
    assert set(outlook) == {*QUESTIONS, STRUGGLE, READY}
    for name, block in outlook.items():
        assert block["n"] >= 0, name
        assert block["in_use"], name
        if "brier" in block:
            assert block["baselines"], name
            assert {"auroc", "brier", "expected_calibration_error"} <= set(block["baselines"]["base_rate"]), name
    assert outlook["weekly_completion"]["n"] > 50
    assert "brier" in outlook["weekly_completion"]
    assert {"in_use", "days"} <= set(warnings) or {"alerts", "precision", "baselines"} <= set(warnings)
    patterns = measured["patterns"]
    assert patterns["hidden"]
    assert patterns["subjects"]["hidden"]
    for words in ("Outlook: what was likely", "Warnings of falling silent", "Patterns: what was told", "hidden"):
        assert words in " ".join(done.stdout.split())


def test_nothing_personal_leaves_the_apps_tables(tlu: Commands) -> None:
    """Every table and view of ours, in Postgres and in DuckDB, searched for what was planted in the app's tables."""
    typed = (*PERSONAL, TYPED)
    searched, found = 0, []
    with psycopg.connect(server.url(tlu.home)) as connection:
        relations = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where (table_schema like 'analytics%' or table_schema like 'serving%')"
            # Written by the app's staff, and theirs to read.
            " and table_name <> 'warning_actions'"
        ).fetchall()
        for schema, table in relations:
            pattern = "|".join(PERSONAL if schema == "analytics_staging" else typed)
            query = f"select count(*) from {schema}.{table} as t where t::text ~ %s".encode()
            [(hits,)] = connection.execute(query, [pattern]).fetchall()
            searched += 1
            found += [f"{schema}.{table}"] * bool(hits)
    with duckdb.connect(str(tlu.home / "marts.duckdb"), read_only=True) as db:
        for (table,) in db.execute("select table_name from duckdb_tables").fetchall():
            hits = db.execute(
                f"select count(*) from {table} as t where regexp_matches(t::varchar, ?)", ["|".join(typed)]
            ).fetchone()
            searched += 1
            found += [f"duckdb.{table}"] * bool(hits and hits[0])
    assert searched > 60
    assert not found
    for file in [*(tlu.home / "dbt").rglob("*.log"), *(tlu.home / "dagster").rglob("*.out")]:
        assert not any(word in file.read_text("utf-8", errors="replace") for word in typed), file


def test_every_row_is_accounted_for_in_the_file_of_the_analysts(tlu: Commands) -> None:
    with duckdb.connect(str(tlu.home / "marts.duckdb"), read_only=True) as db:
        accounted = dict(
            db.execute("select source_table, sum(row_count)::bigint from fct_source_rows group by 1").fetchall()
        )
    with psycopg.connect(server.url(tlu.home)) as connection:
        counted = {
            table: connection.execute(f"select count(*) from {table}".encode()).fetchall()[0][0] for table in accounted
        }
    assert len(counted) == 5
    assert accounted == counted


def test_what_came_after_the_cutoff_changes_no_byte(tlu: Commands) -> None:
    """Plans, completions, scores, edits, deletions dated or recorded after the cut-off: the same features and lists."""
    features = tlu.features()
    tlu.execute(*LATER_ROWS)
    done = tlu("run", "--as-of", AS_OF.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    _, first, second = tlu.candidates()
    tables = tuple(table.name for table in PUBLISHED_TABLES)
    for table in tables:
        name = f"{table}.parquet"
        assert (first / name).read_bytes() == (second / name).read_bytes(), f"{table} knows what came later"
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert published["version"] == 3
    assert len(features) >= 10
    assert tlu.features() == features
    # What later runs had published is put back as it was, and nothing else has changed.
    changed = {name: count for name, count in published["changed"].items() if count}
    assert set(changed) == {"student_predictions", "early_warnings"}


def test_the_same_rows_do_change_a_later_candidate(tlu: Commands) -> None:
    """The rows of the test above are no no-ops: a cut-off after them sees them."""
    done = tlu("run", "--as-of", (AS_OF + dt.timedelta(days=2)).isoformat())
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    *_, before, after = tlu.candidates()
    for table in ("content_recommendations", "score_predictions", "student_learning_patterns", "early_warnings"):
        name = f"{table}.parquet"
        assert (before / name).read_bytes() != (after / name).read_bytes(), table


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (("run", "--as-of", "yesterday"), {}, 2, "YYYY-MM-DD"),
        (("run", "--bogus"), {}, 2, "--bogus"),
        (("show", "00000000-0000-0000-0000-00000000dead"), {}, 1, "No student has the id"),
        (("show", "someone"), {}, 1, "not a student id"),
        (("run",), {"SUPABASE_DB_URL": "postgresql://u:hush@127.0.0.1:9/none"}, 1, "could not be used"),
        (("run",), {"TLU_ENVIRONMENT": "staging"}, 2, "TLU_ENVIRONMENT"),
        (("load", "sample"), {"SUPABASE_DB_URL": "postgresql://u:hush@127.0.0.1:9/none"}, 1, "stand-in"),
        (("load", "oulad", "/nowhere"), {}, 1, "/nowhere"),
    ],
)
def test_each_mistake_is_one_message_and_a_code(
    tlu: Commands, arguments: tuple[str, ...], environment: dict[str, str], code: int, words: str
) -> None:
    done = tlu(*arguments, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr


def test_a_wrong_password_is_named_as_such(tlu: Commands) -> None:
    running = server.running(tlu.home)
    assert running is not None
    url = running.url.replace(running.password, "wrong")
    done = tlu("run", SUPABASE_DB_URL=url)
    assert done.returncode == 1
    assert "password" in done.stderr


def test_a_missing_table_and_column_stop_the_run_before_anything_is_built(tlu: Commands) -> None:
    before = tlu.status()["publication"]
    tlu.execute(
        "alter table student_plan rename column plan_date to planned_on", "alter table student_terms rename to terms"
    )
    done = tlu("run")
    tlu.execute(
        "alter table student_plan rename column planned_on to plan_date", "alter table terms rename to student_terms"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "student_terms" in done.stderr
    assert "student_plan.plan_date" in done.stderr
    assert tlu.status()["publication"] == before


def test_an_optional_table_that_is_lacking_reads_as_empty_with_a_notice(tlu: Commands) -> None:
    tlu.execute("alter table attendance_records rename to presence")
    done = tlu("run", "--as-of", AS_OF.isoformat())
    tlu.execute("alter table presence rename to attendance_records")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no table attendance_records: it reads as empty" in " ".join(done.stderr.split())
    # Nothing that is published comes from it, so this is the run of before once more.
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert published["changed"] == {table.name: 0 for table in PUBLISHED_TABLES}


def test_a_run_without_students_publishes_nothing_and_leaves_the_last_publication(tlu: Commands) -> None:
    before = tlu.status()["publication"]
    tlu.execute("truncate students cascade")
    done = tlu("run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "students" in done.stderr
    assert tlu.status()["publication"] == before
