"""The sample: the same for the same seed, valid in a real Postgres, learnable, and full of the app's traps."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from local_supabase import sample
from local_supabase.sample.columns import uuids
from local_supabase.sample.scores import Skill
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import Timeline, kst, monday, school_year, weekday

TODAY = dt.date(2026, 11, 23)
STUDENTS = 300
SQL = Path(sample.__file__).parents[1] / "sql"
NOW = "timestamptz '2026-11-23 00:00+09'"


@pytest.fixture(scope="module")
def database(postgres_server_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database that holds the sample: loading it is what checks types, checks and keys."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = urlsplit(postgres_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        for file in ("raw_tables.sql", "raw_keys.sql"):
            connection.execute((SQL / file).read_text())
    counts = sample.load(url, students=STUDENTS, today=TODAY)
    assert counts["students"] == STUDENTS
    with psycopg.connect(url) as connection:
        yield connection
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def one(database: psycopg.Connection, query: str) -> float:
    """Return the single number of `query`."""
    row = database.execute(query).fetchone()
    assert row is not None
    return float(row[0])


def digests(seed: int) -> dict[str, str]:
    """Return a hash of the rows of every table."""
    hashes: dict[str, hashlib._Hash] = {}
    for name, rows in sample.generate(60, seed, TODAY):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows.combine_chunks())
        hashes.setdefault(name, hashlib.sha256()).update(sink.getvalue())
    return {name: value.hexdigest() for name, value in hashes.items()}


# The generator


def test_same_seed_same_rows_other_seed_other_rows() -> None:
    first = digests(7)
    assert first == digests(7)
    other = digests(8)
    assert set(other) == set(first)
    assert [name for name in first if first[name] == other[name]] == []


def test_too_few_students_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        next(sample.generate(5, 7, TODAY))


def test_chunks_keep_their_columns_and_cover_everyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SAMPLE", dataclasses.replace(SAMPLE, students_per_chunk=25))
    columns: dict[str, list[str]] = {}
    owners: set[str] = set()
    for name, rows in sample.generate(60, 7, TODAY):
        if name == "calendars":
            owners |= set(rows["owner_id"].to_pylist())
        if name != "calendar_events":  # tasks, days off and lessons fill different columns
            assert columns.setdefault(name, rows.column_names) == rows.column_names, name
    assert owners == set(sample.hidden_traits(60, 7)["student_id"])


@pytest.mark.parametrize("today", [dt.date(2025, 3, 2), dt.date(2026, 1, 15), dt.date(2028, 2, 29)])
def test_any_day_of_the_school_year_works(today: dt.date) -> None:
    counts: dict[str, int] = {}
    for name, rows in sample.generate(60, 3, today):
        counts[name] = counts.get(name, 0) + rows.num_rows
    assert counts["student_plan"] > 60 * 60
    assert min(counts[name] for name in ("student_internal_scores", "student_mock_scores", "books", "lectures")) > 0


def test_uuids_are_version_4_and_unique() -> None:
    values = uuids(np.random.default_rng(1), 2_000).to_pylist()
    assert len(set(values)) == 2_000
    parsed = [uuid.UUID(value) for value in values]
    assert {value.version for value in parsed} == {4}
    assert {value.variant for value in parsed} == {uuid.RFC_4122}
    assert [str(value) for value in parsed] == values


def test_days_and_instants() -> None:
    timeline = Timeline.at(TODAY)
    assert weekday(timeline.today) == 1  # 2026-11-23 is a Monday, and 0 is Sunday
    assert monday(timeline.today + 6) == timeline.today
    assert timeline.now == dt.datetime(2026, 11, 22, 15, tzinfo=dt.UTC).timestamp()
    assert kst(timeline.today, 9 * 3600) == dt.datetime(2026, 11, 23, tzinfo=dt.UTC).timestamp()
    assert school_year(timeline.today) == 2026
    assert school_year(Timeline.at(dt.date(2026, 2, 28)).today) == 2025
    assert timeline.start < timeline.migration < timeline.calendar < timeline.today < timeline.end


# The database as a whole


def test_every_table_of_the_product_is_filled(database: psycopg.Connection) -> None:
    tables = database.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    empty = {name for (name,) in tables if one(database, f'select count(*) from "{name}"') == 0}
    # Written by this pipeline or by nobody, not by students.
    assert empty == {"student_score_analysis_cache", "student_analysis", "student_cohort_benchmarks"}


def test_nothing_is_recorded_after_now(database: psycopg.Connection) -> None:
    """Every instant in every table is in the past, but for what is planned."""
    columns = database.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'public'"
        " and data_type = 'timestamp with time zone' and column_name not in ('start_at', 'end_at')"
    ).fetchall()
    late = {
        (table, column): count
        for table, column in columns
        if (count := one(database, f"select count(*) from {table} where {column} >= {NOW}"))
    }
    assert late == {}
    assert one(database, f"select count(*) from students where created_at >= {NOW} at time zone 'UTC'") == 0


INCONSISTENT = {
    "plan before its student": """student_plan p join students s on s.id = p.student_id
        where p.created_at < s.created_at at time zone 'UTC'""",
    "plan before its group": """student_plan p join plan_groups g on g.id = p.plan_group_id
        where p.created_at < g.created_at""",
    "plan outside its group": """student_plan p join plan_groups g on g.id = p.plan_group_id
        where p.plan_date not between g.period_start and g.period_end""",
    "plan before its content": """student_plan p join books b on b.id = p.content_id
        where p.created_at < b.created_at""",
    "plan on a day off": """student_plan p join calendar_events e on e.student_id = p.student_id
        where e.is_exclusion and e.start_date = p.plan_date and p.is_active""",
    "done before made": "student_plan where coalesce(actual_end_time, completed_at) < created_at",
    "changed before made": "student_plan where updated_at < created_at",
    "deleted before made": "student_plan where deleted_at not between created_at and updated_at",
    "ends before it starts": "student_plan where end_time <= start_time",
    "copy before its master": """books b join master_books m on m.id = b.master_content_id
        where b.created_at < m.created_at""",
    "same master twice": """(select from books where master_content_id is not null
        group by student_id, master_content_id having count(*) > 1) twice""",
    "marks before their term": """student_internal_scores i join student_terms t on t.id = i.student_term_id
        where i.created_at < make_date(t.school_year, 3, 1)""",
    "marks of another revision": """student_internal_scores i join students s on s.id = i.student_id
        join curriculum_revisions r on r.id = i.curriculum_revision_id
        where left(s.curriculum_revision, 4)::int <> r.year""",
    "more pause than study": """student_study_sessions
        where paused_duration_seconds > extract(epoch from ended_at - started_at)""",
    "two studies at once": """(
        select started_at, lag(ended_at) over (partition by student_id order by started_at) as before
        from student_study_sessions where ended_at is not null) s where started_at < before""",
    "content of someone else": """student_plan p join books b on b.id = p.content_id
        where b.student_id <> p.student_id""",
    "another academy": "student_plan p join students s on s.id = p.student_id where s.tenant_id <> p.tenant_id",
    "another academy's content": """books b join master_books m on m.id = b.master_content_id
        where m.tenant_id <> b.tenant_id""",
}


@pytest.mark.parametrize("what", INCONSISTENT)
def test_the_story_is_consistent(database: psycopg.Connection, what: str) -> None:
    assert one(database, f"select count(*) from {INCONSISTENT[what]}") == 0


def test_personal_columns_are_planted(database: psycopg.Connection) -> None:
    assert one(database, "select count(*) from user_profiles where name = '' or phone is null or email is null") == 0
    assert one(database, "select count(*) from user_profiles where email like '%@example.com'") > STUDENTS
    assert one(database, "select count(*) from students where address is not null") == STUDENTS
    assert one(database, "select count(*) from tenants where qr_code_secret is not null") >= SAMPLE.least_academies


# Ten things that bite (semantics 0)


def test_trap_1_students_are_profiles(database: psycopg.Connection) -> None:
    roles = dict(database.execute("select role, count(*) from user_profiles group by role").fetchall())
    assert roles["student"] == STUDENTS
    assert {"parent", "admin", "consultant"} <= set(roles)
    assert roles["superadmin"] == 1
    assert one(database, "select count(*) from user_profiles where role = 'superadmin' and tenant_id is null") == 1
    linked = one(database, "select count(distinct student_id) from parent_student_links") / STUDENTS
    assert 0.5 < linked < 0.7


def test_trap_2_school_year_is_not_the_grade(database: psycopg.Connection) -> None:
    query = "select count(distinct {0}), max({0}) from {1}"
    assert one(database, query.format("grade", "student_internal_scores")) == 3
    assert one(database, query.format("rank_grade", "student_internal_scores")) == 9
    assert one(database, query.format("grade_score", "student_mock_scores")) == 9
    assert one(database, "select corr(rank_grade, raw_score) from student_internal_scores") < -0.5
    five = "from student_internal_scores i join curriculum_revisions r on r.id = i.curriculum_revision_id"
    assert one(database, f"select max(rank_grade) {five} where r.year = 2022") == 5
    assert one(database, f"select max(rank_grade) {five} where r.year = 2015") == 9
    assert one(database, f"select count(*) {five} where grade_system <> case when r.year = 2022 then 5 else 9 end") == 0
    assert one(database, "select avg((grade_system is null)::int) from student_internal_scores") > 0.5


def test_trap_3_percentiles_point_opposite_ways(database: psycopg.Connection) -> None:
    assert one(database, "select corr(estimated_percentile, raw_score) from student_internal_scores") < -0.5
    assert one(database, "select max(estimated_percentile) from student_internal_scores") <= 1
    assert one(database, "select corr(percentile, raw_score) from student_mock_scores") > 0.3
    assert one(database, "select max(percentile) from student_mock_scores") > 90
    absolute = (
        "student_mock_scores m join subject_groups g on g.id = m.subject_group_id and g.name in ('영어', '한국사')"
    )
    assert one(database, f"select count(*) from {absolute}") > 0
    assert one(database, f"select count(percentile) + count(standard_score) from {absolute}") == 0


def test_trap_4_marks_are_entered_long_after(database: psycopg.Connection) -> None:
    late = one(
        database,
        "select avg((i.created_at > date '2025-10-22')::int) from student_internal_scores i"
        " join student_terms t on t.id = i.student_term_id and (t.school_year, t.semester) = (2025, 1)"
        " join students s on s.id = i.student_id and s.enrolled_at < date '2025-07-22'",
    )
    assert 0.02 < late < 0.3
    # Entry order is not the order of terms.
    assert one(
        database,
        "select count(*) from student_terms a join student_terms b using (student_id)"
        " where (a.school_year, a.semester) < (b.school_year, b.semester) and a.created_at > b.created_at",
    ) > 0  # fmt: skip
    assert one(database, "select count(*) from student_internal_scores where student_term_id is null") > 0


def test_trap_5_two_layers_disagree_and_overlap(database: psycopg.Connection) -> None:
    both = "student_plan p join event_study_data d on d.event_id = p.id"
    assert one(database, f"select count(*) from {both} where p.status = 'completed' and not d.done") > 0
    assert one(database, f"select count(*) from {both} where p.status <> 'completed' and d.done") > 0
    assert one(database, f"select avg((d.done = (p.status = 'completed'))::int) from {both}") > 0.95
    only = "calendar_events e left join student_plan p on p.id = e.id where e.is_task and p.id is null"
    assert one(database, f"select count(*) from {only}") > 0
    era = "student_plan p left join calendar_events e on e.id = p.id where e.id is null and p.deleted_at is null"
    assert one(database, f"select count(*) from {era} and p.is_active and not p.is_adhoc") > 1_000
    # The four definitions count differently.
    counts = database.execute(
        "select count(*) filter (where d.done),"
        " count(*) filter (where status = 'completed' or actual_end_time is not null),"
        " count(*) filter (where status = 'completed' or p.progress >= 80),"
        " count(*) filter (where p.completed_amount > 0)"
        f" from {both}"
    ).fetchone()
    assert counts is not None
    assert len(set(counts)) >= 3
    simple = "student_plan where status = 'completed' and total_duration_seconds is null and actual_minutes is null"
    assert one(database, f"select count(*) from {simple}") > 1_000


def test_trap_6_deleted_inactive_and_virtual_rows(database: psycopg.Connection) -> None:
    migration = "(select max(deleted_at) from plan_groups)"
    before = f"student_plan where created_at < {migration}"
    assert one(database, f"select count(*) from {before}") > 1_000
    assert one(database, f"select count(*) from {before} and deleted_at is null") == 0
    assert one(database, f"select count(*) from calendar_events where created_at < {migration}") == 0
    assert one(database, f"select count(*) from student_plan where deleted_at > {migration}") > 0
    old = "student_plan o join student_plan n using (version_group_id) where not o.is_active and n.is_active"
    assert one(database, f"select count(*) from {old} and n.version > o.version") > 0
    assert one(database, "select count(*) from student_plan where is_virtual and content_id is null") > 0
    split = "(select from student_plan where is_active group by student_id, plan_number having count(*) > 1) s"
    assert one(database, f"select count(*) from {split}") > 0
    statuses = {row[0] for row in database.execute("select distinct status from student_plan")}
    assert statuses == {"pending", "in_progress", "completed", "canceled", "cancelled", "skipped"}
    assert one(database, "select count(*) from student_plan where carryover_from_date < plan_date") > 0
    future = f"student_plan where plan_date >= ({NOW} at time zone 'Asia/Seoul')::date"
    assert one(database, f"select count(*) from {future}") > 100
    assert one(database, f"select count(*) from {future} and status <> 'pending'") == 0


def test_trap_7_subjects_are_free_text(database: psycopg.Connection) -> None:
    category = "content_subject_category"
    unmatched = f"select count(*) from student_plan p where {category} is not null and not exists"
    assert one(database, f"{unmatched} (select from subject_groups g where g.name = p.{category})") > 0
    assert one(database, f"{unmatched} (select from subject_groups g where g.name = trim(p.{category}))") == 0
    assert one(database, "select count(*) from student_plan where content_subject ~ '[a-z]'") > 0
    assert (
        one(database, "select count(*) from (select name from subject_groups group by name having count(*) = 2) g") == 8
    )


def test_trap_8_plans_hold_student_copies(database: psycopg.Connection) -> None:
    assert one(database, "select count(*) from student_plan p join master_books m on m.id = p.content_id") == 0
    resolved = (
        "select avg((coalesce(b.master_content_id, l.master_lecture_id, l.master_content_id) is not null)::int)"
        " from student_plan p left join books b on b.id = p.content_id left join lectures l on l.id = p.content_id"
        " where p.content_type in ('book', 'lecture')"
    )
    assert 0.9 < one(database, resolved) < 1
    legacy = "lectures where master_lecture_id is null and master_content_id is not null"
    assert one(database, f"select count(*) from {legacy}") > 0
    for number in (0, 1):
        dummy = f"'00000000-0000-0000-0000-00000000000{number}'"
        assert one(database, f"select count(*) from student_plan where content_id = {dummy}") > 0
    assert one(database, "select count(*) from student_plan where is_adhoc and content_id is null") > 0
    seconds = "select count(*) from master_lectures where total_duration / total_episodes {} 600"
    assert one(database, seconds.format("<")) > 0
    assert one(database, seconds.format(">")) > 100


def test_trap_9_the_utc_date_is_not_the_kst_date(database: psycopg.Connection) -> None:
    early = "event_study_data where (done_at at time zone 'Asia/Seoul')::time < '09:00'"
    assert one(database, f"select count(*) from {early}") > 0
    shifted = "daily_check_ins where check_date <> (checked_at at time zone 'Asia/Seoul')::date"
    assert one(database, f"select count(*) from {shifted}") > 0
    assert one(database, f"select count(*) from {shifted} and check_date <> (checked_at at time zone 'UTC')::date") == 0
    history = "student_history where (detail ->> 'date')::date <> (created_at at time zone 'Asia/Seoul')::date"
    assert one(database, f"select count(*) from {history}") > 0
    zoneless = "information_schema.columns where table_name = 'students' and column_name = 'created_at'"
    assert one(database, f"select count(*) from {zoneless} and data_type = 'timestamp without time zone'") == 1


def test_trap_10_a_tiny_academy_and_cold_students(database: psycopg.Connection) -> None:
    sizes = [row[0] for row in database.execute("select count(*) from students group by tenant_id order by 1")]
    assert sizes[0] == SAMPLE.tiny_academy
    assert len(sizes) >= SAMPLE.least_academies
    assert sizes[-1] > 1.3 * sizes[1]
    cold = "students s where not exists (select from student_plan where student_id = s.id)"
    assert one(database, f"select count(*) from {cold}") > 0
    assert one(database, "select count(*) from students where withdrawn_at is not null and status = 'not_enrolled'") > 0
    assert one(database, "select count(*) from students where withdrawn_at is not null") < 0.15 * STUDENTS


def test_dummy_students_are_tagged() -> None:
    people = next(rows for name, rows in sample.generate(2_000, 7, TODAY) if name == "students")
    memo = people["memo"].to_pylist()
    assert 2 <= sum(value == "더미 데이터" for value in memo) <= 25


def test_sessions_net_wall_and_open(database: psycopg.Connection) -> None:
    wall = "extract(epoch from ended_at - started_at)"
    paused = "student_study_sessions where paused_duration_seconds > 0"
    assert one(database, f"select count(*) from {paused} and duration_seconds = {wall}") > 0
    net = one(database, f"select avg((duration_seconds = {wall} - paused_duration_seconds)::int) from {paused}")
    assert net == pytest.approx(1 - SAMPLE.wall_sessions, abs=0.05)
    orphans = f"student_study_sessions where ended_at is null and started_at < {NOW} - interval '3 days'"
    assert one(database, f"select count(*) from {orphans}") > 0


# What later work should be able to find


def test_hidden_traits_show_in_the_rows(database: psycopg.Connection) -> None:
    traits = sample.hidden_traits(STUDENTS, 7).set_index("student_id")
    marks = database.execute(
        "select m.student_id::text, avg(m.standard_score)::float from student_mock_scores m join subject_groups g"
        " on g.id = m.subject_group_id and g.name = '수학' group by 1 having count(*) >= 4"
    ).fetchall()
    ability = traits.loc[[student for student, _ in marks], "ability_수학"]
    assert np.corrcoef(ability, [mark for _, mark in marks])[0, 1] > 0.85

    done = database.execute(
        "select student_id::text, avg((status = 'completed')::int)::float from student_plan"
        f" where is_active and not is_virtual and not is_adhoc and plan_date < ({NOW} at time zone 'Asia/Seoul')::date"
        " group by 1 having count(*) >= 60"
    ).fetchall()
    diligence = traits.loc[[student for student, _ in done], "diligence"]
    assert np.corrcoef(diligence, [share for _, share in done])[0, 1] > 0.8

    hours = database.execute(
        "select student_id::text, percentile_cont(0.5) within group (order by extract(hour from start_time))"
        " from student_plan where block_index = 0 and not is_adhoc group by 1 having count(*) >= 60"
    ).fetchall()
    peak = traits.loc[[student for student, _ in hours], "peak_hour"]
    assert np.mean(np.abs(peak.to_numpy() - [hour for _, hour in hours]) <= 1) > 0.8


def test_the_next_content_can_be_foreseen(database: psycopg.Connection) -> None:
    """Series go on, and the student's level decides: both beat what popularity alone would give."""
    steps = database.execute(
        "with shelf as (select b.student_id, m.subject_category, b.created_at, m.series_name,"
        " substring(m.title from '(\\d+)권$')::int as volume"
        " from books b join master_books m on m.id = b.master_content_id),"
        " step as (select series_name, volume,"
        " lead(series_name) over w as next_series, lead(volume) over w as next_volume"
        " from shelf window w as (partition by student_id, subject_category order by created_at))"
        " select avg((series_name = next_series and next_volume = volume + 1)::int)::float,"
        " (select avg((a.series_name = b.series_name and b.volume = a.volume + 1)::int)::float"
        "  from shelf a join shelf b on b.student_id <> a.student_id"
        "  and b.subject_category = a.subject_category where a.created_at < b.created_at)"
        " from step where next_series is not null and series_name is not null"
    ).fetchone()
    assert steps is not None
    continued, by_chance = steps
    assert continued > 0.15
    assert continued > 5 * by_chance

    level = database.execute(
        "select b.student_id::text, avg(c.overall_difficulty_score)::float from books b"
        " join content_difficulty_analysis c on c.content_id = b.master_content_id group by 1 having count(*) >= 4"
    ).fetchall()
    traits = sample.hidden_traits(STUDENTS, 7).set_index("student_id")
    ability = traits.loc[[student for student, _ in level], [f"ability_{g}" for g in ("국어", "수학", "영어")]].mean(
        axis=1
    )
    assert np.corrcoef(ability, [mean for _, mean in level])[0, 1] > 0.5


def test_study_moves_marks_a_little() -> None:
    """The effect is there by construction, so it is tested on the skill and not fished out of noise."""
    timeline = Timeline.at(TODAY)
    weeks = timeline.days // 7 + 1
    effort = np.zeros((2, 6, weeks))
    effort[1] = 1.0
    skill = Skill(ability=np.zeros((2, 6)), trend=np.zeros((2, 6)), effort=effort)
    idle, busy = skill.at(np.array([0, 1]), np.array([1, 1]), np.array([timeline.today - 7] * 2), timeline)
    assert 0 < busy - idle < 0.3
