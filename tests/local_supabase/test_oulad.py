"""The OULAD loader against a real Postgres: a tiny folder whose every row is known."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from local_supabase import oulad, schema
from local_supabase.oulad import OuladError, load

Rows = list[tuple[Any, ...]]


def write(path: Path, columns: list[str], rows: Rows) -> None:
    """Numbers become doubles, as published."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [pa.array([float(v) if isinstance(v, int) else v for v in column]) for column in zip(*rows, strict=True)]
    arrays = [array.cast(pa.float64()) if pa.types.is_null(array.type) else array for array in arrays]
    pq.write_table(pa.table(arrays, names=columns), path)


def write_clicks(folder: Path, module: str, presentation: str, rows: Rows) -> None:
    partition = folder / "studentVle_ds" / f"code_module={module}" / f"code_presentation={presentation}"
    write(partition / "part-0.parquet", ["id_student", "id_site", "date", "sum_click"], rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Learner 1 stays; 2 leaves on day 10 and comes back; 3 leaves before the start; 4's registration is undated;
    5 comes late; 9 clicks without being registered."""
    course = ["code_module", "code_presentation"]
    write(
        tmp_path / "courses.parquet",
        [*course, "module_presentation_length"],
        [("AAA", "2013J", 100), ("AAA", "2014B", 90)],
    )
    write(
        tmp_path / "vle.parquet",
        ["id_site", *course, "activity_type", "week_from", "week_to"],
        [
            (101, "AAA", "2013J", "forumng", None, None),
            (102, "AAA", "2013J", "quiz", None, None),
            (201, "AAA", "2014B", "resource", None, None),
        ],
    )
    write(
        tmp_path / "assessments.parquet",
        [*course, "id_assessment", "assessment_type", "date", "weight"],
        [("AAA", "2013J", 11, "TMA", 20, 50), ("AAA", "2013J", 12, "Exam", None, 100)],
    )
    registrations: Rows = [
        ("AAA", "2013J", 1, -20, None),
        ("AAA", "2013J", 2, -30, 10),
        ("AAA", "2014B", 2, -25, None),
        ("AAA", "2013J", 3, -50, -5),
        ("AAA", "2013J", 4, None, None),
        ("AAA", "2013J", 5, 7, None),
    ]
    write(
        tmp_path / "studentRegistration.parquet",
        [*course, "id_student", "date_registration", "date_unregistration"],
        registrations,
    )
    write(
        tmp_path / "studentInfo.parquet",
        [*course, "id_student", "final_result"],
        [(*row[:3], "Pass") for row in registrations],
    )
    write(
        tmp_path / "studentAssessment.parquet",
        ["id_assessment", "id_student", "date_submitted", "is_banked", "score"],
        [(11, 1, 18, 0, 80), (12, 1, 101, 0, 65), (11, 2, -1, 1, 90), (11, 5, 21, 0, None)],
    )
    write_clicks(
        tmp_path,
        "AAA",
        "2013J",
        [
            (1, 101, -3, 4),
            (1, 101, 5, 1),
            (1, 101, 5, 2),  # the same student, site and day again
            (1, 102, 5, 7),
            (2, 101, 9, 1),
            (2, 101, 12, 1),  # after leaving
            (4, 101, -2, 3),
            (9, 101, 1, 1),
            (1, 999, 5, 1),
        ],
    )
    write_clicks(tmp_path, "AAA", "2014B", [(2, 201, 0, 1)])
    return tmp_path


@pytest.fixture
def database(postgres_url: str) -> str:
    schema.install(postgres_url)
    return postgres_url


@pytest.fixture
def query(database: str) -> Callable[[str], Rows]:
    def run(text: str) -> Rows:
        with psycopg.connect(database, options="-c timezone=Asia/Seoul") as connection:
            return connection.execute(text.encode()).fetchall()

    return run


PLANS = """
    select g.name, p.plan_date::text, m.title, p.status, p.content_subject_category, p.content_subject
    from student_plan p
    join plan_groups g on g.id = p.plan_group_id and g.student_id = p.student_id
    join plan_contents c on c.content_id = p.content_id and c.plan_group_id = g.id
    join student_custom_contents s on s.id = p.content_id and s.student_id = p.student_id and s.title = c.content_name
    join master_custom_contents m on m.id = c.master_content_id and m.title = s.title
    order by p.plan_date, m.title
"""
GROUPS = """
    select name, status, period_start::text, period_end::text, target_date::text,
        created_at::text, updated_at::text
    from plan_groups order by created_at, name
"""


def test_rows_per_table(database: str, folder: Path) -> None:
    assert load(database, folder) == {
        "tenants": 1,
        "curriculum_revisions": 1,
        "subject_groups": 1,
        "subjects": 2,
        "user_profiles": 5,
        "students": 5,
        "plan_groups": 6,
        "student_goals": 6,
        "master_custom_contents": 3,
        "student_custom_contents": 5,
        "plan_contents": 5,
        "student_plan": 7,
        "student_mock_scores": 2,
    }


def test_plans_are_days_of_use_and_lead_to_the_site(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    load(database, folder)
    in_2013j = ("completed", "AAA", "AAA 2013J")
    assert query(PLANS) == [
        ("AAA 2013J", "2013-09-28", "forumng 101", *in_2013j),
        ("AAA 2013J", "2013-09-29", "forumng 101", *in_2013j),
        ("AAA 2013J", "2013-10-06", "forumng 101", *in_2013j),
        ("AAA 2013J", "2013-10-06", "quiz 102", *in_2013j),
        ("AAA 2013J", "2013-10-10", "forumng 101", *in_2013j),
        ("AAA 2013J", "2013-10-13", "forumng 101", *in_2013j),
        ("AAA 2014B", "2014-02-01", "resource 201", "completed", "AAA", "AAA 2014B"),
    ]
    ((off_noon, timed),) = query(
        """
        select count(*) filter (where (created_at, updated_at, actual_end_time) is distinct from
                (plan_date + time '12:00', plan_date + time '12:00', plan_date + time '12:00')),
            count(*) filter (where num_nonnulls(actual_start_time, total_duration_seconds, estimated_minutes) > 0)
        from student_plan
        """
    )
    assert (off_noon, timed) == (0, 0)


def test_plan_groups_and_goals_follow_registration_and_withdrawal(
    database: str, folder: Path, query: Callable[[str], Rows]
) -> None:
    load(database, folder)
    end, end_2014b = "2014-01-09", "2014-05-02"

    def noon(date: str) -> str:
        return f"{date} 12:00:00+09"

    assert query(GROUPS) == [
        # 3 left before the start: the shortest period the app allows
        ("AAA 2013J", "cancelled", "2013-10-01", "2013-10-02", end, noon("2013-08-12"), noon("2013-09-26")),
        ("AAA 2013J", "cancelled", "2013-10-01", "2013-10-11", end, noon("2013-09-01"), noon("2013-10-11")),
        ("AAA 2013J", "active", "2013-10-01", end, end, noon("2013-09-11"), noon("2013-09-11")),
        # 4 has no registration date, and clicked before the start
        ("AAA 2013J", "active", "2013-10-01", end, end, noon("2013-09-29"), noon("2013-09-29")),
        ("AAA 2013J", "active", "2013-10-08", end, end, noon("2013-10-08"), noon("2013-10-08")),
        ("AAA 2014B", "active", "2014-02-01", end_2014b, end_2014b, noon("2014-01-07"), noon("2014-01-07")),
    ]
    ((same,),) = query(
        """
        select count(*) from student_goals s join plan_groups g
        on (s.student_id, s.subject, s.start_date, s.end_date, s.created_at, s.updated_at)
            = (g.student_id, g.name, g.period_start, g.period_end, g.created_at, g.updated_at)
        where s.goal_type = 'exam'
        """
    )
    assert same == 6


def test_someone_who_returns_is_one_student(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    load(database, folder)
    returned = query(
        """
        select s.created_at::text, s.status, s.withdrawn_at, count(*)
        from students s join user_profiles u on u.id = s.id and u.role = 'student' and u.name = ''
        join plan_groups g on g.student_id = s.id group by s.id having count(*) > 1
        """
    )
    assert returned == [("2013-09-01 03:00:00", "enrolled", None, 2)]


def test_scores_and_catalogue(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    load(database, folder)
    scores = query(
        """
        select exam_title, exam_date::text, m.created_at::text, raw_score, percentile, grade_score, s.name, g.name
        from student_mock_scores m join subjects s on s.id = m.subject_id
        join subject_groups g on g.id = m.subject_group_id and g.id = s.subject_group_id order by 1 desc
        """
    )
    assert scores == [
        ("TMA 11", "2013-10-21", "2013-10-19 12:00:00+09", 80, None, None, "AAA 2013J", "AAA"),
        ("Exam 12", "2014-01-09", "2014-01-10 12:00:00+09", 65, None, None, "AAA 2013J", "AAA"),
    ]
    masters = query(
        """
        select title, content_type, content_category, subject_category, subject, created_at::text
        from master_custom_contents order by title
        """
    )
    assert masters == [
        ("forumng 101", "custom", "forumng", "AAA", "AAA 2013J", "2013-09-01 12:00:00+09"),
        ("quiz 102", "custom", "quiz", "AAA", "AAA 2013J", "2013-09-01 12:00:00+09"),
        ("resource 201", "custom", "resource", "AAA", "AAA 2014B", "2014-01-02 12:00:00+09"),
    ]


def test_what_becomes_no_row_is_counted(database: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="local_supabase.oulad"):
        load(database, folder)
    assert sorted(record.getMessage() for record in caplog.records) == [
        "OULAD: banked scores: 1",
        "OULAD: clicks on a site absent from vle: 1",
        "OULAD: clicks without a registration: 1",
        "OULAD: further clicks of a student on a site on one day (one plan): 1",
        "OULAD: scores without a value: 1",
    ]


# What the whole load knows before a cut-off. A row edited on it or later is read as it was: see the module's docstring.
AS_OF = {
    "plan_groups": """
        select id, student_id, name, period_start, target_date, created_at,
            case when updated_at < {cut} then period_end else target_date end as period_end,
            case when updated_at < {cut} then status else 'active' end as status,
            case when updated_at < {cut} then updated_at else created_at end as updated_at
        from plan_groups where created_at < {cut} order by id
    """,
    "student_goals": """
        select s.id, s.student_id, s.subject, s.start_date, s.created_at,
            case when s.updated_at < {cut} then s.end_date else g.target_date end as end_date,
            case when s.updated_at < {cut} then s.updated_at else s.created_at end as updated_at
        from student_goals s join plan_groups g on g.student_id = s.student_id and g.name = s.subject
        where s.created_at < {cut} order by s.id
    """,
    "students": "select * from students where created_at at time zone 'UTC' < {cut} order by id",
}
PLAIN = "select * from {table} where created_at < {cut} order by id"


CUTS = (
    "2013-08-01",  # before anything
    "2013-09-26",  # the day the third learner leaves is not known yet
    "2013-09-27",  # now it is
    "2013-09-30",
    "2013-10-11",  # the second learner leaves, a day that is not over
    "2013-10-19",  # the first score comes in
    "2014-02-02",
)


def test_until_knows_what_the_whole_load_knew_then(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    def known(until: str) -> dict[str, Rows]:
        cut = f"timestamptz '{until} 00:00+09'"
        return {table: query(AS_OF.get(table, PLAIN).format(table=table, cut=cut)) for table in oulad._TABLES}

    load(database, folder)
    whole = {until: known(until) for until in CUTS}
    for until in CUTS:
        counts = load(database, folder, datetime.date.fromisoformat(until))
        assert known(until) == whole[until]
        # and nothing else is there, and nothing that was recorded or edited later
        assert counts == {table: len(rows) for table, rows in whole[until].items()}
        for table in counts:
            clock = "at time zone 'UTC'" if table == "students" else ""
            late = f"(updated_at {clock} >= timestamptz '{until} 00:00+09')"
            found = query(f"select count(*), count(*) filter (where {late}) from {table}")
            assert (until, table, found) == (until, table, [(counts[table], 0)])
    assert sum(map(len, whole[CUTS[0]].values())) == 0
    assert len(whole[CUTS[-1]]["student_plan"]) == 7


def test_withdrawal_is_unknown_until_the_day_after(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    left = "select count(*) from plan_groups where status = 'cancelled' and period_end = '2013-10-11'"
    load(database, folder, datetime.date(2013, 10, 11))
    assert query(left) == [(0,)]
    load(database, folder, datetime.date(2013, 10, 12))
    assert query(left) == [(1,)]


def test_ids_do_not_depend_on_the_rest_of_the_folder(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    statement = "select id from student_plan where content_subject = 'AAA 2014B'"
    load(database, folder)
    before = query(statement)
    for name in ("courses", "vle", "studentInfo", "studentRegistration"):
        path = folder / f"{name}.parquet"
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.equal(table["code_presentation"], "2014B")), path)
    for name in ("assessments", "studentAssessment"):
        path = folder / f"{name}.parquet"
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    removed = folder / "studentVle_ds" / "code_module=AAA" / "code_presentation=2013J" / "part-0.parquet"
    removed.unlink()
    load(database, folder)
    assert len(before) == 1
    assert query(statement) == before
    assert query("select count(*) from student_mock_scores") == [(0,)]


def test_all_problems_in_one_error_and_the_old_rows_stay(
    database: str, folder: Path, query: Callable[[str], Rows]
) -> None:
    load(database, folder)
    (folder / "vle.parquet").unlink()
    (folder / "assessments.parquet").write_bytes(b"not parquet")
    path = folder / "studentRegistration.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["date_registration"]), path)
    write(
        folder / "courses.parquet",
        ["code_module", "code_presentation", "module_presentation_length"],
        [("AAA", "2013J", 100), ("AAA", "2099B", 90)],
    )
    write_clicks(folder, "AAA", "2014B", [(2, None, 0, 1)])
    with pytest.raises(OuladError) as raised:
        load(database, folder)
    message = str(raised.value)
    for part in (
        "vle.parquet: missing",
        "assessments.parquet: not a readable Parquet file",
        "studentRegistration.parquet: column date_registration is missing",
        "presentation 2099B has no known start",
        "studentVle_ds: 1 rows with no usable id_site",
    ):
        assert part in message
    assert query("select count(*) from student_plan") == [(7,)]


def test_presentations_that_do_not_fit_together(database: str, folder: Path) -> None:
    write(
        folder / "courses.parquet",
        ["code_module", "code_presentation", "module_presentation_length"],
        [("AAA", "2013J", 100), ("AAA", "2013J", 100)],
    )
    with pytest.raises(OuladError, match="courses: 1 rows with a repeated key"):
        load(database, folder)
    write(
        folder / "courses.parquet",
        ["code_module", "code_presentation", "module_presentation_length"],
        [("AAA", "2013J", 100)],
    )
    (folder / "studentVle_ds" / "code_module=AAA" / "code_presentation=2013J" / "part-0.parquet").unlink()
    with pytest.raises(OuladError) as raised:
        load(database, folder)
    for part in (
        "vle: AAA 2014B is not in courses",
        "studentRegistration: AAA 2014B is not in courses",
        "studentVle_ds: no clicks of AAA 2013J, which has registrations",
    ):
        assert part in str(raised.value)


def test_a_file_broken_inside_is_an_error(database: str, folder: Path) -> None:
    path = folder / "studentVle_ds" / "code_module=AAA" / "code_presentation=2013J" / "part-0.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    with pytest.raises(OuladError, match="studentVle_ds: cannot be read"):
        load(database, folder)


def test_a_later_presentation_has_its_own_start(database: str, folder: Path, query: Callable[[str], Rows]) -> None:
    for name in ("courses", "vle", "studentInfo", "studentRegistration"):
        path = folder / f"{name}.parquet"
        table = pq.read_table(path)
        index = table.column_names.index("code_presentation")
        later = pc.replace_substring(table["code_presentation"], "2014B", "2014J")
        pq.write_table(table.set_column(index, "code_presentation", later), path)
    partition = folder / "studentVle_ds" / "code_module=AAA" / "code_presentation=2014B"
    partition.rename(partition.with_name("code_presentation=2014J"))
    load(database, folder)
    assert query("select period_start::text, period_end::text from plan_groups where name = 'AAA 2014J'") == [
        ("2014-10-01", "2014-12-30")
    ]
