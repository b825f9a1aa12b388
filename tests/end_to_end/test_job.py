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

import duckdb
import psycopg
import pytest

from local_supabase import server
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.raw_contract import read_contract
from tests.end_to_end.reasons_from_raw import false_reasons

TLU = Path(sys.executable).with_name("tlu")
# Two weeks before the data end: rows on both sides of the cut-off.
AS_OF = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=14)

# A status without a time of its own, ticked off, cancelled or replaced, is dated by the plan's last edit: a later edit
# hides when it was given, and then it counts as not given, since the other guess would let the future in. Such rows
# are left out of the edits below.
DATABLE = "(is_active and (status = 'pending' or coalesce(actual_end_time, completed_at) is not null))"

LATER_ROWS = (
    # Plans made or moved to after the cut-off, and plans of the past that were entered later.
    """insert into student_plan (student_id, tenant_id, plan_group_id, block_index, content_type, content_id, plan_date,
           status, actual_end_time, created_at, updated_at)
       select student_id, tenant_id, plan_group_id, 0, content_type, content_id, %(day)s, 'completed', %(after)s,
           created_at, %(after)s
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
    # Entered late, of an exam long before the cut-off.
    """insert into student_mock_scores (student_id, tenant_id, subject_group_id, subject_id, exam_date, exam_title,
           grade, percentile, created_at, updated_at)
       select s.id, s.tenant_id, g.id, j.id, %(day)s - 60, '9월 평가원 모의고사', 2, 99, %(after)s, %(after)s
       from students s
       cross join lateral (select * from subjects order by id limit 1) j
       join subject_groups g on g.id = j.subject_group_id
       on conflict do nothing""",
)

# Planted in every text that is not declared as read: names, phones, addresses, memos, tokens, titles, settings.
SECRET = "PII-hong"
# Typed into the texts that are read, to be matched or turned into a flag: they go no further than staging.
TYPED = "typed-hong"
PERSONAL = (SECRET, "@example.com", "010-0000-", "표본로", "상담 메모", "qr-secret-")


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
        with psycopg.connect(server.url(self.home)) as connection:
            for statement in statements:
                connection.execute(statement, {"day": AS_OF, "after": after} if "%(" in statement else None)

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


def test_a_run_ends_with_recommendations_of_a_real_student(tlu: Commands) -> None:
    loaded = tlu("load", "sample", "--students", "300")
    assert loaded.returncode == 0, loaded.stderr
    tlu.plant_secrets()
    done = tlu("run", "--as-of", AS_OF.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Published version 1" in done.stdout
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


def test_nothing_personal_leaves_the_apps_tables(tlu: Commands) -> None:
    """Every table and view of ours, in Postgres and in DuckDB, searched for what was planted in the app's tables."""
    typed = (*PERSONAL, TYPED)
    searched, found = 0, []
    with psycopg.connect(server.url(tlu.home)) as connection:
        relations = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema like 'analytics%' or table_schema like 'serving%'"
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
    assert len(features) >= 10
    assert tlu.features() == features
    first, second = tlu.candidates()
    tables = tuple(table.name for table in PUBLISHED_TABLES)
    for table in tables:
        name = f"{table}.parquet"
        assert (first / name).read_bytes() == (second / name).read_bytes(), f"{table} knows what came later"
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert published["version"] == 2
    assert published["changed"] == dict.fromkeys(tables, 0)


def test_the_same_rows_do_change_a_later_candidate(tlu: Commands) -> None:
    """The rows of the test above are no no-ops: a cut-off after them sees them."""
    done = tlu("run", "--as-of", (AS_OF + dt.timedelta(days=2)).isoformat())
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    *_, before, after = tlu.candidates()
    for table in ("content_recommendations", "score_predictions"):
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


def test_a_run_without_students_publishes_nothing_and_leaves_the_last_publication(tlu: Commands) -> None:
    before = tlu.status()["publication"]
    tlu.execute("truncate students cascade")
    done = tlu("run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "students" in done.stderr
    assert tlu.status()["publication"] == before
