"""Published reasons against the app's raw tables: what students are told is what the rows say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import psycopg

FACTS = Path(__file__).with_name("facts_from_raw.sql")

# By code: which claims are true of the facts. How weak a subject group is comes from levels that are estimated, and no
# plain mean is: of the generated academies' weak ones, 93 % are below the student's own mean, of all others 27 %. So
# each claim needs its two exams, and of all of them together four in five have to be below.
TRUE = {
    "next_volume": """
        exists (select from started as s
            where s.student_id = c.student_id and s.content_id = says ->> 'base_content_id')
        and (select title from catalogue where id::text = c.content_id)
            = regexp_replace((select title from catalogue where id::text = says ->> 'base_content_id'),
                (((says ->> 'volume')::int - 1) || '(?=[^0-9]*$)'), says ->> 'volume')""",
    "similar_students": """
        exists (select from started as s
            where s.student_id = c.student_id and s.content_id = says ->> 'base_content_id')
        and (says ->> 'students')::int = (select count(*) from started where content_id = says ->> 'base_content_id')
        and (says ->> 'next_students')::int = (
            select count(*) from started as a join started as b using (student_id)
            where a.content_id = says ->> 'base_content_id' and b.content_id = c.content_id
            and b.started - a.started between 1 and (says ->> 'days')::int)""",
    "weak_subject": """
        says ->> 'subject_group' = c.subject_group
        and (says ->> 'percentile')::float < (says ->> 'own_percentile')::float
        and (select exams from standing as s where s.student_id = c.student_id
            and s.subject_group = c.subject_group) >= 2
        and (select avg((s.percentile < own.percentile)::int)
            from (select distinct student_id, subject_group from claim where code = 'weak_subject') as weak
            join standing as s using (student_id, subject_group)
            join (select student_id, avg(percentile) as percentile from standing group by student_id) as own
                using (student_id)
            where s.percentile is not null) >= 0.8""",
    "often_completed": """
        (select (count(*), sum(planned), sum(done))::text from use where use.content_id = c.content_id)
        = (says ->> 'students', says ->> 'planned_items', says ->> 'done_items')::text""",
    "fitting_level": """
        (select count(level) from started as s where s.student_id = c.student_id
            and s.subject_group = c.subject_group) = (says ->> 'contents')::int
        and abs((select avg(level) from started as s where s.student_id = c.student_id
            and s.subject_group = c.subject_group) - (says ->> 'own_level')::float) <= 0.0501""",
    "popular_in_course": """
        (says ->> 'students')::int = (select count(*) from started as s, cut
            where s.content_id = c.content_id and cut.day - s.started <= (says ->> 'days')::int)""",
    "rarely_started": """
        (select count(*) from started as s where s.content_id = c.content_id) < (says ->> 'fewer_than')::int""",
    "studying": """
        says ->> 'subject_group' = c.subject_group
        and exists (select from items as i join catalogue as k on k.id::text = i.content_id
            where i.student_id = c.student_id and k.subject_group = c.subject_group
            union all
            select from master_of as m join catalogue as k on k.id = m.master_id
            where m.student_id = c.student_id and k.subject_group = c.subject_group
            union all
            select from student_goals as g
            where g.student_id = c.student_id and replace(g.subject, ' ', '') in (
                select replace(name, ' ', '') from subject_groups where name = c.subject_group
                union all
                select replace(j.name, ' ', '') from subjects as j
                join subject_groups as q on q.id = j.subject_group_id where q.name = c.subject_group))""",
}


def false_reasons(url: str, as_of: dt.date) -> tuple[int, dict[str, list[tuple[object, ...]]]]:
    """How many reasons 500 published rows state, and those that the raw tables as of `as_of` do not bear out."""
    with psycopg.connect(url) as connection:
        connection.execute(FACTS.read_text("utf-8").encode() % {b"as_of": f"'{as_of}'".encode()})
        stated = connection.execute("select code, count(*) from claim group by code order by code").fetchall()
        false = {
            code: connection.execute(
                f"select * from claim as c where code = '{code}' and ({TRUE[code]}) is not true".encode()
            ).fetchall()
            for code, _ in stated
        }
    return sum(count for _, count in stated), {code: rows for code, rows in false.items() if rows}
