"""Sample data: a made-up but lifelike app database, the same for the same seed.

Belongs here: putting the domains together. Each module beside this one makes the tables of one domain; `settings`
holds every number that shapes them, `traits` what the students are really like.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa

from local_supabase.bulk import replace_rows
from local_supabase.sample import catalogue, curriculum, people, plans, routine, scores, shelves, study
from local_supabase.sample.columns import Stream, stream, uuids
from local_supabase.sample.settings import SAMPLE, Sample
from local_supabase.sample.timeline import Timeline
from local_supabase.sample.traits import hidden_traits

__all__ = ["SAMPLE", "Sample", "generate", "hidden_traits", "load"]


def load(url: str, *, students: int = 2000, seed: int = 7, today: dt.date) -> dict[str, int]:
    """Replace all raw rows of the database at `url` by the sample, and return the rows per table.

    Raises `ValueError` for too few students, and `psycopg.Error` when the database refuses a row.
    """
    return replace_rows(url, generate(students, seed, today))


def generate(students: int, seed: int, today: dt.date) -> Iterator[tuple[str, pa.Table]]:
    """Yield (table, rows) of the sample as it stands at midnight KST at the beginning of `today`.

    The same arguments give the same rows, keys included. A table may come several times, with the same columns;
    students come in chunks, so memory does not grow with their number. Raises `ValueError` for too few students.
    """
    if students < SAMPLE.least_students:
        raise ValueError(
            f"the sample needs at least {SAMPLE.least_students} students for its academies, got {students}"
        )
    timeline = Timeline.at(today)
    everyone, tenant_ids = people.students(hidden_traits(students, seed), seed, timeline)
    courses = curriculum.Curriculum.build(seed)
    contents = catalogue.build(seed, courses, len(tenant_ids), timeline)
    yield from courses.tables(timeline)
    yield from people.tables(everyone, tenant_ids, seed, timeline)
    yield from catalogue.tables(contents, courses, tenant_ids, seed, timeline)
    yield from routine.settings(stream(seed, Stream.SETTINGS), tenant_ids, timeline)
    for chunk, first in enumerate(range(0, students, SAMPLE.students_per_chunk)):
        part = everyone.part(first, first + SAMPLE.students_per_chunk)
        yield from _chunk(part, contents, courses, seed, chunk, timeline)


def _chunk(
    students: people.Students,
    contents: catalogue.Catalogue,
    courses: curriculum.Curriculum,
    seed: int,
    chunk: int,
    timeline: Timeline,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield everything that hangs on the students of one chunk."""
    rng = stream(seed, Stream.SHELVES, chunk)
    shelf = shelves.fill(rng, students, contents, timeline)
    yield from shelves.tables(rng, shelf, students, contents, courses)
    yield from shelves.recommended(rng, shelf, students, contents, timeline)

    rng = stream(seed, Stream.PLANS, chunk)
    calendar_ids = uuids(rng, len(students))
    planned = plans.simulate(rng, students, shelf, contents, timeline)
    yield "calendars", study.calendars(students, calendar_ids, timeline)
    yield from plans.tables(rng, planned, students, shelf, contents, calendar_ids, timeline)
    yield from study.tables(
        stream(seed, Stream.STUDY, chunk), planned, students, shelf, contents, calendar_ids, timeline
    )
    yield from scores.tables(stream(seed, Stream.SCORES, chunk), students, planned, courses, timeline)
    yield from routine.tables(stream(seed, Stream.ROUTINE, chunk), students, planned, timeline)
