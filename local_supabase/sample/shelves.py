"""What each student puts on the shelf next, and the student copies of it.

Belongs here: the choice of contents, a logit with structure that a recommender can learn. Not here: studying them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from local_supabase.sample.catalogue import Catalogue
from local_supabase.sample.columns import Array, instants, known, pick, table, uuids
from local_supabase.sample.curriculum import CUSTOM_LEVELS, REVISIONS, STUDIED, Curriculum
from local_supabase.sample.people import Students
from local_supabase.sample.settings import SAMPLE
from local_supabase.sample.timeline import DAY, HOUR, Timeline, kst
from local_supabase.sample.traits import block

BOOK, LECTURE, CUSTOM = range(3)
CONTENT_TYPES = ("book", "lecture", "custom")
_LEAST_SHARE = 0.025  # a 교과 below it is not studied: it would own a book nobody opens
_MEAN_DAYS = 34  # a content lasts about five weeks in a 교과 of average weight


@dataclass(frozen=True)
class Shelf:
    """Contents on the students' shelves, one entry per student copy, sorted by student, 교과 and day."""

    ids: pa.StringArray  # of the copies
    student: Array
    group: Array
    content: Array  # row in the catalogue; -1 for the student's own material
    kind: Array  # BOOK, LECTURE or CUSTOM
    linked: Array  # the copy knows its master
    created: Array  # instant
    begins: Array  # (student, 교과, round) day of the change to the next content
    entry: Array  # (student, 교과, round) row of the copy, -1 when not chosen yet
    shares: Array  # (student, 교과) share of plans


def study_shares(students: Students) -> Array:
    """Return the share of study by 교과, (student, 교과), as the school and the 계열 bend the student's own."""
    shares: Array = block(students.traits, "share").copy()
    social, science, history = (STUDIED.index(name) for name in ("사회", "과학", "한국사"))
    specialised = students.high & (students.level > 1)
    shares[specialised & students.science, social] *= 0.05
    shares[specialised & ~students.science, science] *= 0.05
    shares[~students.high, history] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    shares[shares < _LEAST_SHARE] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def active_from(students: Students, timeline: Timeline) -> Array:
    """Return the first day on which a student may have a plan: the day after enrolment at the earliest."""
    first: Array = np.maximum(timeline.start, students.enrolled + 1)
    return first


def fill(rng: np.random.Generator, students: Students, catalogue: Catalogue, timeline: Timeline) -> Shelf:
    """Let every student choose contents, round after round, in every 교과 studied."""
    shares = study_shares(students)
    begins = _changes(rng, students, shares, timeline)
    content = _choices(rng, students, catalogue, begins)
    content[rng.random(content.shape) < SAMPLE.custom_choice] = -1

    last = np.minimum(students.left, timeline.today)[:, None, None]
    chosen = (begins < last) & (shares > 0)[:, :, None] & ~students.idle[:, None, None]
    entry = np.where(chosen, np.cumsum(chosen.ravel()).reshape(chosen.shape) - 1, -1)
    student, group, _ = np.nonzero(chosen)
    row = content[chosen]
    count = len(row)
    kind = np.where(row < 0, CUSTOM, np.where(catalogue.lecture[row], LECTURE, BOOK))
    evening = 15 * HOUR + (rng.random(count) * 7 * HOUR).astype(int)
    return Shelf(
        ids=uuids(rng, count),
        student=student,
        group=group,
        content=row,
        kind=kind,
        linked=(kind != CUSTOM) & (rng.random(count) >= SAMPLE.unlinked_copy),
        created=kst(begins[chosen], evening),
        begins=begins,
        entry=entry,
        shares=shares,
    )


def _changes(rng: np.random.Generator, students: Students, shares: Array, timeline: Timeline) -> Array:
    """Return the day on which each content of each 교과 is put on the shelf, (student, 교과, round)."""
    shape = (len(students), len(STUDIED), SAMPLE.choice_rounds)
    average = 1 / len(STUDIED)
    length = _MEAN_DAYS * np.sqrt(average / np.maximum(shares, _LEAST_SHARE))[:, :, None]
    spans = np.clip(length * rng.lognormal(0, 0.35, size=shape), 10, 150).astype(int)
    first = active_from(students, timeline)[:, None] - 1 - (rng.random(shape[:2]) * 40).astype(int)
    spans[:, :, 0] = np.maximum(first, students.enrolled[:, None])
    return np.cumsum(spans, axis=2)


def _choices(rng: np.random.Generator, students: Students, catalogue: Catalogue, begins: Array) -> Array:
    """Return the catalogue row chosen in each (student, 교과, round), -1 where nothing suited."""
    chosen = np.full(begins.shape, -1)
    for group in range(len(STUDIED)):
        for high in (False, True):
            for level in (1, 2, 3):
                for revision in REVISIONS:
                    members = np.flatnonzero(
                        (students.high == high) & (students.level == level) & (students.revision == revision)
                    )
                    items = catalogue.suits(group, high, level, revision)
                    if len(members) and len(items):
                        chosen[members, group] = _pool_choices(
                            rng, students, catalogue, members, items, group, begins[members, group]
                        )
    return chosen


def _pool_choices(
    rng: np.random.Generator,
    students: Students,
    catalogue: Catalogue,
    members: Array,
    items: Array,
    group: int,
    begins: Array,
) -> Array:
    traits = students.traits
    ability = block(traits, "ability")[members, group]
    level = np.clip(2 + 0.65 * ability, 0.8, 3.4)
    worth = (
        catalogue.popularity[items]
        - SAMPLE.level_mismatch * (catalogue.difficulty[items] - level[:, None]) ** 2
        + SAMPLE.taste * block(traits, "taste")[members][:, catalogue.line[items]]
        + catalogue.lecture[items] * (1.2 + traits["lecture_preference"].to_numpy()[members])[:, None]
        - SAMPLE.later_volume * (catalogue.volume[items] - 1)
    )
    owner = catalogue.tenant[items]
    worth[(owner >= 0) & (owner != students.tenant[members][:, None])] = -np.inf
    rows = np.arange(len(members))
    picks = np.full((len(members), SAMPLE.choice_rounds), -1)
    following = np.full(len(members), -1)
    for turn in range(SAMPLE.choice_rounds):
        utility = worth + rng.gumbel(size=worth.shape)
        continues = items == following[:, None]
        utility[continues] += SAMPLE.next_volume + SAMPLE.later_volume
        utility[catalogue.created[items] >= begins[:, turn, None]] = -np.inf
        if turn > 0:  # withdrawn from the catalogue meanwhile
            utility[:, ~catalogue.active[items]] = -np.inf
        best = utility.argmax(axis=1)
        found = np.isfinite(utility[rows, best])
        picks[:, turn] = np.where(found, items[best], -1)
        worth[rows[found], best[found]] = -np.inf  # nobody takes the same content twice
        following = np.where(found, catalogue.next_volume[items[best]], -1)
    return picks


def tables(
    rng: np.random.Generator, shelf: Shelf, students: Students, catalogue: Catalogue, curriculum: Curriculum
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the student copies: `books`, `lectures` and `student_custom_contents`."""
    at = instants(shelf.created)
    revision = catalogue.revision[shelf.content]
    columns = table(
        {
            "id": shelf.ids,
            "tenant_id": pick(students.tenant_ids, shelf.student),
            "student_id": pick(students.ids, shelf.student),
            "title": pick(catalogue.titles, shelf.content, shelf.content >= 0),
            "subject": pick(catalogue.subject_names, shelf.content, shelf.content >= 0),
            "subject_category": pick(STUDIED, shelf.group),
            "revision": pick(
                ["2015개정", "2022개정"], (revision == 2022).astype(int), (revision > 0) & (shelf.content >= 0)
            ),
            "created_at": at,
            "updated_at": at,
        }
    )

    def rows(kind: int) -> tuple[Array, dict[str, pa.ChunkedArray]]:
        here = shelf.kind == kind
        part = columns.filter(pa.array(here))
        return here, dict(zip(part.column_names, part.columns, strict=True))

    here, book = rows(BOOK)
    content = shelf.content[here]
    known_pages = rng.random(len(content)) < SAMPLE.known_pages
    book["master_content_id"] = pick(catalogue.ids, content, shelf.linked[here])
    book["total_pages"] = known(catalogue.units[content], known_pages)
    yield "books", pa.table(book)

    here, lecture = rows(LECTURE)
    content, linked = shelf.content[here], shelf.linked[here]
    # Old copies know their master by the legacy column, new ones by master_lecture_id, some by both.
    era = rng.random(len(content))
    lecture["master_content_id"] = pick(catalogue.ids, content, linked & (era < 0.4))
    lecture["master_lecture_id"] = pick(catalogue.ids, content, linked & (era > 0.3))
    lecture["total_episodes"] = pa.array(catalogue.units[content])
    seconds = catalogue.units[content] * catalogue.episode_minutes[content] * 60
    lecture["duration"] = pa.array(seconds)
    lecture["total_duration"] = pa.array(seconds)
    yield "lectures", pa.table(lecture)

    here, custom = rows(CUSTOM)
    count = int(here.sum())
    level = rng.integers(0, 3, count)
    del custom["revision"]
    custom["title"] = pick([f"{name} 학교 프린트" for name in STUDIED], shelf.group[here])
    custom["content_type"] = pick(["custom"], np.zeros(count, dtype=int))
    custom["difficulty_level"] = pick(CUSTOM_LEVELS, level)
    custom["difficulty_level_id"] = pick(curriculum.level_ids, 6 + level)
    custom["total_page_or_time"] = pa.array(rng.choice([40, 60, 120, 200], count))
    yield "student_custom_contents", pa.table(custom)


def recommended(
    rng: np.random.Generator, shelf: Shelf, students: Students, catalogue: Catalogue, timeline: Timeline
) -> Iterator[tuple[str, pa.Table]]:
    """Yield `recommended_contents`: what the app's rules had proposed, taken up (on the shelf soon after) or not."""
    taken = np.flatnonzero(shelf.linked & (rng.random(len(shelf.student)) < 0.06))
    refused = np.flatnonzero(shelf.linked & (rng.random(len(shelf.student)) < 0.08))
    row = np.concatenate([taken, refused])
    selected = np.arange(len(row)) < len(taken)
    # A refused proposal is another content, one that was there for everyone by then.
    others = np.flatnonzero((catalogue.tenant < 0) & (catalogue.created < timeline.start - 60))
    content = np.where(selected, shelf.content[row], rng.choice(others, len(row)))
    proposed = shelf.created[row] - HOUR - (rng.random(len(row)) * 2 * DAY).astype(int)
    at = np.maximum(proposed, students.created[shelf.student[row]] + HOUR)
    yield (
        "recommended_contents",
        table(
            {
                "id": uuids(rng, len(row)),
                "tenant_id": pick(students.tenant_ids, shelf.student[row]),
                "student_id": pick(students.ids, shelf.student[row]),
                "content_id": pick(catalogue.ids, content),
                "content_type": pick(CONTENT_TYPES, catalogue.lecture[content].astype(int)),
                "is_selected": selected,
                "recommended_at": instants(at),
                "recommended_reason": pick([f"{name} 취약 과목 보완" for name in STUDIED], shelf.group[row]),
            }
        ),
    )
