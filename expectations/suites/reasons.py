"""What must hold of every reason that a candidate states: that it is true of the features it was made from.

Belongs here: one predicate for each code, in SQL on frames. Not here: which reasons are given, and their words.

This is written against the features and not against the model on purpose: it shares no code with what made the reasons.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import duckdb
import pandas as pd

from expectations import bounds
from expectations.spec import FrameRule, SuiteSpec

_CLAIMS: Final = """
    create temp table claims as
    with stated as (
        select student_id, content_id, subject_group,
            unnest(from_json(reasons, '[{"code": "VARCHAR", "params": "JSON"}]')) as reason
        from rows
    )
    select student_id, content_id, subject_group, reason.code as code, reason.params as params,
        params->>'base_content_id' as base_id, params->>'subject_group' as stated_group,
        (params->>'days')::integer as days, (params->>'students')::bigint as students,
        (params->>'next_students')::bigint as next_students, (params->>'volume')::integer as volume,
        (params->>'percentile')::double as percentile, (params->>'own_percentile')::double as own_percentile,
        (params->>'planned_items')::bigint as planned_items, (params->>'done_items')::bigint as done_items,
        (params->>'level')::integer as level, (params->>'own_level')::double as own_level,
        (params->>'contents')::bigint as contents, (params->>'done_pct')::integer as done_pct,
        (params->>'fewer_than')::bigint as fewer_than
    from stated
"""

_STARTS: Final = """
    create temp table starts as
    select student_id, content_id, first_done_date::date as started_date
    from interactions where first_done_date is not null
"""

_TRUE: Final[dict[str, str]] = {
    "next_volume": """
        select claims.rowid from claims
        inner join starts on starts.student_id = claims.student_id and starts.content_id = claims.base_id
        inner join contents as base on base.content_id = claims.base_id
        inner join contents as content on content.content_id = claims.content_id
        where base.title_stem = content.title_stem and base.subject_group = content.subject_group
            and content.volume_number = base.volume_number + 1 and content.volume_number = claims.volume
    """,
    "similar_students": """
        with pairs as (select distinct base_id, content_id, days from claims where code = 'similar_students'),
        counted as (
            select pairs.*, count(*) as students,
                count(*) filter (
                    next.started_date > base.started_date and next.started_date - base.started_date <= pairs.days
                ) as next_students
            from pairs
            inner join starts as base on base.content_id = pairs.base_id
            left join starts as next on next.content_id = pairs.content_id and next.student_id = base.student_id
            group by all
        )
        select claims.rowid from claims
        inner join counted using (base_id, content_id, days, students, next_students)
        inner join starts on starts.student_id = claims.student_id and starts.content_id = claims.base_id
        where students >= $least and next_students >= $least
    """,
    "weak_subject": """
        select claims.rowid from claims inner join weak_subjects as weak using (student_id, subject_group)
        where weak.is_weak and claims.stated_group = claims.subject_group and claims.percentile < claims.own_percentile
            and abs(weak.percentile - claims.percentile) <= 0.0501
            and abs(weak.own_percentile - claims.own_percentile) <= 0.0501
    """,
    "often_completed": """
        with counted as (
            select content_id, count(*) filter (planned_count > 0) as students, sum(planned_count) as planned_items,
                sum(done_count) as done_items
            from interactions group by content_id
        )
        select claims.rowid from claims inner join counted using (content_id, students, planned_items, done_items)
        where students >= $least
    """,
    "fitting_level": """
        with levels as (
            select starts.student_id, contents.subject_group, count(*) as contents,
                avg(contents.difficulty_level) as own_level
            from starts inner join contents using (content_id)
            where contents.difficulty_level is not null group by all
        )
        select claims.rowid from claims
        inner join levels using (student_id, subject_group, contents)
        inner join contents as content on content.content_id = claims.content_id
        where claims.stated_group = claims.subject_group and content.difficulty_level = claims.level
            and abs(levels.own_level - claims.own_level) <= 0.0501
    """,
    "popular_in_course": """
        with counted as (
            select starts.content_id, windows.days, count(*) as students
            from starts cross join (select distinct days from claims where code = 'popular_in_course') as windows
            where $as_of - started_date <= windows.days group by all
        )
        select claims.rowid from claims inner join counted using (content_id, days, students) where students >= $least
    """,
    "rarely_started": """
        select claims.rowid from claims
        left join (select content_id, count(*) as starters from starts group by content_id) using (content_id)
        where coalesce(starters, 0) < claims.fewer_than
    """,
    "unfinished": """
        select claims.rowid from claims
        inner join interactions using (student_id, content_id) inner join contents using (content_id)
        where $as_of - last_done_date::date = claims.days
            and (claims.done_pct is null or claims.done_pct = least(100, floor(100.0 * done_units / total_units)))
    """,
    "studying": """
        select claims.rowid from claims
        inner join (select distinct student_id, subject_group from student_subjects) using (student_id, subject_group)
        inner join contents using (content_id, subject_group)
        where claims.stated_group = claims.subject_group
    """,
    "in_subject_group": """
        select claims.rowid from claims inner join contents using (content_id, subject_group)
        where claims.stated_group = claims.subject_group
    """,
}
"""Rows of `claims` that are true, by code. A code that is not here is false."""


def false_reasons(
    rows: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    as_of: dt.date,
    least_students: int = bounds.LEAST_STUDENTS,
) -> dict[str, int]:
    """How many reasons of `rows` (content_id, subject_group, reasons; student_id where a list is somebody's) are false.

    By code, for each code that is stated; `features` are interactions, contents, weak_subjects and student_subjects
    as of `as_of`. A number of fewer than `least_students` students is false as well.
    """
    with duckdb.connect() as database:
        database.register("rows", rows if "student_id" in rows else rows.assign(student_id=None))
        for name, frame in features.items():
            database.register(name, frame)
        database.execute(_CLAIMS)
        database.execute(_STARTS)
        stated = dict(database.execute("select code, count(*) from claims group by code order by code").fetchall())
        return {code: count - _true(database, code, as_of, least_students) for code, count in stated.items()}


def reasons_suite(table: str, features: Mapping[str, pd.DataFrame], as_of: dt.date) -> SuiteSpec:
    """Every reason of `table` is true; see `false_reasons`."""
    return SuiteSpec(
        name=f"{table}_reasons",
        columns=("content_id", "subject_group", "reasons"),
        min_rows=0,
        expectations=(),
        rules=(
            FrameRule(
                name="reasons_are_true",
                columns=("reasons",),
                rule="must each be true of the features it was made from",
                violations=partial(_count_false, features=features, as_of=as_of),
            ),
        ),
    )


def _count_false(rows: pd.DataFrame, features: Mapping[str, pd.DataFrame], as_of: dt.date) -> int:
    return sum(false_reasons(rows, features, as_of).values())


def _true(database: duckdb.DuckDBPyConnection, code: str, as_of: dt.date, least_students: int) -> int:
    if code not in _TRUE:
        return 0
    of_code = "select rowid from claims where code = $code"
    query = f"select distinct rowid from ({_TRUE[code]}) where rowid in ({of_code})"
    given: dict[str, Any] = {"code": code, "as_of": as_of, "least": least_students}
    asked = {name: value for name, value in given.items() if f"${name}" in query}
    return len(database.execute(query, asked).fetchall())
