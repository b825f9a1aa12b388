"""The Open University Learning Analytics Dataset as the app's raw tables: real learners for the stand-in.

Belongs here: reading and checking the published Parquet folder, and how each of its files becomes rows of the
app. Not here: features, cut-offs of the pipeline, or anything that is not in the folder. DuckDB does the work on
columns and streams the rows; nothing is inserted before the whole folder is read and found in order.

Conventions, all of them needed because the data set has days and no clock:

* What happened on a day is recorded at noon in Korea (03:00 UTC) of that day, so that its date is the same in Korean
  time and in UTC. It is not an hour of day: plans have an end but neither a start nor a duration.
* Ids are hashes of natural keys. They depend neither on the cut-off nor on what else the folder holds.
* A registration is recorded on its date (missing: the presentation's first day), or earlier where its learner had
  already clicked, submitted or withdrawn: nobody does so before registering.
* A plan group and its goal run from the presentation's first day, or the registration if later, to the
  presentation's last day. A withdrawal edits them on its day: the end moves there, the plan group is cancelled,
  `updated_at` is that day. Some withdraw on or before the first day, and the app demands period_end > period_start:
  theirs ends on the day after it starts. The start is never edited and `target_date` keeps the presentation's last
  day, so the row as it was before the withdrawal can be read from the row after it.
* The app links a student's copy of a custom content to its master through `plan_contents` (content_id,
  master_content_id): one row per registration and site used, with the smallest range the app allows.
* What the app demands and the data set does not know is constant: role student, empty name, school year 1 on scores.

Source: Kuzilek, Hlosta, Zdrahal (2017), Open University Learning Analytics dataset, Scientific Data 4:170171,
CC BY 4.0.
"""

from __future__ import annotations

import datetime
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from local_supabase.bulk import replace_rows

logger = logging.getLogger(__name__)

# The true first days are not published: B presentations begin in February, J presentations in October (Kuzilek 2017).
PRESENTATION_STARTS = {
    "2013B": datetime.date(2013, 2, 1),
    "2013J": datetime.date(2013, 10, 1),
    "2014B": datetime.date(2014, 2, 1),
    "2014J": datetime.date(2014, 10, 1),
}
# A choice: the catalogue is there before it is used. The earliest click of 2013B, 2013J and 2014B is on day -23.
CATALOGUE_LEAD_DAYS = 30

# 7 M clicks sort and join within this, spilling to disk if need be; the whole process then peaks at 1.4 GB.
DUCKDB_MEMORY = "1GB"
DUCKDB_THREADS = 2
# Postgres takes a COPY per batch: large enough to hide its start, some 20 MiB of text.
BATCH_ROWS = 65_536


class OuladError(ValueError):
    """The folder cannot be loaded; the message lists every problem found."""


@dataclass(frozen=True)
class _File:
    """What a Parquet file of the folder must hold. `optional` numbers may be null, the rest may not."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    optional: tuple[str, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.texts + self.numbers + self.optional


_COURSE = ("code_module", "code_presentation")
# studentInfo fills nothing, but a folder without it is not the data set.
_FILES = {
    "courses": _File(_COURSE, ("module_presentation_length",), key=_COURSE),
    "assessments": _File((*_COURSE, "assessment_type"), ("id_assessment",), ("date",), key=("id_assessment",)),
    "vle": _File((*_COURSE, "activity_type"), ("id_site",), key=("id_site",)),
    "studentInfo": _File(_COURSE, ("id_student",), key=(*_COURSE, "id_student")),
    "studentRegistration": _File(
        _COURSE, ("id_student",), ("date_registration", "date_unregistration"), key=(*_COURSE, "id_student")
    ),
    "studentAssessment": _File(
        (),
        ("id_assessment", "id_student", "date_submitted", "is_banked"),
        ("score",),
        key=("id_assessment", "id_student"),
    ),
}
_CLICKS = "studentVle_ds"
_CLICK_FILE = _File((), ("id_student", "id_site", "date"))
_CLICK_GLOB = f"{_CLICKS}/code_module=*/code_presentation=*/*.parquet"


def load(url: str, folder: Path, until: datetime.date | None = None) -> dict[str, int]:
    """Replace the raw tables of the database at `url` with the learners of `folder`; return the rows per table.

    `folder` holds the Parquet files as published (courses, assessments, vle, studentInfo, studentRegistration,
    studentAssessment, studentVle_ds by module and presentation) for any choice of presentations in
    `PRESENTATION_STARTS`. With `until`, the tables are as the app would have had them at 00:00 KST of that day: no
    row recorded on it or later, no withdrawal that had not happened yet. Rows of the folder that become no row of the
    app are counted, by reason, in the log.

    Raises `OuladError`, with every problem found and nothing loaded, when the folder is incomplete, broken, or names
    a presentation with an unknown start; `psycopg.Error` when the database refuses the rows.
    """
    with _staged(folder, until or datetime.date.max) as connection:
        sent = replace_rows(url, _batches(connection))
    return {table: sent.get(table, 0) for table in _TABLES}


@contextmanager
def _staged(folder: Path, until: datetime.date) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection that holds the checked folder as typed tables, seen at 00:00 of `until`."""
    with tempfile.TemporaryDirectory(prefix="oulad-") as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": DUCKDB_MEMORY,
            "threads": DUCKDB_THREADS,
            "temp_directory": spill,
        }
        with duckdb.connect(config=config) as connection:
            problems = _open(connection, folder)
            if not problems:
                problems = _cross_problems(connection)
            if problems:
                listed = "\n".join(f"  - {problem}" for problem in problems)
                raise OuladError(
                    f"{folder} cannot be loaded as OULAD data; nothing was changed. Found:\n{listed}\n"
                    "Restore the folder as published (Parquet, one file per table, clicks by module and presentation)."
                )
            connection.execute("set variable until = ?::date", [until])
            connection.execute(_STAGING)
            for reason, count in connection.execute(_LEFT_OUT).fetchall():
                logger.info("OULAD: %s: %d", reason, count)
            yield connection


def _open(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Make a view of each table of the folder, and return what is wrong with them one by one."""
    problems: list[str] = []
    for name, expected in _FILES.items():
        found = _table_problems(connection, folder, name, [folder / f"{name}.parquet"], expected)
        problems += found
        if name == "courses" and not found:
            problems += _unknown_starts(connection)
    clicks = sorted(folder.glob(_CLICK_GLOB))
    if not clicks:
        return [*problems, f"{_CLICKS}: no file matches {_CLICK_GLOB}"]
    return problems + _table_problems(connection, folder, _CLICKS, clicks, _CLICK_FILE)


def _table_problems(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, paths: list[Path], expected: _File
) -> list[str]:
    """Make the view `name` of `paths`; return what keeps them from being loaded."""
    problems = [problem for path in paths for problem in _file_problems(folder, path, expected)]
    if problems:
        return problems
    unusable = {column: f"{column} is null" for column in expected.texts}
    unusable |= {column: f"try_cast({column} as integer) is null" for column in expected.numbers}
    unusable |= {
        column: f"{column} is not null and try_cast({column} as integer) is null" for column in expected.optional
    }
    counts = {f"no usable {column}": f"count(*) filter ({condition})" for column, condition in unusable.items()}
    if expected.key:
        key = ", ".join(expected.key)
        counts[f"a repeated key ({key})"] = f"count(*) - count(distinct ({key}))"
    try:
        rows = connection.read_parquet([str(path) for path in paths], hive_partitioning=True, union_by_name=True)
        rows.create_view(name)
        (found,) = connection.execute(f"select {', '.join(counts.values())} from {name}").fetchall()
    except duckdb.Error as error:
        return [f"{name}: cannot be read ({error})"]
    return [f"{name}: {count} rows with {label}" for label, count in zip(counts, found, strict=True) if count]


def _file_problems(folder: Path, path: Path, expected: _File) -> list[str]:
    label = path.relative_to(folder)
    try:
        names = pq.read_schema(path).names
    except FileNotFoundError:
        return [f"{label}: missing"]
    except (OSError, pa.ArrowException) as error:
        return [f"{label}: not a readable Parquet file ({error})"]
    return [f"{label}: column {column} is missing" for column in expected.columns if column not in names]


def _unknown_starts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    named = connection.execute("select distinct code_presentation from courses order by all").fetchall()
    known = ", ".join(PRESENTATION_STARTS)
    return [
        f"courses: presentation {presentation} has no known start (known: {known}); add it to PRESENTATION_STARTS"
        for (presentation,) in named
        if presentation not in PRESENTATION_STARTS
    ]


def _cross_problems(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Presentations that one file names and another lacks."""
    lead = datetime.timedelta(days=CATALOGUE_LEAD_DAYS)
    starts = pa.table(
        {
            "code_presentation": list(PRESENTATION_STARTS),
            "start_date": list(PRESENTATION_STARTS.values()),
            "catalogue_date": [start - lead for start in PRESENTATION_STARTS.values()],
        }
    )
    connection.from_arrow(starts).create("starts")
    found = connection.execute(_CROSS_PROBLEMS).fetchall()
    return [problem for (problem,) in found]


def _batches(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, pa.RecordBatch]]:
    for table, (order, select) in _TABLES.items():
        query = f"""
            select * exclude (recorded_on, edited_on), noon(recorded_on) as created_at, noon(edited_on) as updated_at
            from ({select}) where recorded_on < getvariable('until') order by {order}
        """
        for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
            yield table, batch


_CROSS_PROBLEMS = """
    with named as (
        select 'assessments' as file, code_module, code_presentation from assessments
        union select 'vle', code_module, code_presentation from vle
        union select 'studentRegistration', code_module, code_presentation from studentRegistration
        union select 'studentVle_ds', code_module, code_presentation from studentVle_ds
    )
    select file || ': ' || code_module || ' ' || code_presentation || ' is not in courses' as problem
    from named anti join courses using (code_module, code_presentation)
    union all
    select 'studentVle_ds: no clicks of ' || code_module || ' ' || code_presentation || ', which has registrations'
    from (select distinct code_module, code_presentation from studentRegistration)
    anti join (from named where file = 'studentVle_ds') using (code_module, code_presentation)
    order by problem
"""

# Days become dates, numbers become integers, every entity gets its id. The cut-off plays no part before `enrolment`.
_STAGING = r"""
    -- The version and variant bits are those RFC 9562 keeps for hashes of one's own making (version 8).
    create macro uuid_of(kind, natural_key) as
        regexp_replace(md5('oulad:' || kind || ':' || natural_key), '^(.{12}).(.{3}).', '\18\28')::uuid;
    create macro noon(day) as day || ' 03:00:00+00';

    create table presentation as
    select
        code_module, code_presentation, code_module || ' ' || code_presentation as subject_name,
        uuid_of('subject_group', code_module) as subject_group_id,
        uuid_of('subject', subject_name) as subject_id,
        catalogue_date, start_date, start_date + module_presentation_length::integer as end_date
    from courses join starts using (code_presentation);

    create table site as
    select
        id_site::integer as id_site, activity_type, activity_type || ' ' || id_site::integer as title,
        uuid_of('site', id_site::integer) as master_id, p.*
    from vle join presentation p using (code_module, code_presentation);

    create table score as
    select
        id_assessment::integer as id_assessment, s.id_student::integer as id_student, s.score,
        a.assessment_type || ' ' || id_assessment::integer as title,
        p.start_date + s.date_submitted::integer as submitted_on,
        coalesce(p.start_date + a.date::integer, p.end_date) as due_on,
        p.*,
        case
            when a.id_assessment is null then 'scores of an unknown assessment'
            when r.id_student is null then 'scores without a registration'
            when s.is_banked::integer <> 0 then 'banked scores'
            when s.score is null then 'scores without a value'
        end as left_out
    from studentAssessment s
    left join assessments a using (id_assessment)
    left join presentation p using (code_module, code_presentation)
    left join studentRegistration r using (id_student, code_module, code_presentation);

    create table click as
    with by_day as (
        select id_student, id_site, code_module, code_presentation, date, count(*) as click_rows
        from studentVle_ds group by all
    )
    select
        d.id_student::integer as id_student, d.id_site::integer as id_site, code_module, code_presentation,
        p.start_date + d.date::integer as day, d.click_rows,
        case
            when r.id_student is null then 'clicks without a registration'
            when v.id_site is null then 'clicks on a site absent from vle'
        end as left_out
    from by_day d
    join presentation p using (code_module, code_presentation)
    left join vle v using (id_site, code_module, code_presentation)
    left join studentRegistration r using (id_student, code_module, code_presentation);

    create table registration as
    with evidence as (
        select id_student, code_module, code_presentation, min(day) as first_seen_on
        from (
            select id_student, code_module, code_presentation, day from click where left_out is null
            union all
            select id_student, code_module, code_presentation, submitted_on from score where left_out is null
        )
        group by all
    )
    select
        r.id_student::integer as id_student,
        uuid_of('student', r.id_student::integer) as student_id,
        uuid_of('plan_group', r.id_student::integer || ':' || subject_name) as plan_group_id,
        uuid_of('goal', r.id_student::integer || ':' || subject_name) as goal_id,
        p.start_date + r.date_unregistration::integer as withdrawn_on,
        least(
            p.start_date + coalesce(r.date_registration, 0)::integer, e.first_seen_on, withdrawn_on
        ) as registered_on,
        greatest(p.start_date, registered_on) as period_start,
        p.*
    from studentRegistration r
    join presentation p using (code_module, code_presentation)
    left join evidence e using (id_student, code_module, code_presentation);

    create table subject as
    with first as (select subject_id, min(registered_on) as registered_on from registration group by all)
    select p.*, least(p.catalogue_date, first.registered_on) as known_on
    from presentation p left join first using (subject_id);

    create table copy as
    with first_use as (
        select id_student, id_site, min(day) as first_used_on from click where left_out is null group by all
    )
    select
        u.*, uuid_of('copy', u.id_student || ':' || u.id_site) as content_id,
        r.student_id, r.plan_group_id, s.master_id, s.title, s.code_module, s.subject_name
    from first_use u
    join site s using (id_site)
    join registration r using (id_student, subject_id);

    -- A registration as known at the cut-off: nobody has left yet who leaves on it or later.
    create view enrolment as
    select
        *, case when withdrawn_on < getvariable('until') then withdrawn_on end as left_on,
        greatest(least(end_date, left_on), period_start + 1) as period_end,
        coalesce(left_on, registered_on) as edited_on
    from registration;
"""

_LEFT_OUT = """
    select left_out, sum(click_rows) from click where left_out is not null group by left_out
    union all
    select 'further clicks of a student on a site on one day (one plan)', sum(click_rows - 1)
    from click where left_out is null
    union all
    select left_out, count(*) from score where left_out is not null group by left_out
"""

_TENANT = "uuid_of('tenant', 'open university') as tenant_id"

# Raw table: the order of its rows, and its columns with the days on which a row was recorded and last edited.
# Rows of one student lie side by side, days in order: that is how they are read.
_TABLES = {
    "tenants": (
        "id",
        """
        select uuid_of('tenant', 'open university') as id, 'Open University' as name,
            min(known_on) as recorded_on, recorded_on as edited_on
        from subject
        """,
    ),
    "curriculum_revisions": (
        "id",
        """
        select uuid_of('curriculum_revision', 'oulad') as id, 'OULAD' as name,
            min(known_on) as recorded_on, recorded_on as edited_on
        from subject
        """,
    ),
    "subject_groups": (
        "id",
        """
        select subject_group_id as id, code_module as name,
            uuid_of('curriculum_revision', 'oulad') as curriculum_revision_id,
            min(known_on) as recorded_on, recorded_on as edited_on
        from subject group by all
        """,
    ),
    "subjects": (
        "id",
        """
        select subject_id as id, subject_name as name, subject_group_id,
            known_on as recorded_on, known_on as edited_on
        from subject
        """,
    ),
    "user_profiles": (
        "id",
        f"""
        select student_id as id, {_TENANT}, 'student' as role, '' as name,
            min(registered_on) as recorded_on, recorded_on as edited_on
        from registration group by all
        """,
    ),
    "students": (
        "id",
        f"""
        select student_id as id, {_TENANT}, 'enrolled' as status,
            min(registered_on) as recorded_on, recorded_on as edited_on
        from registration group by all
        """,
    ),
    "plan_groups": (
        "student_id, period_start, id",
        f"""
        select plan_group_id as id, {_TENANT}, student_id, subject_name as name,
            period_start, period_end, end_date as target_date,
            if(left_on is null, 'active', 'cancelled') as status,
            registered_on as recorded_on, edited_on
        from enrolment
        """,
    ),
    "student_goals": (
        "student_id, start_date, id",
        f"""
        select goal_id as id, {_TENANT}, student_id, 'exam' as goal_type, subject_name as subject,
            subject_name as title, period_start as start_date, period_end as end_date,
            registered_on as recorded_on, edited_on
        from enrolment
        """,
    ),
    "master_custom_contents": (
        "id",
        f"""
        select master_id as id, {_TENANT}, title, 'custom' as content_type, activity_type as content_category,
            uuid_of('curriculum_revision', 'oulad') as curriculum_revision_id, subject_group_id, subject_id,
            code_module as subject_category, subject_name as subject,
            catalogue_date as recorded_on, catalogue_date as edited_on
        from site
        """,
    ),
    "student_custom_contents": (
        "student_id, recorded_on, id",
        f"""
        select content_id as id, {_TENANT}, student_id, 'custom' as content_type, title,
            code_module as subject_category, subject_name as subject,
            first_used_on as recorded_on, first_used_on as edited_on
        from copy
        """,
    ),
    "plan_contents": (
        "plan_group_id, recorded_on, content_id",
        f"""
        select uuid_of('plan_content', id_student || ':' || id_site) as id, {_TENANT}, plan_group_id,
            'custom' as content_type, content_id, master_id as master_content_id, title as content_name,
            1 as start_range, 2 as end_range, code_module as subject_category, subject_name,
            first_used_on as recorded_on, first_used_on as edited_on
        from copy
        """,
    ),
    "student_plan": (
        "student_id, plan_date, content_id",
        f"""
        select uuid_of('plan', id_student || ':' || id_site || ':' || day) as id, {_TENANT}, student_id, plan_group_id,
            day as plan_date, 0 as block_index, 'custom' as content_type, content_id,
            copy.code_module as content_subject_category, copy.subject_name as content_subject,
            'completed' as status, noon(day) as actual_end_time,
            day as recorded_on, day as edited_on
        from click join copy using (id_student, id_site)
        where click.left_out is null
        """,
    ),
    "student_mock_scores": (
        "student_id, recorded_on, id",
        f"""
        select uuid_of('score', id_student || ':' || id_assessment) as id, {_TENANT},
            uuid_of('student', id_student) as student_id, subject_group_id, subject_id, 1 as grade,
            due_on as exam_date, title as exam_title, score as raw_score,
            submitted_on as recorded_on, submitted_on as edited_on
        from score where left_out is null
        """,
    ),
}
