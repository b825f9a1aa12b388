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

TLU = Path(sys.executable).with_name("tlu")
# Two weeks before the data end: rows on both sides of the cut-off.
AS_OF = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=14)

# A plan ticked off without a time of completion is dated by its last edit: a later edit hides when it was done, and
# then it counts as not done, since the other guess would let the future in. Such rows are left out of the edits below.
DATABLE = "(status <> 'completed' or coalesce(actual_end_time, completed_at) is not null)"

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
    """update student_plan set status = 'completed', actual_end_time = %(after)s, updated_at = %(after)s
       where status = 'pending' and id in (select id from student_plan where status = 'pending' limit 500)""",
    """update student_plan set status = 'canceled', updated_at = %(after)s
       where status = 'pending' and id in (select id from student_plan where status = 'pending' limit 200)""",
    f"""update student_plan set deleted_at = %(after)s, updated_at = %(after)s
        where id in (select id from student_plan where deleted_at is null and {DATABLE} limit 500)""",
    f"""update student_plan set is_active = false, updated_at = %(after)s
        where id in (select id from student_plan where is_active and deleted_at is null and {DATABLE} limit 300)""",
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
    # Sessions and scores.
    """insert into student_study_sessions (student_id, tenant_id, started_at, ended_at, created_at)
       select id, tenant_id, %(after)s, %(after)s + interval '1 hour', %(after)s from students""",
    """update student_mock_scores set percentile = 1 where created_at >= %(after)s""",
)


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


def test_what_came_after_the_cutoff_changes_no_byte(tlu: Commands) -> None:
    """Plans, completions, scores, edits, deletions dated or recorded after the cut-off: the same candidate."""
    tlu.execute(*LATER_ROWS)
    done = tlu("run", "--as-of", AS_OF.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = tlu.candidates()
    for table in ("content_recommendations", "fallback_recommendations"):
        name = f"{table}.parquet"
        assert (first / name).read_bytes() == (second / name).read_bytes(), f"{table} knows what came later"
    published = tlu.status()["publication"]
    assert isinstance(published, dict)
    assert published["version"] == 2
    assert published["changed"] == {"content_recommendations": 0, "fallback_recommendations": 0}


def test_the_same_rows_do_change_a_later_candidate(tlu: Commands) -> None:
    """The rows of the test above are no no-ops: a cut-off after them sees them."""
    done = tlu("run", "--as-of", (AS_OF + dt.timedelta(days=2)).isoformat())
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    *_, before, after = tlu.candidates()
    name = "content_recommendations.parquet"
    assert (before / name).read_bytes() != (after / name).read_bytes()


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
        "alter table student_plan rename column plan_date to planned_on", "alter table student_goals rename to aims"
    )
    done = tlu("run")
    tlu.execute(
        "alter table student_plan rename column planned_on to plan_date", "alter table aims rename to student_goals"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "student_goals" in done.stderr
    assert "student_plan.plan_date" in done.stderr
    assert tlu.status()["publication"] == before


def test_a_run_without_students_publishes_nothing_and_leaves_the_last_publication(tlu: Commands) -> None:
    before = tlu.status()["publication"]
    tlu.execute("truncate students cascade")
    done = tlu("run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "students" in done.stderr
    assert tlu.status()["publication"] == before
